"""The days of a live campaign as the detectors are given them. Touch this to watch one more metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gaelp.domain.monitoring.anomalies import WatchedMetric
from gaelp.domain.platform_records import DayReport


@dataclass(frozen=True)
class WatchedDay:
    """One whole day of the account: what the platform reported of it, and what is known besides; None is not known."""

    report: DayReport
    budget_micros: int  # the platform budget of the day
    orders: float | None = None  # the advertiser's own orders that came by these ads
    auctions: int | None = None  # that the campaign took part in
    lost_share: float | None = None  # of the impressions that it could have had
    calls: int = 0  # to the platform
    errors: int = 0  # of them that failed
    disapproved: int = 0  # creatives
    page_reachable: bool | None = None
    payment_failed: bool | None = None


@dataclass(frozen=True)
class WatchedDays:
    """The days of one campaign in order, without those that a person has excluded or that precede a restored step."""

    campaign: str
    days: tuple[WatchedDay, ...]
    others: tuple[tuple[WatchedDay, ...], ...] = ()  # the days of the portfolio's other campaigns, each in order


@dataclass(frozen=True)
class Expectation:
    """What the calibrated market lets one expect of a rate; it counts as much as `worth` events."""

    rate: float
    worth: float


@dataclass(frozen=True)
class MonitoringSettings:
    """What a campaign's evidence is measured against.

    `campaigns` are those of the portfolio that are watched together, and `acted` the anomalies on which it was acted
    within the last HORIZON_DAYS days (change_evidence). `lag_days` and `window_days` are the
    configured mean delay of a conversion and the attribution window. `currency` is that of all micros.
    """

    campaigns: int
    acted: int
    lag_days: float
    window_days: float
    currency: str
    expected: Mapping[WatchedMetric, Expectation] = field(default_factory=dict)
