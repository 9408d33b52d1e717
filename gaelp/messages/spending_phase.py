"""Messages of the workflows LiveTest and ScaledDeployment. Touch this when a phase asks an activity for more."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from gaelp.domain.frozen import Frozen
from gaelp.domain.spending.approval_card import ApprovalCard
from gaelp.domain.spending.approval_requests import ApprovalDecision
from gaelp.domain.spending.campaign_records import BudgetMove, CampaignResult, CampaignsPlan, DayReached
from gaelp.messages.pausing import PausableState
from gaelp.messages.run_context import RunContext


class SubmitDecision(Frozen):
    """A signal's raw payload on its way to the ledger. `submission` identifies the signal, so a retry is harmless."""

    request_id: str
    submission: str
    signal: str  # the signal's name must be the decision that was signed
    payload: Any
    now: datetime


class CheckRequest(Frozen):
    """Asks whether a request can still be approved."""

    request_id: str


class RequestStanding(Frozen):
    """Whether a request can still be approved."""

    void: bool = False  # a stop has raised its account's fence since it was opened: it must be asked anew
    run_stopped: str = ""  # why its run may ask for nothing any more; empty where it may


class OpenedRequest(Frozen):
    """A request as it was opened."""

    card: ApprovalCard | None = None  # none where the run may ask for nothing any more
    standing: RequestStanding


class ApprovalState(Frozen):
    """How far the approval of a spending phase is."""

    card: ApprovalCard | None = None  # none until a person was asked
    sequence: int = 1  # the request's number in its phase; a stop while a person is asked makes another necessary
    checked: int = 0  # approval signals that the ledger has judged
    decision: ApprovalDecision | None = None
    decider: str = ""  # who decided, and the reason given
    refusals: tuple[str, ...] = ()  # why signals were refused, the last few

    @property
    def request_id(self) -> str:
        """The request that stands approved, which reservations draw on; empty before."""
        if self.card is None or self.decision is not ApprovalDecision.APPROVE:
            return ""
        return self.card.request.request_id


class SpendingState(PausableState):
    """The state of a spending phase, continued as new as it is; `open` are the campaigns that take its signals."""

    plan: CampaignsPlan | None = None  # none until the phase is planned
    approval: ApprovalState = ApprovalState()
    next_campaign: int = 0
    settled: dict[str, CampaignResult] = Field(default_factory=dict)  # by campaign, in the order they ended
    reached: dict[str, DayReached] = Field(default_factory=dict)  # how far each was when the phase last looked
    waits: dict[str, str] = Field(default_factory=dict)  # campaign -> what is out of its reach, and since when
    moves: tuple[BudgetMove, ...] = ()
    period: int = 0


class PlanCampaigns(Frozen):
    """Asks for the campaigns of a spending phase and their exposure."""

    context: RunContext
    now: datetime


class Proceed(Frozen):
    """The phase lets a campaign go on (signal `proceed`)."""

    until_day: int
    daily_budget_micros: int


class CampaignHint(Frozen):
    """A campaign asks its phase to look at it (signals `settled` and `reached`); it says nothing that is believed."""

    campaign: str


class LookAtCampaigns(Frozen):
    """Asks how far campaigns of a phase are. `closing` are those that say that they have ended."""

    phase_workflow: str
    campaigns: tuple[str, ...]
    closing: tuple[str, ...] = ()


class CampaignStanding(Frozen):
    """How far a campaign is, by its own workflow (query `standing`)."""

    campaign: str
    closed: bool = False  # its workflow has ended
    waits: str = ""  # what is out of its reach, and since when
    reached: DayReached | None = None
    result: CampaignResult | None = None  # where it has ended by itself


class CampaignsLook(Frozen):
    """How far the campaigns are that were asked for."""

    standings: tuple[CampaignStanding, ...]


class ScaleBudgets(Frozen):
    """Asks for the portfolio's budgets of the next period."""

    context: RunContext
    plan: CampaignsPlan
    reached: tuple[DayReached, ...]


class BudgetMoves(Frozen):
    """All moves of one decision."""

    moves: tuple[BudgetMove, ...]


class ReviewCampaigns(Frozen):
    """Asks between two campaigns whether the test may go on."""

    context: RunContext
    campaigns: tuple[CampaignResult, ...]


class Review(Frozen):
    """Whether the test may go on. Where it may not, that ends the campaigns; the verdict is still the gate's."""

    go_on: bool
    reason: str = ""


class AssessCampaigns(Frozen):
    """Asks for the gate of a spending phase; the evidence that its verdict names is this record."""

    context: RunContext
    campaigns: tuple[CampaignResult, ...]
    moves: tuple[BudgetMove, ...] = ()
    stopped: str = ""  # why the phase stopped early, if it did


class RecordCampaigns(Frozen):
    """The campaigns of a phase that have ended so far, to be written down; a campaign is written once."""

    context: RunContext
    step: str
    request_id: str = ""
    campaigns: tuple[CampaignResult, ...]
    at: datetime


class CampaignsSummary(Frozen):
    """What a phase has spent, and where it stands, by the ledger."""

    spend_micros: int
    stopped: str = ""  # why, where the account's fence is no longer the one that was approved, or the run was stopped
    table: str  # markdown, for the current details
