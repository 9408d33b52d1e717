"""Reservations: the worst case of a campaign day is booked before anything may be billed for it.

Which caps apply, and when a worst case fits them, is in gaelp/ledger/rules/reservation_rules.py. Touch this to keep
another fact about a reservation, or to list reservations in another way.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime
from functools import cache

import sqlalchemy as sa

from gaelp.domain.spending.ledger_records import FoundExposure, Reserve, Reserved
from gaelp.ledger.rules import ceiling_rules, reservation_rules
from gaelp.ledger.rules.reservation_rules import CapRuling, RunLimits, Scope
from gaelp.ledger.rules.ruling import Ruling
from gaelp.ledger.rules.run_rules import judge_run
from gaelp.ledger.rules.valid_values import amount
from gaelp.ledger.stored_records import Reservation, StoredRequest
from gaelp.ledger.stores import account_store, approved_campaign_store, journal, request_store, run_store, tables
from gaelp.ledger.stores.journal import Subject
from gaelp.ledger.stores.statements import Change, Connection, Query, given

_t = tables.reservations
_IS = _t.c.key == sa.bindparam("key")
_OF_ACCOUNT = _t.c.account == sa.bindparam("account")
_RECORD = sa.select(*(_t.c[field.name] for field in fields(Reservation)))
_ONE = Query(_RECORD.where(_IS), Reservation)
_DAYS = Query(
    sa.select(_t.c.day).where(_OF_ACCOUNT, _t.c.campaign == sa.bindparam("campaign")).distinct(), lambda day: day
)
_INSERT = Change(
    _t.insert().values(given(_t.c.keys(), billed_micros=0, served_micros=0, final_micros=None, posted_at=None))
)
_RAISE = Change(_t.update().where(_IS).values(given(("request_id", "worst_case_micros", "counted_micros"))))
_FOUND = ("worst_case_micros", "counted_micros", "state")
_COUNT_FOUND = Change(_t.update().where(_IS).values(given(_FOUND, final_micros=None)))
_EXPOSURE = Query(
    sa.select(sa.func.coalesce(sa.func.sum(_t.c.counted_micros), 0)).where(_OF_ACCOUNT, _t.c.state != "settled"), int
)
_SUBJECT = ("key", "account", "run", "phase", "campaign", "day")
_OF_RUN, _TODAY = _t.c.run == sa.bindparam("run"), _t.c.day == sa.bindparam("day")
_OF_PHASE = sa.and_(_OF_ACCOUNT, _OF_RUN, _t.c.phase == sa.bindparam("phase"))
_ROWS = {
    Scope.ACCOUNT_DAY: sa.and_(_OF_ACCOUNT, _TODAY),
    Scope.ACCOUNT: _OF_ACCOUNT,
    Scope.PHASE_DAY: sa.and_(_OF_PHASE, _TODAY),
    Scope.PHASE: _OF_PHASE,
    Scope.CAMPAIGN: sa.and_(_OF_ACCOUNT, _t.c.campaign == sa.bindparam("campaign")),
    Scope.RUN: _OF_RUN,
}
_COUNTED = Query(
    sa.select(
        *(sa.func.coalesce(sa.func.sum(sa.case((rows, _t.c.counted_micros), else_=0)), 0) for rows in _ROWS.values())
    ).where(sa.or_(_OF_ACCOUNT, _OF_RUN)),
    lambda *sums: dict(zip(_ROWS, map(int, sums), strict=True)),
)
_FREEZE = Change(_t.update().where(_IS).values(state="frozen"))


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
    if stored is not None and ruling.granted:
        ruling = _judge_ceilings(connection, booking, stored, account.currency)
    if stored is None or not ruling.granted:
        booked = 0 if existing is None else existing.worst_case_micros
        return Reserved(granted=False, reason=ruling.reason, worst_case_micros=booked)
    caps = reservation_rules.caps_of(stored.request, account, limits)
    used = connection.one(_COUNTED, **{name: getattr(booking, name) for name in _SUBJECT if name != "key"})
    fits = reservation_rules.judge_worst_case(booking, existing, caps, used, account.currency)
    if fits.granted and (existing is None or fits.worst_case_micros > existing.worst_case_micros):
        _book(connection, booking, fits, existing)
    return Reserved(granted=fits.granted, reason=fits.reason, worst_case_micros=fits.worst_case_micros)


def _judge_ceilings(connection: Connection, booking: Reserve, stored: StoredRequest, currency: str) -> Ruling:
    digest = stored.request.campaigns_digest
    approved = approved_campaign_store.read(connection, digest, booking.campaign)
    days = connection.all(_DAYS, account=booking.account, campaign=booking.campaign)
    return ceiling_rules.judge_ceilings(booking, approved, stored.request, days, currency)


def read(connection: Connection, key: str) -> Reservation | None:
    """A reservation, or None."""
    return connection.first(_ONE, key=key)


def listed(connection: Connection, account: str | None, run: str | None) -> tuple[Reservation, ...]:
    """Reservations of an account, a run, or both, by day and key."""
    wanted = {name: value for name, value in (("account", account), ("run", run)) if value is not None}
    return tuple(connection.all(_listing(tuple(wanted)), **wanted))


@cache
def _listing(names: tuple[str, ...]) -> Query[Reservation]:
    wanted = (_t.c[name] == sa.bindparam(name) for name in names)
    return Query(_RECORD.where(*wanted).order_by(_t.c.day, _t.c.key), Reservation)


def _book(connection: Connection, booking: Reserve, ruling: CapRuling, existing: Reservation | None) -> None:
    connection.change(
        _INSERT if existing is None else _RAISE,
        **{name: getattr(booking, name) for name in _SUBJECT}, request_id=booking.request_id, state="open",
        worst_case_micros=ruling.worst_case_micros, counted_micros=ruling.counted_micros,
    )  # fmt: skip
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
    state = "frozen" if existing is None or existing.state == "settled" else existing.state
    connection.change(
        _INSERT if existing is None else _COUNT_FOUND,
        **{name: getattr(found, name) for name in _SUBJECT}, request_id=found.request_id, state=state,
        worst_case_micros=found.worst_case_micros, counted_micros=found.worst_case_micros,
    )  # fmt: skip
    subject = Subject(found.account, found.run, found.phase, found.campaign, found.key)
    journal.write(connection, "found", found.at, subject, found.worst_case_micros, day=found.day.isoformat())


def open_exposure(connection: Connection, account: str) -> int:
    """What may still be billed on an account: what is counted for every reservation that is not settled."""
    account_store.read(connection, account)
    return connection.one(_EXPOSURE, account=account)


def freeze_expired(
    connection: Connection, before: date, at: datetime, account: str | None = None, campaign: str | None = None
) -> tuple[str, ...]:
    """Freeze open reservations of days before `before`; they count in full until someone reconciles them."""
    day = before.date() if isinstance(before, datetime) else before
    given = {name: value for name, value in (("account", account), ("campaign", campaign)) if value is not None}
    late = _late(tuple(given))
    names = {each.account for each in connection.all(late, day=day, **given)}
    for name in sorted(names):  # always in this order, and all of them before the journal, or two callers deadlock
        account_store.lock(connection, name)
    # Read again, because only now nobody else can change them.
    frozen = [each for each in connection.all(late, day=day, **given) if each.account in names]
    for each in frozen:
        connection.change(_FREEZE, key=each.key)
        subject = Subject(each.account, each.run, each.phase, each.campaign, each.key)
        journal.write(connection, "freeze", at, subject, each.counted_micros, day=each.day.isoformat())
    return tuple(each.key for each in frozen)


@cache
def _late(names: tuple[str, ...]) -> Query[Reservation]:
    wanted = (_t.c[name] == sa.bindparam(name) for name in names)
    late = _RECORD.where(_t.c.state == "open", _t.c.day < sa.bindparam("day"), *wanted)
    return Query(late.order_by(_t.c.key), Reservation)
