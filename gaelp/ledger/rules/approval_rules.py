"""When an approval request may be opened, what evidence it names and rests on, and when an approval allows spend.

Touch this to change one of these.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gaelp.domain.ad_accounts import Account
from gaelp.domain.gates.demotion import lost_in_words
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import PHASE_ORDER
from gaelp.domain.spending.approval_requests import ApprovalRequest, Evidence, RequestApproval
from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused
from gaelp.ledger.rules.valid_values import aware
from gaelp.ledger.stored_records import JudgedState, KeptVerdict, StoredRequest


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


def judge_passes(asked: ApprovalRequest | RequestApproval, judged: Iterable[JudgedState], *, others: bool) -> Ruling:
    """Whether the passes that the asking phase rests on still count; what rests on a lost one opens no money.

    `judged` is what gates have said of the very state of the very agent that is asked for. An earlier phase that the
    asking run itself has judged rests on that verdict. `others`: the run has skipped phases that other runs had passed,
    and rests on any pass of those.
    """
    known = tuple(judged)
    for phase in PHASE_ORDER[: PHASE_ORDER.index(asked.phase)]:
        of_phase = [each for each in known if each.phase is phase]
        own = [each for each in of_phase if each.run == asked.run]
        passes = own or [each for each in of_phase if others and each.verdict is Verdict.PASS]
        if passes and all(each.lost_to for each in passes):
            return refused(
                f"{asked.run}/{asked.phase} may spend nothing anew: {lost_in_words(phase, passes[0].lost_to)}"
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
