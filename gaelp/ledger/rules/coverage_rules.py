"""Whether a campaign may be enabled at all, by what the ledger holds, and whether a stop came since its approval.

Touch this to change what the reaper pauses, or what voids an approval.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gaelp.domain.ad_accounts import Account
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused
from gaelp.ledger.rules.run_rules import judge_run
from gaelp.ledger.stored_records import RegisteredRun, Reservation, StoredRequest


def judge_enabled(
    days: Iterable[Reservation],
    requests: Mapping[str, StoredRequest | None],
    account: Account,
    run: RegisteredRun | None = None,
) -> Ruling:
    """Whether a campaign with these days may be enabled: one of them is open, under an approval that still stands.

    `run` is the campaign's: where it was stopped, nothing covers its campaigns any more.
    Only states count and never dates: the clock of a campaign is not the clock of whoever asks.
    """
    going_on = judge_run(run)
    if not going_on.granted:  # said first: where no day is open any more, the stop is why
        return going_on
    open_days = [day for day in days if day.state == "open"]
    if not open_days:
        return refused("no day of it is reserved: its reservations are settled or frozen, or there were none")
    if any(_stands(requests.get(day.request_id), account) for day in open_days):
        return GRANTED
    return refused(
        "its days are reserved under an approval that does not stand: a stop came after it, or none was given"
    )


def _stands(stored: StoredRequest | None, account: Account) -> bool:
    return stored is not None and stored.state == "approved" and _judge_fence(stored.request, account).granted


def judge_no_stop(request: ApprovalRequest, account: Account, run: RegisteredRun | None) -> Ruling:
    """Whether no stop of the run or of the account came since a person was asked; one that came voids the request."""
    going_on = judge_run(run)
    return _judge_fence(request, account) if going_on.granted else going_on


def _judge_fence(request: ApprovalRequest, account: Account) -> Ruling:
    if request.fence != account.fence:
        return refused(
            f"the fence of account {account.account} is {account.fence}, and approval {request.request_id} was asked "
            f"for under {request.fence}: a stop came between"
        )
    return GRANTED
