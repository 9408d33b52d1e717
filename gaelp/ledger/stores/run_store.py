"""Run names, registered for ever, and attempts at a gate, counted across runs (gates.md).

Touch this to change what counts as an attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gaelp.domain.ids import checked_name
from gaelp.ledger.ledger_errors import RunNameTaken
from gaelp.ledger.stores import account_store, journal, tables

_r = tables.runs
_n = tables.attempts


@dataclass(frozen=True)
class RegisteredRun:
    """A run's name, the account it was started for, and when."""

    run: str
    account: str
    at: datetime


def register(connection: Connection, run: str, account: str, at: datetime) -> None:
    """Take a run's name for ever; the same call again is harmless, any other raises RunNameTaken."""
    checked_name(run, "the run name")
    account_store.lock(connection, account)
    held = connection.execute(sa.select(_r).where(_r.c.run == run)).mappings().first()
    if held is not None:
        if RegisteredRun(**held) == RegisteredRun(run, account, at):
            return
        raise RunNameTaken(f"the run name {run!r} was taken at {held['at'].isoformat()}: choose another")
    connection.execute(_r.insert().values(run=run, account=account, at=at))
    journal.write(connection, "run", at, account=account, run=run, key=run)


def read_all(connection: Connection) -> tuple[RegisteredRun, ...]:
    """Every run that ever was, oldest first."""
    return tuple(
        RegisteredRun(**row) for row in connection.execute(sa.select(_r).order_by(_r.c.at, _r.c.run)).mappings()
    )


def next_attempt(
    connection: Connection, account: str, product: str, agent: str, gate: str, assessment: str, at: datetime
) -> int:
    """The attempt number k of this assessment, from 1; the same assessment again gets the same number."""
    account_store.lock(connection, account)
    same = _series(account, product, agent, gate)
    held = connection.execute(sa.select(_n.c.attempt).where(same, _n.c.assessment == assessment)).scalar()
    if held is not None:
        return int(held)
    used = connection.execute(sa.select(sa.func.max(_n.c.attempt)).where(same, _n.c.counted)).scalar()
    attempt = (used or 0) + 1
    connection.execute(
        _n.insert().values(
            account=account,
            product=product,
            agent=agent,
            gate=gate,
            assessment=assessment,
            attempt=attempt,
            counted=True,
        )
    )
    journal.write(
        connection, "attempt", at, account=account, key=assessment,
        product=product, agent=agent, gate=gate, attempt=attempt,
    )  # fmt: skip
    return attempt


def reset_attempts(
    connection: Connection, account: str, product: str, agent: str, gate: str, by: str, reason: str, at: datetime
) -> int:
    """Begin counting at 1 again; only a named person with a reason may. Returns how many attempts are forgiven."""
    if not by.strip() or not reason.strip():
        raise ValueError("attempts are reset only by a named person with a reason: give both")
    account_store.lock(connection, account)
    same = _series(account, product, agent, gate)
    forgiven = connection.execute(_n.update().where(same, _n.c.counted).values(counted=False)).rowcount
    journal.write(
        connection, "attempts-reset", at, account=account,
        product=product, agent=agent, gate=gate, by=by, reason=reason, forgiven=forgiven,
    )  # fmt: skip
    return forgiven


def _series(account: str, product: str, agent: str, gate: str) -> sa.ColumnElement[bool]:
    return sa.and_(_n.c.account == account, _n.c.product == product, _n.c.agent == agent, _n.c.gate == gate)
