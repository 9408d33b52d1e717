"""What an account's owner may change, and whom he may let approve. Touch this to change what an owner may set."""

from __future__ import annotations

from gaelp.domain.ad_accounts import Account, AccountKind, Approver
from gaelp.ledger import passkeys
from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused

FIXED = ("kind", "platform", "currency", "timezone")
"""What stays as it is from the first approval request on: amounts, days and keys were judged by it."""


def judge_change(existing: Account, account: Account, *, has_requests: bool) -> Ruling:
    """Whether `account` may replace `existing`; `has_requests`: an approval was asked for on it."""
    changed = [name for name in FIXED if getattr(existing, name) != getattr(account, name)]
    words = " and ".join(changed).replace("timezone", "time zone")
    if changed and has_requests:
        return refused(
            f"account {existing.account!r} has approvals in the ledger, so its {words} can no longer "
            "change: enter a new account"
        )
    return GRANTED


def judge_approver(approver: Approver, account: Account, key_id: str) -> Ruling:
    """Whether a person may become an approver; `key_id` is computed from the public key that was given."""
    if key_id != approver.key_id:
        return refused(
            f"the public key of {approver.name!r} does not belong to key id {approver.key_id!r}: "
            "enter both as `starter.py keys` printed them"
        )
    if approver.credential and not passkeys.is_secure(approver.origin):
        return refused(
            f"{approver.origin!r} is no address at which a browser lets a passkey sign: use https://HOST, or "
            "http://localhost with a port"
        )
    if approver.demo and account.kind is not AccountKind.EMULATOR:
        return refused(f"account {approver.account!r} is real and takes no demo key: make one with `keys`")
    return GRANTED
