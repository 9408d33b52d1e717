"""When an approval request may be opened, and when an approval allows spend. Touch this to change either."""

from __future__ import annotations

from datetime import datetime

from gaelp.domain.ad_accounts import Account
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused
from gaelp.ledger.rules.valid_values import aware
from gaelp.ledger.stored_records import StoredRequest


def judge_opening(request: ApprovalRequest, account: Account, existing: StoredRequest | None) -> Ruling:
    """Whether a request may be opened; the same content again under its id is granted, and nothing new is written."""
    if request.currency != account.currency:
        return refused(
            f"request {request.request_id!r} is in {request.currency} and account {account.account!r} is in "
            f"{account.currency}: set the run's currency to the account's"
        )
    if existing is None:
        return GRANTED
    # A stop between two attempts of the caller is no other content: the request as opened stands, and is void.
    opened = existing.request
    if opened != request.model_copy(update={"fence": opened.fence, "nonce": opened.nonce}):
        return refused(f"request {request.request_id!r} was opened with other content: take the next number")
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
