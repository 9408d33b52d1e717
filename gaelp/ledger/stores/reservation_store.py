"""Reservations: the worst case of a campaign day is booked before anything may be billed for it.

Which caps apply, and when a worst case fits them, is in gaelp/ledger/rules/reservation_rules.py. Touch this to keep
another fact about a reservation, or to list reservations in another way.
"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, datetime
from functools import cache

import sqlalchemy as sa

from gaelp.domain.spending.ledger_records import FoundExposure, Reserve, Reserved
from gaelp.ledger.ledger_errors import LedgerConflict
from gaelp.ledger.rules import ceiling_rules, reservation_rules, running_totals
from gaelp.ledger.rules.reservation_rules import CapRuling, RunLimits
from gaelp.ledger.rules.ruling import Ruling
from gaelp.ledger.rules.run_rules import judge_run
from gaelp.ledger.rules.valid_values import amount
from gaelp.ledger.statements import Change, Connection, Query, given
from gaelp.ledger.stored_records import Reservation, StoredRequest
from gaelp.ledger.stores import (
    account_store,
    campaign_books_store,
    journal,
    request_store,
    run_store,
    tables,
    totals_store,
)
from gaelp.ledger.stores.journal import Subject
from gaelp.ledger.stores.monitoring import step_store

_t = tables.reservations
_IS = _t.c.key == sa.bindparam("key")
_COLUMNS = tuple(field.name for field in fields(Reservation))
_RECORD = sa.select(*(_t.c[name] for name in _COLUMNS))
_ONE = Query(_RECORD.where(_IS), Reservation)
_OTHER_DAYS = Query(
    sa.select(sa.func.count(_t.c.day.distinct())).where(
        _t.c.account == sa.bindparam("account"),
        _t.c.campaign == sa.bindparam("campaign"),
        _t.c.day != sa.bindparam("day"),
    ),
    int,
)
_OTHER_DAY = Query(
    _RECORD.where(
        _t.c.account == sa.bindparam("account"),
        _t.c.campaign == sa.bindparam("campaign"),
        _t.c.key != sa.bindparam("key"),
    )
    .order_by(_t.c.day, _t.c.key)
    .limit(1),
    Reservation,
)
_WITH_ITS_RUNS = Query(
    _RECORD.where(
        sa.or_(
            _t.c.account == sa.bindparam("account"),
            _t.c.run.in_(sa.select(_t.c.run).where(_t.c.account == sa.bindparam("account"))),
        )
    ),
    Reservation,
)
_INSERT = Change(_t.insert())
_UPDATE = Change(_t.update().where(_IS).values(given(name for name in _COLUMNS if name != "key")))
_SUBJECT = ("key", "account", "run", "phase", "campaign", "day", "request_id")


def reserve(connection: Connection, booking: Reserve, limits: RunLimits) -> Reserved:
    """Book or raise a worst case, or refuse it naming the cap and what is left; a booked one is never lowered."""
    amount(booking.worst_case_micros, "the worst case")
    account = account_store.lock(connection, booking.account)
    # The run may spend on other accounts too: its row is what their transactions meet at.
    run = judge_run(run_store.lock(connection, booking.run))
    if not run.granted:
        return Reserved(granted=False, reason=run.reason)
    existing = read(connection, booking.key)
    stored = request_store.read(connection, booking.request_id)
    ruling = reservation_rules.judge_request(booking, existing, stored, account)
    rises = existing is None or booking.worst_case_micros > existing.worst_case_micros
    if stored is not None and ruling.granted and rises:  # what was booked before the pass was lost may end its day
        ruling = run_store.judge_passes(connection, stored.request)
    if stored is not None and ruling.granted:
        ruling = _judge_ceilings(connection, booking, existing, stored, account.currency)
    if ruling.granted and rises and limits.step is not None:
        days = listed(connection, booking.account, campaign=booking.campaign)
        taken = step_store.of_campaign(connection, booking.campaign)
        ruling = reservation_rules.judge_step(booking, days, limits.step, account, taken)
    if stored is None or not ruling.granted:
        booked = 0 if existing is None else existing.worst_case_micros
        return Reserved(granted=False, reason=ruling.reason, worst_case_micros=booked)
    caps = reservation_rules.caps_of(stored.request, account, limits)
    used = totals_store.counted(connection, booking)
    fits = reservation_rules.judge_worst_case(booking, existing, caps, used, account.currency)
    if fits.granted and (existing is None or fits.worst_case_micros > existing.worst_case_micros):
        _book(connection, booking, fits, existing)
        rise = fits.counted_micros - (0 if existing is None else existing.counted_micros)
        for alert in reservation_rules.crossed(booking, limits, used, rise, account.currency):
            journal.write(connection, "alert", booking.at, _subject(booking), **vars(alert))
    return Reserved(granted=fits.granted, reason=fits.reason, worst_case_micros=fits.worst_case_micros)


def _judge_ceilings(
    connection: Connection, booking: Reserve, existing: Reservation | None, stored: StoredRequest, currency: str
) -> Ruling:
    if campaign_books_store.has_ended(connection, booking.campaign):
        return reservation_rules.ended(booking)
    approved = campaign_books_store.read(connection, stored.request.campaigns_digest, booking.campaign)
    other_days = connection.one(_OTHER_DAYS, account=booking.account, campaign=booking.campaign, day=booking.day)
    ruling = ceiling_rules.judge_ceilings(booking, approved, stored.request, other_days, currency)
    if existing is not None or approved is None or not ruling.granted:
        return ruling
    other = connection.first(_OTHER_DAY, account=booking.account, campaign=booking.campaign, key=booking.key)
    return ceiling_rules.judge_start(booking, other, approved)


def read(connection: Connection, key: str) -> Reservation | None:
    """A reservation, or None."""
    return connection.first(_ONE, key=key)


def listed(
    connection: Connection, account: str | None = None, run: str | None = None, campaign: str | None = None
) -> tuple[Reservation, ...]:
    """Reservations of an account, a run, a campaign, or of what is given of them together, by day and key."""
    asked = {"account": account, "run": run, "campaign": campaign}
    wanted = {name: value for name, value in asked.items() if value is not None}
    return tuple(connection.all(_listing(tuple(wanted)), **wanted))


@cache
def _listing(names: tuple[str, ...]) -> Query[Reservation]:
    wanted = (_t.c[name] == sa.bindparam(name) for name in names)
    return Query(_RECORD.where(*wanted).order_by(_t.c.day, _t.c.key), Reservation)


def write(connection: Connection, before: Reservation | None, after: Reservation) -> None:
    """Write a reservation as it stands now, and change every total with it; `before` is as it was read, if at all."""
    connection.change(_INSERT if before is None else _UPDATE, **vars(after))
    totals_store.change(connection, before, after)


def _book(connection: Connection, booking: Reserve, ruling: CapRuling, existing: Reservation | None) -> None:
    booked = _with_worst_case(booking, existing, ruling.worst_case_micros, "open")
    after = replace(booked, request_id=booking.request_id, counted_micros=ruling.counted_micros)
    write(connection, existing, after)
    journal.write(
        connection, "reserve", booking.at, _subject(after), booking.worst_case_micros,
        day=booking.day.isoformat(), request_id=booking.request_id,
        before_micros=0 if existing is None else existing.worst_case_micros,
    )  # fmt: skip


def count_found(connection: Connection, found: FoundExposure) -> None:
    """Count at least this much for a day, whatever the caps say: it may be billed. A closed day is frozen for it.

    Raises LedgerConflict where the day is another account's.
    """
    amount(found.worst_case_micros, "the worst case")
    account_store.lock(connection, found.account)
    existing = read(connection, found.key)
    if existing is not None and existing.account != found.account:
        raise LedgerConflict(f"{found.key} is a day of account {existing.account}, not of {found.account}")
    if (existing is not None and existing.counted_micros >= found.worst_case_micros) or not found.worst_case_micros:
        return
    state = "frozen" if existing is None or existing.state == "settled" else existing.state
    after = replace(_with_worst_case(found, existing, found.worst_case_micros, state), final_micros=None)
    write(connection, existing, after)
    day = found.day.isoformat()
    journal.write(connection, "found", found.at, _subject(after), found.worst_case_micros, day=day)


def _with_worst_case(
    asked: Reserve | FoundExposure, existing: Reservation | None, worst_case: int, state: str
) -> Reservation:
    if existing is not None:
        return replace(existing, worst_case_micros=worst_case, counted_micros=worst_case, state=state)
    return Reservation(
        **{name: getattr(asked, name) for name in _SUBJECT}, state=state, worst_case_micros=worst_case,
        billed_micros=0, served_micros=0, final_micros=None, counted_micros=worst_case, posted_at=None,
    )  # fmt: skip


def _subject(of: Reservation | Reserve) -> Subject:
    return Subject(of.account, of.run, of.phase, of.campaign, of.key)


def open_exposure(connection: Connection, account: str) -> int:
    """What may still be billed on an account: what is counted for every reservation that is not settled."""
    account_store.read(connection, account)
    return totals_store.unsettled(connection, account)


def differing_totals(connection: Connection, account: str) -> tuple[str, ...]:
    """One sentence for each total of an account, or of a run on it, that is not the sum of its reservations."""
    account_store.read(connection, account)
    reservations = connection.all(_WITH_ITS_RUNS, account=account)
    return running_totals.differences(totals_store.of_account(connection, account), reservations, account)


def freeze_expired(
    connection: Connection, before: date, at: datetime, account: str | None = None, campaign: str | None = None
) -> tuple[str, ...]:
    """Freeze open reservations of days before `before`; they count in full until someone reconciles them."""
    asked = {"account": account, "campaign": campaign}
    wanted = {name: value for name, value in asked.items() if value is not None}
    late, day = _late(tuple(wanted)), before.date() if isinstance(before, datetime) else before
    names = {each.account for each in connection.all(late, day=day, **wanted)}
    for name in sorted(names):  # always in this order, and all of them before the journal, or two callers deadlock
        account_store.lock(connection, name)
    # Read again, because only now nobody else can change them.
    frozen = sorted(connection.all(late, day=day, **wanted), key=lambda each: each.key)
    frozen = [each for each in frozen if each.account in names]
    for each in frozen:
        write(connection, each, replace(each, state="frozen"))
        journal.write(connection, "freeze", at, _subject(each), each.counted_micros, day=each.day.isoformat())
    return tuple(each.key for each in frozen)


@cache
def _late(names: tuple[str, ...]) -> Query[Reservation]:
    wanted = (_t.c[name] == sa.bindparam(name) for name in names)
    # Not ordered: SQLite would read the whole table in the order of its keys.
    return Query(_RECORD.where(sa.text(tables.IS_OPEN), _t.c.day < sa.bindparam("day"), *wanted), Reservation)
