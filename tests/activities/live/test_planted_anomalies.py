"""Anomalies planted into a campaign of the real emulator: noticed in time, acted upon, told, and restored by a person.

The campaign has some 80 conversions a day. What is planted is planted into what the platform reports of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from activities.live.monitoring import Monitoring, Terms
from gaelp.domain.monitoring.ladder import HeldBack, StepTaken
from gaelp.domain.notifications import Urgency, notification_of
from gaelp.domain.platform_records import CampaignReport, CampaignState, DayReport
from gaelp.evidence.monitoring.anomaly_detection import anomalies_of
from gaelp.evidence.profit import maturing_days
from gaelp.platforms.emulator.client import EmulatorPlatform
from tests.support.campaign_fixture import START, CampaignFixture
from tests.support.emulators import busy_market, make_spec
from tests.support.local_runs import LocalRuns

DAYS, PLANTED = 45, 25
MATURED_DAYS = 5  # within which it must be noticed


@pytest.fixture(scope="module")
def reports(local_runs: LocalRuns) -> Iterator[tuple[CampaignState, list[CampaignReport]]]:
    """A campaign of 45 days, as the emulator reports it at each midnight."""
    platform = EmulatorPlatform(local_runs.settings.emulator_url, local_runs.settings.emulator_token)
    account = "planted-anomalies"
    platform.open_world(account, busy_market())
    spec = make_spec("planted/live-test/campaign-00", account, end_at=START + timedelta(days=DAYS + 1))
    created = platform.create_paused(spec, START)
    platform.enable(account, created.platform_id, START)
    state = created.model_copy(update={"enabled": True})
    yield state, [platform.report(account, created.platform_id, START + timedelta(days=day)) for day in range(DAYS)]
    platform.close()


def _halved_ctr(day: DayReport) -> dict[str, Any]:
    return {"clicks": day.clicks // 2, "conversions": day.conversions / 2, "revenue_micros": day.revenue_micros // 2}


def _doubled_cpa(day: DayReport) -> dict[str, Any]:
    return {"conversions": day.conversions / 2, "revenue_micros": day.revenue_micros // 2}


def _doubled_spend(day: DayReport) -> dict[str, Any]:
    return {"cost_micros": day.cost_micros * 2, "served_micros": day.served_micros * 2}


def _dead_tag(day: DayReport) -> dict[str, Any]:
    return {"conversions": 0.0, "revenue_micros": 0}


Plant = Callable[[DayReport], dict[str, Any]]


class Watch:
    """The ladder's looks at the campaign, midnight by midnight, on a ledger of its own."""

    def __init__(self, fixture: CampaignFixture, reports: tuple[CampaignState, list[CampaignReport]]) -> None:
        self.fixture = fixture
        self._state, self._reports = reports
        self._monitoring = Monitoring(fixture.ledger, anomalies_of)
        self._account = fixture.ledger.account(fixture.account)
        context = fixture.campaign.context
        self._terms = Terms(fixture.inputs.config(context.config_digest), fixture.inputs.market(context.market_digest))
        self.held: HeldBack | None = None

    def through(self, first: int, last: int, plant: Plant | None = None) -> list[StepTaken]:
        """Look on these days, and return the campaign's steps."""
        for number in range(first, last):
            report = self._reports[number]
            if plant is not None:
                report = report.model_copy(update={"days": tuple(_with(day, plant) for day in report.days)})
            campaign = self.fixture.on_tick(number, held=self.held)
            self.held = self._monitoring.look(campaign, self._account, self._state, report, self._terms).held
        return list(self.fixture.ledger.monitoring_steps(self.fixture.campaign.name))


def _with(day: DayReport, plant: Plant) -> DayReport:
    planted = day.day >= START.date() + timedelta(days=PLANTED)
    return DayReport.model_validate({**day.model_dump(), **plant(day)}) if planted else day


@pytest.fixture
def watch(fixture: CampaignFixture, reports: tuple[CampaignState, list[CampaignReport]]) -> Watch:
    return Watch(fixture, reports)


def _enough_events(reports: tuple[CampaignState, list[CampaignReport]]) -> bool:
    days = reports[1][-1].days
    return sum(day.conversions for day in days) >= 25 * len(days)


def test_nothing_is_done_to_a_quiet_campaign(watch: Watch, reports: tuple[CampaignState, list[CampaignReport]]) -> None:
    """45 days at more than 25 conversions a day: nothing is held, cut, paused or stopped."""
    assert _enough_events(reports)
    assert [step.step for step in watch.through(1, DAYS) if step.step != "note"] == []
    assert watch.held is None


@pytest.mark.parametrize(
    ("plant", "metric", "frozen"),
    [
        (_halved_ctr, "ctr", False),
        (_doubled_cpa, "conversions_per_click", False),
        (_doubled_spend, "spend", False),
        (_dead_tag, "conversions_per_click", True),
    ],
)
def test_a_planted_anomaly_is_noticed_acted_upon_told_and_restored(
    watch: Watch, plant: Plant, metric: str, frozen: bool
) -> None:
    """Held within five matured days of its beginning; people are asked; a person restores it, and it stays so."""
    economics = watch.fixture.inputs.config(watch.fixture.campaign.context.config_digest).economics
    waits = maturing_days(economics.lag_days, economics.attribution_window_days)
    before = watch.through(1, PLANTED + 1, plant)
    assert all(step.step == "note" for step in before)
    by = min(PLANTED + MATURED_DAYS + waits + 1, DAYS)
    steps = [step for step in watch.through(PLANTED + 1, by, plant) if step.step != "note"]
    assert steps and steps[0].step == "hold", "it was not acted upon in time"
    assert metric in {anomaly.metric for anomaly in steps[0].evidence}
    assert watch.held is not None and watch.held.frozen is frozen
    if frozen:
        assert [step.step for step in steps] == ["hold"]
    told = [notification_of(entry, "USD") for entry in watch.fixture.ledger.journal(kinds=("monitoring-step",))]
    assert any(each is not None and each.urgency is Urgency.DECIDE and metric for each in told)
    watch.fixture.ledger.undo_step(steps[0].key, "Ada", "a known change", START)
    later = watch.through(by, DAYS, plant)
    assert watch.held is None and len([each for each in later if not each.undone_by and each.step != "note"]) == 0
