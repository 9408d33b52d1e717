"""Reservations: the worst case of a campaign day is booked before anything may be billed for it.

Which caps apply, and when a worst case fits them, is in gaelp/ledger/rules/reservation_rules.py. Touch this to keep
another fact about a reservation, or to list reservations in another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import FoundExposure, Reserve, Reserved
from gaelp.ledger.rules import ceiling_rules, reservation_rules
from gaelp.ledger.rules.reservation_rules import Cap, CapRuling, RunLimits, Scope
from gaelp.ledger.rules.ruling import Ruling
from gaelp.ledger.rules.run_rules import judge_run
from gaelp.ledger.rules.valid_values import amount
from gaelp.ledger.stored_records import Reservation, StoredRequest
from gaelp.ledger.stores import account_store, approved_campaign_store, journal, request_store, run_store, tables
from gaelp.ledger.stores.journal import Subject

_t = tables.reservations


def reserve(connection: Connection, booking: Reserve, limits: RunLimits) -> Reserved:
    """Book or raise a worst case, or refuse it naming the cap and what is left; a booked one is never lowered."""
    amount(booking.worst_case_micros, "the worst case")
    account = account_store.lock(connection, booking.account)
    run = judge_run(run_store.read(connection, booking.run))
    if not run.granted:
        return Reserved(granted=False, reason=run.reason)
    existing = read(connection, booking.key)
    stored = request_store.read(connection, booking.request_id)
    ruling = reservation_rules.judge_request(booking, existing, stored, account)
    if stored is not None and ruling.granted:
        ruling = _judge_ceilings(connection, booking, stored, account.currency)
    if stored is None or not ruling.granted:
        booked = 0 if existing is None else existing.worst_case_micros
        return Reserved(granted=False, reason=ruling.reason, worst_case_micros=booked)
    caps = reservation_rules.caps_of(stored.request, account, limits)
    used = _counted_by_scope(connection, booking, caps)
    fits = reservation_rules.judge_worst_case(booking, existing, caps, used, account.currency)
    if fits.granted and (existing is None or fits.worst_case_micros > existing.worst_case_micros):
        _book(connection, booking, fits, existing)
    return Reserved(granted=fits.granted, reason=fits.reason, worst_case_micros=fits.worst_case_micros)


def _judge_ceilings(connection: Connection, booking: Reserve, stored: StoredRequest, currency: str) -> Ruling:
    digest = stored.request.campaigns_digest
    approved = approved_campaign_store.read(connection, digest, booking.campaign)
    of_campaign = sa.and_(_t.c.account == booking.account, _t.c.campaign == booking.campaign)
    days = connection.execute(sa.select(_t.c.day).where(of_campaign).distinct()).scalars().all()
    return ceiling_rules.judge_ceilings(booking, approved, stored.request, days, currency)


def read(connection: Connection, key: str) -> Reservation | None:
    """A reservation, or None."""
    row = connection.execute(sa.select(_t).where(_t.c.key == key)).mappings().first()
    return None if row is None else _record(row)


def listed(connection: Connection, account: str | None, run: str | None) -> tuple[Reservation, ...]:
    """Reservations of an account, a run, or both, by day and key."""
    query = sa.select(_t).order_by(_t.c.day, _t.c.key)
    if account is not None:
        query = query.where(_t.c.account == account)
    if run is not None:
        query = query.where(_t.c.run == run)
    return tuple(_record(row) for row in connection.execute(query).mappings())


def _record(row: RowMapping) -> Reservation:
    values = {field.name: row[field.name] for field in fields(Reservation)}
    return Reservation(**{**values, "phase": Phase(row["phase"])})


def _counted_by_scope(connection: Connection, booking: Reserve, caps: Sequence[Cap]) -> dict[Scope, int]:
    # The run may spend on other accounts too: its row is what their transactions meet at.
    connection.execute(sa.select(tables.runs.c.run).where(tables.runs.c.run == booking.run).with_for_update())
    scopes = list(dict.fromkeys(cap.scope for cap in caps))
    sums = [sa.func.sum(sa.case((_rows_of(scope, booking), _t.c.counted_micros), else_=0)) for scope in scopes]
    rows = sa.or_(_t.c.account == booking.account, _t.c.run == booking.run)
    totals = connection.execute(sa.select(*sums).where(rows)).one()
    return {scope: int(total or 0) for scope, total in zip(scopes, totals, strict=True)}


def _rows_of(scope: Scope, booking: Reserve) -> sa.ColumnElement[bool]:
    of_account, today = _t.c.account == booking.account, _t.c.day == booking.day
    of_phase = sa.and_(of_account, _t.c.run == booking.run, _t.c.phase == booking.phase)
    return {
        Scope.ACCOUNT_DAY: sa.and_(of_account, today),
        Scope.ACCOUNT: of_account,
        Scope.PHASE_DAY: sa.and_(of_phase, today),
        Scope.PHASE: of_phase,
        Scope.CAMPAIGN: sa.and_(of_account, _t.c.campaign == booking.campaign),
        Scope.RUN: _t.c.run == booking.run,
    }[scope]


def _book(connection: Connection, booking: Reserve, ruling: CapRuling, existing: Reservation | None) -> None:
    values: dict[str, Any] = {
        "request_id": booking.request_id,
        "worst_case_micros": ruling.worst_case_micros,
        "counted_micros": ruling.counted_micros,
    }
    if existing is not None:
        connection.execute(_t.update().where(_t.c.key == booking.key).values(values))
    else:
        names = ("key", "account", "run", "phase", "campaign", "day")
        values |= {name: getattr(booking, name) for name in names}
        connection.execute(_t.insert().values(**values, state="open", billed_micros=0, served_micros=0))
    subject = Subject(booking.account, booking.run, booking.phase, booking.campaign, booking.key)
    journal.write(
        connection, "reserve", booking.at, subject, booking.worst_case_micros,
        day=booking.day.isoformat(), request_id=booking.request_id,
        before_micros=0 if existing is None else existing.worst_case_micros,
    )  # fmt: skip


def count_found(connection: Connection, found: FoundExposure) -> None:
    """Count at least this much for a day, whatever the caps say: it may be billed. A closed day is frozen for it."""
    amount(found.worst_case_micros, "the worst case")
    account_store.lock(connection, found.account)
    existing = read(connection, found.key)
    counted = existing.counted_micros if existing is not None else 0
    if counted >= found.worst_case_micros:
        return
    values: dict[str, Any] = {"worst_case_micros": found.worst_case_micros, "counted_micros": found.worst_case_micros}
    if existing is not None:
        closed = existing.state == "settled"
        state, final = ("frozen", None) if closed else (existing.state, existing.final_micros)
        connection.execute(_t.update().where(_t.c.key == found.key).values(**values, state=state, final_micros=final))
    else:
        names = ("key", "account", "run", "phase", "campaign", "day", "request_id")
        values |= {name: getattr(found, name) for name in names}
        connection.execute(_t.insert().values(**values, state="frozen", billed_micros=0, served_micros=0))
    subject = Subject(found.account, found.run, found.phase, found.campaign, found.key)
    journal.write(connection, "found", found.at, subject, found.worst_case_micros, day=found.day.isoformat())


def open_exposure(connection: Connection, account: str) -> int:
    """What may still be billed on an account: what is counted for every reservation that is not settled."""
    account_store.read(connection, account)
    rows = sa.and_(_t.c.account == account, _t.c.state != "settled")
    return int(connection.execute(sa.select(sa.func.sum(_t.c.counted_micros)).where(rows)).scalar() or 0)


def freeze_expired(
    connection: Connection, before: date, at: datetime, account: str | None = None, campaign: str | None = None
) -> tuple[str, ...]:
    """Freeze open reservations of days before `before`; they count in full until someone reconciles them."""
    day = before.date() if isinstance(before, datetime) else before
    late = sa.and_(_t.c.state == "open", _t.c.day < day)
    for column, wanted in ((_t.c.account, account), (_t.c.campaign, campaign)):
        late = late if wanted is None else sa.and_(late, column == wanted)
    names = connection.execute(sa.select(_t.c.account).where(late).distinct()).scalars().all()
    for name in sorted(names):  # always in this order, and all of them before the journal, or two callers deadlock
        account_store.lock(connection, name)
    rows = connection.execute(sa.select(_t).where(late, _t.c.account.in_(names)).order_by(_t.c.key)).mappings().all()
    for row in rows:
        connection.execute(_t.update().where(_t.c.key == row["key"]).values(state="frozen"))
        journal.write(
            connection, "freeze", at, Subject(row["account"], row["run"], row["phase"], row["campaign"], row["key"]),
            row["counted_micros"], day=row["day"].isoformat(),
        )  # fmt: skip
    return tuple(row["key"] for row in rows)
