"""The order of a campaign's life: launch, tick by tick, and the end. Touch this to change that order.

It knows neither Temporal nor a platform: the workflow LiveCampaign gives it activities and timers, and the simulation
of a hostile platform the activities' own classes and a virtual clock, so that both run this very order.

While something is out of reach a tick is tried again until it ends, with pause and stop heard in between; then it is
missed, and the next tick observes and decides anew. No end date moves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.spending.campaign_records import CUT_TO_NOTHING, CampaignResult, DayReached
from gaelp.messages.spending_phase import Proceed
from workflows.campaigns.campaign_ending import CampaignEnding
from workflows.campaigns.campaign_needs import (
    FIRST_WAIT,
    PATIENCE_WITHOUT_TIME,
    WATCH_WITHOUT_TIME,
    OutOfReach,
    TickEnd,
)
from workflows.campaigns.campaign_scene import CampaignScene, next_wait
from workflows.campaigns.campaign_turn import CampaignTurn


class CampaignLife:
    """Observe, decide, apply, until the authorised days are used up; then it asks the phase for more."""

    def __init__(self, scene: CampaignScene) -> None:
        self._scene = scene
        self._ending = CampaignEnding(scene)
        self._turn = CampaignTurn(scene)

    async def run(self) -> CampaignResult:
        """From the launch to the result, which is also reported to the phase. Whatever ends it, it is left paused."""
        scene = self._scene
        try:
            await self._run_days()
            result = await self._ending.mature()
        except (Exception, asyncio.CancelledError) as error:
            result = await scene.host.shielded(self._abort(error))
            if isinstance(error, asyncio.CancelledError):
                raise
            return result
        return await self._report(result)

    async def _abort(self, error: BaseException) -> CampaignResult:
        return await self._report(await self._ending.abort(error))

    async def _report(self, result: CampaignResult) -> CampaignResult:
        await self._scene.calls.report_settled(self._scene.campaign, result)
        self._scene.reported = True
        return result

    # ------------------------------------------------------------ the days

    async def _run_days(self) -> None:
        """To the end of the last authorised day, or to a halt."""
        scene = self._scene
        if scene.state.stage is EpisodeState.PLANNED:
            await self._begin()
        while scene.state.stage is not EpisodeState.MATURING and not scene.state.halt:
            while not scene.state.halt and self._scene.days_left_after(0):
                await self._tick()
                self._renew()
            if scene.state.halt or scene.state.until_day >= scene.began.order.plan.days:
                return
            await self._ask_to_proceed()

    async def _begin(self) -> None:
        scene = self._scene
        scene.update(started_at=scene.host.now(), stage=EpisodeState.LAUNCHING)
        if scene.real_time:
            # A person may have taken days to approve: on a real clock a campaign begins at the next midnight.
            first = await scene.calls.next_midnight(scene.campaign)
            scene.update(start=first.start, day_minutes=first.day_minutes)
            await self._wait_until(first.start)
            scene.update(started_at=scene.host.now())

    async def _tick(self) -> None:
        scene = self._scene
        ended = TickEnd.DONE
        if scene.state.stage is EpisodeState.LAUNCHING and not scene.state.stopped:
            ended = await self._within_tick(self._launch, scene.stopped)
        if ended is TickEnd.DONE and not scene.state.halt:
            if scene.state.stopped:
                scene.halt(scene.state.stopped, outside=True)
            elif scene.paused_because():
                await self._watch_paused()
                ended = TickEnd.DONE if scene.real_time else TickEnd.INTERRUPTED
            else:
                ended = await self._within_tick(self._turn.take, scene.interrupted)
        if ended is TickEnd.INTERRUPTED:
            return
        if ended is TickEnd.MISSED:
            scene.update(missed_ticks=scene.state.missed_ticks + 1)
        if not scene.state.halt:
            await self._wait_for_tick_end()
            scene.update(tick=scene.state.tick + 1)
            self._skip_missed_ticks()
        scene.host.check_cancelled()

    async def _within_tick(
        self, turn: Callable[[datetime], Awaitable[TickEnd]], interrupted: Callable[[], bool]
    ) -> TickEnd:
        """Try until it is done or the tick is over; where no time passes, for as long as the patience lasts."""
        scene, wait = self._scene, FIRST_WAIT / 2
        ends = scene.campaign.tick_ends_at() if scene.real_time else None
        ends = ends or scene.host.now() + PATIENCE_WITHOUT_TIME
        while (left := ends - scene.host.now()) > timedelta(0):
            try:
                ended = await turn(ends)
            except OutOfReach as away:
                await scene.wait_because(f"tick {scene.state.tick} waits: {away}")
                wait = next_wait(wait, away)
                left = max(ends - scene.host.now(), timedelta(0))
                await scene.host.wait(min(wait, left), interrupted, f"until the next try: {away}")
            else:
                await scene.reached_again()
                return ended
            if interrupted():
                return TickEnd.INTERRUPTED
            scene.host.check_cancelled()
        return TickEnd.MISSED

    async def _launch(self, ends: datetime) -> TickEnd:
        """Create the campaign paused."""
        scene = self._scene
        launched = await scene.calls.launch(scene.campaign, self._turn.begin_within(ends))
        if launched.launched:
            scene.update(stage=EpisodeState.RUNNING, launched=True)
        else:
            scene.halt(launched.reason, outside=True)
        scene.host.check_cancelled()
        return TickEnd.DONE

    def _resumed(self) -> bool:
        return not self._scene.paused_because() or self._scene.stopped()

    # ------------------------------------------------------------ paused

    async def _watch_paused(self) -> None:
        """A tick of a paused campaign: it is read like a running one, and nothing is decided.

        Where no time passes it is tried once, and again after a while, because its tick has no end.
        """
        scene, why = self._scene, self._scene.paused_because()
        scene.host.show(why, paused=True)
        if scene.may_deliver:
            await self._ending.pause(why, lambda: bool(scene.paused_because()))
        ends = (scene.campaign.tick_ends_at() if scene.real_time else None) or scene.host.now()
        observed = await scene.watch(why, scene.campaign.at(), ends, self._resumed)
        if observed is not None and observed.halt:
            scene.halt(observed.halt, outside=observed.outside)
        elif observed is not None and observed.enabled and scene.paused_because():
            await self._ending.pause("it was enabled by somebody else while it was paused")
        if not scene.real_time and not scene.state.halt:
            await scene.host.wait(WATCH_WITHOUT_TIME, self._resumed, "until the paused campaign is read again")
        if not scene.paused_because():
            scene.host.show("", paused=False)

    # ------------------------------------------------------------ between days and periods

    def _renew(self) -> None:
        """Go on in a new run at the end of a day, or while paused, where nothing is under way."""
        scene = self._scene
        at_rest = scene.campaign.ticks.begins_day(scene.state.tick) or bool(scene.paused_because())
        if at_rest and self._scene.days_left_after(0) and not (scene.state.halt or scene.state.stopped):
            scene.host.renew_where_long(scene.campaign)

    async def _ask_to_proceed(self) -> None:
        """At the end of a period: ask the phase, and wait until it authorises more days."""
        scene, day = self._scene, self._scene.state.until_day
        if self._authorised_after(day) is None:
            reached = DayReached(
                campaign=scene.began.order.plan.campaign,
                day=day,
                daily_budget_micros=scene.state.daily_budget_micros,
                days=scene.days,
            )
            scene.reached = day
            if not await scene.calls.report_reached(scene.campaign, reached):
                scene.halt("its phase is gone, and nobody can let it go on", outside=True)
                return
            scene.host.check_cancelled()
            await self._wait_for_permission(day)
            scene.reached = None
        self._skip_missed_ticks(marked=False)
        proceed = self._authorised_after(day)
        if scene.state.stopped or proceed is None:
            scene.halt(scene.state.stopped, outside=True)
        elif proceed.daily_budget_micros == 0:
            scene.halt(CUT_TO_NOTHING, outside=False)
        else:
            scene.update(until_day=proceed.until_day, daily_budget_micros=proceed.daily_budget_micros)

    async def _wait_for_permission(self, day: int) -> None:
        """Its lease is over, so it delivers nothing; a pause is made on the platform all the same."""
        scene = self._scene

        def ready() -> bool:
            return scene.stopped() or self._authorised_after(day) is not None

        while not ready():
            await scene.host.wait_for(lambda: ready() or (scene.state.paused and scene.may_deliver))
            if scene.state.paused and scene.may_deliver:
                await self._ending.pause("paused by a person", lambda: scene.state.paused)

    def _authorised_after(self, day: int) -> Proceed | None:
        """The phase's permission, where it reaches beyond this day."""
        proceed = self._scene.state.proceed
        return proceed if proceed is not None and proceed.until_day > day else None

    # ------------------------------------------------------------ time

    async def _wait_for_tick_end(self) -> None:
        ends = self._scene.campaign.tick_ends_at()
        if self._scene.real_time and ends is not None:
            await self._wait_until(ends)

    def _skip_missed_ticks(self, *, marked: bool = True) -> None:
        """On a real clock, ticks that passed while nothing of ours ran are not caught up with."""
        scene = self._scene
        while scene.real_time and self._scene.days_left_after(0):
            ends = scene.campaign.tick_ends_at()
            if ends is None or ends > scene.host.now():
                return
            missed = marked and not scene.paused_because()
            scene.update(tick=scene.state.tick + 1, missed_ticks=scene.state.missed_ticks + missed)

    async def _wait_until(self, wake: datetime) -> None:
        """Wait, but pause on the platform the moment that a person pauses."""
        scene = self._scene

        def pausing() -> bool:
            return scene.state.paused and scene.may_deliver

        while not scene.state.stopped and (left := wake - scene.host.now()) > timedelta(0):
            if pausing():
                await self._ending.pause("paused by a person", lambda: scene.state.paused)
                continue
            await scene.host.wait(left, lambda: scene.stopped() or pausing(), f"next tick at {wake:%Y-%m-%d %H:%M} UTC")
