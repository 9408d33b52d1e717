"""The calls of a campaign made directly on the activities' own classes, with the retries that Temporal would make.

Touch this when workflows/campaigns/campaign_calls.py tells failures apart otherwise, or gives a call other attempts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from temporalio.testing import ActivityEnvironment

from activities.live.campaigns import Campaigns
from activities.live.observations import Observations
from activities.live.turns import Turns
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.spending.campaign_records import CampaignResult, DayReached
from gaelp.errors import GaelpError
from gaelp.messages.live_campaign import (
    Applied,
    AppliedAndObserved,
    Apply,
    Decided,
    LaunchCampaign,
    Launched,
    LiveCampaignInput,
    Observe,
    Observed,
    PauseAndSettle,
    Paused,
)
from tests.hostile.hostile_platform import Crash
from tests.hostile.virtual_host import hand_over
from workflows.campaigns.campaign_needs import CallFailed, OutOfReach

READ_ATTEMPTS = 3


@dataclass(frozen=True)
class Heard:
    """An answer that reached us: a pause, or a reading, which may see a campaign enabled that must not be."""

    unwanted: bool = False
    pause: bool = False


@dataclass
class DirectCalls:
    """One campaign's calls. `heard` keeps every answer that reached us."""

    campaigns: Campaigns
    observations: Observations
    inputs: Any
    now: Callable[[], datetime]
    permits: Callable[[DayReached], None]
    stops: Callable[[str], None]
    heard: list[Heard] = field(default_factory=list)
    temporal: ActivityEnvironment = field(default_factory=ActivityEnvironment)

    async def _made(self, activity: Callable[[Any], Any], asked: Any, attempts: int) -> Any:
        for attempt in range(1, attempts + 1):
            await hand_over(None)
            self.temporal.info = replace(self.temporal.info, attempt=attempt)
            try:
                return self.temporal.run(activity, asked)
            except Crash:
                problem: Exception = OutOfReach("no worker has answered")
            except GaelpError as error:
                if error.permanent:
                    raise CallFailed(str(error)) from error
                seconds = getattr(error, "retry_after_seconds", None)
                problem = OutOfReach(str(error), None if seconds is None else timedelta(seconds=seconds))
        raise problem

    async def next_midnight(self, campaign: LiveCampaignInput) -> datetime:
        return campaign.progress.start

    async def launch(self, campaign: LiveCampaignInput, begin_within: timedelta) -> Launched:
        asked = LaunchCampaign(campaign=campaign, at=campaign.at())
        launched: Launched = await self._made(self.campaigns.launch, asked, 1)
        return launched

    async def observe(
        self, campaign: LiveCampaignInput, at: datetime, interrupted: Callable[[], bool]
    ) -> Observed | None:
        observed: Observed = await self._made(
            self.observations.observe, Observe(campaign=campaign, at=at), READ_ATTEMPTS
        )
        if interrupted():
            return None
        watched = campaign.progress.paused or campaign.progress.stage is EpisodeState.MATURING
        self.heard.append(Heard(unwanted=observed.enabled and watched and not observed.halt))
        return observed

    async def decide(
        self, campaign: LiveCampaignInput, observation_digest: str, interrupted: Callable[[], bool]
    ) -> Decided | None:
        await hand_over(None)
        bids = np.full((1, 1), 1_000_000 + campaign.progress.tick, np.int64)
        digest = self.inputs.store.put_arrays({"bid_micros": bids, "creative_prob": np.full((1, 1, 2), 0.5)})
        return None if interrupted() else Decided(decision_digest=digest, memory_digest="")

    async def apply(
        self, campaign: LiveCampaignInput, decision_digest: str, at: datetime, begin_within: timedelta
    ) -> Applied:
        asked = Apply(campaign=campaign, decision_digest=decision_digest, at=at)
        applied: Applied = await self._made(self.campaigns.apply, asked, 1)
        return applied

    async def apply_and_observe(
        self, campaign: LiveCampaignInput, decision_digest: str, at: datetime, begin_within: timedelta
    ) -> AppliedAndObserved:
        asked = Apply(campaign=campaign, decision_digest=decision_digest, at=at)
        turns = Turns(self.campaigns, self.observations)
        both: AppliedAndObserved = await self._made(turns.apply_and_observe, asked, 1)
        return both

    async def pause_and_settle(self, campaign: LiveCampaignInput, at: datetime, reason: str, *, final: bool) -> Paused:
        asked = PauseAndSettle(campaign=campaign, at=at, reason=reason, final=final)
        paused: Paused = await self._made(self.campaigns.pause_and_settle, asked, READ_ATTEMPTS)
        self.heard.append(Heard(pause=True))
        return paused

    async def stop_account(self, campaign: LiveCampaignInput, reason: str) -> None:
        self.stops(reason)

    async def report_reached(self, campaign: LiveCampaignInput, reached: DayReached) -> bool:
        self.permits(reached)
        return True

    async def report_settled(self, campaign: LiveCampaignInput, result: CampaignResult) -> None:
        pass
