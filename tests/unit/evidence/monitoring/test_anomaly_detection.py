"""What is said of campaigns with a planted anomaly, and of campaigns without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from gaelp.domain.monitoring.anomalies import Anomaly, AnomalyGrade, AnomalyKind, Direction, WatchedMetric
from gaelp.evidence.monitoring.anomaly_detection import anomalies_of
from gaelp.evidence.monitoring.change_evidence import HORIZON_DAYS
from gaelp.evidence.monitoring.watched_days import WatchedDay
from tests.unit.evidence.monitoring.campaign_days import MATURING, SETTINGS, changed, quiet_days, reported, today

QUIET = 30  # days before an anomaly
LATER = 5  # matured days within which it is acted upon


def _half(day: WatchedDay, *names: str) -> WatchedDay:
    return reported(day, **{name: getattr(day.report, name) // 2 for name in names})


def _twice_the_cost(day: WatchedDay) -> WatchedDay:
    cost = 2 * day.report.cost_micros
    return reported(day, cost_micros=cost, served_micros=cost)


PLANTED: list[tuple[str, Callable[[WatchedDay], WatchedDay], WatchedMetric, Direction]] = [
    ("clicks halve", lambda day: _half(day, "clicks", "conversions"), WatchedMetric.CTR, Direction.DOWN),
    ("spend doubles", _twice_the_cost, WatchedMetric.SPEND, Direction.UP),
    ("a conversion costs twice", _twice_the_cost, WatchedMetric.CPA, Direction.UP),
    (
        "half of the clicks convert",
        lambda day: replace(_half(day, "conversions"), orders=(day.orders or 0) // 2),
        WatchedMetric.CONVERSIONS_PER_CLICK,
        Direction.DOWN,
    ),
]


def _found(change: Callable[[WatchedDay], WatchedDay], seed: int, later: int = LATER + MATURING) -> tuple[Anomaly, ...]:
    days = quiet_days(QUIET + later, seed)
    return anomalies_of(changed(days, QUIET, change), SETTINGS, today(len(days)))


@pytest.mark.parametrize(("name", "change", "metric", "direction"), PLANTED, ids=lambda value: str(value)[:24])
def test_a_planted_anomaly_may_be_acted_upon_within_five_matured_days(
    name: str, change: Callable[[WatchedDay], WatchedDay], metric: WatchedMetric, direction: Direction
) -> None:
    """At 25 conversions a day it is graded for acting, in the right direction, since about the day it was planted."""
    for seed in range(3):
        found = [each for each in _found(change, seed) if each.metric is metric and each.kind is AnomalyKind.SHIFT]
        assert [(each.direction, each.grade) for each in found] == [(direction, AnomalyGrade.ACT)], (name, seed)
        assert abs((found[0].since - today(QUIET)).days) <= 2
        assert not found[0].measurement


def test_quiet_campaigns_are_not_acted_upon() -> None:
    """Of ten campaigns of 40 days without a change, none is acted upon, and one at most has a note."""
    found = [
        anomalies_of(changed(quiet_days(40, seed), 40, lambda day: day), SETTINGS, today(40)) for seed in range(10)
    ]
    assert not [each for campaign in found for each in campaign if each.grade is AnomalyGrade.ACT]
    assert sum(map(len, found)) <= 1


def test_a_silent_tag_is_a_failure_of_measurement_and_no_cost_per_conversion() -> None:
    """Where conversions stop and clicks go on, the measuring is suspected, CPA is not named, and nobody waits."""
    found = _found(lambda day: reported(day, conversions=0.0), seed=1, later=4)
    silence = [each for each in found if each.kind is AnomalyKind.STATE]
    assert [(each.metric, each.measurement, each.grade) for each in silence] == [
        (WatchedMetric.CONVERSIONS_PER_CLICK, True, AnomalyGrade.ACT)
    ]
    assert not [each for each in found if each.metric is WatchedMetric.CPA]


def test_conversions_that_fall_while_orders_do_not_are_a_failure_of_measurement() -> None:
    """Claimed conversions that halve beside the same orders make conversions per click suspect; CPA is left out."""
    found = _found(lambda day: _half(day, "conversions"), seed=2, later=14 + MATURING)
    suspected = {each.metric for each in found if each.measurement}
    assert suspected == {WatchedMetric.CLAIMED_OVER_ORDERS, WatchedMetric.CONVERSIONS_PER_CLICK}
    assert not [each for each in found if each.metric is WatchedMetric.CPA]


def test_young_days_do_not_point_at_the_cost_per_conversion() -> None:
    """Days whose conversions have yet to come raise nothing, while the same numbers on matured days do."""
    days = quiet_days(QUIET + 8, seed=3)
    few = changed(days, QUIET, lambda day: reported(day, conversions=2.0, matured=False))
    assert not anomalies_of(few, SETTINGS, today(len(days)))
    matured = changed(days, QUIET, lambda day: reported(day, conversions=2.0, matured=True))
    assert anomalies_of(matured, SETTINGS, today(len(days)))


def test_one_day_far_off_is_a_spike_and_nothing_to_act_upon() -> None:
    """A day with half of the clicks is noted once, on the day after it, and does not move a campaign."""
    days = quiet_days(QUIET, seed=4)
    history = changed(days, QUIET - 1, lambda day: _half(day, "clicks"))
    found = [each for each in anomalies_of(history, SETTINGS, today(QUIET)) if each.metric is WatchedMetric.CTR]
    assert [(each.kind, each.direction) for each in found] == [(AnomalyKind.SPIKE, Direction.DOWN)]
    assert found[0].grade is AnomalyGrade.NOTE


@pytest.mark.parametrize(
    ("change", "metric"),
    [
        (lambda day: replace(day, disapproved=1), WatchedMetric.DISAPPROVALS),
        (lambda day: replace(day, page_reachable=False), WatchedMetric.LANDING_PAGE),
        (lambda day: replace(day, payment_failed=True), WatchedMetric.PAYMENT),
    ],
)
def test_a_state_is_told_with_its_first_day(change: Callable[[WatchedDay], WatchedDay], metric: WatchedMetric) -> None:
    """A page that nobody reaches, a disapproval and a failed payment are told at once, and no longer than they last."""
    days = quiet_days(QUIET, seed=5)
    found = anomalies_of(changed(days, QUIET - 2, change), SETTINGS, today(QUIET))
    assert [(each.metric, each.since) for each in found] == [(metric, today(QUIET - 2))]
    over = [*days[:-2], change(days[-2]), days[-1]]
    assert not anomalies_of(changed(over, QUIET, lambda day: day), SETTINGS, today(QUIET))


@pytest.mark.parametrize("days", [0, 1, 2, 7, 13, 15])
def test_few_days_say_nothing(days: int) -> None:
    """A campaign of few days, or of none, has no anomaly and is no error."""
    assert not anomalies_of(changed(quiet_days(days, seed=6), days, lambda day: day), SETTINGS, today(days))


def test_the_day_that_is_not_over_is_not_looked_at() -> None:
    """Today's part of a day would look like a fall of everything."""
    days = quiet_days(QUIET + 1, seed=7)
    empty = {"impressions": 0, "clicks": 0, "cost_micros": 0, "served_micros": 0, "conversions": 0.0}
    history = changed(days, QUIET, lambda day: reported(day, **empty))
    assert not anomalies_of(history, SETTINGS, today(QUIET))


def test_an_old_change_is_forgotten() -> None:
    """A level that has lasted for HORIZON_DAYS is the usual one, and stands out no longer."""
    days = quiet_days(20 + HORIZON_DAYS, seed=8)
    history = changed(days, 20, lambda day: _half(day, "clicks", "conversions"))
    (found,) = (each for each in anomalies_of(history, SETTINGS, today(60)) if each.metric is WatchedMetric.CTR)
    assert found.kind is AnomalyKind.REGIME
    assert not [e for e in anomalies_of(history, SETTINGS, today(len(days))) if e.kind is AnomalyKind.REGIME]


def test_more_campaigns_need_more_evidence_and_true_anomalies_less() -> None:
    """What may be acted upon in a small portfolio is a note in a vast one, until enough others have been acted upon."""
    days = quiet_days(QUIET + 8, seed=0)
    history = changed(days, QUIET, PLANTED[3][1])
    grades = [
        {
            each.metric: each.grade
            for each in anomalies_of(history, replace(SETTINGS, campaigns=campaigns, acted=acted), today(len(days)))
        }[WatchedMetric.CONVERSIONS_PER_CLICK]
        for campaigns, acted in ((5, 0), (10**8, 0), (10**8, 10**8))
    ]
    assert grades == [AnomalyGrade.ACT, AnomalyGrade.NOTE, AnomalyGrade.ACT]


def test_spend_that_grows_within_the_budget_is_no_reason_to_act() -> None:
    """Spend that doubles up to the approved budget is noted; beyond the budget it is acted upon."""
    for cost, grade in ((0.3, AnomalyGrade.NOTE), (0.9, AnomalyGrade.ACT)):
        days = [_costing(cost, day) for day in quiet_days(QUIET + 5, seed=9)]
        found = anomalies_of(changed(days, QUIET, _twice_the_cost), SETTINGS, today(len(days)))
        assert [each.grade for each in found if each.metric is WatchedMetric.SPEND] == [grade]


def _costing(share: float, day: WatchedDay) -> WatchedDay:
    cost = int(day.report.cost_micros * share / 0.9)
    return reported(day, cost_micros=cost, served_micros=cost)
