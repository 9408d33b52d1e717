"""Monitoring of a live campaign: what a step leaves it on the platform, and what a person restores."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from activities.live.claiming import NotNow
from activities.live.monitoring import Standing
from activities.live.observations import Observations
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.monitoring.anomalies import Anomaly
from gaelp.domain.platform_records import DayReport
from gaelp.evidence.monitoring.watched_days import MonitoringSettings, WatchedDays
from gaelp.messages.live_campaign import Applied, Observe, Observed
from tests.support.activity_senders import as_workflow
from tests.support.campaign_fixture import RUN, START, UNIT, CampaignFixture
from tests.support.local_runs import LocalRuns
from tests.support.planted_anomalies import anomaly

TICKS = {"tick_hours": 12}


class Watched:
    """A running campaign with two ticks a day, whose detector finds what a test plants."""

    def __init__(self, fixture: CampaignFixture) -> None:
        self.fixture, self.planted, self.looks = fixture, (), []
        self.held: Any = None
        fixture.running()
        fixture.observations = Observations(
            fixture.ledger, fixture.inputs, lambda _: fixture.platform, fixture.waits.append, self._detect
        )

    planted: tuple[Anomaly, ...]

    def _detect(self, history: WatchedDays, settings: MonitoringSettings, today: date) -> tuple[Anomaly, ...]:
        assert settings.campaigns == 1 and all(day.budget_micros in (0, 25 * UNIT) for day in history.days)
        self.looks.append(today)
        return self.planted

    def tick(self, number: int, applied_day: int | None = None) -> Observed:
        """Observe as the campaign's workflow does; without a day, after the tick before was applied."""
        fixture, before = self.fixture, (number - 1) // 2 if applied_day is None else applied_day
        campaign = fixture.on_tick(number, held=self.held, applied_day=before, **TICKS)
        observed = fixture.temporal.run(
            fixture.observations.observe, Observe(campaign=campaign, at=START + timedelta(hours=12 * number))
        )
        self.held = observed.held
        return observed

    def apply(self, number: int, bid: int = 5 * UNIT) -> Applied:
        """Apply a decision under what stands."""
        return self.fixture.apply(number, self.fixture.decide(bid), held=self.held, **TICKS)

    def budget(self) -> int:
        """What the platform has."""
        found = self.fixture.found()
        assert found is not None
        return found.daily_budget_micros

    def steps(self) -> list[str]:
        """The steps in the ledger."""
        return [str(each.step) for each in self.fixture.ledger.monitoring_steps(self.fixture.campaign.name)]


@pytest.fixture
def watched(fixture: CampaignFixture) -> Watched:
    return Watched(fixture)


def falling(day: int) -> tuple[Anomaly, ...]:
    """The CTR's fall, with evidence that grows by the day."""
    return (anomaly(since=START.date(), e_value=1e4 * 2.0**day),)


def test_the_ladder_looks_once_a_day_and_writes_nothing_of_a_quiet_campaign(watched: Watched) -> None:
    """Not on the first day, of which nothing is known yet, nor at a tick within a day."""
    for number in range(6):
        assert watched.tick(number).held is None
    assert watched.looks == [START.date() + timedelta(days=day) for day in (1, 2)]
    assert watched.steps() == [] and watched.fixture.kinds("monitoring-step") == []


def test_a_hold_then_a_cut_bind_what_is_written_and_an_undo_restores_it(watched: Watched) -> None:
    """A hold lets no bid rise, a cut leaves a tenth of the budget; undone, the next tick has both again."""
    watched.planted = falling(1)
    watched.tick(2)
    assert watched.apply(2, bid=9 * UNIT).applied
    found = watched.fixture.found()
    assert found is not None and max(found.bid_micros) == 5 * UNIT and watched.budget() == 25 * UNIT
    watched.planted = falling(2)
    watched.tick(4)
    applied = watched.apply(4)
    made = sorted(watched.fixture.ledger.decisions(f"{RUN}/live-test"), key=lambda each: each.tick)
    assert applied.applied and watched.budget() == 2_500_000 and made[-1].daily_budget_micros == 2_500_000
    assert watched.steps() == ["hold", "cut"]
    (hold, _) = watched.fixture.ledger.monitoring_steps(watched.fixture.campaign.name)
    watched.fixture.ledger.undo_step(hold.key, "Ada", "a holiday", START)
    assert watched.tick(5).held is None  # heard within the day
    assert watched.apply(5, bid=9 * UNIT).applied and watched.budget() == 25 * UNIT


def test_what_is_undone_is_not_more_than_was_signed(watched: Watched) -> None:
    """An undo gives back what the approval and the phase allow, and the ledger still refuses what lies above."""
    watched.planted = falling(1)
    watched.tick(2)
    (hold,) = watched.fixture.ledger.monitoring_steps(watched.fixture.campaign.name)
    watched.fixture.ledger.undo_step(hold.key, "Ada", "a holiday", START)
    watched.tick(3)
    raised = watched.fixture.apply(3, held=watched.held, daily_budget_micros=26 * UNIT, **TICKS)
    assert not raised.applied and watched.budget() == 25 * UNIT


def test_a_failed_payment_tells_the_campaign_to_rest_and_a_stop_ends_it(watched: Watched) -> None:
    """The campaign's workflow pauses by what it is told; a pause that nobody answers for a week halts it."""
    watched.planted = (anomaly("payment", "up", kind="state", since=START.date()),)
    observed = watched.tick(2)
    assert observed.held is not None and observed.held.paused and observed.halt == ""
    assert watched.tick(4).halt == ""
    halted = watched.tick(16).halt
    assert halted.startswith("monitoring has stopped it: it is paused since") and "payment went up" in halted
    assert watched.tick(17).outside  # no agent pays for the account


def test_a_payment_that_fails_on_the_platform_rests_the_campaign(
    fixture: CampaignFixture, local_runs: LocalRuns
) -> None:
    """What the platform says of the account's payment is heard at the next look, and a person's undo is heard too."""
    watched = Watched(fixture)
    fixture.observations = Observations(
        fixture.ledger, fixture.inputs, lambda _: fixture.platform, fixture.waits.append
    )
    assert watched.tick(2).held is None
    payment = f"/accounts/{fixture.account}/payment"
    local_runs.control("PUT", payment, json={"failed": True})
    held = watched.tick(4).held
    assert held is not None and held.paused and watched.steps() == ["pause"]
    (pause,) = fixture.ledger.monitoring_steps(fixture.campaign.name)
    assert pause.reason == f"Since {START.date()}, the account cannot be charged."
    local_runs.control("PUT", payment, json={"failed": False})
    fixture.ledger.undo_step(pause.key, "Ada", "a new card", START)
    assert watched.tick(6).held is None and watched.steps() == ["pause"]


def test_a_landing_page_that_nobody_reaches_rests_the_campaign(fixtures: Callable[..., CampaignFixture]) -> None:
    """The page of the configuration is asked at each look, and a campaign whose clicks lead nowhere is paused."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    fixture = fixtures(f"safety.landing_page=http://127.0.0.1:{port}/shop")
    watched = Watched(fixture)
    fixture.observations = Observations(
        fixture.ledger, fixture.inputs, lambda _: fixture.platform, fixture.waits.append
    )
    held = watched.tick(2).held
    assert held is not None and held.paused and watched.steps() == ["pause"]
    (pause,) = fixture.ledger.monitoring_steps(fixture.campaign.name)
    assert pause.reason == f"Since {START.date()}, the landing page is out of reach."


def test_whoever_has_a_campaign_read_has_no_step_taken_in_it(watched: Watched) -> None:
    """Not by another workflow: it is neither paused nor made to look as if its day had had its step."""
    watched.planted = (anomaly("payment", "up", kind="state", since=START.date()),)
    own, watched.fixture.temporal = watched.fixture.temporal, as_workflow("by-hand")
    for number in (2, 4):
        assert watched.tick(number).held is None
    assert watched.steps() == [] and watched.fixture.kinds("monitoring-step") == []
    watched.fixture.temporal = own
    assert watched.tick(4).held is not None and watched.steps() == ["pause"]


def test_what_is_applied_is_held_back_by_the_ledger_and_by_no_message(watched: Watched) -> None:
    """Whoever answers in an observation's place that nothing stands gets no higher budget."""
    watched.planted = falling(1)
    watched.tick(2)
    watched.planted = falling(2)
    watched.tick(4)
    watched.held = None
    assert watched.apply(4).applied and watched.budget() == 2_500_000


def test_what_the_ledger_has_paused_is_not_enabled_by_a_message(watched: Watched) -> None:
    """The same answer leaves a campaign paused that monitoring has paused."""
    watched.planted = (anomaly("payment", "up", kind="state", since=START.date()),)
    watched.tick(2)
    watched.fixture.settle(24)
    watched.held = None
    with pytest.raises(NotNow, match="monitoring has paused"):
        watched.apply(2)
    found = watched.fixture.found()
    assert found is not None and not found.enabled


def test_days_whose_measuring_is_suspected_are_no_drawdown(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead tag is a loss in the books and none that we know of; without the suspicion the same days halt."""
    from activities.live import observations

    monkeypatch.setattr(observations, "_drawdown", _any_day_halts)
    assert watched.tick(2).halt == "a loss on 1 days"
    silent = anomaly("conversions_per_click", measurement=True, grade="note", since=START.date())
    watched.planted = (silent,)
    assert watched.tick(4).halt == ""
    held = watched.held
    assert held is not None and held.frozen


def test_the_stop_loss_is_blind_for_seven_days_at_the_most() -> None:
    """Where nobody answers a suspicion, the suspected days count again with all that they cost."""
    first, again = START.date() + timedelta(days=2), START.date() + timedelta(days=10)
    standing = Standing(held=None, suspected=(first, again))
    days = [_day(START.date() + timedelta(days=number)) for number in range(11)]
    assert [standing.trusted(tuple(days[:count])) == tuple(days[: min(count, 2)]) for count in range(11)] == [True] * 11
    assert standing.trusted(tuple(days)) == tuple(days)


def _day(day: date) -> DayReport:
    return DayReport(
        day=day, impressions=0, clicks=0, conversions=0.0, cost_micros=UNIT, served_micros=UNIT, revenue_micros=0,
        final=True, matured=True,
    )  # fmt: skip


def _any_day_halts(days: Any, config: TrainingConfiguration) -> str:
    return f"a loss on {len(days)} days" if days else ""


def test_a_missed_tick_at_midnight_is_no_missed_look(watched: Watched) -> None:
    """The first tick that is read of a day looks, and a second one finds that day's step."""
    watched.planted = falling(1)
    assert watched.tick(3, applied_day=0).held is not None and watched.steps() == ["hold"]
    watched.planted = falling(2)
    assert watched.tick(3, applied_day=0).held is not None and watched.steps() == ["hold"]


def test_a_step_binds_where_the_answer_that_told_of_it_was_lost(watched: Watched) -> None:
    """What stands is read from the ledger, whatever the campaign's workflow has heard."""
    watched.planted = falling(1)
    told = watched.tick(2).held
    watched.held = None
    assert told is not None and watched.tick(3).held == told and len(watched.looks) == 1


def test_a_repeated_look_takes_no_second_step(watched: Watched) -> None:
    """A retried look on the same day finds its own step, and takes no second one."""
    watched.planted = falling(1)
    first = watched.tick(2)
    again = watched.tick(2)
    assert first == again and watched.steps() == ["hold"]
