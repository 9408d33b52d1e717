"""Ad accounts, their envelopes, fences and approvers, as the account's owner enters them.

A run's configuration never reaches this module. What an owner may change is in gaelp/ledger/rules/account_rules.py.
Touch this to keep another fact about an account.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from gaelp.domain.ad_accounts import Account, Approver, CallQuota
from gaelp.ledger import signatures
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownAccount
from gaelp.ledger.rules import account_rules, call_rules
from gaelp.ledger.rules.ruling import Ruling
from gaelp.ledger.rules.valid_values import amount
from gaelp.ledger.statements import Change, Connection, Query, as_record, given
from gaelp.ledger.stores import journal, tables
from gaelp.ledger.stores.journal import Subject

_a = tables.accounts
_p = tables.approvers
_q = tables.requests

_ACCOUNT = as_record(Account, _a)
_APPROVER = as_record(Approver, _p)
_IS_ACCOUNT = _a.c.account == sa.bindparam("account")
_IS_APPROVER = sa.and_(_p.c.account == sa.bindparam("account"), _p.c.key_id == sa.bindparam("key_id"))


def _as_it_is(instant: datetime) -> datetime:
    return instant


_ONE = Query(sa.select(_a).where(_IS_ACCOUNT), _ACCOUNT)
_LOCKED = Query(sa.select(_a).where(_IS_ACCOUNT).with_for_update(), _ACCOUNT)
_ALL = Query(sa.select(_a).order_by(_a.c.account), _ACCOUNT)
_ENTER = Change(_a.insert())
_REPLACE = Change(_a.update().where(_IS_ACCOUNT).values(given(c.name for c in _a.c if not c.primary_key)))
_SET_FENCE = Change(_a.update().where(_IS_ACCOUNT).values(fence=sa.bindparam("fence")))
_OF_ACCOUNT = _q.c.account == sa.bindparam("account")
_STILL_OPEN = sa.and_(_OF_ACCOUNT, sa.text(tables.UNDECIDED), _q.c.state == "open")
_A_REQUEST = Query(sa.select(_q.c.request_id).where(_OF_ACCOUNT).limit(1), str)
_OPEN_REQUESTS = Query(sa.select(_q.c.request_id).where(_STILL_OPEN), str)
_VOID_REQUESTS = Change(_q.update().where(_STILL_OPEN).values(state="void"))
_c = tables.platform_calls
_NO_CALLS = Change(_c.insert())
_CALLS = Query(sa.select(_c.c.booked_until).where(_c.c.account == sa.bindparam("account")).with_for_update(), _as_it_is)
_BOOK_CALLS = Change(
    _c.update().where(_c.c.account == sa.bindparam("account")).values(booked_until=sa.bindparam("booked_until"))
)
_ENTER_APPROVER = Change(_p.insert())
_REPLACE_APPROVER = Change(_p.update().where(_IS_APPROVER).values(given(c.name for c in _p.c if not c.primary_key)))
_REMOVE_APPROVER = Change(_p.delete().where(_IS_APPROVER))
_ONE_APPROVER = Query(sa.select(_p).where(_IS_APPROVER), _APPROVER)
_APPROVERS = Query(
    sa.select(_p).where(_p.c.account == sa.bindparam("account")).order_by(_p.c.name, _p.c.key_id), _APPROVER
)


def lock(connection: Connection, name: str) -> Account:
    """Read an account and hold its row until the transaction ends; raises UnknownAccount."""
    return _known(connection, _LOCKED, name)


def read(connection: Connection, name: str) -> Account:
    """Read an account; raises UnknownAccount."""
    return _known(connection, _ONE, name)


def owner_of(account: sa.Select[tuple[str]]) -> Query[Account]:
    """Reads the account that another row names, and holds its row until the transaction ends."""
    return Query(sa.select(_a).where(_a.c.account == account.scalar_subquery()).with_for_update(), _ACCOUNT)


def _known(connection: Connection, query: Query[Account], name: str) -> Account:
    account = connection.first(query, account=name)
    if account is None:
        raise UnknownAccount(f"account {name!r} is not in the ledger: its owner enters it with `starter.py accounts`")
    return account


def read_all(connection: Connection) -> tuple[Account, ...]:
    """Every account, by name."""
    return tuple(connection.all(_ALL))


def put(connection: Connection, account: Account, by: str, at: datetime) -> None:
    """Enter an account or change its envelope. A fence never falls; what money was booked in never changes."""
    amount(account.daily_cap_micros, "the account's daily cap")
    amount(account.total_cap_micros, "the account's total cap")
    values = account.model_dump(mode="json")
    existing = connection.first(_LOCKED, account=account.account)
    if existing is None:
        connection.change(_ENTER, **values)
        connection.change(_NO_CALLS, account=account.account, booked_until=at)
    else:
        values["fence"] = max(existing.fence, account.fence)
        if values == existing.model_dump(mode="json"):
            return
        has_requests = connection.first(_A_REQUEST, account=account.account) is not None
        _require(account_rules.judge_change(existing, account, has_requests=has_requests))
        connection.change(_REPLACE, **values)
    journal.write(connection, "account", at, Subject(account.account), by=by, values=values)


def _require(ruling: Ruling) -> None:
    if not ruling.granted:
        raise LedgerConflict(ruling.reason)


def raise_fence(connection: Connection, name: str, reason: str, by: str, at: datetime) -> int:
    """Add one to the account's fence: approvals and claims under the old one are void, and so are open requests.

    Returns the new fence.
    """
    fence = lock(connection, name).fence + 1
    connection.change(_SET_FENCE, account=name, fence=fence)
    voided = sorted(connection.all(_OPEN_REQUESTS, account=name))
    connection.change(_VOID_REQUESTS, account=name)
    journal.write(connection, "fence", at, Subject(name), fence=fence, reason=reason, by=by, voided=voided)
    return fence


def ask_for_calls(connection: Connection, account: str, quota: CallQuota, now: datetime) -> timedelta:
    """Book the calls of one activity where there is room for them; otherwise how long it must wait, and nothing."""
    before = connection.one(_CALLS, account=account)
    if wait := call_rules.wait_for_calls(before, quota, now):
        return wait
    count_calls(connection, account, quota, call_rules.MOST_CALLS, now)
    return timedelta(0)


def count_calls(connection: Connection, account: str, quota: CallQuota, calls: int, now: datetime) -> None:
    """Book calls that were made without asking, or give back so many, a negative number, that were not made."""
    before = connection.one(_CALLS, account=account)
    after = call_rules.booked_until(before, quota, calls, now)
    connection.change(_BOOK_CALLS, account=account, booked_until=after)


def put_approver(connection: Connection, approver: Approver, by: str, at: datetime) -> None:
    """Enter a named person; raises LedgerConflict for a demo key on a real account or a key that is not its id's."""
    account = lock(connection, approver.account)
    amount(approver.limit_micros, "the approver's limit")
    _require(account_rules.judge_approver(approver, account, signatures.key_id_of_approver(approver)))
    existing = approver_of(connection, approver.account, approver.key_id)
    if existing == approver:
        return
    connection.change(_ENTER_APPROVER if existing is None else _REPLACE_APPROVER, **approver.model_dump())
    journal.write(
        connection, "approver", at, Subject(approver.account, key=approver.key_id), approver.limit_micros,
        name=approver.name, demo=approver.demo, by=by,
    )  # fmt: skip


def remove_approver(connection: Connection, account: str, key_id: str, by: str, at: datetime) -> bool:
    """Take the right to approve from a key; False where it had none. Approvals it gave stand: stop to void them."""
    lock(connection, account)
    if connection.change(_REMOVE_APPROVER, account=account, key_id=key_id) == 0:
        return False
    journal.write(connection, "approver-removed", at, Subject(account, key=key_id), by=by)
    return True


def approver_of(connection: Connection, account: str, key_id: str) -> Approver | None:
    """The approver of that key on that account."""
    return connection.first(_ONE_APPROVER, account=account, key_id=key_id)


def approvers(connection: Connection, account: str) -> tuple[Approver, ...]:
    """Everyone who may approve on an account, by name."""
    read(connection, account)
    return tuple(connection.all(_APPROVERS, account=account))
