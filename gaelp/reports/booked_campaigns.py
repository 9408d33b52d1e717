"""The campaigns of a run as the ledger has them, those that still run too, each day at the cost that the ledger counts.

Touch this when the report says one more thing of a campaign.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Protocol

from gaelp.domain.ad_accounts import Account
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.ids import phase_id, phase_of_campaign
from gaelp.domain.monitoring.ladder import StepTaken
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.approval_card import ApprovalCard
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign
from gaelp.domain.spending.campaign_records import CampaignResult, DayReached
from gaelp.domain.spending.ledger_records import JournalEntry

SPENDING = (Phase.LIVE_TEST, Phase.SCALED)
Billed = Mapping[tuple[str, date], int]
"""What the ledger knows that a campaign's day has cost, in micros."""


class AskedRequest(Protocol):
    """A request as the ledger keeps it."""

    @property
    def request(self) -> ApprovalRequest:
        """What is asked."""
        ...

    @property
    def text(self) -> str:
        """Its card."""
        ...

    @property
    def state(self) -> str:
        """Whether it is open or void."""
        ...


class ReportedLedger(Protocol):
    """The part of the ledger that a report reads."""

    def accounts(self) -> Sequence[Account]:
        """All ad accounts."""
        ...

    def journal(self, after: int, limit: int) -> Sequence[JournalEntry]:
        """Entries numbered above `after`, in order."""
        ...

    def campaign_results(self, phase: str) -> Sequence[CampaignResult]:
        """How the campaigns of a phase ended."""
        ...

    def reported_days(self, run: str) -> Mapping[str, tuple[DayReport, ...]]:
        """The days of each campaign, as the platform reported them."""
        ...

    def days_reached(self, phase: str) -> Sequence[DayReached]:
        """How far the campaigns of a phase are."""
        ...

    def steps_of_run(self, run: str) -> Sequence[StepTaken]:
        """What monitoring did to the campaigns of a run."""
        ...

    def undecided_requests(self, run: str) -> Sequence[AskedRequest]:
        """What waits for a person."""
        ...

    def request(self, request_id: str) -> ApprovalCard:
        """A request that was made."""
        ...

    def approved_campaigns(self, digest: str) -> Sequence[ApprovedCampaign]:
        """The list of campaigns that a request names."""
        ...


def campaigns_of(ledger: ReportedLedger, run: str, billed: Billed, requests: Collection[str]) -> list[CampaignResult]:
    """Every campaign that has reported a day, by phase and number; `requests` are those that were approved."""
    reported, campaigns = ledger.reported_days(run), []
    for phase in SPENDING:
        ended = {each.campaign: each for each in ledger.campaign_results(phase_id(run, phase))}
        reached = {each.campaign: each.days for each in ledger.days_reached(phase_id(run, phase))}
        told = {name for name in reported if phase_of_campaign(name) is phase}
        run_on = {*reached, *told} - set(ended)
        signed = {c.campaign: c for request in requests for c in _signed(ledger, request)} if run_on else {}
        for name in sorted({*ended, *run_on}):
            days = reported.get(name, reached.get(name, ()) if name not in ended else ())
            result = ended.get(name) or _running(name, signed.get(name))
            if result is not None:
                booked = tuple(day.at_booked_cost(billed.get((name, day.day), 0)) for day in days)
                campaigns.append(result.model_copy(update={"days": booked}))
    return campaigns


def _signed(ledger: ReportedLedger, request_id: str) -> Sequence[ApprovedCampaign]:
    return ledger.approved_campaigns(ledger.request(request_id).request.campaigns_digest)


def _running(name: str, signed: ApprovedCampaign | None) -> CampaignResult | None:
    """None for a campaign that nobody has signed: what it says of itself is not believed."""
    if signed is None:
        return None
    number = int(name.rpartition("-")[2])
    return CampaignResult(
        campaign=name, index=number, product=signed.product, arm=signed.arm, state=EpisodeState.RUNNING
    )
