"""Approval requests: opened by a spending phase, and kept with what was signed and what became of them.

When one may be opened and when it allows spend is in gaelp/ledger/rules/approval_rules.py. Touch this to keep another
fact about a request.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from gaelp.domain.ids import phase_id
from gaelp.domain.spending.approval_card import ApprovalCard
from gaelp.domain.spending.approval_requests import ApprovalRequest, request_digest
from gaelp.ledger.ledger_errors import FenceRaised, LedgerConflict, RunStopped, UnknownRequest
from gaelp.ledger.rules.approval_rules import judge_opening
from gaelp.ledger.rules.run_rules import judge_run
from gaelp.ledger.rules.valid_values import amount, aware
from gaelp.ledger.stored_records import StoredRequest
from gaelp.ledger.stores import account_store, journal, run_store, tables
from gaelp.ledger.stores.journal import Subject

_r = tables.requests
UNDECIDED = ("open", "void")  # states in which a phase waits for a person


def open_request(connection: Connection, request: ApprovalRequest, text: str, at: datetime) -> ApprovalCard:
    """Open a request; the same again is harmless. What the same run and phase asked before is superseded.

    Raises RunStopped, and FenceRaised where a stop came between the request's making and its opening.
    """
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
    going_on = judge_run(run_store.read(connection, request.run))
    if not going_on.granted:
        raise RunStopped(going_on.reason)
    if request.fence < account.fence:
        raise FenceRaised(f"a stop of account {account.account} came before {request.request_id} was open: ask again")
    digest = request_digest(request)
    same = sa.and_(_r.c.account == request.account, _r.c.run == request.run, _r.c.phase == request.phase)
    connection.execute(_r.update().where(same, _r.c.state.in_(UNDECIDED)).values(state="superseded"))
    connection.execute(
        _r.insert().values(
            request_id=request.request_id, account=request.account, run=request.run, phase=request.phase,
            nonce=request.nonce, body=request.model_dump_json(), digest=digest, exposure_text=text,
            state="open", approver="", opened_at=at,
        )
    )  # fmt: skip
    note(connection, "request", request, at, digest=digest, purpose=request.purpose)
    return ApprovalCard(request=request, request_digest=digest, text=text)


def read(connection: Connection, request_id: str) -> StoredRequest | None:
    """A request, or None where none of that id was opened."""
    row = connection.execute(sa.select(_r).where(_r.c.request_id == request_id)).mappings().first()
    return None if row is None else _record(row)


def known(connection: Connection, request_id: str) -> StoredRequest:
    """A request; raises UnknownRequest."""
    stored = read(connection, request_id)
    if stored is None:
        raise UnknownRequest(f"no approval request {request_id!r} was opened: see `starter.py status RUN`")
    return stored


def read_undecided(connection: Connection, run: str) -> tuple[StoredRequest, ...]:
    """Requests of a run that are open or void, oldest first."""
    query = sa.select(_r).where(_r.c.run == run, _r.c.state.in_(UNDECIDED)).order_by(_r.c.opened_at, _r.c.request_id)
    return tuple(_record(row) for row in connection.execute(query).mappings())


def waiting_phases(connection: Connection, account: str) -> tuple[str, ...]:
    """Workflow ids of the phases on an account that wait for a decision, also of those whose request is void."""
    query = sa.select(_r.c.run, _r.c.phase).where(_r.c.account == account, _r.c.state.in_(UNDECIDED)).distinct()
    return tuple(sorted(phase_id(row.run, row.phase) for row in connection.execute(query)))


def withdraw(connection: Connection, run: str, at: datetime) -> None:
    """Close what a run asks, for good: it was stopped, or has ended."""
    for request in (stored.request for stored in read_undecided(connection, run)):
        account_store.lock(connection, request.account)
        undecided = sa.and_(_r.c.request_id == request.request_id, _r.c.state.in_(UNDECIDED))
        if connection.execute(_r.update().where(undecided).values(state="withdrawn")).rowcount:
            note(connection, "withdraw", request, at)


def close(connection: Connection, request_id: str, state: str, approver: str, at: datetime) -> None:
    """Write what was decided: `state` is approved or rejected."""
    values = {"state": state, "approver": approver, "decided_at": at}
    connection.execute(_r.update().where(_r.c.request_id == request_id).values(**values))


def card_of(stored: StoredRequest) -> ApprovalCard:
    """The request as a person sees it before signing."""
    return ApprovalCard(request=stored.request, request_digest=stored.digest, text=stored.text)


def note(connection: Connection, kind: str, request: ApprovalRequest, at: datetime, **detail: Any) -> None:
    """Write a journal entry about a request."""
    subject = Subject(request.account, request.run, request.phase, key=request.request_id)
    journal.write(connection, kind, at, subject, request.total_cap_micros, **detail)


def _record(row: RowMapping) -> StoredRequest:
    request = ApprovalRequest.model_validate_json(row["body"])  # exactly as it was signed
    return StoredRequest(request, digest=row["digest"], state=row["state"], text=row["exposure_text"])
