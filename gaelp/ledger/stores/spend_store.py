"""What the platform reports as spent, and what a day cost in the end. Touch this to change what trips the stop.

Amounts are absolute, so that a repeated report changes nothing; an older report never replaces a newer one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import Violation
from gaelp.ledger.ledger_errors import UnknownReservation
from gaelp.ledger.stores import account_store, journal, reservation_store, tables, violation_store
from gaelp.money import exact_money

_t = tables.reservations


@dataclass(frozen=True)
class Posted:
    """What a report of spend led to. `over`: it lies above what is booked, and the account's fence was raised."""

    over: bool
    fence: int
    violation: str = ""  # its id


@dataclass(frozen=True)
class Reservation:
    """A reservation as it stands; amounts in micros. `counted_micros` is what every cap counts for it."""

    key: str
    account: str
    run: str
    phase: Phase
    campaign: str
    day: date
    request_id: str
    state: str  # open, frozen, settled
    worst_case_micros: int
    billed_micros: int
    served_micros: int
    final_micros: int | None
    counted_micros: int


def post(connection: Connection, key: str, billed: int, served: int, at: datetime) -> Posted:
    """Record what the platform says was billed and served so far under a reservation."""
    tables.amount(billed, "the billed amount")
    tables.amount(served, "the served amount")
    row = _locked(connection, key)
    settled = row["final_micros"] is not None
    spent = billed if settled else max(billed, served)  # what is served counts until the platform is final
    late = row["posted_at"] is not None and tables.aware(at) < row["posted_at"]
    if not late:
        final = max(row["final_micros"], billed) if settled else None
        counted = final if final is not None else max(row["worst_case_micros"], spent)
        values = {"billed_micros": billed, "served_micros": served, "final_micros": final, "counted_micros": counted}
        _change(connection, "post", row, values, at, billed, served_micros=served, final_micros=final)
    return _judge(connection, row, spent, _booked(row), at)


def settle(connection: Connection, key: str, final: int, at: datetime) -> Posted:
    """Close a reservation at what the day cost in the end; the rest of its worst case is free again."""
    tables.amount(final, "the final amount")
    row = _locked(connection, key)
    late = row["posted_at"] is not None and tables.aware(at) < row["posted_at"]
    if not (late and row["state"] == "settled"):
        values = {"state": "settled", "final_micros": final, "counted_micros": final}
        _change(connection, "settle", row, values, at, final)
    return _judge(connection, row, final, _booked(row), at)


def _change(
    connection: Connection, kind: str, row: RowMapping, values: dict[str, Any], at: datetime, micros: int, **detail: Any
) -> None:
    if all(row[name] == value for name, value in values.items()):
        return
    connection.execute(_t.update().where(_t.c.key == row["key"]).values(posted_at=at, **values))
    journal.write(
        connection, kind, at, account=row["account"], run=row["run"], phase=row["phase"], campaign=row["campaign"],
        key=row["key"], amount_micros=micros, day=row["day"].isoformat(),
        worst_case_micros=row["worst_case_micros"], **detail,
    )  # fmt: skip


def _booked(row: RowMapping) -> int:
    """A settled day has given the rest of its worst case back: what is billed beyond it is booked nowhere."""
    return int(row["worst_case_micros"] if row["final_micros"] is None else row["final_micros"])


def _judge(connection: Connection, row: RowMapping, spent: int, booked: int, at: datetime) -> Posted:
    account = account_store.read(connection, row["account"])
    if spent <= booked:
        return Posted(over=False, fence=account.fence)
    told = exact_money(spent, account.currency)
    held = f"{exact_money(booked, account.currency)} was {'settled' if row['state'] == 'settled' else 'reserved'}"
    violation = Violation(
        id=f"{row['key']}/over-reservation-{spent}",  # a higher amount is another breach, the same amount is not
        account=row["account"],
        run=row["run"],
        phase=row["phase"],
        campaign=row["campaign"],
        kind="over-reservation",
        severity="critical",
        evidence=f"the platform reports {told} for {row['day'].isoformat()}, and {held}",
        at=at,
    )
    fence = account.fence
    if violation_store.record(connection, violation):
        fence = account_store.raise_fence(connection, row["account"], violation.evidence, "ledger", at)
    return Posted(over=True, fence=fence, violation=violation.id)


def _locked(connection: Connection, key: str) -> RowMapping:
    row = reservation_store.read(connection, key)
    if row is not None:
        account_store.lock(connection, row["account"])
        row = reservation_store.read(connection, key)  # as it is now that we hold the lock
    if row is None:
        raise UnknownReservation(
            f"nothing was reserved under {key!r}: reserve before spending; if the platform billed it all the same, "
            "stop the account and record a violation"
        )
    return row


def spent(connection: Connection, run: str, phase: str | None = None) -> int:
    """What a run (or one phase) has spent as far as is known: final amounts, else the larger of billed and served."""
    so_far = sa.case((_t.c.billed_micros > _t.c.served_micros, _t.c.billed_micros), else_=_t.c.served_micros)
    total = sa.func.sum(sa.func.coalesce(_t.c.final_micros, so_far))
    query = sa.select(total).where(_t.c.run == run)
    if phase is not None:
        query = query.where(_t.c.phase == phase)
    return int(connection.execute(query).scalar() or 0)


def listed(connection: Connection, account: str | None, run: str | None) -> tuple[Reservation, ...]:
    """Reservations of an account, a run, or both, by day and key."""
    query = sa.select(_t).order_by(_t.c.day, _t.c.key)
    if account is not None:
        query = query.where(_t.c.account == account)
    if run is not None:
        query = query.where(_t.c.run == run)
    return tuple(_reservation(row) for row in connection.execute(query).mappings())


def _reservation(row: RowMapping) -> Reservation:
    values = {name: row[name] for name in Reservation.__dataclass_fields__}
    return Reservation(**{**values, "phase": Phase(row["phase"])})
