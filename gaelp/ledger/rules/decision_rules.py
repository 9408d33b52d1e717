"""When a submitted decision counts: it is well formed, signed by a standing approver, in time, and where the owner
wants two people, by another one than has signed the run's start.

A decision arrives as untyped JSON from a signal, so everything about it may be wrong: each way of being wrong is a
refusal with its sentence and never an exception. Touch this to change when a signature counts.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from gaelp.domain.ad_accounts import Account, AccountKind, Approver
from gaelp.domain.spending.approval_requests import ApprovalDecision, ApprovalRequest, SignedDecision, most_in_all
from gaelp.domain.spending.signed_starts import SignedStart, Starter
from gaelp.ledger import passkeys, signatures
from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused
from gaelp.ledger.stored_records import StoredRequest
from gaelp.money import exact_money

_KEY_ID = re.compile(r"[0-9a-f]{16}\Z")
_NAMED = 3  # requests in a refusal
_MOST_PAYLOAD = 4000  # characters of a refused payload that are kept
_FIELDS = f"an object with {', '.join(SignedDecision.model_fields)} is needed"


def read_decision(payload: Any) -> SignedDecision | Ruling:
    """The signed decision in an untyped payload, or a refusal that says what is malformed."""
    if not isinstance(payload, dict):
        return refused(f"malformed: the decision is a JSON {_kind(payload)}, and {_FIELDS}")
    try:
        signed = SignedDecision.model_validate(payload, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(ascii(part)[:60] for part in first["loc"]) or "the object"  # may hold half a surrogate pair
        return refused(f"malformed: {place}: {first['msg']}; {_FIELDS}")
    except RecursionError:
        return refused(f"malformed: nested too deeply; {_FIELDS}")
    if signed.decision not in set(ApprovalDecision):
        return refused(f"malformed: decision is {signed.decision[:40]!r}, and must be {' or '.join(ApprovalDecision)}")
    if not _KEY_ID.match(signed.key_id):
        return refused("malformed: key_id is not 16 hexadecimal digits in lower case")
    return signed


def judge_signal(signed: SignedDecision, signal: str) -> Ruling:
    """Whether the decision is the one that its signal names; an empty name says that no signal brought it."""
    if signal and signed.decision != signal:
        return refused(f"contradiction: the signal is {signal}, and the decision in it is {signed.decision[:20]!r}")
    return GRANTED


def judge_decision(
    signed: SignedDecision,
    approver: Approver | None,
    stored: StoredRequest,
    account: Account,
    now: datetime,
    *,
    nonce_used: bool,
) -> Ruling:
    """Whether a signed decision counts now. A rejection spends nothing: neither limit nor fence stands against it.

    `approver` is who holds the decision's key on the account, or None.
    """
    for ruling in (
        _judge_signature(signed, approver, stored, account),
        _judge_moment(stored, now, nonce_used=nonce_used),
        GRANTED if signed.decision == ApprovalDecision.REJECT else _judge_power(approver, stored.request, account),
    ):
        if not ruling.granted:
            return ruling
    return GRANTED


def _judge_signature(
    signed: SignedDecision, approver: Approver | None, stored: StoredRequest, account: Account
) -> Ruling:
    asked = stored.request.request_id
    if signed.request_id != asked:
        return refused(f"wrong request: the decision names {signed.request_id[:200]!r}, and {asked} is asked for")
    if approver is None:
        return refused(
            f"unknown key: {signed.key_id} may not approve on account {account.account}; its owner adds approvers"
        )
    if signed.request_digest != stored.digest:
        return refused(
            "the request's digest differs: what was signed is not what is asked for now; show it again and sign that"
        )
    if not _is_signed_by(approver, signed):
        return refused(f"bad signature: it was not made with key {approver.key_id} over this decision and digest")
    if approver.demo and account.kind is not AccountKind.EMULATOR:
        return refused(
            f"demo key: {approver.key_id} counts on an emulator's account only, and {account.account} is real"
        )
    return GRANTED


def _is_signed_by(approver: Approver, signed: SignedDecision) -> bool:
    if approver.credential:
        return passkeys.verify(approver, signed)
    return signatures.verify(approver.public_key, signed)


def _judge_moment(stored: StoredRequest, now: datetime, *, nonce_used: bool) -> Ruling:
    request = stored.request
    if stored.state == "superseded":
        return refused(f"request {request.request_id} was superseded by a newer one: decide on that")
    if stored.state == "withdrawn":
        return refused(f"request {request.request_id} was withdrawn: its run was stopped or has ended")
    if stored.state not in ("open", "void"):  # a void one can still be rejected: that spends nothing
        return refused(f"request {request.request_id} was already decided: it is {stored.state}")
    if now > request.expires_at:
        return refused(
            f"request {request.request_id} expired at {request.expires_at.isoformat()}: silence is a refusal"
        )
    if nonce_used:
        return refused(f"the nonce of request {request.request_id} was used before: it is single use")
    return GRANTED


def _judge_power(approver: Approver | None, request: ApprovalRequest, account: Account) -> Ruling:
    if approver is not None and request.total_cap_micros > approver.limit_micros:
        limit, total = (exact_money(m, account.currency) for m in (approver.limit_micros, request.total_cap_micros))
        return refused(
            f"over the approver's limit: {approver.name} may approve {limit} in all, and {total} is asked for"
        )
    if request.fence != account.fence:
        return refused(
            f"the fence of account {account.account} changed from {request.fence} to {account.fence} since the "
            "request was opened: ask for another"
        )
    return GRANTED


def judge_starter(approver: Approver | None, signed: SignedStart, account: Account, digest: str) -> Ruling:
    """Whether a start is signed by one of the account's people; `approver` is who holds its key there, or None."""
    if approver is None or approver.credential:
        return refused(
            f"unknown key: no key file of id {signed.key_id} is entered on account {account.account}, so it proves "
            "nobody; its owner adds it with `starter.py keys add`"
        )
    if not signatures.verify_start(approver.public_key, signed, digest):
        return refused(f"bad signature: it was not made with key {approver.key_id} over this start in this ledger")
    return GRANTED


def is_alone(approver: Approver, starter: Starter | None) -> bool:
    """Whether an approver is the only person who stands for a run. Keys of one name are one person's.

    `starter` has signed the run's start with just what is asked for, and his key is still entered.
    """
    return starter is None or approver.key_id == starter.key_id or _person(approver.name) == _person(starter.name)


def judge_four_eyes(
    approver: Approver,
    request: ApprovalRequest,
    account: Account,
    starter: Starter | None,
    alone: Sequence[ApprovalRequest],
) -> Ruling:
    """Whether a second person approves what the account's owner wants two for.

    `alone` is what one person alone has approved on the account: with what is asked it counts together, because
    otherwise many small approvals would be one large one.
    """
    above = account.four_eyes_above_micros
    if above is None or most_in_all([*alone, request]) <= above or not is_alone(approver, starter):
        return GRANTED
    asked = f"four eyes: above {exact_money(above, account.currency)} account {account.account} needs two people"
    if alone:
        asked += f" ({_beside(request, alone)})"
    if starter is None:
        return refused(
            f"{asked}, and nobody has signed the start of run {request.run} on this account, with this agent and "
            "configuration and a key that is entered: start a run with --sign-with KEY"
        )
    return refused(f"{asked}, and {starter.name} has started run {request.run}: somebody else must approve it")


def _beside(request: ApprovalRequest, alone: Sequence[ApprovalRequest]) -> str:
    """What one person alone has approved, by name, and what it comes to with the request."""
    names = [each.request_id for each in alone]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    before, together = (exact_money(most_in_all(each), request.currency) for each in (alone, [*alone, request]))
    listed = f"{', '.join(names[:_NAMED])}{more}"
    return f"one person alone has approved {before} there in {listed}, which is {together} with this"


def _person(name: str) -> str:
    """A name without what a person's two keys may be entered with by accident: case, spaces, how an accent is coded."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def shown(payload: Any) -> str:
    """A refused payload as the journal keeps it: JSON, cut where it is long."""
    try:
        return json.dumps(payload, default=repr)[:_MOST_PAYLOAD]
    except (ValueError, RecursionError, TypeError):
        return f"a {_kind(payload)} that is no JSON"


def _kind(payload: Any) -> str:
    names = {list: "array", str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}
    return names.get(type(payload), type(payload).__name__)
