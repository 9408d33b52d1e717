"""Messages of the workflow LiveCampaign: launch, tick, pause, settle. Touch this when a tick needs one more thing."""

from __future__ import annotations

from datetime import datetime

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.frozen import Frozen
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import CampaignPlan


class StartOf(Frozen):
    """When may a campaign on a real clock begin?"""

    config_digest: str
    account: str
    now: datetime


class Start(Frozen):
    """Midnight of the ad account's time zone."""

    start: datetime


class CampaignInput(Frozen):
    """Starts a LiveCampaign; its id is the plan's `campaign`. Also what continue-as-new carries."""

    run: str
    phase: Phase
    phase_workflow: str  # who is told
    config_digest: str
    market_digest: str
    account: str
    checkpoint_digest: str
    experiment: str
    plan: CampaignPlan
    request_id: str
    start: datetime
    tick_hours: int
    time_scale: float
    maturing_hours: int
    until_day: int  # authorised so far; the phase signals `proceed` for more
    tick: int = 0
    state: EpisodeState = EpisodeState.PLANNED
    anchored_at: datetime | None = None  # wall instant of tick 0
    daily_budget_micros: int
    platform_id: str = ""
    memory_digest: str = ""
    planned_micros: int = 0  # sum of the platform budgets set so far, a day each
    actions: int = 0
    near_misses: int = 0
    spend_micros: int = 0
    paused: bool = False
    reason: str = ""


class LaunchCampaign(Frozen):
    """Reserve, create paused, read back, enable, read back; each claimed. Idempotent on the campaign's name."""

    campaign: CampaignInput
    at: datetime


class Launched(Frozen):
    """How a launch ended; not launched means nothing is enabled."""

    launched: bool
    platform_id: str = ""
    reason: str = ""


class Observe(Frozen):
    """Read-only: what a campaign's report says at `at`."""

    campaign: CampaignInput
    at: datetime


class Observed(Frozen):
    """A tick's observation, by digest, and what the monitor needs of it."""

    observation_digest: str
    spend_micros: int
    clicks: int
    conversions: int
    enabled: bool
    days: tuple[DayReport, ...] = ()
    halt: str = ""  # a reason to pause and settle: drawdown, over-reservation, disapproved content
    stop_account: bool = False  # the platform billed more than was reserved: all of the account must stop


class Decide(Frozen):
    """The agent's turn, in a process without credentials."""

    campaign: CampaignInput
    observation_digest: str


class Decided(Frozen):
    """A decision by digest, and the agent's memory for the next tick."""

    decision_digest: str
    memory_digest: str


class Apply(Frozen):
    """Reserve the day, clamp the decision, write absolute values, renew the lease, read back."""

    campaign: CampaignInput
    decision_digest: str
    at: datetime


class Applied(Frozen):
    """What was applied."""

    applied: bool
    halt: str = ""
    worst_case_micros: int = 0
    planned_micros: int = 0  # sum of the platform budgets set so far, a day each
    actions: int = 0  # decisions that policy has checked so far
    near_misses: int = 0  # of them, how many policy blocked or clamped


class PauseAndSettle(Frozen):
    """Pause, read back, and settle what is known; `final` waits for nothing more."""

    campaign: CampaignInput
    at: datetime
    reason: str
    final: bool


class Paused(Frozen):
    """What a pause-and-settle left behind."""

    enabled: bool  # as read back; False is what we want
    days: tuple[DayReport, ...] = ()
    spend_micros: int = 0
    final: bool = False  # every day is final and settled
