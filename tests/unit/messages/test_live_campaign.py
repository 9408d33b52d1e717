"""The time of a live campaign, as its messages carry it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gaelp.domain.phases import Phase
from gaelp.domain.spending.campaign_records import Arm, CampaignPlan
from gaelp.messages.live_campaign import CampaignOrder, CampaignProgress, LiveCampaignInput
from gaelp.messages.run_context import RunContext

START = datetime(2026, 1, 5, tzinfo=UTC)
WALL = datetime(2026, 3, 1, tzinfo=UTC)


def campaign(
    tick: int, *, time_scale: float = 1.0, started_at: datetime | None = WALL, day_minutes: tuple[int, ...] = ()
) -> LiveCampaignInput:
    """A campaign with ticks of six hours."""
    plan = CampaignPlan(
        index=0, campaign="r/live-test/campaign-00", product="p", arm=Arm.CANDIDATE, agent="x", daily_budget_micros=1,
        days=3, start=START,
    )  # fmt: skip
    context = RunContext(
        run="r", phase=Phase.LIVE_TEST, config_digest="d", market_digest="m", account="a", agent="x"
    )  # fmt: skip
    order = CampaignOrder(
        plan=plan, phase_workflow="r/live-test", request_id="r/live-test#1", tick_hours=6, time_scale=time_scale,
        maturing_hours=240,
    )  # fmt: skip
    progress = CampaignProgress(
        start=START, until_day=3, daily_budget_micros=1, tick=tick, started_at=started_at, day_minutes=day_minutes
    )
    return LiveCampaignInput(context=context, order=order, progress=progress)


def test_an_instant_is_the_start_and_the_ticks_so_far() -> None:
    """Ticks are `tick_hours` apart where each day has 24 hours; an instant may be so many hours later."""
    assert campaign(5).at() == START + timedelta(hours=30)
    assert campaign(5).at(240) == START + timedelta(hours=270)


def test_a_tick_ends_on_the_wall_clock_by_the_time_scale() -> None:
    """The wall instant of a tick's end counts from the wall instant of tick 0."""
    assert campaign(5).tick_ends_at() == WALL + timedelta(hours=36)
    assert campaign(5, time_scale=0.5).tick_ends_at() == WALL + timedelta(hours=18)


def test_a_campaign_that_has_not_started_has_no_tick_end() -> None:
    """Nothing can be waited for before the launch."""
    assert campaign(0, started_at=None).tick_ends_at() is None
    assert campaign(0, started_at=None).day_ends_at() is None


def test_a_day_of_another_length_moves_every_later_tick() -> None:
    """After a first day of 23 hours the fifth tick is an hour earlier, on the campaign's clock and on the wall."""
    switched = campaign(5, day_minutes=(1380, 1440, 1440))
    assert switched.at() == START + timedelta(hours=29)
    assert switched.tick_ends_at() == WALL + timedelta(hours=35)
    assert switched.day_ends_at() == WALL + timedelta(hours=47)
    assert campaign(5, time_scale=0.5).day_ends_at() == WALL + timedelta(hours=24)
    assert (campaign(3).day_index, switched.day_index) == (0, 1)
