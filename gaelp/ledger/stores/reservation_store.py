"""Reservations: the worst case of a campaign day is booked before anything may be billed for it (X1).

Touch this to change which caps apply. Everything that is not known counts in full: an open or frozen reservation by
its worst case or by what was posted above it, a settled one by its final amount.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from gaelp.domain.ad_accounts import Account
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.domain.spending.ledger_records import Reserve, Reserved
from gaelp.ledger.stores import account_store, journal, request_store, tables
from gaelp.money import exact_money

_t = tables.reservations


@dataclass(frozen=True)
class Caps:
    """The run's own limits, in micros; None means that there is none."""

    campaign_micros: int | None = None
    run_micros: int | None = None
    account_daily_micros: int | None = None


@dataclass(frozen=True)
class _Cap:
    name: str
    micros: int
    rows: sa.ColumnElement[bool]  # the reservations that count against it
    daily: bool


def reserve(connection: Connection, ask: Reserve, caps: Caps) -> Reserved:
    """Book or raise a worst case, or say which cap refuses it and what is left; never lowers one."""
    tables.amount(ask.worst_case_micros, "the worst case")
    account = account_store.lock(connection, ask.account)
    held = read(connection, ask.key)
    booked = held["worst_case_micros"] if held is not None else 0
    counted_before = held["counted_micros"] if held is not None else 0
    found = request_store.request_row(connection, ask.request_id)
    reason = _why_not_this(held, ask) or _why_not_approved(found, ask, account)
    if reason or found is None:
        return Reserved(granted=False, reason=reason, worst_case_micros=booked)
    limits = _caps(found[1], ask, account, caps)
    room = _room(connection, limits, ask, counted_before)
    if held is not None and ask.worst_case_micros <= booked:
        return _granted(limits, room, booked, counted_before)
    counting = max(ask.worst_case_micros, counted_before)
    for cap, left in zip(limits, room, strict=True):
        if counting > left:
            reason = _over(cap, max(left, 0), ask, account.currency)
            return Reserved(granted=False, reason=reason, worst_case_micros=booked)
    _book(connection, ask, counting, held)
    return _granted(limits, room, ask.worst_case_micros, counting)


def read(connection: Connection, key: str) -> RowMapping | None:
    """A reservation as stored, or None."""
    return connection.execute(sa.select(_t).where(_t.c.key == key)).mappings().first()


def _why_not_this(held: RowMapping | None, ask: Reserve) -> str:
    if held is None:
        return ""
    differing = [n for n in ("account", "run", "phase", "campaign", "day") if held[n] != getattr(ask, n)]
    if differing:
        return f"reservation {ask.key} exists with another {' and '.join(differing)}: use a key of its own"
    if held["state"] != "open":
        return f"reservation {ask.key} is {held['state']} and takes no more spend"
    return ""


def _why_not_approved(found: tuple[RowMapping, ApprovalRequest] | None, ask: Reserve, account: Account) -> str:
    if found is None:
        return f"no approval request {ask.request_id} was opened: nothing may be spent without one"
    row, request = found
    differing = [n for n in ("account", "run", "phase") if getattr(request, n) != getattr(ask, n)]
    if differing:
        return f"approval {ask.request_id} is for another {' and '.join(differing)}"
    return request_store.why_not(row, account, ask.at)


def _caps(request: ApprovalRequest, ask: Reserve, account: Account, caps: Caps) -> list[_Cap]:
    of_account = _t.c.account == ask.account
    of_phase = sa.and_(of_account, _t.c.run == ask.run, _t.c.phase == ask.phase)
    today = _t.c.day == ask.day
    found_caps = [
        _Cap("approved daily cap", request.daily_cap_micros, sa.and_(of_phase, today), True),
        _Cap("approved total cap", request.total_cap_micros, of_phase, False),
        _Cap("account's daily cap", account.daily_cap_micros, sa.and_(of_account, today), True),
        _Cap("account's total cap", account.total_cap_micros, of_account, False),
    ]
    if caps.account_daily_micros is not None:
        limit = caps.account_daily_micros
        found_caps.append(_Cap("run's limit per account and day", limit, sa.and_(of_account, today), True))
    if caps.campaign_micros is not None:
        of_campaign = sa.and_(of_account, _t.c.campaign == ask.campaign)
        found_caps.append(_Cap("campaign's limit", caps.campaign_micros, of_campaign, False))
    if caps.run_micros is not None:
        found_caps.append(_Cap("run's limit", caps.run_micros, _t.c.run == ask.run, False))
    return found_caps


def _room(connection: Connection, limits: list[_Cap], ask: Reserve, counted_before: int) -> list[int]:
    """What each cap leaves for this reservation, which itself is not counted against it; negative where overrun."""
    # The run may spend on other accounts too: its row is what their transactions meet at.
    connection.execute(sa.select(tables.runs.c.run).where(tables.runs.c.run == ask.run).with_for_update())
    sums = [sa.func.sum(sa.case((cap.rows, _t.c.counted_micros), else_=0)) for cap in limits]
    rows = sa.or_(_t.c.account == ask.account, _t.c.run == ask.run)
    used = connection.execute(sa.select(*sums).where(rows)).one()
    return [cap.micros - int(micros or 0) + counted_before for cap, micros in zip(limits, used, strict=True)]


def _over(cap: _Cap, left: int, ask: Reserve, currency: str) -> str:
    on = f" on {ask.day.isoformat()}" if cap.daily else ""
    return (
        f"the {cap.name} of {exact_money(cap.micros, currency)} leaves {exact_money(left, currency)}{on}, and "
        f"{exact_money(ask.worst_case_micros, currency)} was asked for {ask.key}"
    )


def _book(connection: Connection, ask: Reserve, counted: int, held: RowMapping | None) -> None:
    values = {
        "request_id": ask.request_id,
        "worst_case_micros": ask.worst_case_micros,
        "counted_micros": counted,
    }
    if held is not None:
        connection.execute(_t.update().where(_t.c.key == ask.key).values(values))
    else:
        connection.execute(
            _t.insert().values(
                key=ask.key, account=ask.account, run=ask.run, phase=ask.phase, campaign=ask.campaign, day=ask.day,
                state="open", billed_micros=0, served_micros=0, **values,
            )
        )  # fmt: skip
    journal.write(
        connection, "reserve", ask.at, account=ask.account, run=ask.run, phase=ask.phase, campaign=ask.campaign,
        key=ask.key, amount_micros=ask.worst_case_micros, day=ask.day.isoformat(), request_id=ask.request_id,
        before_micros=held["worst_case_micros"] if held else 0,
    )  # fmt: skip


def _granted(limits: list[_Cap], room: list[int], worst_case: int, counting: int) -> Reserved:
    left = [(cap.daily, max(micros - counting, 0)) for cap, micros in zip(limits, room, strict=True)]
    return Reserved(
        granted=True,
        worst_case_micros=worst_case,
        daily_left_micros=min(micros for daily, micros in left if daily),
        total_left_micros=min(micros for daily, micros in left if not daily),
    )


def _used(connection: Connection, rows: sa.ColumnElement[bool]) -> int:
    return int(connection.execute(sa.select(sa.func.sum(_t.c.counted_micros)).where(rows)).scalar() or 0)


def counted(connection: Connection, account: str, day: date | None = None) -> int:
    """What the account's caps count: worst cases, final amounts, posted excess; of one day or of its life."""
    account_store.read(connection, account)
    rows = _t.c.account == account
    return _used(connection, rows if day is None else sa.and_(rows, _t.c.day == day))


def open_exposure(connection: Connection, account: str, day: date | None = None) -> int:
    """What may still be billed: the same sum over reservations that are not settled."""
    account_store.read(connection, account)
    rows = sa.and_(_t.c.account == account, _t.c.state != "settled")
    return _used(connection, rows if day is None else sa.and_(rows, _t.c.day == day))


def freeze_expired(connection: Connection, before: date, at: datetime) -> tuple[str, ...]:
    """Freeze open reservations of days before `before`; they count in full until someone reconciles them."""
    day = before.date() if isinstance(before, datetime) else before
    late = sa.and_(_t.c.state == "open", _t.c.day < day)
    names = connection.execute(sa.select(_t.c.account).where(late).distinct()).scalars().all()
    for name in sorted(names):  # always in this order, and all of them before the journal, or two callers deadlock
        account_store.lock(connection, name)
    rows = connection.execute(sa.select(_t).where(late, _t.c.account.in_(names)).order_by(_t.c.key)).mappings().all()
    for row in rows:
        connection.execute(_t.update().where(_t.c.key == row["key"]).values(state="frozen"))
        journal.write(
            connection, "freeze", at, account=row["account"], run=row["run"], phase=row["phase"],
            campaign=row["campaign"], key=row["key"], amount_micros=row["counted_micros"], day=row["day"].isoformat(),
        )  # fmt: skip
    return tuple(row["key"] for row in rows)
