"""Messages of the workflows LiveTest and ScaledDeployment. Touch this when a phase asks an activity for more.

A phase may have thousands of campaigns, and a message is bounded. So a phase names campaigns by their numbers, which it
counts from 0, and hands on digests: what was planned and how budgets moved is in the content store, how far campaigns
are and how they ended is in the ledger, and the activity that needs it reads it there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from gaelp.domain.frozen import Frozen
from gaelp.domain.spending.approval_card import ApprovalCard
from gaelp.domain.spending.approval_requests import ApprovalDecision
from gaelp.domain.spending.campaign_records import BudgetMove, CampaignEnded, CampaignPlan, CampaignResult
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
    pass_lost: str = ""  # which lost pass it rests on, so that nobody can approve it; empty where it rests on none


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


class PhasePlan(Frozen):
    """What a phase holds of its plan; the whole of it, a CampaignsPlan, is in the content store."""

    plan_digest: str
    campaigns: int  # how many there are
    days: int  # of the longest one
    tick_hours: int
    period_days: int  # as in CampaignsPlan, and all the next
    maturing_hours: int
    daily_cap_micros: int
    total_cap_micros: int
    campaigns_digest: str
    approval_deadline: datetime
    approval_expires: datetime


class SpendingState(PausableState):
    """The state of a spending phase, continued as new as it is. Campaigns are named by their numbers."""

    plan: PhasePlan | None = None  # none until the phase is planned
    approval: ApprovalState = ApprovalState()
    next_campaign: int = 0  # the number of campaigns that were started
    settled: tuple[int, ...] = ()  # in the order they ended
    reached: dict[int, int] = Field(default_factory=dict)  # the day that each had reached when the phase last looked
    waits: dict[int, str] = Field(default_factory=dict)  # what is out of reach of each, since when; empty beyond a few
    hinted: tuple[int, ...] = ()  # to be looked at
    closing: tuple[int, ...] = ()  # of these a signal says that they have ended
    interruption: str = ""  # the first campaign that ended by neither its plan nor its agent, and why
    moves: tuple[str, ...] = ()  # digests of the budget decisions, one for each period
    period: int = 0


class PlanCampaigns(Frozen):
    """Asks for the campaigns of a spending phase and their exposure."""

    context: RunContext
    now: datetime


class ReadPlans(Frozen):
    """Asks for some of the planned campaigns: `number` of them from `first` on."""

    plan_digest: str
    first: int
    number: int


class PlannedCampaigns(Frozen):
    """Some of the planned campaigns, in order."""

    campaigns: tuple[CampaignPlan, ...]


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
    reached: int | None = None  # the day whose end it reports to the ledger, while it waits for more days
    ended: CampaignEnded | None = None  # where it has ended by itself, and the ledger has its result


class CampaignsLook(Frozen):
    """How far the campaigns are that were asked for."""

    standings: tuple[CampaignStanding, ...]


class ScaleBudgets(Frozen):
    """Asks for the budgets of the campaigns that go on after `day`, by what they have reported to the ledger."""

    context: RunContext
    plan: PhasePlan
    day: int
    campaigns: tuple[int, ...]


class BudgetMoves(Frozen):
    """All moves of one decision, as the content store keeps them."""

    moves: tuple[BudgetMove, ...]


class BudgetDecision(Frozen):
    """Where the moves of one decision are."""

    moves_digest: str


class LetProceed(Frozen):
    """Asks to tell every campaign of a decision to go on until this day, with its budget."""

    moves_digest: str
    until_day: int


class ReviewCampaigns(Frozen):
    """Asks between two campaigns whether the test may go on."""

    context: RunContext


class Review(Frozen):
    """Whether the test may go on. Where it may not, that ends the campaigns; the verdict is still the gate's."""

    go_on: bool
    reason: str = ""


class AssessCampaigns(Frozen):
    """Asks for the gate of a spending phase over its campaigns, which have ended."""

    context: RunContext
    moves: tuple[str, ...] = ()  # digests of BudgetMoves, in order


class CampaignsEvidence(Frozen):
    """What the gate of a spending phase was judged from; its verdict names the digest of this."""

    context: RunContext
    campaigns: tuple[CampaignResult, ...]
    moves: tuple[BudgetMove, ...] = ()
    stopped: str = ""  # why a live test must not have gone on, by the ledger


class RecordCampaigns(Frozen):
    """Asks to write down the campaigns of a phase that have ended so far; a campaign is written once."""

    context: RunContext
    step: str
    request_id: str = ""
    at: datetime


class CampaignsSummary(Frozen):
    """What a phase has spent, and where it stands, by the ledger."""

    spend_micros: int
    stopped: str = ""  # why, where the account's fence is no longer the one that was approved, or the run was stopped
    interrupted: str = ""  # what somebody else or the platform has done to the run that no person has cleared
    table: str  # markdown, for the current details; of the last few campaigns
