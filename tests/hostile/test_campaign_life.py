"""The order of a campaign's calls with the platform away, paused and stopped, on both kinds of clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.phases import Phase
from gaelp.domain.spending.campaign_records import CampaignPlan, CampaignResult, DayReached
from gaelp.messages.live_campaign import (
    Applied,
    AppliedAndObserved,
    CampaignOrder,
    CampaignProgress,
    CampaignStart,
    Decided,
    Launched,
    LiveCampaignInput,
    Observed,
    Paused,
)
from gaelp.messages.run_context import RunContext
from tests.hostile.virtual_host import DrivenCampaign, VirtualClock, VirtualHost, hand_over, run_to_the_end
from workflows.campaigns.campaign_needs import LONGEST_WAIT, WATCH_WITHOUT_TIME, CallFailed, OutOfReach

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
Call = tuple[str, datetime, int]  # its name, when, and at which tick


@dataclass
class ScriptedCalls:
    """Answers every call well, but where `away` says that it is not answered."""

    clock: VirtualClock
    away: Callable[[str], str | Exception] = lambda _: ""
    made: list[Call] = field(default_factory=list)
    enabled: bool = False
    blocked: Applied | None = None  # what an apply answers instead
    refusal: str = ""  # why a launch is refused
    decides_here: bool = False  # the next tick is decided by the call that observes it ahead
    applied: list[str] = field(default_factory=list)  # the decisions, by digest
    settled: list[CampaignResult] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)  # what the phase was told to look at, each time

    async def _call(self, name: str, campaign: LiveCampaignInput) -> None:
        await hand_over(None)
        self.made.append((name, self.clock.now, campaign.progress.tick))
        problem = self.away(name)
        if problem:
            raise problem if isinstance(problem, Exception) else OutOfReach(problem)

    def ticks(self, name: str) -> list[int]:
        return [tick for called, _, tick in self.made if called == name]

    async def next_midnight(self, campaign: LiveCampaignInput) -> CampaignStart:
        return CampaignStart(start=self.clock.now, day_minutes=campaign.order.plan.day_minutes)

    async def launch(self, campaign: LiveCampaignInput, begin_within: timedelta) -> Launched:
        await self._call("launch", campaign)
        return Launched(launched=not self.refusal, reason=self.refusal)

    async def observe(
        self, campaign: LiveCampaignInput, at: datetime, interrupted: Callable[[], bool]
    ) -> Observed | None:
        await self._call("observe", campaign)
        if interrupted():
            return None
        return Observed(observation_digest="o", spend_micros=0, enabled=self.enabled)

    async def decide(
        self, campaign: LiveCampaignInput, observation_digest: str, interrupted: Callable[[], bool]
    ) -> Decided | None:
        await self._call("decide", campaign)
        return None if interrupted() else Decided(decision_digest="d", memory_digest="m")

    async def apply(
        self, campaign: LiveCampaignInput, decided: Decided, at: datetime, begin_within: timedelta
    ) -> Applied:
        assert begin_within > timedelta(0)
        await self._call("apply", campaign)
        self.applied.append(decided.decision_digest)
        if self.blocked is not None:
            return self.blocked
        self.enabled = True
        return Applied(applied=True)

    async def apply_and_observe(
        self, campaign: LiveCampaignInput, decided: Decided, at: datetime, begin_within: timedelta
    ) -> AppliedAndObserved:
        applied = await self.apply(campaign, decided, at, begin_within)
        following = Observed(observation_digest="ahead", spend_micros=0, enabled=self.enabled)
        ahead = None if self.away("ahead") else following
        next_decided = Decided(decision_digest="d-ahead", memory_digest="m") if self.decides_here and ahead else None
        return AppliedAndObserved(applied=applied, following=ahead, decided=next_decided)

    async def pause_and_settle(self, campaign: LiveCampaignInput, at: datetime, reason: str, *, final: bool) -> Paused:
        await self._call("settle" if final else "pause", campaign)
        self.enabled = False
        return Paused(final=final)

    async def stop_account(self, campaign: LiveCampaignInput, reason: str) -> None:
        self.made.append(("stop_account", self.clock.now, campaign.progress.tick))

    async def report_reached(self, campaign: LiveCampaignInput, reached: DayReached) -> bool:
        return False

    async def report_standing(self, campaign: LiveCampaignInput) -> None:
        self.waits.append(campaign.progress.waits)

    async def report_settled(self, campaign: LiveCampaignInput, result: CampaignResult) -> None:
        self.settled.append(result)


def driven(time_scale: float = 1.0, **order: int) -> tuple[DrivenCampaign[ScriptedCalls], ScriptedCalls]:
    """A campaign of two days with a tick an hour, and its calls."""
    plan = CampaignPlan(
        index=0, campaign="run-a/live-test/campaign-00", product="product-a", arm="candidate", agent="fixed-bid",
        daily_budget_micros=25_000_000, days=2, start=START,
    )  # fmt: skip
    context = RunContext(
        run="run-a", phase=Phase.LIVE_TEST, config_digest="d", market_digest="m", account="acme", agent="fixed-bid",
        checkpoint_digest="c",
    )  # fmt: skip
    values = {"tick_hours": 1, "maturing_hours": 48, **order}
    asked = CampaignOrder(
        plan=plan, phase_workflow="run-a/live-test", request_id="run-a/live-test#1", time_scale=time_scale, **values
    )
    progress = CampaignProgress(start=START, until_day=2, daily_budget_micros=25_000_000)
    clock = VirtualClock(START)
    calls = ScriptedCalls(clock)
    return (
        DrivenCampaign(LiveCampaignInput(context=context, order=asked, progress=progress), calls, VirtualHost(clock)),
        calls,
    )


def between(clock: VirtualClock, first: float, last: float) -> Callable[[str], str]:
    """Away in these hours after the start."""
    return lambda _: "the platform is away" if START + first * HOUR <= clock.now < START + last * HOUR else ""


def test_ten_hours_without_the_platform_are_ten_missed_ticks_and_no_failure() -> None:
    """The ticks are marked, decisions go on with the next one, and the campaign ends on the day that it had to end."""
    undisturbed, expected_calls = driven()
    expected = run_to_the_end(undisturbed)
    campaign, calls = driven()
    calls.away = between(campaign.host.clock, 5, 15)
    result = run_to_the_end(campaign)
    assert (result.state, result.reason, result.interruption) == (EpisodeState.SETTLED, "", "")
    assert result.missed_ticks == 10 and expected.missed_ticks == 0
    assert len(calls.applied) == len(expected_calls.applied) - 10 == 38
    assert campaign.state.tick == undisturbed.state.tick == 48
    assert any("the platform is away" in page for page in campaign.host.pages)
    assert "10 ticks missed" in campaign.host.pages[-1]
    assert calls.waits == ["tick 5 waits: the platform is away (since 2026-01-05 05:00 UTC)", ""]


def test_where_no_time_passes_a_tick_waits_for_a_bounded_time_and_is_missed_then() -> None:
    """Two minutes of real time each, and the campaign ends as any other."""
    campaign, calls = driven(time_scale=0)
    calls.away = lambda name: "the platform is away" if campaign.state.tick in (5, 6) else ""
    begun = campaign.host.clock.now
    result = run_to_the_end(campaign)
    assert (result.state, result.missed_ticks, result.interruption) == (EpisodeState.SETTLED, 2, "")
    assert campaign.host.clock.now - begun == timedelta(minutes=4)


@pytest.mark.parametrize("time_scale", [1.0, 0.0], ids=["real-clock", "no-time"])
def test_seven_seconds_without_the_platform_miss_no_tick(time_scale: float) -> None:
    """A short outage is waited for within the tick."""
    campaign, calls = driven(time_scale)
    calls.away = between(campaign.host.clock, 0, 7 / 3600)
    result = run_to_the_end(campaign)
    assert (result.missed_ticks, len(calls.applied)) == (0, 48)


def test_a_write_is_never_tried_after_its_tick() -> None:
    """Writes fail for two hours: each try belongs to the tick of its hour, and comes after a fresh decision."""
    campaign, calls = driven()
    calls.away = lambda name: between(campaign.host.clock, 3, 5)(name) if name == "apply" else ""
    run_to_the_end(campaign)
    for name, at, tick in calls.made:
        if name in ("observe", "decide", "apply") and tick < 48:
            assert START + tick * HOUR <= at < START + (tick + 1) * HOUR, (name, at, tick)
    order = [name for name, _, tick in calls.made if tick in (3, 4) and name != "launch"]
    assert order and all(order[i : i + 3] == ["observe", "decide", "apply"] for i in range(0, len(order), 3))


def test_a_pause_and_a_stop_are_heard_while_the_platform_is_away() -> None:
    """Reading fails; the pause is tried all the same, at once, and whatever wait the platform asks for."""
    campaign, calls = driven()
    clock = campaign.host.clock
    down = between(clock, 5, 15)
    calls.away = lambda name: OutOfReach("slow down", timedelta(days=2)) if down(name) and name == "observe" else ""

    def pause() -> None:
        if clock.now >= START + 6 * HOUR and not campaign.state.paused and not campaign.state.stopped:
            campaign.update(paused=True)
        if clock.now >= START + 20 * HOUR:
            campaign.update(stopped="stopped by a person")

    result = run_to_the_end(campaign, pause)
    pauses = [at for name, at, _ in calls.made if name == "pause"]
    assert START + 6 * HOUR <= pauses[0] <= START + 6 * HOUR + LONGEST_WAIT
    assert result.interruption == "stopped by a person" and result.state is EpisodeState.SETTLED


def test_a_wait_that_a_platform_asks_for_is_capped() -> None:
    """Two days asked for: the next try comes after the longest wait, not after two days."""
    campaign, calls = driven()
    down = between(campaign.host.clock, 5, 6)
    calls.away = lambda name: OutOfReach("slow down", timedelta(days=2)) if down(name) else ""
    assert run_to_the_end(campaign).missed_ticks == 1
    tries = [at for name, at, tick in calls.made if tick == 5 and name == "observe"]
    assert len(tries) == 12 and max(b - a for a, b in pairwise(tries)) == LONGEST_WAIT


def test_a_paused_campaign_is_read_every_tick_and_paused_again_where_somebody_enabled_it() -> None:
    """Nothing is decided or written while it is paused, and what is enabled by hand is paused by the next reading."""
    campaign, calls = driven()
    clock = campaign.host.clock

    def hands() -> None:
        campaign.update(paused=START + 5 * HOUR <= clock.now < START + 15 * HOUR)
        if clock.now == START + 9 * HOUR and len(calls.ticks("pause")) == 1:
            calls.enabled = True

    result = run_to_the_end(campaign, hands)
    paused = range(6, 15)
    assert set(paused) <= set(calls.ticks("observe"))
    assert not set(paused) & (set(calls.ticks("apply")) | set(calls.ticks("decide")))
    assert len([1 for name, at, _ in calls.made if name == "pause" and at < START + 15 * HOUR]) == 2
    assert result.missed_ticks == 0 and result.state is EpisodeState.SETTLED


def test_a_paused_campaign_is_watched_where_no_time_passes() -> None:
    """It is read again and again in real time, at the same instant of its own, until it is resumed."""
    campaign, calls = driven(time_scale=0)

    def hands() -> None:
        watched = len(calls.ticks("observe")) > 12
        campaign.update(paused=campaign.state.tick == 3 and not watched)

    run_to_the_end(campaign, hands)
    assert calls.ticks("observe").count(3) >= 9 and calls.ticks("apply").count(3) == 1


def test_a_watch_of_a_paused_campaign_that_fails_is_tried_again_within_its_tick() -> None:
    """What a hand enables while nothing can be read is paused soon after the outage, and not an hour later."""
    campaign, calls = driven()
    clock = campaign.host.clock
    down = between(clock, 9, 9.5)
    calls.away = lambda name: down(name) if name == "observe" else ""

    def hands() -> None:
        campaign.update(paused=START + 5 * HOUR <= clock.now < START + 15 * HOUR)
        if down("") and clock.now > START + 9.2 * HOUR:
            calls.enabled = True

    result = run_to_the_end(campaign, hands)
    pauses = [at for name, at, _ in calls.made if name == "pause"]
    assert START + 9.5 * HOUR <= pauses[1] <= START + 9.5 * HOUR + LONGEST_WAIT
    tries = [at for name, at, tick in calls.made if name == "observe" and tick == 9]
    assert tries[1] - tries[0] == timedelta(seconds=1) and len(tries) > 8
    assert max(b - a for a, b in pairwise(tries)) == LONGEST_WAIT
    assert (result.missed_ticks, result.state, campaign.state.tick) == (0, EpisodeState.SETTLED, 48)
    assert any("paused by a person; it cannot be watched" in text for text in calls.waits) and calls.waits[-1] == ""


@pytest.mark.parametrize("signal", [{"paused": False}, {"stopped": "stopped by a person"}], ids=["resume", "stop"])
def test_a_watch_that_is_tried_again_hears_a_resume_and_a_stop(signal: dict[str, object]) -> None:
    """Both end the tries at that very instant, whatever wait the platform asks for."""
    campaign, calls = driven()
    clock = campaign.host.clock

    def until_waiting() -> None:
        while campaign.can_go_on():
            campaign.step()

    until_waiting()
    campaign.update(paused=True)
    calls.away = lambda name: OutOfReach("slow down", timedelta(days=2)) if name == "observe" else ""
    clock.now = START + HOUR
    until_waiting()
    assert campaign.wakes() == clock.now + LONGEST_WAIT and calls.waits
    made = len(calls.made)
    campaign.update(**signal)
    until_waiting()
    if campaign.state.stopped:
        assert [name for name, _, _ in calls.made[made:]] == ["pause"]
    else:
        assert (campaign.wakes(), calls.made[made:]) == (START + 2 * HOUR, [])


@pytest.mark.parametrize("failure", ["the platform is away", CallFailed("it broke")], ids=["away", "failed"])
def test_where_no_time_passes_a_watch_is_tried_again_after_a_while(failure: str | Exception) -> None:
    """Every 30 seconds, whatever fails, until it is resumed."""
    campaign, calls = driven(time_scale=0)
    calls.away = lambda name: failure if name == "observe" and campaign.state.paused else ""

    def hands() -> None:
        watched = calls.ticks("observe").count(3) >= 10
        campaign.update(paused=campaign.state.tick == 3 and not watched)

    assert run_to_the_end(campaign, hands).state is EpisodeState.SETTLED
    tries = [at for name, at, tick in calls.made if name == "observe" and tick == 3]
    assert {b - a for a, b in pairwise(tries[:10])} == {WATCH_WITHOUT_TIME}


def test_a_watch_that_cannot_be_mended_is_tried_again_with_the_next_tick() -> None:
    """Trying again does not help within the tick: once each, and the campaign goes on when it is resumed."""
    campaign, calls = driven()
    clock = campaign.host.clock
    down = between(clock, 9, 11)
    calls.away = lambda name: CallFailed("it broke") if down(name) and name == "observe" else ""
    result = run_to_the_end(campaign, lambda: campaign.update(paused=START + 5 * HOUR <= clock.now < START + 15 * HOUR))
    assert [calls.ticks("observe").count(tick) for tick in (8, 9, 10, 11)] == [1, 1, 1, 1]
    assert result.state is EpisodeState.SETTLED


def test_a_campaign_whose_lease_ended_rests_until_the_platform_is_back() -> None:
    """It says what it waits for, moves no end, settles by itself, and is no failure of anybody."""
    campaign, calls = driven()
    calls.away = between(campaign.host.clock, 40, 60)
    result = run_to_the_end(campaign)
    assert (result.state, result.missed_ticks, result.interruption) == (EpisodeState.SETTLED, 8, "")
    assert campaign.state.tick == 48 and not calls.enabled
    assert any("it waits to be paused: the platform is away" in page for page in campaign.host.pages)


def test_a_person_may_end_a_campaign_that_rests() -> None:
    """The platform never comes back: a stop ends it as interrupted once its lease is over, with its days reserved."""
    campaign, calls = driven()
    clock = campaign.host.clock
    calls.away = between(clock, 40, 10_000)

    def stop() -> None:
        if clock.now >= START + 50 * HOUR:
            campaign.update(stopped="stopped by a person")

    result = run_to_the_end(campaign, stop)
    assert result.state is EpisodeState.FAILED and "stay reserved" in result.interruption
    assert clock.now < START + 80 * HOUR and calls.settled == [result]


def test_a_launch_that_never_gets_through_is_an_interruption() -> None:
    """Every tick is missed: the campaign ends without a decision, and its agent is not to blame."""
    campaign, calls = driven()
    calls.away = lambda name: "the platform is away" if name == "launch" else ""
    result = run_to_the_end(campaign)
    assert (result.state, result.missed_ticks, len(calls.applied)) == (EpisodeState.SETTLED, 48, 0)
    assert "every tick was missed" in result.interruption


@pytest.mark.parametrize("agents_own", [True, False])
def test_only_a_failure_of_the_agent_is_the_agents(agents_own: bool) -> None:
    """A failed decision ends the campaign as failed; any other failure says that it was an interruption."""
    campaign, calls = driven()
    calls.away = lambda name: CallFailed("it broke", agents_own=agents_own) if name == "decide" else ""
    result = run_to_the_end(campaign)
    assert (result.state, result.reason) == (EpisodeState.FAILED, "it broke")
    assert result.interruption == ("" if agents_own else "it broke")
    assert calls.made[-2][0] == "pause" and calls.made[-1][0] == "settle"


def test_a_campaign_is_watched_while_its_last_clicks_mature() -> None:
    """Enabled by hand after its days, it is paused by the next reading."""
    campaign, calls = driven()

    def hands() -> None:
        if campaign.state.matured_hours == 10 and calls.ticks("pause") == [48]:
            calls.enabled = True

    run_to_the_end(campaign, hands)
    assert calls.ticks("pause") == [48, 48] and calls.ticks("observe").count(48) == 48


def test_a_watch_of_a_maturing_campaign_that_fails_is_tried_again_within_its_tick() -> None:
    """What a hand enables is paused soon after the outage, and the clicks mature no longer than without it."""
    undisturbed, expected = driven()
    run_to_the_end(undisturbed)
    campaign, calls = driven()
    clock = campaign.host.clock
    down = between(clock, 58, 60.5)
    calls.away = lambda name: down(name) if name == "observe" else ""

    def hands() -> None:
        if down("") and clock.now > START + 60.2 * HOUR:
            calls.enabled = True

    result = run_to_the_end(campaign, hands)
    pauses = [at for name, at, _ in calls.made if name == "pause"]
    assert START + 60.5 * HOUR <= pauses[1] <= START + 60.5 * HOUR + LONGEST_WAIT and len(pauses) == 2
    assert (calls.made[-1], result.state) == (expected.made[-1], EpisodeState.SETTLED)
    assert calls.waits[-1] == "" and "its days are over; it cannot be watched" in calls.waits[-2]


def test_a_refused_launch_is_an_interruption_and_nothing_is_read_of_it() -> None:
    """There may be no campaign to read: it ends settled, with the reason of the refusal."""
    campaign, calls = driven()
    calls.refusal = "the ledger refused it"
    result = run_to_the_end(campaign)
    assert (result.state, result.interruption) == (EpisodeState.SETTLED, "the ledger refused it")
    assert not calls.ticks("observe")


def test_a_change_that_an_apply_finds_stops_the_account() -> None:
    """It ends the campaign's days as one that an observation finds, and is no doing of the agent."""
    campaign, calls = driven()
    calls.blocked = Applied(applied=False, halt="changed on the platform", stop_account=True)
    result = run_to_the_end(campaign)
    assert [name for name, _, _ in calls.made][2:5] == ["decide", "apply", "stop_account"]
    assert (result.reason, result.interruption) == ("changed on the platform", "changed on the platform")


def test_where_no_time_passes_the_next_tick_is_read_with_the_apply() -> None:
    """One observation begins the days, and none is made again; what could not be read ahead is read at its tick."""
    campaign, calls = driven(time_scale=0)
    result = run_to_the_end(campaign)
    assert (result.state, len(calls.applied), calls.ticks("observe")) == (EpisodeState.SETTLED, 48, [0])
    campaign, calls = driven(time_scale=0)
    calls.away = lambda name: "away" if name == "ahead" and campaign.state.tick in (4, 5) else ""
    result = run_to_the_end(campaign)
    assert (len(calls.applied), result.missed_ticks, calls.ticks("observe")) == (48, 0, [0, 5, 6])


def test_a_decision_made_ahead_is_used_for_its_own_tick_only() -> None:
    """The agent is asked for the first tick and where it was not asked ahead; every tick applies one decision."""
    campaign, calls = driven(time_scale=0)
    calls.decides_here = True
    calls.away = lambda name: "away" if name == "ahead" and campaign.state.tick == 4 else ""
    run_to_the_end(campaign)
    assert (len(calls.applied), calls.ticks("decide"), calls.ticks("observe")) == (48, [0, 5], [0, 5])
    assert calls.ticks("apply") == list(range(48))
    assert calls.applied == ["d", *["d-ahead"] * 4, "d", *["d-ahead"] * 42]


@pytest.mark.parametrize("decides_here", [False, True])
def test_what_was_read_ahead_is_not_used_after_a_pause(decides_here: bool) -> None:
    """Somebody may have changed the campaign meanwhile: it is read and decided anew when it goes on."""
    campaign, calls = driven(time_scale=0)
    calls.decides_here = decides_here
    while calls.ticks("apply") != [0, 1, 2]:
        campaign.step()
    campaign.update(paused=True)
    while not calls.ticks("pause"):
        campaign.step()
    campaign.update(paused=False)
    run_to_the_end(campaign)
    tick = calls.ticks("pause")[0]
    assert len(calls.applied) == 48 and tick >= 3 and tick in calls.ticks("observe") and tick in calls.ticks("decide")
