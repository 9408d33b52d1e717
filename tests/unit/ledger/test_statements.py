"""Statements that are compiled once mean the same on both databases, and never leave a value out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerConflict, LedgerUnavailable
from gaelp.ledger.statements import Change, Query, given
from gaelp.ledger.stores import tables
from gaelp.ledger.stores.database import Database, open_database
from tests.support import ledgers as kit
from tests.support.ledgers import DAY, NOW, UNIT, booking

_RUNS = tables.runs
_LATER = {
    "ended_at": None,
    "stopped_at": None,
    "agent": "",
    "config_digest": "",
    "rests_on_passes": False,
    "starter": None,
}
_ENTER = Change(_RUNS.insert().values(given(_RUNS.c.keys(), **_LATER)))
_STOPPED = Query(sa.select(_RUNS.c.at, _RUNS.c.stopped_at).where(_RUNS.c.run == sa.bindparam("run")), lambda *row: row)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a prepared ledger."""
    if request.param == "sqlite":
        kit.prepared(Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")).close()
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
    else:
        with kit.postgresql() as address:
            kit.prepared(Ledger.open(address)).close()
            yield address


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = open_database(url)
    yield opened
    opened.close()


def test_values_come_back_as_they_went_in(url: str) -> None:
    """Instants, days, phases, absent values and amounts near the largest are the same after a round trip."""
    ledger = Ledger.open(url)
    wanted = booking(7)
    assert ledger.reserve(wanted).granted
    ledger.post(wanted.key, 3 * UNIT, 2 * UNIT, NOW)
    expected = replace(
        kit.reservation(worst_case_micros=7 * UNIT, counted_micros=7 * UNIT),
        billed_micros=3 * UNIT, served_micros=2 * UNIT, posted_at=NOW,
    )  # fmt: skip
    (stored,) = ledger.reservations("acme", "run-a")
    assert stored == expected
    assert (type(stored.day), type(stored.posted_at), stored.final_micros) == (date, datetime, None)
    assert ledger.freeze_expired(DAY.replace(year=DAY.year + 1), NOW, "acme") == (wanted.key,)
    assert [e.kind for e in ledger.journal(kinds=("reserve", "post", "freeze"))] == ["reserve", "post", "freeze"]
    assert not {"reserve", "post"} & {e.kind for e in ledger.journal(but=("reserve", "post"))}
    ledger.close()


def test_a_value_that_is_not_given_stops_the_statement(database: Database) -> None:
    """A missing value is an error and never NULL, a constant needs none, and a naive instant is refused."""
    with pytest.raises(KeyError, match="at"), database.writing() as connection:
        connection.change(_ENTER, run="run-b", account="acme")
    with pytest.raises(ValueError, match="no time zone"), database.writing() as connection:
        connection.change(_ENTER, run="run-b", account="acme", at=NOW.replace(tzinfo=None))
    with database.writing() as connection:
        assert connection.change(_ENTER, run="run-b", account="acme", at=NOW) == 1
    with database.reading() as connection:
        assert connection.first(_STOPPED, run="run-b") == (NOW, None)
        assert connection.first(_STOPPED, run="run-c") is None


def test_an_error_rolls_back_and_the_connection_is_good_again(database: Database) -> None:
    """What was written before an error is gone, a second fact is a conflict, and the next transaction works."""
    with pytest.raises(LedgerConflict, match="second fact"), database.writing() as connection:
        connection.change(_ENTER, run="run-b", account="acme", at=NOW)
        connection.change(_ENTER, run="run-a", account="acme", at=NOW)
    with pytest.raises(ZeroDivisionError), database.writing() as connection:
        connection.change(_ENTER, run="run-b", account="acme", at=NOW)
        raise ZeroDivisionError
    with database.reading() as connection:
        assert connection.first(_STOPPED, run="run-b") is None


def test_a_connection_that_the_server_ended_is_unavailable_once_and_then_replaced(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In the middle of a transaction nothing is booked, and no traceback is written; the next call has a new one."""
    with kit.postgresql() as url:
        ledger = kit.prepared(Ledger.open(url))
        other = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        database = open_database(url)
        with pytest.raises(LedgerUnavailable, match="start PostgreSQL"), database.writing() as connection:
            connection.change(_ENTER, run="run-b", account="acme", at=NOW)
            with other.begin() as raw:
                raw.execute(sa.text(end_all))
            connection.first(_STOPPED, run="run-b")
        with database.reading() as connection:
            assert connection.first(_STOPPED, run="run-b") is None
        assert ledger.reserve(booking(1)).granted
        assert [record.name for record in caplog.records] == []
        for each in (database, ledger, other):
            each.dispose() if isinstance(each, sa.Engine) else each.close()
