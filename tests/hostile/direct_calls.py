"""The calls of a campaign made directly on the activities' own classes, as Temporal would make them.

The attempts are those of workflows/activity_options.py, and failures are told apart by the functions that the workers
and the workflow use. Only the messages are put together a second time, one line each, because in the workflow they
stand in Temporal's own calls, which only a workflow can make. Touch this when a call gets another message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from temporalio.activity import Info
from temporalio.exceptions import ActivityError, ApplicationError, RetryState, TimeoutError, TimeoutType
from temporalio.testing import ActivityEnvironment

from activities.effects import for_temporal
from activities.live.campaigns import Campaigns
from activities.live.observations import Observations
from activities.live.turns import Turns
from activities.made_for import marked
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.spending.campaign_records import CampaignResult, DayReached
from gaelp.errors import GaelpError
from gaelp.messages.live_campaign import (
    Applied,
    AppliedAndObserved,
    Apply,
    CampaignStart,
    Decide,
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
from workflows.activity_options import OBSERVE, PAUSE_ONCE, SPEND, ActivityOptions
from workflows.campaigns.campaign_calls import told_apart


@dataclass(frozen=True)
class Heard:
    """An answer that reached us: a pause, or a reading, which may see a campaign enabled that must not be."""

    unwanted: bool = False
    pause: bool = False


class AttemptNumbers:
    """What activities ask Temporal for: the caller and the attempt's number. One for all activities of one thread."""

    def __init__(self) -> None:
        self.temporal = ActivityEnvironment()
        self._infos: dict[tuple[str, int], Info] = {}

    def begin(self, workflow: str, attempt: int) -> None:
        """From now on it is this attempt, of this workflow's call."""
        if (workflow, attempt) not in self._infos:
            known = replace(ActivityEnvironment.default_info(), workflow_id=workflow, attempt=attempt)
            self._infos[workflow, attempt] = known
        self.temporal.info = self._infos[workflow, attempt]


@dataclass
class DirectCalls:
    """One campaign's calls. `heard` keeps every answer that reached us."""

    campaigns: Campaigns
    observations: Observations
    inputs: Any
    numbers: AttemptNumbers
    permits: Callable[[DayReached], None]
    stops: Callable[[str], None]
    keeps: Callable[[CampaignResult], None]
    heard: list[Heard] = field(default_factory=list)

    async def _made(self, options: ActivityOptions, activity: Callable[[Any], Any], asked: Any) -> Any:
        failure: Exception | None = None
        for attempt in range(1, options["retry_policy"].maximum_attempts + 1):
            await hand_over(None)
            self.numbers.begin(asked.campaign.name, attempt)
            try:
                return activity(asked)
            except Crash:
                failure = TimeoutError("no heartbeat", type=TimeoutType.HEARTBEAT, last_heartbeat_details=[])
            except GaelpError as error:
                failure = _as_reported(error, activity.__name__)
                if isinstance(failure, ApplicationError) and failure.non_retryable:
                    break
        raise told_apart(_of_activity(failure), of_agent=False) from failure

    async def next_midnight(self, campaign: LiveCampaignInput) -> CampaignStart:
        return CampaignStart(start=campaign.progress.start, day_minutes=campaign.order.plan.day_minutes)

    async def launch(self, campaign: LiveCampaignInput, begin_within: timedelta) -> Launched:
        asked = LaunchCampaign(campaign=campaign, at=campaign.at())
        launched: Launched = await self._made(SPEND, self.campaigns.launch, asked)
        return launched

    async def observe(
        self, campaign: LiveCampaignInput, at: datetime, interrupted: Callable[[], bool]
    ) -> Observed | None:
        asked = Observe(campaign=campaign, at=at)
        observed: Observed = await self._made(OBSERVE, self.observations.observe, asked)
        if interrupted():
            return None
        watched = campaign.progress.paused or campaign.progress.stage is EpisodeState.MATURING
        self.heard.append(Heard(unwanted=observed.enabled and watched and not observed.halt))
        return observed

    async def decide(
        self, campaign: LiveCampaignInput, observation_digest: str, interrupted: Callable[[], bool]
    ) -> Decided | None:
        await hand_over(None)
        decided = self._decided(Decide(campaign=campaign, observation_digest=observation_digest))
        return None if interrupted() else decided

    def _decided(self, decide: Decide) -> Decided:
        bids = np.full((1, 1), 1_000_000 + decide.campaign.progress.tick, np.int64)
        arrays = {"bid_micros": bids, "creative_prob": np.full((1, 1, 2), 0.5)}
        digest = self.inputs.store.put_arrays(marked(arrays, decide.campaign, decide.campaign.progress.memory_digest))
        return Decided(decision_digest=digest, memory_digest="")

    async def apply(
        self, campaign: LiveCampaignInput, decided: Decided, at: datetime, begin_within: timedelta
    ) -> Applied:
        asked = _applying(campaign, decided, at)
        applied: Applied = await self._made(SPEND, self.campaigns.apply, asked)
        return applied

    async def apply_and_observe(
        self, campaign: LiveCampaignInput, decided: Decided, at: datetime, begin_within: timedelta
    ) -> AppliedAndObserved:
        asked = _applying(campaign, decided, at)
        turns = Turns(self.campaigns, self.observations, self._decided)
        both: AppliedAndObserved = await self._made(SPEND, turns.apply_and_observe, asked)
        return both

    async def pause_and_settle(self, campaign: LiveCampaignInput, at: datetime, reason: str, *, final: bool) -> Paused:
        asked = PauseAndSettle(campaign=campaign, at=at, reason=reason, final=final)
        paused: Paused = await self._made(PAUSE_ONCE, self.campaigns.pause_and_settle, asked)
        self.heard.append(Heard(pause=True))
        return paused

    async def stop_account(self, campaign: LiveCampaignInput, reason: str) -> None:
        self.stops(reason)

    async def report_reached(self, campaign: LiveCampaignInput, reached: DayReached) -> bool:
        self.permits(reached)
        return True

    async def report_standing(self, campaign: LiveCampaignInput) -> None:
        pass

    async def report_settled(self, campaign: LiveCampaignInput, result: CampaignResult) -> None:
        self.keeps(result)


def _applying(campaign: LiveCampaignInput, decided: Decided, at: datetime) -> Apply:
    return Apply(
        campaign=campaign, decision_digest=decided.decision_digest, memory_digest=decided.memory_digest, at=at
    )  # fmt: skip


def _as_reported(error: GaelpError, activity: str) -> Exception:
    """The failure as a worker reports it: what is no ApplicationError yet becomes one that a retry may mend."""
    reported = for_temporal(error, activity)
    return (
        reported if isinstance(reported, ApplicationError) else ApplicationError(str(error), type=type(error).__name__)
    )


def _of_activity(failure: Exception | None) -> ActivityError:
    error = ActivityError(
        "it failed", scheduled_event_id=0, started_event_id=0, identity="", activity_type="", activity_id="",
        retry_state=RetryState.MAXIMUM_ATTEMPTS_REACHED,
    )  # fmt: skip
    error.__cause__ = failure
    return error
