"""RECORDS: opens approval requests in the ledger and submits decisions to it.

The card that a person reads before signing is made in gaelp/domain/spending/approval_requests.py; when a signature
counts is decided in gaelp/ledger. Touch this when a request or a decision carries one more thing.
"""

from __future__ import annotations

from temporalio import activity

from gaelp.domain.spending.approval_card import ApprovalCard, card_text
from gaelp.domain.spending.approval_requests import ApprovalOutcome, RequestApproval, request_for
from gaelp.ledger.ledger import Ledger
from gaelp.messages.spending_phase import CheckRequest, RequestStanding, SubmitDecision


class Approvals:
    """Decides nothing: the ledger does."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn
    def request_approval(self, wanted: RequestApproval) -> ApprovalCard:
        """Open the request (once) and return the card that was opened, whatever a retry would compute."""
        account = self._ledger.account(wanted.account)
        campaigns = self._ledger.approved_campaigns(wanted.campaigns_digest)
        request = request_for(wanted, campaigns, account)
        return self._ledger.open_request(request, card_text(request, campaigns), wanted.now)

    @activity.defn
    def look_at_request(self, check: CheckRequest) -> RequestStanding:
        """A request that was opened under an older fence can never be approved; a decided one is not void."""
        request, state = self._ledger.request(check.request_id).request, self._ledger.request_state(check.request_id)
        decided = state in ("approved", "rejected")
        return RequestStanding(void=not decided and self._ledger.fence(request.account) > request.fence)

    @activity.defn
    def submit_decision(self, submit: SubmitDecision) -> ApprovalOutcome:
        """What the ledger makes of an untrusted payload; a signal whose name contradicts it is refused."""
        return self._ledger.decide(submit.request_id, submit.submission, submit.payload, submit.now, submit.signal)
