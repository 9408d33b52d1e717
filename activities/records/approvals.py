"""RECORDS: opens approval requests in the ledger, submits decisions to it, and notes signals that were refused.

The card that a person reads before signing is made in gaelp/domain/spending/approval_requests.py; when a signature
counts is decided in gaelp/ledger. Touch this when a request or a decision carries one more thing.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from temporalio import activity

from gaelp.domain.spending.approval_card import card_text
from gaelp.domain.spending.approval_requests import (
    ApprovalOutcome,
    ApprovalRequest,
    RequestApproval,
    request_for,
)
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import RunStopped
from gaelp.ledger.rules.approval_rules import passed_before
from gaelp.messages.pausing import NoteRefusedSignals
from gaelp.messages.spending_phase import CheckRequest, OpenedRequest, RequestStanding, SubmitDecision

NONCE_BYTES = 32


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class Approvals:
    """Decides nothing: the ledger does. `now` is the wall clock; `is_synthetic` tells of a configuration's market."""

    def __init__(
        self, ledger: Ledger, is_synthetic: Callable[[str], bool], now: Callable[[], datetime] = _wall_clock
    ) -> None:
        self._ledger = ledger
        self._is_synthetic = is_synthetic
        self._now = now

    @activity.defn(no_thread_cancel_exception=True)
    def request_approval(self, wanted: RequestApproval) -> OpenedRequest:
        """Open the request (once) and return the card that was opened, whatever a retry would compute."""
        account = self._ledger.account(wanted.account)
        campaigns = self._ledger.approved_campaigns(wanted.campaigns_digest)
        evidence = passed_before(wanted, self._ledger.verdicts(wanted.run))
        request = request_for(wanted, campaigns, account, evidence, secrets.token_hex(NONCE_BYTES))
        text = card_text(request, campaigns, synthetic_market=self._is_synthetic(request.config_digest))
        try:
            card = self._ledger.open_request(request, text, wanted.now)
        except RunStopped as stopped:
            return OpenedRequest(standing=RequestStanding(run_stopped=str(stopped)))
        return OpenedRequest(card=card, standing=self._standing(request))

    @activity.defn(no_thread_cancel_exception=True)
    def look_at_request(self, check: CheckRequest) -> RequestStanding:
        """Whether a stop has voided a request, or its run was stopped, since it was opened."""
        return self._standing(self._ledger.request(check.request_id).request)

    def _standing(self, request: ApprovalRequest) -> RequestStanding:
        going_on = self._ledger.judge_run(request.run)
        return RequestStanding(
            void=self._ledger.request_state(request.request_id) == "void",
            run_stopped="" if going_on.granted else going_on.reason,
        )

    @activity.defn(no_thread_cancel_exception=True)
    def submit_decision(self, submit: SubmitDecision) -> ApprovalOutcome:
        """What the ledger makes of an untrusted payload; a signal whose name contradicts it is refused.

        It is judged at the instant of the message or at that of now, whichever is later: anybody can write a message,
        and an earlier instant would let an approval count after its deadline.
        """
        now = max(submit.now, self._now())
        return self._ledger.decide(submit.request_id, submit.submission, submit.payload, now, submit.signal)

    @activity.defn(no_thread_cancel_exception=True)
    def note_refused_signals(self, note: NoteRefusedSignals) -> None:
        """A row of the journal for signals that a workflow has refused since the last one."""
        self._ledger.note_refused_signals(note.workflow, note.key, note.refused, note.now)
