"""Run names, registered for ever, and attempts at a gate, counted across runs (docs/gates.md).

Touch this to change what counts as an attempt; which attempts belong together is AttemptSeries.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gaelp.domain.ids import checked_name
from gaelp.domain.spending.ledger_records import AttemptSeries
from gaelp.ledger.ledger_errors import RunNameTaken, UnregisteredRun
from gaelp.ledger.rules.person_rules import judge_reset
from gaelp.ledger.stored_records import AttemptCount, RegisteredRun
from gaelp.ledger.stores import account_store, journal, tables
from gaelp.ledger.stores.journal import Subject

_r = tables.runs
_n = tables.attempts


def register(connection: Connection, run: str, account: str, at: datetime) -> None:
    """Take a run's name for ever; the same call again is harmless, any other raises RunNameTaken."""
    checked_name(run, "the run name")
    account_store.lock(connection, account)
    row = connection.execute(sa.select(_r).where(_r.c.run == run)).mappings().first()
    if row is not None:
        existing = RegisteredRun(**row)
        if (existing.account, existing.at) == (account, at):
            return
        raise RunNameTaken(f"the run name {run!r} was taken at {existing.at.isoformat()}: choose another")
    connection.execute(_r.insert().values(run=run, account=account, at=at))
    journal.write(connection, "run", at, Subject(account, run, key=run))


def read_all(connection: Connection) -> tuple[RegisteredRun, ...]:
    """Every run that ever was, oldest first."""
    return tuple(
        RegisteredRun(**row) for row in connection.execute(sa.select(_r).order_by(_r.c.at, _r.c.run)).mappings()
    )


def read(connection: Connection, run: str) -> RegisteredRun | None:
    """A run, or None where its name was never registered."""
    row = connection.execute(sa.select(_r).where(_r.c.run == run)).mappings().first()
    return None if row is None else RegisteredRun(**row)


def stop(connection: Connection, run: str, reason: str, by: str, at: datetime) -> int:
    """Refuse the run every further reservation and claim, for ever; returns its account's fence, which stays."""
    registered = read(connection, run)
    if registered is None:
        raise UnregisteredRun(f"there is no run {run!r} in the ledger: `starter.py list` shows those there are")
    account = account_store.lock(connection, registered.account)
    if registered.stopped_at is None:
        connection.execute(_r.update().where(_r.c.run == run).values(stopped_at=at))
        journal.write(connection, "run-stopped", at, Subject(account.account, run, key=run), reason=reason, by=by)
    return account.fence


def next_attempt(connection: Connection, series: AttemptSeries, assessment: str, at: datetime) -> int:
    """The attempt number k of this assessment, from 1; the same assessment again gets the same number."""
    account_store.lock(connection, series.account)
    same = _of(series)
    existing = connection.execute(sa.select(_n.c.attempt).where(same, _n.c.assessment == assessment)).scalar()
    if existing is not None:
        return int(existing)
    used = connection.execute(sa.select(sa.func.max(_n.c.attempt)).where(same, _n.c.counted)).scalar()
    attempt = (used or 0) + 1
    values = series.model_dump()
    connection.execute(_n.insert().values(**values, assessment=assessment, attempt=attempt, counted=True))
    subject = Subject(values.pop("account"), key=assessment)
    journal.write(connection, "attempt", at, subject, **values, attempt=attempt)
    return attempt


def attempts(connection: Connection) -> tuple[AttemptCount, ...]:
    """Every series with its attempts, by account, product, agent and gate."""
    names = (_n.c.account, _n.c.product, _n.c.agent, _n.c.gate)
    used = sa.func.sum(sa.case((_n.c.counted, 1), else_=0)).label("used")
    query = sa.select(*names, used, sa.func.count().label("made")).group_by(*names).order_by(*names)
    return tuple(
        AttemptCount(AttemptSeries(**{c.name: row[c.name] for c in names}), row["used"], row["made"] - row["used"])
        for row in connection.execute(query).mappings()
    )


def reset_attempts(connection: Connection, series: AttemptSeries, by: str, reason: str, at: datetime) -> int:
    """Begin counting at 1 again; only a named person with a reason may. Returns how many attempts are forgiven."""
    ruling = judge_reset(by, reason)
    if not ruling.granted:
        raise ValueError(ruling.reason)
    account_store.lock(connection, series.account)
    forgiven = connection.execute(_n.update().where(_of(series), _n.c.counted).values(counted=False)).rowcount
    values = series.model_dump()
    subject = Subject(values.pop("account"))
    journal.write(connection, "attempts-reset", at, subject, **values, by=by, reason=reason, forgiven=forgiven)
    return forgiven


def _of(series: AttemptSeries) -> sa.ColumnElement[bool]:
    return sa.and_(*(_n.c[name] == value for name, value in series.model_dump().items()))
