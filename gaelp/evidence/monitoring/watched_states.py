"""Conditions of the newest day that need no statistics: they hold or they do not. Touch this for one more of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gaelp.domain.monitoring.anomalies import Anomaly, AnomalyGrade, AnomalyKind, Direction, WatchedMetric
from gaelp.evidence.monitoring.silent_days import LARGEST_E
from gaelp.evidence.monitoring.watched_days import WatchedDay


@dataclass(frozen=True)
class _State:
    metric: WatchedMetric
    value: Callable[[WatchedDay], float]  # 0 where all is well or nothing is known
    words: str


_STATES = (
    _State(WatchedMetric.DISAPPROVALS, lambda day: float(day.disapproved), "the platform disapproves of a creative"),
    _State(
        WatchedMetric.LANDING_PAGE, lambda day: float(day.page_reachable is False), "the landing page is out of reach"
    ),
    _State(WatchedMetric.PAYMENT, lambda day: float(bool(day.payment_failed)), "the account cannot be charged"),
)


def watched_states(days: Sequence[WatchedDay]) -> Iterator[Anomaly]:
    """An anomaly for each state that holds on the newest day, with the first day since which it has held."""
    for state in _STATES:
        held = next((at for at, day in enumerate(reversed(days)) if not state.value(day)), len(days))
        if not held:
            continue
        since, newest = days[-held].report.day, days[-1]
        yield Anomaly(
            metric=state.metric,
            kind=AnomalyKind.STATE,
            direction=Direction.UP,
            since=since,
            noticed=since,
            value=state.value(newest),
            expected=0.0,
            e_value=LARGEST_E,
            measurement=False,
            grade=AnomalyGrade.ACT,
            sentence=f"Since {since}, {state.words}.",
        )
