"""Milliseconds of one call of the ledger, by how many reservations its account and its run have.

The earlier days are settled and their claims resolved, as in a ledger of some years; the tables are filled without the
ledger's rules, and the calls are the ledger's own. PostgreSQL is measured where its server is installed, fsync off.
Needs the test library: run it from the repository's root. Touch this to measure another call.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import Intent, Reserve
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.rules.running_totals import Scope
from gaelp.ledger.statements import Change
from gaelp.ledger.stores import tables
from gaelp.ledger.stores.database import Database, open_database
from scripts.bench.timing import Sizes
from tests.support import ledgers as kit

DAYS_A_CAMPAIGN = 30
CALLS = 100  # of each kind; the fastest counts
AT_ONCE = 10_000  # rows that are written in one transaction
# SQLite's file is in memory where there is such a folder: how long a disk takes to sync says nothing of the ledger.
_MEMORY = Path("/dev", "shm")
_NEGATE = Change(tables.counter.update().values(value=-tables.counter.c.value))
_PLACE = ("account", "run", "phase", "campaign", "day")


@dataclass(frozen=True)
class LedgerCost:
    """Milliseconds of one call, the fastest of a hundred; `commit` is the smallest transaction that writes."""

    database: str
    reservations: int
    commit: float
    reserve: float
    claim_and_resolve: float
    post: float
    settle: float
    read_campaign: float  # what observing and settling read
    unresolved_claims: float


def measured(sizes: Sizes) -> list[LedgerCost]:
    """Every size of books on each database, the smaller ones first."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None))
        urls = {"SQLite": f"sqlite:///{folder}/ledger.db"}
        try:
            urls["PostgreSQL"] = stack.enter_context(kit.postgresql())
        except pytest.skip.Exception:
            print("no PostgreSQL server is installed: SQLite only")
        return [cost for name, url in urls.items() for cost in _growing(name, url, sizes.books, sizes.rounds)]


def _growing(name: str, url: str, books: Sequence[int], rounds: int) -> Iterator[LedgerCost]:
    kit.prepared(Ledger.open(url)).close()
    before = 0
    for number, size in enumerate(books):
        fill(url, before, size)
        before = size
        yield _cost(name, url, size, number * CALLS, CALLS if rounds > 1 else 2)


def fill(url: str, first: int, last: int) -> None:
    """Write settled days `first` to `last` of run-a on account acme, with their claims and their totals."""
    database = open_database(url)
    insert = {name: Change(getattr(tables, name).insert()) for name in ("reservations", "claims")}
    for begin in range(first, last, AT_ONCE):
        days = [_day(number) for number in range(begin, min(begin + AT_ONCE, last))]
        with database.writing() as connection:
            connection.change_each(insert["reservations"], days)
            connection.change_each(insert["claims"], [_claim(day) for day in days])
    with database.writing() as connection:
        connection.change(Change(tables.totals.delete()))
        for scope in Scope:
            connection.change(Change(_added_up(scope)))
    database.close()


def _day(number: int) -> dict[str, Any]:
    campaign, day = divmod(number, DAYS_A_CAMPAIGN)
    name = f"run-a/live-test/earlier-{campaign:06d}"
    return {
        "key": f"{name}/day-{day:03d}", "account": "acme", "run": "run-a", "phase": Phase.LIVE_TEST, "campaign": name,
        "day": kit.DAY - timedelta(days=1 + (campaign + day) % 700), "request_id": "run-a/live-test#1",
        "state": "settled", "worst_case_micros": 2, "billed_micros": 1, "served_micros": 1, "final_micros": 1,
        "counted_micros": 1, "posted_at": kit.NOW,
    }  # fmt: skip


def _claim(day: dict[str, Any]) -> dict[str, Any]:
    intent = Intent.CREATE if day["key"].endswith("/day-000") else Intent.APPLY
    return {
        **{name: day[name] for name in ("account", "run", "campaign")}, "key": f"{day['key']}/{intent}",
        "intent": intent, "fence": 0, "state": "done", "detail": "", "platform_id": day["campaign"], "at": kit.NOW,
    }  # fmt: skip


def _added_up(scope: Scope) -> Any:
    """The totals of a scope, summed by the database."""
    days, totals = tables.reservations, tables.totals
    of = [days.c[name] for name in scope.names]
    columns = [sa.cast(days.c[n], sa.Text) if n in scope.names else sa.literal("") for n in _PLACE]
    sums = (sa.func.sum(days.c.counted_micros), sa.literal_column("0"), sa.func.sum(days.c.final_micros))
    names = ("scope", *_PLACE, "counted_micros", "unsettled_micros", "spent_micros")
    return totals.insert().from_select(names, sa.select(sa.literal(scope.value), *columns, *sums).group_by(*of))


def _cost(name: str, url: str, size: int, first: int, calls: int) -> LedgerCost:
    ledger = Ledger.open(url)
    days = [
        kit.booking(0, campaign=number % 100, day=kit.DAY + timedelta(days=number // 100), worst_case_micros=1000)
        for number in range(first, first + calls)
    ]
    database = open_database(url)
    cost = LedgerCost(
        name,
        size,
        commit=_milliseconds(lambda _: _commit(database), days),
        reserve=_milliseconds(ledger.reserve, days),
        claim_and_resolve=_milliseconds(partial(_claimed, ledger), days),
        post=_milliseconds(lambda day: ledger.post(day.key, 500, 500, kit.NOW), days),
        settle=_milliseconds(lambda day: ledger.settle(day.key, 500, kit.NOW), days),
        read_campaign=_milliseconds(lambda day: ledger.reservations("acme", campaign=day.campaign), days),
        unresolved_claims=_milliseconds(lambda day: ledger.unresolved_claims(day.account), days),
    )
    settled = ledger.reservations("acme", campaign=days[-1].campaign)
    assert all(day.final_micros == 500 for day in settled), "a call was refused, so its time says nothing"
    for opened in (ledger, database):
        opened.close()
    return cost


def _commit(database: Database) -> None:
    with database.writing() as connection:
        connection.change(_NEGATE)  # an even number of times


def _claimed(ledger: Ledger, day: Reserve) -> None:
    key = f"{day.key}/apply"
    assert ledger.claim(kit.claim("apply", key=key, campaign=day.campaign)).granted
    ledger.resolve(key, "done", "", kit.NOW)


def _milliseconds(call: Callable[[Reserve], object], days: Sequence[Reserve]) -> float:
    """The fastest call of all days."""
    seconds = []
    for day in days:
        begun = time.perf_counter()
        call(day)
        seconds.append(time.perf_counter() - begun)
    return round(1000 * min(seconds), 3)
