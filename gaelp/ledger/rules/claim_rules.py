"""Who may make a call that can spend, and how its outcome may be recorded. Touch this to change either.

A claim that a retry finds open means that the call may have happened: the caller reads the platform back and resolves
the claim, and never simply calls again.
"""

from __future__ import annotations

from collections.abc import Iterable

from gaelp.domain.ad_accounts import Account
from gaelp.domain.spending.ledger_records import Claim, Claimed, Intent, Violation
from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused
from gaelp.ledger.stored_records import StoredClaim

OUTCOMES = ("done", "failed", "unknown")


def judge_claim(claim: Claim, existing: StoredClaim | None, account: Account) -> Claimed:
    """Whether the call may be made; a claim that was made, or whose outcome is unknown, is not granted again."""
    fence = account.fence
    names = ("account", "run", "campaign", "intent")
    if existing is not None and any(getattr(existing, name) != getattr(claim, name) for name in names):
        return Claimed(granted=False, fence=fence, reason=f"claim {claim.key} is someone else's: use a key of its own")
    if only_reduces_spend(claim):
        return Claimed(granted=True, fence=fence)
    if existing is not None and existing.state == "done":
        return Claimed(granted=False, done=True, fence=fence, detail=existing.detail)
    if existing is not None and existing.state == "open" and not _repeats_create(claim):
        since = existing.at.isoformat()
        reason = f"outcome unknown: {claim.key} is open since {since}; read the platform back and resolve it"
        return Claimed(granted=False, unknown=True, fence=fence, reason=reason, detail=existing.detail)
    if claim.fence is not None and claim.fence != fence:
        reason = (
            f"the fence of account {claim.account} is {fence} and the caller's is {claim.fence}: a stop came between"
        )
        return Claimed(granted=False, fence=fence, reason=reason)
    return Claimed(granted=True, fence=fence)


def judge_enabling(paused: Violation | None) -> Ruling:
    """Whether a campaign may be enabled; `paused` is a pause of it by somebody else that nobody has cleared."""
    if paused is None:
        return GRANTED
    return refused(
        f"campaign {paused.campaign} was paused on the platform at {paused.at.isoformat()}, and not by us: it stays "
        f"paused until a person clears {paused.id!r} with `starter.py resolve`"
    )


def _repeats_create(claim: Claim) -> bool:
    """Whether the call may be made again although an earlier one may have happened: it leaves one campaign of its name.

    The claim stays open until a campaign is read back: what is not found may be there all the same.
    """
    return claim.repeats and claim.intent is Intent.CREATE


def only_reduces_spend(claim: Claim) -> bool:
    """Whether a call can only reduce spend: a pause or an earlier end, granted whatever the fence and the key."""
    return claim.intent is Intent.PAUSE or (claim.intent is Intent.END and claim.shortens)


def state_after(outcome: str) -> str:
    """The state that an outcome leaves a claim in; raises ValueError for one that is none of OUTCOMES."""
    if outcome not in OUTCOMES:
        raise ValueError(f"a claim's outcome is one of {', '.join(OUTCOMES)}, not {outcome!r}")
    return "open" if outcome == "unknown" else outcome


def judge_resolution(existing: StoredClaim, outcome: str) -> Ruling:
    """Whether a claim may be resolved so; what was done stays done, or the call would be allowed twice."""
    state = state_after(outcome)
    if existing.state == "done" and state != "done":
        return refused(f"claim {existing.key!r} was resolved as done and stays done: {outcome} would allow it twice")
    if existing.state == "failed" and state == "open":
        return refused(f"claim {existing.key!r} was resolved as failed: claim it again before calling")
    return GRANTED


def claims_before_stop(claims: Iterable[Claim], fence: int | None) -> tuple[str, ...]:
    """Keys of the claims that a stop waits for: made under a fence below `fence`, or all where it is not known.

    A pause is not waited for: it can only reduce spend.
    """
    return tuple(
        claim.key
        for claim in claims
        if claim.intent is not Intent.PAUSE and (fence is None or (claim.fence or 0) < fence)
    )
