"""Something in a live campaign's days that stands out, as a detector reports it (docs/gates.md, criterion 14).

Touch it for another watched metric or another kind of anomaly.
"""

import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator

from gaelp.domain.frozen import Frozen

MOST_EVIDENCE = 1e300
"""An e-value beyond it counts as so much, because JSON has no infinity."""
Evidence = Annotated[float, AfterValidator(lambda value: min(value, MOST_EVIDENCE))]


class WatchedMetric(StrEnum):
    """The metrics of a live campaign that the detectors watch, each by its day."""

    SPEND = "spend"
    PACING = "pacing"
    CPA = "cpa"
    CTR = "ctr"
    CONVERSIONS_PER_CLICK = "conversions_per_click"
    CLAIMED_OVER_ORDERS = "claimed_over_orders"
    WIN_RATE = "win_rate"
    LOST_IMPRESSION_SHARE = "lost_impression_share"
    ERRORS = "errors"
    DISAPPROVALS = "disapprovals"
    LANDING_PAGE = "landing_page"
    PAYMENT = "payment"


class AnomalyKind(StrEnum):
    """A spike is one day, a shift lasts, a regime is a new level, a state is a condition that holds or not."""

    SPIKE = "spike"
    SHIFT = "shift"
    REGIME = "regime"
    STATE = "state"


class Direction(StrEnum):
    """Whether the value lies above or below what was expected."""

    UP = "up"
    DOWN = "down"


class AnomalyGrade(StrEnum):
    """A note is for reading; only an anomaly to act upon may cut, pause or stop."""

    NOTE = "note"
    ACT = "act"


class Anomaly(Frozen):
    """One anomaly of one metric."""

    metric: WatchedMetric
    kind: AnomalyKind
    direction: Direction
    since: datetime.date
    """The first day of the account that belongs to it, by the detector's estimate."""
    noticed: datetime.date
    """The day of the account on which the detector could first tell."""
    value: float
    """The metric's level since then, in the metric's own unit (micros for money)."""
    expected: float
    """The level before, in the same unit."""
    e_value: Evidence
    """The evidence against "nothing changed": its expectation is at most 1 while nothing has."""
    measurement: bool
    """Whether the measuring is suspected rather than the campaign."""
    grade: AnomalyGrade
    sentence: str
    """One sentence for a person."""
