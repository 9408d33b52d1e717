"""What a campaign's detectors are told of the ledger."""

from __future__ import annotations

from datetime import timedelta

from activities.live.watched_history import MARKET_WORTH, history_of, settings_of
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.monitoring.anomalies import WatchedMetric
from gaelp.domain.monitoring.ladder import StepTaken
from gaelp.domain.platform_records import CampaignReport, CampaignState, CellReport, DayReport
from gaelp.evidence.monitoring.change_evidence import HORIZON_DAYS
from gaelp.evidence.monitoring.watched_days import Expectation, MonitoringSettings
from gaelp.ledger.stored_records import MonitoringBooks
from tests.support.emulators import busy_market
from tests.support.ledgers import NOW, UNIT, account
from tests.support.planted_anomalies import CAMPAIGN, FIRST, anomaly, undone, walked

MARKET = busy_market()
STATE = CampaignState(
    platform_id="1", external_name=CAMPAIGN, account="acme", enabled=True, daily_budget_micros=UNIT, end_at=NOW,
    bid_micros=(UNIT,), creative_prob=((1.0,),), content_digest="",
)  # fmt: skip
NO_CELLS = CellReport(impressions=(), clicks=(), conversions=(), cost_micros=())


def acted(steps: tuple[StepTaken, ...], day: int = 2) -> int:
    return settings(steps, day).acted


def settings(steps: tuple[StepTaken, ...], day: int = 2) -> MonitoringSettings:
    books = MonitoringBooks(steps=steps, steps_of_run=steps, days=(), campaigns=1)
    return settings_of(books, TrainingConfiguration(), MARKET, "USD", FIRST + timedelta(days=day))


def test_an_anomaly_that_was_held_and_cut_counts_once() -> None:
    """Two steps rest on one anomaly, so that the level of the others rises once; after the horizon it is forgotten."""
    steps = walked([(0, [anomaly()]), (1, [anomaly(e_value=1e9)])])
    assert [step.step for step in steps] == ["hold", "cut"]
    assert acted(steps) == 1 and acted(steps, HORIZON_DAYS + 1) == 0
    two = walked([(0, [anomaly(), anomaly("spend", "up")])])
    assert acted(two) == 2


def test_a_hold_on_a_mere_note_counts_as_nothing_acted_upon() -> None:
    """A suspicion at the grade of a note holds a campaign, and is no discovery by which others need less evidence."""
    (held,) = walked([(0, [anomaly("conversions_per_click", grade="note", measurement=True)])])
    assert held.step == "hold" and acted((held,)) == 0


def test_the_market_tells_what_is_expected_until_a_person_accepts_another_level() -> None:
    """The calibrated rates are expected of a campaign at first, and no more once a step of it was undone."""
    expected = settings(()).expected
    clicks = float((MARKET.auctions_per_hour @ MARKET.ctr.mean(axis=1)) / MARKET.auctions_per_hour.sum())
    assert expected[WatchedMetric.CTR] == Expectation(clicks, MARKET_WORTH)
    assert 0 < expected[WatchedMetric.CONVERSIONS_PER_CLICK].rate < 1
    assert settings((undone(walked([(0, [anomaly()])])[0]),)).expected == {}


def test_other_campaigns_are_compared_with_until_a_person_accepts_another_level() -> None:
    """What the ledger keeps of other campaigns is in the history, and is not once a step was undone."""
    day = DayReport(
        day=FIRST, impressions=100, clicks=10, conversions=1.0, cost_micros=1, served_micros=1, revenue_micros=2,
        final=True, matured=True,
    )  # fmt: skip
    report = CampaignReport(platform_id="1", at=NOW, days=(day,), cells=NO_CELLS)
    steps = walked([(0, [anomaly()])])
    for these, others in ((steps, ((day,),)), ((undone(steps[0]),), ())):
        books = MonitoringBooks(steps=these, steps_of_run=these, days=(), campaigns=2, others=((day,),))
        history = history_of(report, books, account(), STATE, FIRST + timedelta(days=3), None)
        assert tuple(tuple(each.report for each in other) for other in history.others) == others
