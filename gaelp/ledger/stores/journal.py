"""The journal: every accepted change of the ledger, and every refused decision, as one numbered row.

A row is written in the change's own transaction. The numbers have no gaps, so that an export by ranges misses nothing.
Touch this to change what an entry carries.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gaelp.domain.spending.ledger_records import JournalEntry
from gaelp.ledger.stores import tables

_t = tables.journal


@dataclass(frozen=True)
class Subject:
    """What an entry is about; what does not apply is empty."""

    account: str = ""
    run: str = ""
    phase: str = ""
    campaign: str = ""
    key: str = ""


def write(
    connection: Connection, kind: str, at: datetime, subject: Subject, amount_micros: int = 0, **detail: Any
) -> int:
    """Append one entry and return its sequence; `detail` becomes the entry's JSON.

    Lock the account before: the counter is always locked last, or two transactions wait for each other for ever.
    """
    counter = tables.counter
    connection.execute(counter.update().values(value=counter.c.value + 1))
    sequence = int(connection.execute(sa.select(counter.c.value)).scalar_one())
    connection.execute(
        _t.insert().values(
            sequence=sequence,
            at=at,
            kind=kind,
            **asdict(subject),
            amount_micros=amount_micros,
            detail=json.dumps(detail, sort_keys=True, separators=(",", ":"), default=str),
        )
    )
    return sequence


def read(
    connection: Connection, after: int, limit: int, kinds: Sequence[str] = (), but: Sequence[str] = ()
) -> tuple[JournalEntry, ...]:
    """Entries with sequence > `after`, in order, at most `limit`; only of `kinds` where given, none of `but`."""
    query = sa.select(_t).where(_t.c.sequence > after).order_by(_t.c.sequence).limit(limit)
    if kinds:
        query = query.where(_t.c.kind.in_(kinds))
    if but:
        query = query.where(_t.c.kind.not_in(but))
    rows = connection.execute(query)
    return tuple(JournalEntry.model_validate(dict(row)) for row in rows.mappings())
