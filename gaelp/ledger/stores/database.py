"""Opens the ledger's database and gives transactions on it.

SQLite: WAL, synchronous=FULL, every writing transaction BEGIN IMMEDIATE, so several processes take turns. The threads
of a process take turns before they ask SQLite, which has whoever waits sleep and try again, and starves some for
seconds.
PostgreSQL: READ COMMITTED, and whoever writes about an account locks its row first (account_store.lock). Touch this for
another database, or for another way in which one fails.
"""

from __future__ import annotations

import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Engine

from gaelp.errors import WRONG_USE
from gaelp.ledger.ledger_errors import LedgerConflict, LedgerError, LedgerUnavailable
from gaelp.ledger.statements import Connection, Query
from gaelp.ledger.stores import tables
from gaelp.ledger.turns import Turns

BUSY_SECONDS = 8  # a caller learns within 10 seconds that a service is not there
LONGEST_ADDRESS = 2000
_VERSION = Query(sa.select(tables.schema.c.version), int)
_SCHEMA_LOCK = 0x6761656C  # any constant of ours; PostgreSQL's advisory lock while the tables are made

Took = Callable[[str, str, float], None]
"""Told of each transaction: read or write, committed or rolled-back, and how many seconds it took with its waiting."""


class Database:
    """Transactions on one ledger database; every failure of it is a LedgerUnavailable."""

    def __init__(self, engine: Engine, place: str, file: Path | None, took: Took | None = None) -> None:
        self._engine = engine
        self._took = took
        self._second_fact = engine.dialect.loaded_dbapi.IntegrityError
        self._failures = (exc.SQLAlchemyError, engine.dialect.loaded_dbapi.Error)
        self._place = place
        self._file = file
        self._inode: int | None = None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that may write; commits at the end, rolls back on any exception."""
        with self._timed("write"), self._own_turn() as seconds:
            patience = f"PRAGMA busy_timeout = {1000 * seconds}"
            with self._transaction((patience, "BEGIN IMMEDIATE")) as connection:
                yield connection

    @contextmanager
    def _own_turn(self) -> Iterator[int]:
        """This thread's turn to write to the file, and for how many seconds other processes may make it wait."""
        if self._file is None:
            yield BUSY_SECONDS
            return
        turn, begun = _turn(self._file), time.monotonic()
        if not turn.acquire(BUSY_SECONDS):
            raise self._unavailable("is locked by another thread of ours", "try again, and restart where that persists")
        try:
            yield max(BUSY_SECONDS - int(time.monotonic() - begun), 1)
        finally:
            turn.release()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that only reads, from one snapshot in SQLite."""
        with self._timed("read"), self._transaction(("BEGIN",)) as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """The same, with one snapshot in PostgreSQL too: what several queries read belongs together."""
        repeatable = ("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",)
        with self._timed("read"), self._transaction(("BEGIN",), repeatable) as connection:
            yield connection

    @contextmanager
    def _timed(self, access: str) -> Iterator[None]:
        if self._took is None:
            yield
            return
        begun, outcome = time.monotonic(), "rolled-back"
        try:
            yield
            outcome = "committed"
        finally:
            self._took(access, outcome, time.monotonic() - begun)

    @contextmanager
    def _transaction(self, sqlite: Sequence[str], postgresql: Sequence[str] = ()) -> Iterator[Connection]:
        self._check_file()
        with self._explained(), closing(self._engine.raw_connection()) as pooled:  # rolls back what is not committed
            try:
                cursor = pooled.cursor()
                for statement in postgresql if self._file is None else sqlite:  # PostgreSQL's driver begins by itself
                    cursor.execute(statement)
                yield Connection(cursor, self._engine.dialect)
                cursor.close()  # a query that was not read to its end would keep SQLite's snapshot
                pooled.commit()
            except self._failures:
                if self._file is None:  # it may be lost, and the pool would write a traceback on failing to roll back
                    pooled.invalidate()
                raise

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def prepare(self) -> None:
        """Make the tables where they are absent; safe when several processes do so at once."""
        self._check_file()
        with self._explained():
            if self._file is not None:
                _write_ahead(self._engine)
        if self._prepared():
            return  # nothing to write: whoever only opens it, as a stop does, must not wait for another's lock
        with self._explained(), self._engine.begin() as connection:
            if self._file is None:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
            else:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            if not sa.inspect(connection).has_table(tables.schema.name):
                tables.metadata.create_all(connection)
            version = connection.execute(sa.select(tables.schema.c.version)).scalar()
            if version is None:
                connection.execute(tables.schema.insert().values(version=tables.SCHEMA_VERSION))
                connection.execute(tables.counter.insert().values(id=1, value=0))
            elif version != tables.SCHEMA_VERSION:
                raise LedgerUnavailable(
                    f"the ledger at {self._place} has schema {version} and this GAELP writes {tables.SCHEMA_VERSION}: "
                    "use the GAELP that made it, or another ledger (GAELP_LEDGER_URL)"
                )
        self._remember_file()

    def _prepared(self) -> bool:
        """Whether the tables are there, in the version that this GAELP writes."""
        with self._explained():
            if not sa.inspect(self._engine).has_table(tables.schema.name):
                return False
        with self.reading() as connection:
            version = connection.first(_VERSION)
        self._remember_file()
        return version == tables.SCHEMA_VERSION

    def _remember_file(self) -> None:
        if self._file is not None:
            self._inode = self._file.stat().st_ino

    def _check_file(self) -> None:
        # Root may write what is marked read-only, and an open handle outlives a deleted file: neither may book money.
        if self._file is None:
            return
        try:
            file = self._file.stat()
        except FileNotFoundError:
            if self._inode is None:
                return
            raise self._unavailable("was removed while open", "put it back from a backup and restart") from None
        except OSError as error:
            raise self._unavailable(f"cannot be read ({error.strerror})", "check the folder's permissions") from error
        if not stat.S_ISREG(file.st_mode):
            raise self._unavailable("is not a file", "name a file in GAELP_LEDGER_URL")
        if not file.st_mode & 0o222:
            raise self._unavailable("is read-only", "make it writable (chmod u+w) or name another (GAELP_LEDGER_URL)")
        if self._inode is not None and file.st_ino != self._inode:
            raise self._unavailable("was replaced while open", "restart, after checking which file is the true one")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except LedgerError:
            raise
        except self._failures as error:
            if isinstance(error, self._second_fact):
                second = f"the ledger at {self._place} refused a second fact: {_first_line(error)}"
                raise LedgerConflict(second) from error
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> LedgerUnavailable:
        remedy = (
            "check that its file and folder are writable, that the disk has room and that no other program locks it"
            if self._file is not None
            else "start PostgreSQL there, or name another ledger (GAELP_LEDGER_URL)"
        )
        return self._unavailable(f"cannot be used ({_first_line(error)})", remedy)

    def _unavailable(self, what: str, remedy: str) -> LedgerUnavailable:
        return LedgerUnavailable(f"the ledger at {self._place} {what}: {remedy}")


@cache
def _turn(file: Path) -> Turns:
    """The lock that is held by the thread of this process that writes to the file."""
    return Turns()


def open_database(url: str, took: Took | None = None) -> Database:
    """Open `url` (sqlite:///FILE or postgresql://…) and make its tables; raises LedgerUnavailable."""
    try:
        parsed = sa.make_url(url)
    except (exc.ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise _wrong_address("cannot be read") from error
    if not url.isprintable() or len(url) > LONGEST_ADDRESS:
        raise _wrong_address(f"has signs that cannot be printed, or more than {LONGEST_ADDRESS} of them")
    place = parsed.render_as_string(hide_password=False)  # an error masks its addresses
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        database = _sqlite(parsed, took)
    elif backend == "postgresql":
        database = _postgresql(parsed, place, took)
    else:
        raise _wrong_address(f"{place} is of an unknown kind")
    try:
        database.prepare()
    except LedgerError:
        database.close()
        raise
    return database


def _wrong_address(what: str) -> LedgerUnavailable:
    error = LedgerUnavailable(
        f"the ledger's address {what}: write GAELP_LEDGER_URL as sqlite:///FILE or postgresql://HOST/DATABASE"
    )
    error.exit_code = WRONG_USE
    return error


def _sqlite(url: URL, took: Took | None) -> Database:
    if url.query:
        raise _wrong_address("has options, and a file takes none")
    if not url.database or ":memory:" in url.database or url.database.startswith("file:"):
        raise _wrong_address("names no file that outlives us")
    file = Path(url.database).absolute()  # another working directory later must not mean another ledger
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerUnavailable(
            f"the ledger's folder {file.parent} cannot be made ({error.strerror}): make it, or set GAELP_LEDGER_URL"
        ) from error
    # The driver must not open transactions by itself: each is opened as what it is for.
    engine = sa.create_engine(url.set(drivername="sqlite", database=str(file)), connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _sqlite_connected)
    return Database(engine, str(file), file, took)


def _sqlite_connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(engine: Engine) -> None:
    # SQLite does not wait for its busy timeout when two processes change the journal mode at once.
    deadline = time.monotonic() + BUSY_SECONDS
    raw = engine.raw_connection()
    try:
        while True:
            try:
                raw.cursor().execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
    finally:
        raw.close()


def _postgresql(url: URL, place: str, took: Took | None) -> Database:
    options = f"-c lock_timeout={BUSY_SECONDS * 1000} -c synchronous_commit=on"
    try:
        engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            isolation_level="READ COMMITTED",  # a repeatable snapshot would not see what the lock was waited for
            pool_pre_ping=True,
            paramstyle="format",
            connect_args={"connect_timeout": 5, "options": options},
        )
    except ImportError as error:
        raise LedgerUnavailable(
            f"the ledger at {place} needs the PostgreSQL driver: pip install 'gaelp[postgres]'"
        ) from error
    return Database(engine, place, None, took)


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]
