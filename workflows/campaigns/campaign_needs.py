"""What the life of a campaign needs of its surroundings: calls, a clock, a place to show itself, and limits of time.

A workflow gives it Temporal's activities and timers; the simulation of a hostile platform gives it the activities' own
classes and a virtual clock. Touch this when the life of a campaign needs one more call, or to change how long it waits.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from gaelp.domain.spending.campaign_records import CampaignResult, DayReached
from gaelp.errors import GaelpError
from gaelp.messages.live_campaign import (
    Applied,
    AppliedAndObserved,
    CampaignProgress,
    CampaignStart,
    Decided,
    Launched,
    LiveCampaignInput,
    Observed,
    Paused,
)

# The wait between two tries while something is out of reach: doubled each time, and never longer than the longest,
# whatever a platform asks for.
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=5)
# Where no time passes (time_scale 0) a tick has no end: so long, in real time, it waits for a platform that is away.
PATIENCE_WITHOUT_TIME = timedelta(minutes=2)
# So long a call may wait there for its turn behind those of other campaigns: no decision grows old by it.
QUEUE_WITHOUT_TIME = timedelta(minutes=10)
# How often a paused campaign is read where no time passes, and how long its lease is taken to run on there.
WATCH_WITHOUT_TIME = timedelta(seconds=30)
LEASE_WITHOUT_TIME = timedelta(hours=24)


class OutOfReach(GaelpError):
    """A platform, the ledger or a worker is away for now: trying again can help, and it is no failure of the agent."""

    def __init__(self, message: str, asked_wait: timedelta | None = None) -> None:
        super().__init__(message)
        self.asked_wait = asked_wait


class CallFailed(GaelpError):
    """A call failed, and trying again will not help; `agents_own` where it was the agent that failed."""

    def __init__(self, message: str, *, agents_own: bool = False) -> None:
        super().__init__(message)
        self.agents_own = agents_own


class TickEnd(StrEnum):
    """How the tries of one tick ended."""

    DONE = "done"
    INTERRUPTED = "interrupted"  # by a pause or a stop: the tick begins again, or ends there
    MISSED = "missed"  # something was out of reach until the tick was over


class HoldsProgress(Protocol):
    """The holder of a campaign's progress. A signal may change it between any two awaits."""

    @property
    def state(self) -> CampaignProgress: ...

    def update(self, **changes: Any) -> None: ...


class CampaignCalls(Protocol):
    """The calls of a campaign. Each raises OutOfReach or CallFailed, or asyncio.CancelledError."""

    async def next_midnight(self, campaign: LiveCampaignInput) -> CampaignStart:
        """When a campaign on a real clock begins, and how long its days are."""
        ...

    async def launch(self, campaign: LiveCampaignInput, begin_within: timedelta) -> Launched:
        """Create the campaign paused; a call that has not begun within the given time is never begun."""
        ...

    async def observe(
        self, campaign: LiveCampaignInput, at: datetime, interrupted: Callable[[], bool]
    ) -> Observed | None:
        """Read the campaign's report; None where it was dropped, because `interrupted` became true."""
        ...

    async def decide(
        self, campaign: LiveCampaignInput, observation_digest: str, interrupted: Callable[[], bool]
    ) -> Decided | None:
        """Ask the agent; None where it was dropped, because `interrupted` became true."""
        ...

    async def apply(
        self, campaign: LiveCampaignInput, decided: Decided, at: datetime, begin_within: timedelta
    ) -> Applied:
        """Reserve the day and write the decision; a call that has not begun within the given time is never begun."""
        ...

    async def apply_and_observe(
        self, campaign: LiveCampaignInput, decided: Decided, at: datetime, begin_within: timedelta
    ) -> AppliedAndObserved:
        """The same, and observe and decide the next tick, which follows at once."""
        ...

    async def pause_and_settle(self, campaign: LiveCampaignInput, at: datetime, reason: str, *, final: bool) -> Paused:
        """Pause on the platform and settle what is known."""
        ...

    async def stop_account(self, campaign: LiveCampaignInput, reason: str) -> None:
        """Begin the emergency stop of the campaign's account."""
        ...

    async def report_reached(self, campaign: LiveCampaignInput, reached: DayReached) -> bool:
        """Keep in the ledger how far the campaign is, and ask the phase for more days; False where it is gone."""
        ...

    async def report_standing(self, campaign: LiveCampaignInput) -> None:
        """Have the phase look at the campaign: what it waits for has changed."""
        ...

    async def report_settled(self, campaign: LiveCampaignInput, result: CampaignResult) -> None:
        """Keep in the ledger how the campaign ended, and have the phase look at it."""
        ...


class CampaignHost(Protocol):
    """Where a campaign lives: its clock, and where people see it."""

    def now(self) -> datetime:
        """The instant of now, on the clock of the world and not of the campaign."""
        ...

    async def wait(self, time: timedelta, ready: Callable[[], bool], why: str) -> None:
        """Wait so long, or until `ready`."""
        ...

    async def wait_for(self, ready: Callable[[], bool]) -> None:
        """Wait until `ready`."""
        ...

    async def shielded(self, work: Coroutine[Any, Any, CampaignResult]) -> CampaignResult:
        """Do something that a cancellation must not break off."""
        ...

    def check_cancelled(self) -> None:
        """Raise asyncio.CancelledError where the campaign was cancelled."""
        ...

    def renew_where_long(self, campaign: LiveCampaignInput) -> None:
        """Go on from the progress in a new run, where this one has a long history; then it does not return."""
        ...

    def show(self, text: str, spend_micros: int | None = None, *, paused: bool | None = None) -> None:
        """Show people how the campaign stands; None leaves a figure as it is."""
        ...
