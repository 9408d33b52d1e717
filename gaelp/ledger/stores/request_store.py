"""Approval requests: opened by a spending phase, and kept with what was signed and what became of them.

When one may be opened and when it allows spend is in gaelp/ledger/rules/approval_rules.py. Touch this to keep another
fact about a request.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gaelp.domain.ids import phase_id
from gaelp.domain.spending.approval_card import ApprovalCard
from gaelp.domain.spending.approval_requests import ApprovalRequest, request_digest
from gaelp.ledger.ledger_errors import FenceRaised, LedgerConflict, RunStopped, UnknownRequest, UnregisteredRun
from gaelp.ledger.rules.approval_rules import judge_opening
from gaelp.ledger.rules.run_rules import judge_run
from gaelp.ledger.rules.valid_values import amount, aware
from gaelp.ledger.statements import Change, Connection, Query, given
from gaelp.ledger.stored_records import StoredRequest
from gaelp.ledger.stores import account_store, journal, run_store, tables
from gaelp.ledger.stores.journal import Subject

_r = tables.requests
_UNDECIDED = sa.text(tables.UNDECIDED)  # its phase waits for a person


def _record(body: str, digest: str, state: str, text: str) -> StoredRequest:
    return StoredRequest(ApprovalRequest.model_validate_json(body), digest, state, text)  # exactly as it was signed


_STORED = sa.select(_r.c.body, _r.c.digest, _r.c.state, _r.c.exposure_text)
_IS = _r.c.request_id == sa.bindparam("request_id")
_OF_PHASE = sa.and_(*(_r.c[name] == sa.bindparam(f"of_{name}") for name in ("account", "run", "phase")))

_ONE = Query(_STORED.where(_IS), _record)
_UNDECIDED_OF_RUN = Query(
    _STORED.where(_r.c.run == sa.bindparam("run"), _UNDECIDED).order_by(_r.c.opened_at, _r.c.request_id), _record
)
_APPROVED_OF_RUN = Query(
    _STORED.where(_r.c.run == sa.bindparam("run"), sa.text("state = 'approved'")).order_by(_r.c.opened_at), _record
)
_WAITING_PHASES = Query(
    sa.select(_r.c.run, _r.c.phase).where(_r.c.account == sa.bindparam("account"), _UNDECIDED).distinct(), phase_id
)
_SUPERSEDE = Change(_r.update().where(_OF_PHASE, _UNDECIDED).values(state="superseded"))
_CLOSED_WITH_RUN = sa.text("state IN ('open', 'void', 'approved')")
_OF_ENDED_RUN = Query(
    _STORED.where(_r.c.run == sa.bindparam("run"), _CLOSED_WITH_RUN).order_by(_r.c.opened_at, _r.c.request_id), _record
)
_STANDING = Query(_STORED.where(_CLOSED_WITH_RUN).order_by(_r.c.opened_at, _r.c.request_id), _record)
_WITHDRAW = Change(_r.update().where(_IS, _CLOSED_WITH_RUN).values(state="withdrawn"))
_UNANSWERED = {"state": "open", "approver": "", "decided_at": None, "approved_alone": False}
_INSERT = Change(_r.insert().values(given(_r.c.keys(), **_UNANSWERED)))
_CLOSE = Change(_r.update().where(_IS).values(given(("state", "approver", "decided_at", "approved_alone"))))
_ALONE = Query(
    _STORED.where(
        _r.c.account == sa.bindparam("account"),
        sa.text(tables.ALONE),
        sa.or_(_r.c.state == "approved", _r.c.decided_at > sa.bindparam("since")),
    ).order_by(_r.c.decided_at, _r.c.request_id),
    _record,
)
ALONE_FOR = timedelta(days=1)
"""How long an approval by one person alone counts after its run has ended: nobody approves by turns what needs two."""


def open_request(connection: Connection, request: ApprovalRequest, text: str, at: datetime) -> ApprovalCard:
    """Open a request; the same again is harmless. What the same run and phase asked before is superseded.

    Raises UnregisteredRun, RunStopped, and FenceRaised where a stop came between the request's making and its opening.
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
    run = run_store.read(connection, request.run)
    if run is None:
        raise UnregisteredRun(
            f"request {request.request_id!r} is asked for run {request.run!r}, and no run of that name was ever "
            "started: `starter.py start` registers one"
        )
    going_on = judge_run(run)
    if not going_on.granted:
        raise RunStopped(going_on.reason)
    if run.ended_at is not None:
        raise RunStopped(f"run {run.run} ended at {run.ended_at:%Y-%m-%d %H:%M} UTC: start another")
    if request.fence < account.fence:
        raise FenceRaised(f"a stop of account {account.account} came before {request.request_id} was open: ask again")
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


def read_undecided(connection: Connection, run: str) -> tuple[StoredRequest, ...]:
    """Requests of a run that are open or void, oldest first."""
    return tuple(connection.all(_UNDECIDED_OF_RUN, run=run))


def read_approved(connection: Connection, run: str) -> tuple[ApprovalRequest, ...]:
    """What stands approved of a run, oldest first."""
    return tuple(stored.request for stored in connection.all(_APPROVED_OF_RUN, run=run))


def approved_alone(connection: Connection, account: str, now: datetime) -> tuple[ApprovalRequest, ...]:
    """What one person alone has approved on an account, oldest first: what stands, and the last ALONE_FOR's."""
    return tuple(stored.request for stored in connection.all(_ALONE, account=account, since=now - ALONE_FOR))


def read_standing(connection: Connection) -> tuple[StoredRequest, ...]:
    """What is asked or approved of any run that has not ended, oldest first."""
    return tuple(connection.all(_STANDING))


def waiting_phases(connection: Connection, account: str) -> tuple[str, ...]:
    """Workflow ids of the phases on an account that wait for a decision, also of those whose request is void."""
    return tuple(sorted(connection.all(_WAITING_PHASES, account=account)))


def accounts_of(connection: Connection, run: str) -> tuple[str, ...]:
    """The accounts on which a run asks or was approved, in the order in which every transaction locks them."""
    return tuple(sorted({stored.request.account for stored in connection.all(_OF_ENDED_RUN, run=run)}))


def withdraw(connection: Connection, run: str, at: datetime) -> None:
    """Close what a run asks and what it was approved, for good: it was stopped, or has ended.

    A campaign that somebody starts by hand under one of its approvals spends nothing any more.
    """
    for account in accounts_of(connection, run):  # all of them before the journal, and always in this order
        account_store.lock(connection, account)
    for request in (stored.request for stored in connection.all(_OF_ENDED_RUN, run=run)):
        if connection.change(_WITHDRAW, request_id=request.request_id):
            note(connection, "withdraw", request, at)


def close(connection: Connection, request_id: str, approver: str, at: datetime, *, approved: bool, alone: bool) -> None:
    """Write what was decided; `alone`: nobody else stands for the run."""
    state = "approved" if approved else "rejected"
    connection.change(
        _CLOSE, request_id=request_id, state=state, approver=approver, decided_at=at, approved_alone=approved and alone
    )


def card_of(stored: StoredRequest) -> ApprovalCard:
    """The request as a person sees it before signing."""
    return ApprovalCard(request=stored.request, request_digest=stored.digest, text=stored.text)


def note(connection: Connection, kind: str, request: ApprovalRequest, at: datetime, **detail: Any) -> None:
    """Write a journal entry about a request."""
    subject = Subject(request.account, request.run, request.phase, key=request.request_id)
    journal.write(connection, kind, at, subject, request.total_cap_micros, **detail)
