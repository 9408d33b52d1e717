"""Signed decisions on approval requests. Touch this to change when a signature counts.

A decision arrives as untyped JSON from a signal, so everything about it may be wrong: each way of being wrong is a
refusal with its sentence, written to the journal, never an exception.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine import Connection, RowMapping

from gaelp.domain.ad_accounts import Account, AccountKind, Approver
from gaelp.domain.spending.approval_requests import ApprovalDecision, ApprovalOutcome, SignedDecision
from gaelp.ledger import signatures
from gaelp.ledger.stores import account_store, journal, request_store, tables
from gaelp.money import exact_money

_r = tables.requests
_KEY_ID = re.compile(r"[0-9a-f]{16}\Z")
_MOST_PAYLOAD = 4000  # characters of a refused payload that the journal keeps


def decide(
    connection: Connection, request_id: str, submission: str, payload: Any, now: datetime, signal: str = ""
) -> ApprovalOutcome:
    """Judge a submitted decision. The same submission again gets the same outcome; raises nothing on bad input."""
    tables.aware(now)
    row = request_store.row_of(connection, request_id)
    account = account_store.lock(connection, row["account"]) if row is not None else None
    seen = sa.select(tables.submissions.c.outcome).where(tables.submissions.c.submission == submission)
    held = connection.execute(seen).scalar()
    if held is not None:
        return ApprovalOutcome.model_validate_json(held)
    if account is None:
        outcome = _refused(f"no request {request_id!r} was opened")
        journal.write(connection, "refuse", now, key=request_id, reason=outcome.reason, payload=_shown(payload))
    else:
        outcome = _decide(connection, request_store.known(connection, request_id), account, payload, now, signal)
    connection.execute(tables.submissions.insert().values(submission=submission, outcome=outcome.model_dump_json()))
    return outcome


def _decide(
    connection: Connection, row: RowMapping, account: Account, payload: Any, now: datetime, signal: str
) -> ApprovalOutcome:
    request = request_store.request_of(row)
    signed = _parse(payload)
    reason = signed if isinstance(signed, str) else ""
    approver: Approver | None = None
    if isinstance(signed, SignedDecision):
        approver = account_store.approver_of(connection, account.account, signed.key_id)
        reason = _why_refused(connection, row, account, signed, approver, now)
        if signal and signed.decision != signal:
            reason = f"contradiction: the signal is {signal}, and the decision in it is {signed.decision[:20]!r}"
    if reason or approver is None or isinstance(signed, str):
        request_store.note(connection, "refuse", request, now, reason=reason, payload=_shown(payload))
        return _refused(reason)
    new_state = "approved" if signed.decision == "approve" else "rejected"
    connection.execute(tables.nonces.insert().values(nonce=request.nonce, request_id=request.request_id))
    connection.execute(
        _r.update()
        .where(_r.c.request_id == request.request_id)
        .values(state=new_state, approver=approver.name, decided_at=now)
    )
    request_store.note(
        connection, signed.decision, request, now, approver=approver.name, key_id=approver.key_id,
        digest=signed.request_digest, signature=signed.signature, reason=signed.reason[:500],
        daily_cap_micros=request.daily_cap_micros,
    )  # fmt: skip
    return ApprovalOutcome(accepted=True, decision=signed.decision, approver=approver.name, reason=signed.reason[:500])


def _parse(payload: Any) -> SignedDecision | str:
    if not isinstance(payload, dict):
        return f"malformed: the decision is a JSON {_kind(payload)}, and an object with {_fields()} is needed"
    try:
        signed = SignedDecision.model_validate(payload, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(ascii(part)[:60] for part in first["loc"]) or "the object"  # may hold half a surrogate pair
        return f"malformed: {place}: {first['msg']}; an object with {_fields()} is needed"
    except RecursionError:
        return f"malformed: nested too deeply; an object with {_fields()} is needed"
    if signed.decision not in set(ApprovalDecision):
        return f"malformed: decision is {signed.decision[:40]!r}, and must be {' or '.join(ApprovalDecision)}"
    if not _KEY_ID.match(signed.key_id):
        return "malformed: key_id is not 16 hexadecimal digits in lower case"
    return signed


def _why_refused(
    connection: Connection,
    row: RowMapping,
    account: Account,
    signed: SignedDecision,
    approver: Approver | None,
    now: datetime,
) -> str:
    request = request_store.request_of(row)
    if signed.request_id != request.request_id:
        return f"wrong request: the decision names {signed.request_id[:200]!r}, and {request.request_id} is asked for"
    if approver is None:
        return f"unknown key: {signed.key_id} may not approve on account {account.account}; its owner adds approvers"
    if signed.request_digest != row["digest"]:
        return "the request's digest differs: what was signed is not what is asked for now; show it again and sign that"
    if not signatures.verify(approver.public_key, signed):
        return f"bad signature: it was not made with key {approver.key_id} over this decision and digest"
    if approver.demo and account.kind is not AccountKind.EMULATOR:
        return f"demo key: {approver.key_id} counts on an emulator's account only, and {account.account} is real"
    if row["state"] == "superseded":
        return f"request {request.request_id} was superseded by a newer one: decide on that"
    if row["state"] != "open":
        return f"request {request.request_id} was already decided: it is {row['state']}"
    if now > request.expires_at:
        return f"request {request.request_id} expired at {request.expires_at.isoformat()}: silence is a refusal"
    if _consumed(connection, request.nonce):
        return f"the nonce of request {request.request_id} was used before: it is single use"
    if signed.decision == "reject":
        return ""  # a rejection spends nothing: neither limit nor fence stands against it
    if request.total_cap_micros > approver.limit_micros:
        return (
            f"over the approver's limit: {approver.name} may approve "
            f"{exact_money(approver.limit_micros, account.currency)} "
            f"in all, and {exact_money(request.total_cap_micros, account.currency)} is asked for"
        )
    if request.fence != account.fence:
        return (
            f"the fence of account {account.account} changed from {request.fence} to {account.fence} since the "
            "request was opened: ask for another"
        )
    return ""


def _consumed(connection: Connection, nonce: str) -> bool:
    query = sa.select(tables.nonces.c.nonce).where(tables.nonces.c.nonce == nonce)
    return connection.execute(query).first() is not None


def _refused(reason: str) -> ApprovalOutcome:
    return ApprovalOutcome(accepted=False, reason=reason)


def _fields() -> str:
    return ", ".join(SignedDecision.model_fields)


def _kind(payload: Any) -> str:
    names = {list: "array", str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}
    return names.get(type(payload), type(payload).__name__)


def _shown(payload: Any) -> str:
    try:
        return json.dumps(payload, default=repr)[:_MOST_PAYLOAD]
    except (ValueError, RecursionError, TypeError):
        return f"a {_kind(payload)} that is no JSON"
