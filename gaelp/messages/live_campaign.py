"""Messages of the workflow LiveCampaign: launch, tick, pause, settle. Touch this when a tick needs one more thing.

A campaign owns its time: each tick has its instant by the lengths of the account's days, and every call is made as of
that instant.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.frozen import Frozen
from gaelp.domain.monitoring.ladder import HeldBack
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_clock import CampaignTicks
from gaelp.domain.spending.campaign_records import CampaignPlan
from gaelp.messages.pausing import PausableState
from gaelp.messages.run_context import RunContext
from gaelp.messages.spending_phase import Proceed

PAUSED_OUTSIDE = "it was paused on the platform, and not by us"


class StartOf(Frozen):
    """Asks when a campaign on a real clock begins."""

    context: RunContext
    days: int  # that it runs
    now: datetime


class CampaignStart(Frozen):
    """When a campaign begins: midnight of the ad account's time zone, and how long its days are."""

    start: datetime
    day_minutes: tuple[int, ...] = ()  # as in CampaignPlan


class CampaignOrder(Frozen):
    """What a campaign was ordered to do; it never changes."""

    plan: CampaignPlan
    phase_workflow: str  # id of the phase, which receives the campaign's signals
    request_id: str  # the approved request that reservations draw on
    tick_hours: int
    time_scale: float  # wall time per campaign time; 0 waits for nothing
    maturing_hours: int


class CampaignProgress(PausableState):
    """How far a campaign is: the state of its workflow, continued as new as it is."""

    start: datetime  # campaign instant of tick 0
    day_minutes: tuple[int, ...] = ()  # as in CampaignPlan
    until_day: int  # authorised so far; the phase signals `proceed` for more
    daily_budget_micros: int
    tick: int = 0
    stage: EpisodeState = EpisodeState.PLANNED
    started_at: datetime | None = None  # wall instant of tick 0
    memory_digest: str = ""
    launched: bool = False  # it is on the platform
    enabled: bool = False  # by us, as far as we know
    uncertain: bool = False  # a write was begun and its outcome is not known: it may be enabled
    applied_day: int = -1  # the last day of the campaign, from 0, on which a decision was applied
    missed_ticks: int = 0  # ticks without a decision, because a platform, the ledger or a worker was out of reach
    waits: str = ""  # what is out of reach, and since when; empty where everything answers
    matured_hours: int = 0  # campaign hours watched since its days were over
    halt: str = ""  # why its days end early
    interruption: str = ""  # what ended it that is neither its plan nor a doing of its agent
    proceed: Proceed | None = None  # the last permission of the phase to go on
    held: HeldBack | None = None  # what monitoring leaves it; none where no step stands


class LiveCampaignInput(Frozen):
    """Starts a LiveCampaign, whose id is the plan's `campaign`; also what its continue-as-new and its calls carry."""

    context: RunContext
    order: CampaignOrder
    progress: CampaignProgress

    @property
    def name(self) -> str:
        """The campaign's id, which is also its name on the platform."""
        return self.order.plan.campaign

    @property
    def ticks(self) -> CampaignTicks:
        """When its ticks and its days begin."""
        return CampaignTicks(self.progress.start, self.order.tick_hours, self.progress.day_minutes)

    @property
    def day_index(self) -> int:
        """The day of the current tick, from 0."""
        return self.ticks.day_index(self.progress.tick)

    def at(self, extra_hours: int = 0) -> datetime:
        """The campaign's instant at the current tick, or so many campaign hours later."""
        return self.ticks.at(self.progress.tick) + timedelta(hours=extra_hours)

    def tick_ends_at(self) -> datetime | None:
        """The wall instant at which the current tick ends; none where nothing has started."""
        return self._on_the_wall(self.ticks.at(self.progress.tick + 1))

    def day_ends_at(self) -> datetime | None:
        """The wall instant at which the day of the current tick ends; none where nothing has started."""
        return self._on_the_wall(self.ticks.end_of_day(self.progress.tick))

    def _on_the_wall(self, instant: datetime) -> datetime | None:
        if self.progress.started_at is None:
            return None
        return self.progress.started_at + (instant - self.progress.start) * self.order.time_scale


class LaunchCampaign(Frozen):
    """Asks to reserve the first day and to create the campaign paused; the campaign's name makes a retry harmless."""

    campaign: LiveCampaignInput
    at: datetime


class Launched(Frozen):
    """How a launch ended; not launched means nothing is enabled."""

    launched: bool
    reason: str = ""


class Observe(Frozen):
    """Asks for a campaign's report as of `at`; it only reads."""

    campaign: LiveCampaignInput
    at: datetime


class Observed(Frozen):
    """A tick's observation, by digest, and what the monitor needs of it."""

    observation_digest: str
    spend_micros: int
    enabled: bool
    days: tuple[DayReport, ...] = ()
    halt: str = ""  # a reason to pause and settle: drawdown, over-reservation, disapproved content
    stop_account: bool = False  # the platform billed more than was reserved: all of the account must stop
    held: HeldBack | None = None  # as in CampaignProgress
    outside: bool = False  # the halt is no doing of the agent


class Decide(Frozen):
    """Asks the agent for its decision, in a process without credentials."""

    campaign: LiveCampaignInput
    observation_digest: str


class Decided(Frozen):
    """A decision by digest, and the agent's memory for the next tick."""

    decision_digest: str
    memory_digest: str


class Apply(Frozen):
    """Asks to reserve the day, clamp the decision, write it in absolute values, renew the lease, and read back."""

    campaign: LiveCampaignInput
    decision_digest: str
    at: datetime
    memory_digest: str = ""  # the agent's after this decision, with which the next one is made


class Applied(Frozen):
    """Whether a decision was applied; what policy and ledger make of it is in the ledger."""

    applied: bool
    halt: str = ""
    stop_account: bool = False  # somebody changed what lets more be billed: all of the account must stop


class AppliedAndObserved(Frozen):
    """How a decision was applied; the next tick's observation and decision, where both could be had at once."""

    applied: Applied
    following: Observed | None
    decided: Decided | None = None  # none where the agent must not decide beside credentials


class PauseAndSettle(Frozen):
    """Asks to pause, read back and post what was spent; `final` also settles every day whose cost is final."""

    campaign: LiveCampaignInput
    at: datetime
    reason: str
    final: bool


class Paused(Frozen):
    """What the platform reported when the campaign was paused and settled."""

    days: tuple[DayReport, ...] = ()
    spend_micros: int = 0
    final: bool = False  # every day is final and settled
