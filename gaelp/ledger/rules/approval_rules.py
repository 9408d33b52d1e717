"""When an approval request may be opened, what evidence it names, and when an approval allows spend.

Touch this to change one of these.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gaelp.domain.ad_accounts import Account
from gaelp.domain.gates.demotion import lost_in_words
from gaelp.domain.phases import PHASE_ORDER
from gaelp.domain.spending.approval_requests import ApprovalRequest, Evidence, RequestApproval
from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused
from gaelp.ledger.rules.valid_values import aware
from gaelp.ledger.stored_records import KeptVerdict, StoredRequest


def judge_opening(request: ApprovalRequest, account: Account, existing: StoredRequest | None) -> Ruling:
    """Whether a request may be opened; the same content again under its id is granted, and nothing new is written."""
    if request.currency != account.currency:
        return refused(
            f"request {request.request_id!r} is in {request.currency} and account {account.account!r} is in "
            f"{account.currency}: set the run's currency to the account's"
        )
    if existing is None:
        return GRANTED
    # A stop between two attempts of the caller is no other content: the request as opened stands, and is void. Neither
    # is a card on which the account's other campaigns have moved on.
    opened = existing.request
    drawn = {"fence": opened.fence, "nonce": opened.nonce, "card_digest": opened.card_digest}
    if opened != request.model_copy(update=drawn):
        return refused(f"request {request.request_id!r} was opened with other content: take the next number")
    return GRANTED


def passed_before(opening: RequestApproval, verdicts: Iterable[KeptVerdict]) -> Evidence:
    """The evidence of the gates that this very checkpoint has passed in the run before the asking phase.

    Whoever asks is not believed about it: anybody who can reach Temporal can ask.
    """
    before = PHASE_ORDER[: PHASE_ORDER.index(opening.phase)]
    passed = {
        verdict.phase: verdict
        for verdict in verdicts
        if verdict.promote
        and not verdict.lost_to
        and verdict.phase in before
        and verdict.checkpoint_digest == opening.checkpoint_digest
    }
    if not passed:
        return Evidence()
    last = max(passed, key=before.index)
    heads = tuple(head for phase in before if phase in passed for head in passed[phase].heads)
    return Evidence(digest=passed[last].evidence_digest, validated_heads=heads)


def judge_evidence(request: ApprovalRequest, verdicts: Iterable[KeptVerdict]) -> Ruling:
    """Whether the evidence on the card still counts: a pass may have been lost since it was asked."""
    for verdict in verdicts:
        if verdict.lost_to and verdict.evidence_digest == request.evidence_digest:
            lost = lost_in_words(verdict.phase, verdict.lost_to)
            return refused(
                f"the evidence that the card of {request.request_id} names was lost since: {lost}; reject it"
            )
    return GRANTED


def judge_approval(stored: StoredRequest, account: Account, now: datetime) -> Ruling:
    """Whether a request allows spend at `now`: approved, not expired, and no stop since; raises ValueError (naive)."""
    request = stored.request
    if stored.state != "approved":
        return refused(f"request {request.request_id} is {stored.state}, not approved")
    if aware(now) > request.expires_at:
        return refused(f"approval {request.request_id} expired at {request.expires_at.isoformat()}: ask for another")
    if account.fence > request.fence:
        return refused(
            f"approval {request.request_id} was given under fence {request.fence}, and a stop has raised the fence of "
            f"account {account.account} to {account.fence}: ask for another"
        )
    return GRANTED
