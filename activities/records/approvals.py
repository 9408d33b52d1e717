"""RECORDS: approvals, on their way to the ledger. Touch this to change what a person is shown before signing."""

from __future__ import annotations

from temporalio import activity

from gaelp.domain.spending.approval_requests import (
    ApprovalCard,
    ApprovalOutcome,
    RequestApproval,
    card_text,
    request_for,
)
from gaelp.ledger.ledger import Ledger
from gaelp.messages.spending_phase import SubmitDecision


class Approvals:
    """The ledger decides; this only carries."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @activity.defn
    def request_approval(self, ask: RequestApproval) -> ApprovalCard:
        """Open the request (once) and return the card that was opened, whatever a retry would compute."""
        account = self._ledger.account(ask.account)
        request = request_for(ask, account)
        return self._ledger.open_request(request, card_text(request, ask.exposure), ask.now)

    @activity.defn
    def submit_decision(self, submit: SubmitDecision) -> ApprovalOutcome:
        """What the ledger makes of an untrusted payload; a signal whose name contradicts it is refused."""
        return self._ledger.decide(submit.request_id, submit.submission, submit.payload, submit.now, submit.signal)
