"""Alerts by the journal's entries, and a person's word on them: nothing of them is kept anywhere else.

Touch this to let a person say one thing more; what an alert is stands in gaelp/domain/monitoring/alerts.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from gaelp.domain.monitoring.alerts import AlertBook, Raised, read_alerts, why_no_silence, why_not_resolved
from gaelp.domain.spending.ledger_records import JournalEntry
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownAlert
from gaelp.ledger.persons_word import refuse_nobody, said_before
from gaelp.ledger.rules.person_rules import PersonsAct, PersonsWord
from gaelp.ledger.statements import Connection, Query, as_record
from gaelp.ledger.stores import account_store, journal, tables, violation_store
from gaelp.ledger.stores.journal import Subject
from gaelp.ledger.stores.monitoring import step_store

_t = tables.journal
_ALERTS = sa.select(_t).where(sa.text(tables.IS_ALERT))
_OF_RUN = Query(_ALERTS.where(_t.c.run == sa.bindparam("run")).order_by(_t.c.sequence), as_record(JournalEntry, _t))
_OF_ALL = Query(_ALERTS.order_by(_t.c.run, _t.c.sequence), as_record(JournalEntry, _t))


def read(connection: Connection, run: str | None = None) -> AlertBook:
    """The book of a run's alerts, or of all runs'."""
    return read_alerts(connection.all(_OF_ALL) if run is None else connection.all(_OF_RUN, run=run))


def resolve(connection: Connection, run: str, alert: str, by: str, reason: str, at: datetime) -> Sequence[Raised]:
    """Resolve an alert and the equal ones before it, and return them; a newer one stays open.

    Raises UnknownAlert, ValueError for nobody or no reason, LedgerConflict where another word stands or none counts.
    """
    refuse_nobody(PersonsAct.RESOLVE, by, reason)
    equal, book = _locked(connection, run, alert)
    if (why := why_not_resolved(equal[-1])) and not step_store.has_ended(connection, equal[-1].group.campaign):
        raise LedgerConflict(why)
    if said_before(PersonsAct.RESOLVE, alert, book.answers.get(alert), (by, reason)):
        return [each for each in equal if book.answers[each.id] == (by, reason)]
    unanswered = [each for each in equal if each.id not in book.answers]
    if equal[-1].of == "violation":
        for each in unanswered:
            violation_store.clear(connection, each.id, by, reason, at)
    else:
        journal.write(connection, "alert-resolved", at, _subject(equal[-1]), by=by, reason=reason)
    return unanswered


def silence(connection: Connection, run: str, alert: str, until: datetime, word: PersonsWord, at: datetime) -> None:
    """Send no message of alerts equal to this one until then; raises as `resolve` does."""
    by, reason = word
    refuse_nobody(PersonsAct.SILENCE, by, reason)
    equal, book = _locked(connection, run, alert)
    if alert in book.answers:
        raise LedgerConflict(f"alert {alert!r} is resolved: there is nothing to silence")
    if why := why_no_silence(equal[-1], at, until):
        raise LedgerConflict(why)
    journal.write(connection, "alert-silenced", at, _subject(equal[-1]), until=until, by=by, reason=reason)


def _locked(connection: Connection, run: str, alert: str) -> tuple[Sequence[Raised], AlertBook]:
    """The alert and the equal ones before it, while nobody else can answer them."""
    equal = read(connection, run).equal_until(alert)
    if not equal:
        raise UnknownAlert(f"run {run!r} has no alert {alert!r}: `starter.py alerts {run}` shows them")
    account_store.lock(connection, equal[-1].account)
    return equal, read(connection, run)


def _subject(raised: Raised) -> Subject:
    return Subject(raised.account, raised.group.run, campaign=raised.group.campaign, key=raised.id)
