"""A ledger that cannot be used says so in one sentence, and nothing is booked."""

from __future__ import annotations

import socket
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from gaelp.errors import WRONG_USE
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerUnavailable
from gaelp.ledger.statements import Query
from gaelp.ledger.stores import tables
from gaelp.ledger.stores.database import open_database
from tests.support import ledgers as kit
from tests.support.giving_up import gives_up_soon
from tests.support.ledgers import NOW, booking


def at(path: Path) -> str:
    return f"sqlite:///{path}"


def test_a_read_only_ledger_is_unavailable(tmp_path: Path) -> None:
    """A ledger file without write permission is refused even to root, when opened and while open."""
    file = tmp_path / "ledger.db"
    ledger = kit.prepared(Ledger.open(at(file)))
    file.chmod(0o444)
    for use in (lambda: ledger.reserve(booking(1)), lambda: Ledger.open(at(file))):
        with pytest.raises(LedgerUnavailable, match="is read-only: make it writable") as caught:
            use()
        assert str(file) in str(caught.value)
    file.chmod(0o644)
    assert kit.counted(ledger) == 0
    ledger.close()


def test_a_ledger_removed_while_open_books_nothing(tmp_path: Path) -> None:
    """Money is not booked into a deleted file, nor into another that took its place."""
    file = tmp_path / "ledger.db"
    ledger = kit.prepared(Ledger.open(at(file)))
    moved = file.rename(tmp_path / "moved.db")
    with pytest.raises(LedgerUnavailable, match="was removed while open"):
        ledger.reserve(booking(1))
    file.write_bytes(moved.read_bytes())
    with pytest.raises(LedgerUnavailable, match="was replaced while open: restart, after checking which file"):
        ledger.reserve(booking(1))
    ledger.close()


def test_what_is_no_ledger_is_refused(tmp_path: Path) -> None:
    """Another kind of file, a folder, a folder that cannot be, and memory are each refused with the remedy."""
    text = tmp_path / "notes.txt"
    text.write_text("these are notes, and they are long enough to be a page of text" * 100)
    cases = {
        at(text): "not a database",
        at(tmp_path): "is not a file",
        at(text / "ledger.db"): "cannot be made",
        "sqlite://": "outlives us",
        "sqlite:///:memory:": "outlives us",
        "sqlite:///file:ledger.db": "outlives us",
        "mysql://host/x": "unknown kind",
        "nonsense": "cannot be read",
    }
    for url, reason in cases.items():
        with pytest.raises(LedgerUnavailable, match=reason):
            Ledger.open(url)


@pytest.mark.parametrize(
    "url",
    [
        "nonsense", "postgres:/x", "postgresql://u:s3cret@h:notaport/db", "postgresql://[::1", "mysql://u:s3cret@h/db",
        "sqlite://", "sqlite:///:memory:", "sqlite:///file:x.db", "sqlite:///x.db?mode=ro&timeout=abc", "sqlite:///x\x01y",
        "sqlite:///" + "x" * 5000, "postgresql://u:s3cret@h:5432:6/db",
    ],
)  # fmt: skip
def test_a_broken_address_is_one_short_sentence(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever GAELP_LEDGER_URL holds: the variable and the two right forms are named, exit code 2, no password."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LedgerUnavailable, match="write GAELP_LEDGER_URL as sqlite:///FILE") as caught:
        Ledger.open(url)
    said = str(caught.value)
    assert caught.value.exit_code == WRONG_USE and "s3cret" not in said and len(said) < 300 and "\n" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_of_another_schema_is_refused(tmp_path: Path) -> None:
    """A ledger that another version made is not written to."""
    file = tmp_path / "ledger.db"
    Ledger.open(at(file)).close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE ledger_schema SET version = 99")
    connection.close()
    with pytest.raises(LedgerUnavailable, match="schema 99"):
        Ledger.open(at(file))


def test_an_absent_postgresql_is_reported_quickly_and_without_its_password() -> None:
    """Nothing listens: one sentence with the address, within 10 seconds, the password hidden."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with gives_up_soon(), pytest.raises(LedgerUnavailable, match="start PostgreSQL") as caught:
        Ledger.open(f"postgresql://gaelp:s3cret@127.0.0.1:{port}/ledger")
    assert f"127.0.0.1:{port}" in str(caught.value) and "s3cret" not in str(caught.value)


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    """An error in the middle of a change rolls all of it back, its journal row included."""
    ledger = kit.prepared(Ledger.open(at(tmp_path / "ledger.db")))
    entries = ledger.journal()
    blocker = sqlite3.connect(tmp_path / "ledger.db")
    blocker.execute("CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    blocker.commit()
    with pytest.raises(Exception, match="disk full"):
        ledger.reserve(booking(1))
    blocker.execute("DROP TRIGGER full")
    blocker.commit()
    blocker.close()
    assert ledger.journal() == entries and kit.counted(ledger) == 0
    assert ledger.reserve(booking(1)).granted
    assert ledger.journal()[-1].sequence == len(entries) + 1
    assert ledger.journal()[-1].at == NOW
    ledger.close()


def test_no_thread_that_writes_is_starved(tmp_path: Path) -> None:
    """Sixteen threads that write at once wait for their turns alike: none waits for a quarter of all the others."""
    ledger, done = kit.prepared(Ledger.open(at(tmp_path / "ledger.db"))), list[int]()

    def longest(first: int) -> int:
        waited = []
        for number in range(first, first + 16):
            begun = len(done)
            ledger.register_run(f"run-{number}", "acme", NOW)
            done.append(number)
            waited.append(len(done) - begun)
        return max(waited)

    with ThreadPoolExecutor(16) as threads:
        assert max(threads.map(longest, range(0, 256, 16))) < 64
    assert len(done) == 256
    ledger.close()


def test_a_thread_that_holds_its_turn_for_ever_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread learns within the time that it may wait that the ledger cannot be written, and may read."""
    monkeypatch.setattr("gaelp.ledger.stores.database.BUSY_SECONDS", 0.2)
    database = open_database(f"sqlite:///{tmp_path}/ledger.db")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with database.writing():
            held.set()
            done.wait()

    with ThreadPoolExecutor(1) as other:
        holding = other.submit(hold)
        held.wait()
        try:
            with pytest.raises(LedgerUnavailable, match="is locked by another thread of ours"), database.writing():
                pass
            with database.reading() as connection:
                assert connection.all(Query(sa.select(tables.accounts.c.account), str)) == []
        finally:
            done.set()
        holding.result()
    with database.writing():
        pass
    database.close()
