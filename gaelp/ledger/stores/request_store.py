"""Approval requests: opened by a spending phase, standing only while approved, unexpired and under the fence (X5).

Touch this to change when an approval authorises spend.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from gaelp.domain.ad_accounts import Account
from gaelp.domain.spending.approval_requests import ApprovalCard, ApprovalRequest, request_digest
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownRequest
from gaelp.ledger.stores import account_store, journal, tables

_r = tables.requests


def open_request(connection: Connection, request: ApprovalRequest, text: str, at: datetime) -> ApprovalCard:
    """Open a request; the same again is harmless. Open requests of the same run and phase are superseded."""
    tables.aware(request.expires_at)
    tables.amount(request.daily_cap_micros, "the request's daily cap")
    tables.amount(request.total_cap_micros, "the request's total cap")
    account = account_store.lock(connection, request.account)
    if request.currency != account.currency:
        raise LedgerConflict(
            f"request {request.request_id!r} is in {request.currency} and account {account.account!r} is in "
            f"{account.currency}: set the run's currency to the account's"
        )
    card = ApprovalCard(request=request, request_digest=request_digest(request), text=text)
    held = row_of(connection, request.request_id)
    if held is not None:
        # A stop between two attempts of the caller is no other content: the request as opened stands, and is void.
        if request_of(held) != request.model_copy(update={"fence": request_of(held).fence, "nonce": held["nonce"]}):
            raise LedgerConflict(f"request {request.request_id!r} was opened with other content: take the next number")
        return _card(held)
    same = sa.and_(_r.c.account == request.account, _r.c.run == request.run, _r.c.phase == request.phase)
    connection.execute(_r.update().where(same, _r.c.state == "open").values(state="superseded"))
    connection.execute(
        _r.insert().values(
            request_id=request.request_id, account=request.account, run=request.run, phase=request.phase,
            nonce=request.nonce, body=request.model_dump_json(), digest=card.request_digest, exposure_text=text,
            state="open", approver="", opened_at=at,
        )
    )  # fmt: skip
    note(connection, "request", request, at, digest=card.request_digest, purpose=request.purpose)
    return card


def read(connection: Connection, request_id: str) -> ApprovalCard:
    """A request with the text shown for it; raises UnknownRequest."""
    return _card(known(connection, request_id))


def state(connection: Connection, request_id: str) -> str:
    """open, approved, rejected or superseded; raises UnknownRequest."""
    return str(known(connection, request_id)["state"])


def read_open(connection: Connection, run: str) -> tuple[ApprovalCard, ...]:
    """Requests of a run that wait for a decision, oldest first."""
    query = sa.select(_r).where(_r.c.run == run, _r.c.state == "open").order_by(_r.c.opened_at, _r.c.request_id)
    return tuple(_card(row) for row in connection.execute(query).mappings())


def approved(connection: Connection, request_id: str, now: datetime) -> ApprovalRequest | None:
    """The request if it was approved, has not expired and no stop has voided it; None otherwise."""
    row = row_of(connection, request_id)
    if row is None:
        return None
    account = account_store.read(connection, row["account"])
    return None if why_not(row, account, now) else request_of(row)


def why_not(row: RowMapping, account: Account, now: datetime) -> str:
    """Why a request does not authorise spend now, or nothing where it does."""
    request = request_of(row)
    if row["state"] != "approved":
        return f"request {request.request_id} is {row['state']}, not approved"
    if tables.aware(now) > request.expires_at:
        return f"approval {request.request_id} expired at {request.expires_at.isoformat()}: ask for another"
    if account.fence > request.fence:
        return (
            f"approval {request.request_id} was given under fence {request.fence}, and a stop has raised the fence of "
            f"account {account.account} to {account.fence}: ask for another"
        )
    return ""


def request_row(connection: Connection, request_id: str) -> tuple[RowMapping, ApprovalRequest] | None:
    """A request as stored, for the checks of a reservation."""
    row = row_of(connection, request_id)
    return None if row is None else (row, request_of(row))


def row_of(connection: Connection, request_id: str) -> RowMapping | None:
    """A request as stored, or None."""
    return connection.execute(sa.select(_r).where(_r.c.request_id == request_id)).mappings().first()


def known(connection: Connection, request_id: str) -> RowMapping:
    """A request as stored; raises UnknownRequest."""
    row = row_of(connection, request_id)
    if row is None:
        raise UnknownRequest(f"no approval request {request_id!r} was opened: see `starter.py status RUN`")
    return row


def request_of(row: RowMapping) -> ApprovalRequest:
    """What was asked, exactly as it was signed."""
    return ApprovalRequest.model_validate_json(row["body"])


def _card(row: RowMapping) -> ApprovalCard:
    return ApprovalCard(request=request_of(row), request_digest=row["digest"], text=row["exposure_text"])


def note(connection: Connection, kind: str, request: ApprovalRequest, at: datetime, **detail: Any) -> None:
    """Write a journal entry about a request."""
    journal.write(
        connection, kind, at, account=request.account, run=request.run, phase=request.phase,
        key=request.request_id, amount_micros=request.total_cap_micros, **detail,
    )  # fmt: skip
