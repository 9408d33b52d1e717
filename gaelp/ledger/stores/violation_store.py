"""Violations: each is recorded once and stays, also when a person has cleared it.

Who may clear one is in gaelp/ledger/rules/person_rules.py. Touch this to keep another fact about a violation.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gaelp.domain.spending.ledger_records import Violation
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownViolation
from gaelp.ledger.rules import person_rules
from gaelp.ledger.stores import account_store, journal, tables
from gaelp.ledger.stores.journal import Subject

_t = tables.violations


def record(connection: Connection, violation: Violation) -> bool:
    """Record a violation; False where one of that id is already there (the first stands)."""
    account_store.lock(connection, violation.account)
    if connection.execute(sa.select(_t.c.id).where(_t.c.id == violation.id)).first() is not None:
        return False
    connection.execute(_t.insert().values(violation.model_dump(mode="python")))
    journal.write(
        connection, "violation", violation.at, _subject(violation),
        violation=violation.kind, severity=violation.severity, evidence=violation.evidence,
    )  # fmt: skip
    return True


def read(connection: Connection, run: str) -> tuple[Violation, ...]:
    """Every violation of a run, cleared ones too, oldest first."""
    rows = connection.execute(sa.select(_t).where(_t.c.run == run).order_by(_t.c.at, _t.c.id)).mappings()
    return tuple(Violation.model_validate(dict(row)) for row in rows)


def resolve(connection: Connection, violation_id: str, by: str, reason: str, at: datetime) -> Violation:
    """Clear a violation; raises UnknownViolation, or LedgerConflict where someone else cleared it before."""
    ruling = person_rules.judge_clearing(by, reason)
    if not ruling.granted:
        raise ValueError(ruling.reason)
    account_store.lock(connection, _one(connection, violation_id).account)
    violation = _one(connection, violation_id)  # read again, because only now nobody else can change it
    ruling = person_rules.judge_second_clearing(violation, by, reason)
    if not ruling.granted:
        raise LedgerConflict(ruling.reason)
    cleared = violation.model_copy(update={"resolved_by": by, "resolution": reason})
    if violation == cleared:
        return violation
    connection.execute(_t.update().where(_t.c.id == violation_id).values(resolved_by=by, resolution=reason))
    journal.write(connection, "violation-resolved", at, _subject(violation), by=by, reason=reason)
    return cleared


def _subject(violation: Violation) -> Subject:
    return Subject(violation.account, violation.run, violation.phase, violation.campaign, violation.id)


def _one(connection: Connection, violation_id: str) -> Violation:
    row = connection.execute(sa.select(_t).where(_t.c.id == violation_id)).mappings().first()
    if row is None:
        raise UnknownViolation(f"no violation {violation_id!r} is recorded: see `starter.py status RUN` for their ids")
    return Violation.model_validate(dict(row))
