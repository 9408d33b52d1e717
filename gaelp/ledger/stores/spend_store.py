"""What the platform reports: as spent, what a day cost in the end, and the days that a gate judges.

What a report changes, and when it lies above what is booked, is in gaelp/ledger/rules/spend_rules.py. Touch this to
change what is written then.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from gaelp.domain.ad_accounts import Account
from gaelp.domain.ids import run_of_campaign
from gaelp.domain.platform_records import DayReport
from gaelp.ledger.ledger_errors import UnknownReservation
from gaelp.ledger.rules import spend_rules
from gaelp.ledger.rules.spend_rules import SpendRuling
from gaelp.ledger.rules.valid_values import amount
from gaelp.ledger.statements import Change, Connection, Query, given
from gaelp.ledger.stored_records import Posted, Reservation
from gaelp.ledger.stores import (
    account_store,
    journal,
    reservation_store,
    run_store,
    tables,
    totals_store,
    violation_store,
)
from gaelp.ledger.stores.journal import Subject

_t = tables.reservations
_OWNER = account_store.owner_of(sa.select(_t.c.account).where(_t.c.key == sa.bindparam("key")))
_d = tables.reported_days
_DAYS = TypeAdapter(tuple[DayReport, ...])
_OF_CAMPAIGN = _d.c.campaign == sa.bindparam("campaign")
_KEPT_AT = Query(sa.select(_d.c.at).where(_OF_CAMPAIGN), lambda at: at)
_KEEP = Change(_d.insert())
_REPLACE = Change(_d.update().where(_OF_CAMPAIGN).values(given(("days", "at"))))


def _reported(campaign: str, days: str) -> tuple[str, tuple[DayReport, ...]]:
    return campaign, _DAYS.validate_json(days)


_REPORTED = Query(sa.select(_d.c.campaign, _d.c.days).where(_d.c.run == sa.bindparam("run")), _reported)


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


def keep_days(
    connection: Connection, account: str, campaign: str, days: tuple[DayReport, ...], reported_at: datetime
) -> None:
    """Keep what the platform has reported of a campaign's days; an older report never replaces a newer one.

    On another account than its run's a campaign of that name is none of the run: its days are not kept.
    """
    account_store.lock(connection, account)
    run = run_store.read(connection, run_of_campaign(campaign))
    if run is not None and run.account != account:
        return
    kept_at = connection.first(_KEPT_AT, campaign=campaign)
    if kept_at is not None and kept_at > reported_at:
        return
    values = {"campaign": campaign, "days": _DAYS.dump_json(days).decode(), "at": reported_at}
    if kept_at is None:
        connection.change(_KEEP, **values, account=account, run=run_of_campaign(campaign))
    else:
        connection.change(_REPLACE, **values)


def reported_days(connection: Connection, run: str) -> dict[str, tuple[DayReport, ...]]:
    """The days of a run's campaigns as the platform has reported them when they were settled, by campaign."""
    return dict(connection.all(_REPORTED, run=run))
