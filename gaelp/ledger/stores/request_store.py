"""Approval requests: opened by a spending phase, and kept with what was signed and what became of them.

When one may be opened and when it allows spend is in gaelp/ledger/rules/approval_rules.py. Touch this to keep another
fact about a request.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gaelp.domain.spending.approval_card import ApprovalCard
from gaelp.domain.spending.approval_requests import ApprovalRequest, request_digest
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownRequest
from gaelp.ledger.rules.approval_rules import judge_opening
from gaelp.ledger.rules.valid_values import amount, aware
from gaelp.ledger.stored_records import StoredRequest
from gaelp.ledger.stores import account_store, journal, tables
from gaelp.ledger.stores.journal import Subject
from gaelp.ledger.stores.statements import Change, Connection, Query, given

_r = tables.requests


def _record(body: str, digest: str, state: str, text: str) -> StoredRequest:
    return StoredRequest(ApprovalRequest.model_validate_json(body), digest, state, text)  # exactly as it was signed


_STORED = sa.select(_r.c.body, _r.c.digest, _r.c.state, _r.c.exposure_text)
_IS = _r.c.request_id == sa.bindparam("request_id")
_OF_PHASE = sa.and_(*(_r.c[name] == sa.bindparam(f"of_{name}") for name in ("account", "run", "phase")))

_ONE = Query(_STORED.where(_IS), _record)
_OPEN = Query(
    _STORED.where(_r.c.run == sa.bindparam("run"), _r.c.state == "open").order_by(_r.c.opened_at, _r.c.request_id),
    _record,
)
_SUPERSEDE = Change(_r.update().where(_OF_PHASE, _r.c.state == "open").values(state="superseded"))
_INSERT = Change(_r.insert().values(given(_r.c.keys(), state="open", approver="", decided_at=None)))
_CLOSE = Change(_r.update().where(_IS).values(given(("state", "approver", "decided_at"))))


def open_request(connection: Connection, request: ApprovalRequest, text: str, at: datetime) -> ApprovalCard:
    """Open a request; the same again is harmless. Open requests of the same run and phase are superseded."""
    aware(request.expires_at)
    amount(request.daily_cap_micros, "the request's daily cap")
    amount(request.total_cap_micros, "the request's total cap")
    account = account_store.lock(connection, request.account)
    existing = read(connection, request.request_id)
    ruling = judge_opening(request, account, existing)
    if not ruling.granted:
        raise LedgerConflict(ruling.reason)
    if existing is not None:
        return card_of(existing)
    digest = request_digest(request)
    connection.change(_SUPERSEDE, of_account=request.account, of_run=request.run, of_phase=request.phase)
    connection.change(
        _INSERT, request_id=request.request_id, account=request.account, run=request.run, phase=request.phase,
        nonce=request.nonce, body=request.model_dump_json(), digest=digest, exposure_text=text, opened_at=at,
    )  # fmt: skip
    note(connection, "request", request, at, digest=digest, purpose=request.purpose)
    return ApprovalCard(request=request, request_digest=digest, text=text)


def read(connection: Connection, request_id: str) -> StoredRequest | None:
    """A request, or None where none of that id was opened."""
    return connection.first(_ONE, request_id=request_id)


def known(connection: Connection, request_id: str) -> StoredRequest:
    """A request; raises UnknownRequest."""
    stored = read(connection, request_id)
    if stored is None:
        raise UnknownRequest(f"no approval request {request_id!r} was opened: see `starter.py status RUN`")
    return stored


def read_open(connection: Connection, run: str) -> tuple[StoredRequest, ...]:
    """Requests of a run that wait for a decision, oldest first."""
    return tuple(connection.all(_OPEN, run=run))


def close(connection: Connection, request_id: str, state: str, approver: str, at: datetime) -> None:
    """Write what was decided: `state` is approved or rejected."""
    connection.change(_CLOSE, request_id=request_id, state=state, approver=approver, decided_at=at)


def card_of(stored: StoredRequest) -> ApprovalCard:
    """The request as a person sees it before signing."""
    return ApprovalCard(request=stored.request, request_digest=stored.digest, text=stored.text)


def note(connection: Connection, kind: str, request: ApprovalRequest, at: datetime, **detail: Any) -> None:
    """Write a journal entry about a request."""
    subject = Subject(request.account, request.run, request.phase, key=request.request_id)
    journal.write(connection, kind, at, subject, request.total_cap_micros, **detail)
