"""One turn of the agent: what it observes, what it decides, and how that is applied.

Where no time passes between two ticks, the next tick is observed in the same call that applies this one's decision, and
decided too where its agent may decide there.
Touch this to change what a tick does.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from gaelp.messages.live_campaign import PAUSED_OUTSIDE, Applied, Decided, Observed
from workflows.campaigns.campaign_needs import QUEUE_WITHOUT_TIME, TickEnd
from workflows.campaigns.campaign_scene import CampaignScene

SHORTEST = timedelta(seconds=1)  # within which a call begins even where its tick is nearly over


class CampaignTurn:
    """Observe, decide, apply."""

    def __init__(self, scene: CampaignScene) -> None:
        self._scene = scene

    def begin_within(self, ends: datetime) -> timedelta:
        """How long a write of a tick that ends then may wait for a worker."""
        if not self._scene.real_time:
            return QUEUE_WITHOUT_TIME
        return max(ends - self._scene.host.now(), SHORTEST)

    async def take(self, ends: datetime) -> TickEnd:
        """The turn of the current tick, which ends at the given instant of the world's clock."""
        scene, at = self._scene, self._scene.campaign.at()
        observed = await scene.look(at, scene.interrupted)
        if observed is None:
            return TickEnd.INTERRUPTED
        if scene.state.enabled and not scene.state.uncertain and not observed.enabled:
            scene.halt(PAUSED_OUTSIDE, outside=True)
        if observed.halt:
            scene.halt(observed.halt, outside=observed.outside)
        if scene.state.halt:
            return TickEnd.DONE
        if scene.paused_because():
            return TickEnd.INTERRUPTED
        decided = scene.decided_ahead or await scene.calls.decide(
            scene.campaign, observed.observation_digest, scene.interrupted
        )
        if decided is None:
            return TickEnd.INTERRUPTED
        await self._apply(decided, at, ends)
        return TickEnd.DONE

    async def _apply(self, decided: Decided, at: datetime, ends: datetime) -> None:
        scene = self._scene
        try:
            applied, following, next_decided = await self._applied(decided, at, ends)
        except (Exception, asyncio.CancelledError):
            scene.update(uncertain=True)  # what was begun may be carried out later
            raise
        scene.update(
            enabled=applied.applied,
            uncertain=not applied.applied,
            memory_digest=decided.memory_digest,
        )
        if applied.applied:
            scene.update(applied_day=scene.campaign.day_index)
            scene.read_ahead = (scene.state.tick + 1, following, next_decided)
        else:
            scene.halt(applied.halt, outside=True)
            if applied.stop_account:
                await scene.calls.stop_account(scene.campaign, applied.halt)
        scene.show(f"tick {scene.state.tick}, {at:%Y-%m-%d %H:%M}")

    async def _applied(
        self, decided: Decided, at: datetime, ends: datetime
    ) -> tuple[Applied, Observed | None, Decided | None]:
        scene, within = self._scene, self.begin_within(ends)
        if scene.real_time or not scene.days_left_after(1):
            return await scene.calls.apply(scene.campaign, decided, at, within), None, None
        both = await scene.calls.apply_and_observe(scene.campaign, decided, at, within)
        return both.applied, both.following, both.decided
