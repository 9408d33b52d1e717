"""Messages of the workflows LiveTest and ScaledDeployment. Touch this when a phase asks an activity for more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gaelp.domain.frozen import Frozen
from gaelp.domain.phases import Phase
from gaelp.domain.spending.campaign_records import BudgetMove, CampaignResult, CampaignsPlan, DayReached


class SubmitDecision(Frozen):
    """A signal's raw payload on its way to the ledger. `submission` identifies the signal, so a retry is harmless."""

    request_id: str
    submission: str
    signal: str  # the signal's name must be the decision that was signed
    payload: Any
    now: datetime


class CampaignsProgress(Frozen):
    """What a spending phase carries through continue-as-new."""

    plan: CampaignsPlan
    decisions: int = 0  # signals answered so far
    request_id: str = ""
    next_campaign: int = 0
    open: tuple[str, ...] = ()  # campaign workflow ids not settled yet
    settled: tuple[CampaignResult, ...] = ()
    reached: tuple[DayReached, ...] = ()
    moves: tuple[BudgetMove, ...] = ()
    period: int = 0
    paused: bool = False
    stopped: str = ""


class PlanCampaigns(Frozen):
    """Plans the campaigns of a spending phase and their exposure."""

    run: str
    phase: Phase
    config_digest: str
    market_digest: str
    account: str
    agent: str
    checkpoint_digest: str
    now: datetime


class Proceed(Frozen):
    """The phase lets a campaign go on (signal `proceed`)."""

    until_day: int
    daily_budget_micros: int


class ScaleBudgets(Frozen):
    """The portfolio's budget decision between two periods."""

    run: str
    config_digest: str
    account: str
    plan: CampaignsPlan
    reached: tuple[DayReached, ...]
    request_id: str
    period: int


class BudgetMoves(Frozen):
    """All moves of one decision."""

    moves: tuple[BudgetMove, ...]


class ReviewCampaigns(Frozen):
    """Between two campaigns: may the test go on?"""

    run: str
    phase: Phase
    config_digest: str
    campaigns: tuple[CampaignResult, ...]


class Review(Frozen):
    """Futility is a stop, not a verdict."""

    go_on: bool
    reason: str = ""


class AssessCampaigns(Frozen):
    """Gate of a spending phase."""

    run: str
    phase: Phase
    config_digest: str
    account: str
    agent: str
    checkpoint_digest: str
    market_digest: str
    campaigns: tuple[CampaignResult, ...]
    moves: tuple[BudgetMove, ...] = ()
    stopped: str = ""  # why the phase stopped early, if it did


class RecordCampaigns(Frozen):
    """Campaigns settled since the last record of this phase."""

    run: str
    phase: Phase
    step: str
    config_digest: str
    account: str
    checkpoint_digest: str
    request_id: str = ""
    campaigns: tuple[CampaignResult, ...]
    at: datetime


class CampaignsSummary(Frozen):
    """What the ledger says of a phase."""

    spend_micros: int
    stopped: str = ""  # why, where the account's fence is no longer the one that was approved
    table: str  # markdown, for the current details
