"""Violations: each is recorded once and stays, also when a person has cleared it.

Who may clear one is in gaelp/ledger/rules/person_rules.py. Touch this to keep another fact about a violation.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from gaelp.domain.ids import run_of_campaign
from gaelp.domain.spending.ledger_records import OUTSIDE_PAUSE, Violation
from gaelp.ledger.ledger_errors import UnknownViolation
from gaelp.ledger.persons_word import refuse_nobody, said_before
from gaelp.ledger.rules.person_rules import PersonsAct
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


def resolve(connection: Connection, violation_id: str, by: str, reason: str, at: datetime) -> Violation:
    """Clear a violation; raises UnknownViolation, or LedgerConflict where someone else cleared it before."""
    refuse_nobody(PersonsAct.CLEAR, by, reason)
    account_store.lock(connection, _one(connection, violation_id).account)
    violation = _one(connection, violation_id)  # read again, because only now nobody else can change it
    before = None if violation.resolved_by is None else (violation.resolved_by, violation.resolution or "")
    if said_before(PersonsAct.CLEAR, violation_id, before, (by, reason)):
        return violation
    cleared = violation.model_copy(update={"resolved_by": by, "resolution": reason})
    connection.change(_CLEAR, id=violation_id, resolved_by=by, resolution=reason)
    journal.write(connection, "violation-resolved", at, _subject(violation), by=by, reason=reason)
    return cleared


def _subject(violation: Violation) -> Subject:
    return Subject(violation.account, violation.run, violation.phase, violation.campaign, violation.id)


def _one(connection: Connection, violation_id: str) -> Violation:
    violation = connection.first(_ONE, id=violation_id)
    if violation is None:
        raise UnknownViolation(f"no violation {violation_id!r} is recorded: `starter.py alerts` shows those there are")
    return violation
