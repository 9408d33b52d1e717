"""RECORDS: approvals, on their way to the ledger. Touch this to change what a person is shown before signing."""

from __future__ import annotations

import hashlib

from temporalio import activity

from gaelp.ledger.ledger import Ledger
from gaelp.records.store import ContentStore
from gaelp.training.approvals import card_text
from gaelp.training.messages import (
    ApprovalCard,
    ApprovalOutcome,
    ApprovalRequest,
    RequestApproval,
    SubmitDecision,
)


class Approvals:
    """The ledger decides; this only carries."""

    def __init__(self, ledger: Ledger, store: ContentStore) -> None:
        self._ledger = ledger
        self._store = store

    @activity.defn
    def request_approval(self, ask: RequestApproval) -> ApprovalCard:
        """Open the request (once) and return the card that was opened, whatever a retry would compute."""
        request_id = f"{ask.run}/{ask.phase}#{ask.sequence}"
        account = self._ledger.account(ask.account)
        exposure_digest = self._store.put_document(
            {"exposure": [line.model_dump(mode="json") for line in ask.exposure]}
        )
        bound = "\n".join((request_id, ask.checkpoint_digest, ask.config_digest, ask.evidence_digest, exposure_digest))
        request = ApprovalRequest(
            request_id=request_id,
            nonce=hashlib.sha256(bound.encode()).hexdigest(),
            account=ask.account,
            run=ask.run,
            phase=ask.phase,
            purpose=ask.purpose,
            currency=account.currency,
            daily_cap_micros=ask.daily_cap_micros,
            total_cap_micros=ask.total_cap_micros,
            agent=ask.agent,
            checkpoint_digest=ask.checkpoint_digest,
            config_digest=ask.config_digest,
            evidence_digest=ask.evidence_digest,
            exposure_digest=exposure_digest,
            fence=account.fence,
            expires_at=ask.expires_at,
        )
        return self._ledger.open_request(request, card_text(request, ask.exposure), ask.now)

    @activity.defn
    def submit_decision(self, submit: SubmitDecision) -> ApprovalOutcome:
        """What the ledger makes of an untrusted payload."""
        return self._ledger.decide(submit.request_id, submit.submission, submit.payload, submit.now)
