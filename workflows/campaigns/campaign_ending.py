"""The end of a campaign: paused, watched until its last clicks have matured, settled; also after a failure.

While the platform is away a campaign whose days are over rests: it tries to pause and to settle again and again, says
what it waits for, and goes on by itself. Touch this to change how a campaign ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.errors import GaelpError
from gaelp.messages.live_campaign import Paused
from workflows.campaigns.campaign_needs import FIRST_WAIT, LEASE_WITHOUT_TIME, CallFailed, OutOfReach
from workflows.campaigns.campaign_scene import CampaignScene, next_wait


class CampaignEnding:
    """Pauses and settles one campaign, however often it has to try."""

    def __init__(self, scene: CampaignScene) -> None:
        self._scene = scene

    async def pause(self, reason: str, wanted: Callable[[], bool] = lambda: True) -> None:
        """Pause on the platform, trying for as long as it is wanted."""
        if await self._persist(0, reason, wanted, final=False) is not None:
            self._scene.update(enabled=False, uncertain=False)

    async def mature(self) -> CampaignResult:
        """From the end of the campaign's days to its result."""
        scene, state = self._scene, self._scene.state
        reason = state.halt or "its days are over"
        if state.stage is not EpisodeState.MATURING:
            if state.applied_day < 0 and state.missed_ticks and not state.halt:
                scene.update(interruption="no decision could be applied: every tick was missed")
            scene.update(stage=EpisodeState.MATURING)
            scene.show(reason)
            await self.pause(reason)
        hours = scene.began.order.maturing_hours
        if scene.real_time:
            await self._watch_until_matured(hours)
        settled = await self._persist(hours, reason, lambda: True, final=True)
        assert settled is not None, "settling is always wanted"
        return self._result(EpisodeState.SETTLED, settled, scene.state.halt)

    async def abort(self, error: BaseException) -> CampaignResult:
        """Pause and settle a campaign that was cancelled or that failed."""
        scene = self._scene
        cancelled = isinstance(error, asyncio.CancelledError)
        stage = EpisodeState.CANCELLED if cancelled else EpisodeState.FAILED
        reason = "cancelled" if cancelled else _cause(error)
        if not (isinstance(error, CallFailed) and error.agents_own):
            scene.update(interruption=scene.state.interruption or reason)
        scene.update(stage=stage, stopped=scene.state.stopped or reason)
        scene.show(reason)
        try:
            await self.pause(reason)
            # Only a simulated clock may be moved on to see the last cost; on a real one open days stay reserved.
            hours = 0 if scene.real_time else scene.began.order.maturing_hours
            settled = await self._persist(hours, reason, lambda: True, final=True)
            assert settled is not None, "settling is always wanted"
            return self._result(stage, settled, reason)
        except Exception as second:
            # The phase must get a result all the same, or it would wait for ever; the stop and the lease remain.
            reason = f"{reason}; it could not be paused and settled: {second}"
            return self._result(EpisodeState.FAILED, Paused(days=scene.days), reason)

    async def _persist(
        self, extra_hours: int, reason: str, wanted: Callable[[], bool], *, final: bool
    ) -> Paused | None:
        """Pause and settle, again and again while it is wanted; after a stop only until the lease is over."""
        scene, wait = self._scene, FIRST_WAIT / 2
        lease_ends = self._lease_ends()
        while wanted():
            try:
                at = scene.campaign.at(extra_hours)
                paused = await scene.calls.pause_and_settle(scene.campaign, at, reason, final=final)
            except OutOfReach as away:
                if scene.state.stopped and scene.host.now() >= lease_ends:
                    raise CallFailed(f"{away}; its days stay reserved in full") from away
                await scene.wait_because(f"{reason}; it waits to be {'settled' if final else 'paused'}: {away}")
                wait = next_wait(wait, away)
                await scene.host.wait(wait, lambda: not wanted(), f"until the platform is back: {away}")
            else:
                await scene.reached_again()
                return paused
        return None

    def _lease_ends(self) -> datetime:
        """When nothing is delivered any more even if no pause gets through: the end of the day of the current tick."""
        scene = self._scene
        ends = scene.campaign.day_ends_at() if scene.real_time else None
        return ends or scene.host.now() + LEASE_WITHOUT_TIME

    async def _watch_until_matured(self, hours: int) -> None:
        """Wait until the last clicks have matured; every tick reads what nobody should have changed meanwhile.

        A reading is tried again until the next one is due, so that an outage makes the wait no longer.
        """
        scene = self._scene
        while True:
            step = min(scene.began.order.tick_hours, hours - scene.state.matured_hours)
            due = scene.host.now() + scene.wall(step)
            if scene.state.matured_hours and scene.state.launched:  # else there may be no campaign to read
                await self._watch_maturing(due)
            if step <= 0:
                return
            left = due - scene.host.now()
            await scene.host.wait(max(left, timedelta(0)), lambda: False, "until the last clicks have matured")
            scene.update(matured_hours=scene.state.matured_hours + step)
            scene.host.renew_where_long(scene.campaign)

    async def _watch_maturing(self, due: datetime) -> None:
        scene = self._scene
        at = scene.campaign.at(scene.state.matured_hours)
        observed = await scene.watch("its days are over", at, due, lambda: False)
        if observed is not None and observed.enabled:
            await self.pause("it was enabled by somebody else after its days were over")

    def _result(self, stage: EpisodeState, settled: Paused, reason: str) -> CampaignResult:
        scene, plan = self._scene, self._scene.began.order.plan
        still_open = "" if settled.final else "\n\nsome days are not final yet and stay reserved"
        scene.update(stage=stage)
        scene.show(f"{reason}{still_open}")
        scene.host.show("", settled.spend_micros)
        state = scene.state
        scene.result = CampaignResult(
            campaign=plan.campaign,
            index=plan.index,
            product=plan.product,
            arm=plan.arm,
            state=stage,
            days=settled.days,
            spend_micros=settled.spend_micros,
            reason=reason,
            missed_ticks=state.missed_ticks,
            interruption=state.interruption,
        )
        return scene.result


def _cause(error: BaseException) -> str:
    return str(error) if isinstance(error, GaelpError) else f"{type(error).__name__}: {error}"
