"""Violations: each is recorded once and stays, also when a person has cleared it.

Who may clear one is in gaelp/ledger/rules/person_rules.py. Touch this to keep another fact about a violation.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from gaelp.domain.ids import run_of_campaign
from gaelp.domain.spending.ledger_records import OUTSIDE_PAUSE, Violation
from gaelp.ledger.statements import Change, Connection, Query, as_record, given
from gaelp.ledger.stores import account_store, journal, tables
from gaelp.ledger.stores.journal import Subject

_t = tables.violations
_IS = _t.c.id == sa.bindparam("id")
_VIOLATION = as_record(Violation, _t)
_KNOWN = Query(sa.select(_t.c.id).where(_IS), str)
_ONE = Query(sa.select(_t).where(_IS), _VIOLATION)
_OF_RUN = Query(sa.select(_t).where(_t.c.run == sa.bindparam("run")).order_by(_t.c.at, _t.c.id), _VIOLATION)
_OUTSIDE_PAUSE = Query(
    sa.select(_t).where(
        _t.c.run == sa.bindparam("run"),  # by which it is indexed
        _t.c.campaign == sa.bindparam("campaign"),
        _t.c.kind == OUTSIDE_PAUSE,
        _t.c.resolved_by.is_(None),
    ),
    _VIOLATION,
)
_INSERT = Change(_t.insert())
_CLEAR = Change(_t.update().where(_IS).values(given(("resolved_by", "resolution"))))


def record(connection: Connection, violation: Violation) -> bool:
    """Record a violation; False where one of that id is already there (the first stands)."""
    account_store.lock(connection, violation.account)
    if connection.first(_KNOWN, id=violation.id) is not None:
        return False
    connection.change(_INSERT, **violation.model_dump())
    journal.write(
        connection, "violation", violation.at, _subject(violation),
        violation=violation.kind, severity=violation.severity, evidence=violation.evidence,
    )  # fmt: skip
    return True


def read(connection: Connection, run: str) -> tuple[Violation, ...]:
    """Every violation of a run, cleared ones too, oldest first."""
    return tuple(connection.all(_OF_RUN, run=run))


def outside_pause(connection: Connection, campaign: str) -> Violation | None:
    """A pause of the campaign by somebody else that nobody has cleared, or None."""
    return connection.first(_OUTSIDE_PAUSE, run=run_of_campaign(campaign), campaign=campaign)


def clear(connection: Connection, violation_id: str, by: str, reason: str, at: datetime) -> None:
    """Clear one that is recorded and open, by a person's word; the caller has judged it and locked the account."""
    violation = connection.one(_ONE, id=violation_id)
    connection.change(_CLEAR, id=violation_id, resolved_by=by, resolution=reason)
    journal.write(connection, "violation-resolved", at, _subject(violation), by=by, reason=reason)


def _subject(violation: Violation) -> Subject:
    return Subject(violation.account, violation.run, violation.phase, violation.campaign, violation.id)
