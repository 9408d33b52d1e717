"""The journal: every accepted change of the ledger, and every refused decision, as one numbered row.

A row is written in the change's own transaction. The numbers have no gaps, so that an export by ranges misses nothing.
Touch this to change what an entry carries.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from gaelp.domain.spending.ledger_records import JournalEntry
from gaelp.ledger.statements import Change, Connection, Query, as_record
from gaelp.ledger.stores import tables

_t = tables.journal
_NEXT = Query(tables.counter.update().values(value=tables.counter.c.value + 1).returning(tables.counter.c.value), int)
_APPEND = Change(_t.insert())


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
    sequence = connection.one(_NEXT)
    text = json.dumps(detail, sort_keys=True, separators=(",", ":"), default=str)
    connection.change(
        _APPEND, sequence=sequence, at=at, kind=kind, **vars(subject), amount_micros=amount_micros, detail=text
    )
    return sequence


def read(
    connection: Connection, after: int, limit: int, kinds: Sequence[str] = (), but: Sequence[str] = ()
) -> tuple[JournalEntry, ...]:
    """Entries with sequence > `after`, in order, at most `limit`; only of `kinds` where given, none of `but`."""
    return tuple(connection.all(_entries(tuple(kinds), tuple(but)), after=after, limit=limit))


@cache
def _entries(kinds: tuple[str, ...], but: tuple[str, ...]) -> Query[JournalEntry]:
    wanted = [_t.c.sequence > sa.bindparam("after"), *(_t.c.kind != kind for kind in but)]
    if kinds:
        wanted.append(sa.or_(*(_t.c.kind == kind for kind in kinds)))
    query = sa.select(_t).where(*wanted).order_by(_t.c.sequence).limit(sa.bindparam("limit", type_=sa.Integer))
    return Query(query, as_record(JournalEntry, _t))
