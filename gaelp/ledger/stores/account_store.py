"""Ad accounts, their envelopes, fences and approvers, as the account's owner enters them.

A run's configuration never reaches this module. What an owner may change is in gaelp/ledger/rules/account_rules.py.
Touch this to keep another fact about an account.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gaelp.domain.ad_accounts import Account, Approver
from gaelp.ledger import signatures
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownAccount
from gaelp.ledger.rules import account_rules
from gaelp.ledger.rules.ruling import Ruling
from gaelp.ledger.rules.valid_values import amount
from gaelp.ledger.stores import journal, tables
from gaelp.ledger.stores.journal import Subject

_a = tables.accounts
_p = tables.approvers
_q = tables.requests


def lock(connection: Connection, name: str) -> Account:
    """Read an account and hold its row until the transaction ends; raises UnknownAccount."""
    return _read(connection, name, lock_row=True)


def read(connection: Connection, name: str) -> Account:
    """Read an account; raises UnknownAccount."""
    return _read(connection, name, lock_row=False)


def _read(connection: Connection, name: str, *, lock_row: bool) -> Account:
    query = sa.select(_a).where(_a.c.account == name)
    row = connection.execute(query.with_for_update() if lock_row else query).mappings().first()
    if row is None:
        raise UnknownAccount(f"account {name!r} is not in the ledger: its owner enters it with `starter.py accounts`")
    return Account.model_validate(dict(row))


def read_all(connection: Connection) -> tuple[Account, ...]:
    """Every account, by name."""
    rows = connection.execute(sa.select(_a).order_by(_a.c.account)).mappings()
    return tuple(Account.model_validate(dict(row)) for row in rows)


def put(connection: Connection, account: Account, by: str, at: datetime) -> None:
    """Enter an account or change its envelope. A fence never falls; what money was booked in never changes."""
    amount(account.daily_cap_micros, "the account's daily cap")
    amount(account.total_cap_micros, "the account's total cap")
    values = account.model_dump(mode="json")
    try:
        existing = lock(connection, account.account)
    except UnknownAccount:
        connection.execute(_a.insert().values(values))
    else:
        values["fence"] = max(existing.fence, account.fence)
        if values == existing.model_dump(mode="json"):
            return
        _require(account_rules.judge_change(existing, account, has_requests=_has_requests(connection, account.account)))
        connection.execute(_a.update().where(_a.c.account == account.account).values(values))
    journal.write(connection, "account", at, Subject(account.account), by=by, values=values)


def _has_requests(connection: Connection, name: str) -> bool:
    query = sa.select(_q.c.request_id).where(_q.c.account == name).limit(1)
    return connection.execute(query).first() is not None


def _require(ruling: Ruling) -> None:
    if not ruling.granted:
        raise LedgerConflict(ruling.reason)


def raise_fence(connection: Connection, name: str, reason: str, by: str, at: datetime) -> int:
    """Add one to the account's fence: approvals and claims under the old one are void, and so are open requests.

    Returns the new fence.
    """
    fence = lock(connection, name).fence + 1
    connection.execute(_a.update().where(_a.c.account == name).values(fence=fence))
    still_open = sa.and_(_q.c.account == name, _q.c.state == "open")
    voided = connection.execute(sa.select(_q.c.request_id).where(still_open).order_by(_q.c.request_id)).scalars().all()
    connection.execute(_q.update().where(still_open).values(state="void"))
    journal.write(connection, "fence", at, Subject(name), fence=fence, reason=reason, by=by, voided=list(voided))
    return fence


def put_approver(connection: Connection, approver: Approver, by: str, at: datetime) -> None:
    """Enter a named person; raises LedgerConflict for a demo key on a real account or a key that is not its id's."""
    account = lock(connection, approver.account)
    amount(approver.limit_micros, "the approver's limit")
    _require(account_rules.judge_approver(approver, account, signatures.key_id_of(approver.public_key)))
    values = approver.model_dump()
    existing = approver_of(connection, approver.account, approver.key_id)
    if existing == approver:
        return
    if existing is None:
        connection.execute(_p.insert().values(values))
    else:
        connection.execute(_p.update().where(_is(approver.account, approver.key_id)).values(values))
    journal.write(
        connection, "approver", at, Subject(approver.account, key=approver.key_id), approver.limit_micros,
        name=approver.name, demo=approver.demo, by=by,
    )  # fmt: skip


def remove_approver(connection: Connection, account: str, key_id: str, by: str, at: datetime) -> bool:
    """Take the right to approve from a key; False where it had none. Approvals it gave stand: stop to void them."""
    lock(connection, account)
    if connection.execute(_p.delete().where(_is(account, key_id))).rowcount == 0:
        return False
    journal.write(connection, "approver-removed", at, Subject(account, key=key_id), by=by)
    return True


def approver_of(connection: Connection, account: str, key_id: str) -> Approver | None:
    """The approver of that key on that account."""
    row = connection.execute(sa.select(_p).where(_is(account, key_id))).mappings().first()
    return None if row is None else Approver.model_validate(dict(row))


def approvers(connection: Connection, account: str) -> tuple[Approver, ...]:
    """Everyone who may approve on an account, by name."""
    read(connection, account)
    rows = connection.execute(sa.select(_p).where(_p.c.account == account).order_by(_p.c.name, _p.c.key_id)).mappings()
    return tuple(Approver.model_validate(dict(row)) for row in rows)


def _is(account: str, key_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(_p.c.account == account, _p.c.key_id == key_id)
