"""What the platform reports as spent, and what a day cost in the end.

What a report changes, and when it lies above what is booked, is in gaelp/ledger/rules/spend_rules.py. Touch this to
change what is written then.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gaelp.domain.ad_accounts import Account
from gaelp.ledger.ledger_errors import UnknownReservation
from gaelp.ledger.rules import spend_rules
from gaelp.ledger.rules.spend_rules import SpendRuling
from gaelp.ledger.rules.valid_values import amount
from gaelp.ledger.statements import Connection
from gaelp.ledger.stored_records import Posted, Reservation
from gaelp.ledger.stores import account_store, journal, reservation_store, tables, totals_store, violation_store
from gaelp.ledger.stores.journal import Subject

_t = tables.reservations
_OWNER = account_store.owner_of(sa.select(_t.c.account).where(_t.c.key == sa.bindparam("key")))


def post(connection: Connection, key: str, billed: int, served: int, at: datetime) -> Posted:
    """Record what the platform reports as billed and served so far under a reservation."""
    amount(billed, "the billed amount")
    amount(served, "the served amount")
    account, reservation = _locked(connection, key)
    ruling = spend_rules.judge_report(reservation, billed, served, at)
    detail = {"served_micros": served, "final_micros": ruling.after.final_micros}
    _write(connection, "post", ruling, billed, at, **detail)
    return _posted(connection, account, ruling, at)


def settle(connection: Connection, key: str, final: int, at: datetime) -> Posted:
    """Close a reservation at what the day cost in the end; the rest of its worst case is free again."""
    amount(final, "the final amount")
    account, reservation = _locked(connection, key)
    ruling = spend_rules.judge_final(reservation, final, at)
    _write(connection, "settle", ruling, final, at)
    return _posted(connection, account, ruling, at)


def _write(connection: Connection, kind: str, ruling: SpendRuling, micros: int, at: datetime, **detail: Any) -> None:
    after = ruling.after
    if after == ruling.before:
        return
    reservation_store.write(connection, ruling.before, after)
    journal.write(
        connection, kind, at, Subject(after.account, after.run, after.phase, after.campaign, after.key), micros,
        day=after.day.isoformat(), worst_case_micros=after.worst_case_micros, **detail,
    )  # fmt: skip


def _posted(connection: Connection, account: Account, ruling: SpendRuling, at: datetime) -> Posted:
    if ruling.lower:
        violation_store.record(connection, spend_rules.lower_report(ruling, account.currency, at))
    if not ruling.over:
        return Posted(over=False, fence=account.fence)
    violation = spend_rules.violation_of(ruling, account.currency, at)
    fence = account.fence
    if violation_store.record(connection, violation):
        fence = account_store.raise_fence(connection, account.account, violation.evidence, "ledger", at)
    return Posted(over=True, fence=fence, violation=violation.id)


def _locked(connection: Connection, key: str) -> tuple[Account, Reservation]:
    account = connection.first(_OWNER, key=key)  # from now on nobody else can change the reservation
    reservation = reservation_store.read(connection, key)
    if account is None or reservation is None:
        raise UnknownReservation(
            f"nothing was reserved under {key!r}: reserve before spending; if the platform billed it all the same, "
            "stop the account and record a violation"
        )
    return account, reservation


def spent(connection: Connection, run: str, phase: str | None = None) -> int:
    """What a run (or one phase) has spent as far as is known: final amounts, else the larger of billed and served."""
    return totals_store.spent(connection, run, phase)
