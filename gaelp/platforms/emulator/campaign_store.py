"""The emulator's own SQLite file.

Every verb is one transaction, so that kill -9 loses nothing that was acknowledged; with "full" it is on disk before the
response leaves, so that a power cut does not either. `campaigns` always shows the state as last written: a test may
read it from outside. Touch this when the server must remember another fact.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter

from gaelp.domain.platform_records import CampaignSpec, Creative
from gaelp.domain.spending.advertised_content import content_digest
from gaelp.errors import GaelpError
from gaelp.platforms.emulator.delivery import Hour
from gaelp.platforms.emulator.hidden_world import PlannedChange
from gaelp.platforms.emulator.settings_timeline import InForce

_SCHEMA = """
CREATE TABLE IF NOT EXISTS server (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS worlds (digest TEXT PRIMARY KEY, arrays BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS accounts (account TEXT PRIMARY KEY, world TEXT NOT NULL REFERENCES worlds) STRICT;
CREATE TABLE IF NOT EXISTS campaigns (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, external_name TEXT NOT NULL, product TEXT NOT NULL,
    creatives TEXT NOT NULL,
    enabled INTEGER NOT NULL, daily_budget_micros INTEGER NOT NULL, end_us INTEGER NOT NULL,
    world TEXT NOT NULL REFERENCES worlds, created_us INTEGER NOT NULL,
    reached_us INTEGER NOT NULL, cursor_us INTEGER NOT NULL,
    UNIQUE (account, external_name)) STRICT;
CREATE TABLE IF NOT EXISTS changes (
    campaign INTEGER NOT NULL REFERENCES campaigns, sequence INTEGER NOT NULL, at_us INTEGER NOT NULL,
    settings TEXT NOT NULL, PRIMARY KEY (campaign, sequence)) STRICT;
CREATE TABLE IF NOT EXISTS planned_changes (
    sequence INTEGER PRIMARY KEY, account TEXT NOT NULL, change TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS hours (
    campaign INTEGER NOT NULL REFERENCES campaigns, start_us INTEGER NOT NULL, shape TEXT NOT NULL,
    counts BLOB NOT NULL, orders BLOB NOT NULL, PRIMARY KEY (campaign, start_us)) STRICT;
"""

Synchronous = Literal["full", "normal"]
"""SQLite's: whether a transaction waits for the disk."""

_SCHEMA_VERSION = 2  # in the file's user_version, which is 0 in a file of before it was written

_CREATIVES = TypeAdapter(tuple[Creative, ...])


class StoreInUse(GaelpError, RuntimeError):
    """Another emulator holds the file, or the file belongs to another seed or another version of the emulator."""


class Store:
    """One connection for one server; a lock beside the file keeps a second server out."""

    def __init__(self, path: Path, seed: int, synchronous: Synchronous = "full") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = path.with_name(path.name + ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise StoreInUse(f"{path} is in use by another emulator: stop it, or give --db another file") from error
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._check_version(path)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={synchronous}")
        self._db.executescript(_SCHEMA)
        self._check_seed(path, seed)

    def close(self) -> None:
        """Release the file."""
        self._db.close()
        self._lock.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; committed to disk on leaving."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @property
    def conversion_factor(self) -> float:
        """The factor set last, 1 at first."""
        row = self._db.execute("SELECT value FROM server WHERE key = 'conversion_factor'").fetchone()
        return float(row["value"]) if row else 1.0

    def put_conversion_factor(self, factor: float) -> None:
        """Remember the factor for campaigns created from now on."""
        self._db.execute("INSERT OR REPLACE INTO server VALUES ('conversion_factor', ?)", (repr(factor),))

    def payment_failed(self, account: str) -> bool:
        """Whether the account cannot be charged."""
        key = f"payment-failed/{account}"
        return self._db.execute("SELECT 1 FROM server WHERE key = ?", (key,)).fetchone() is not None

    def put_payment(self, account: str, failed: bool) -> None:
        """Remember whether the account can be charged from now on."""
        key = f"payment-failed/{account}"
        if failed:
            self._db.execute("INSERT OR REPLACE INTO server VALUES (?, '')", (key,))
        else:
            self._db.execute("DELETE FROM server WHERE key = ?", (key,))

    def put_world(self, account: str, arrays: bytes) -> str:
        """Store a base world and make it the account's own for campaigns created from now on."""
        digest = sha256(arrays).hexdigest()
        self._db.execute("INSERT OR IGNORE INTO worlds VALUES (?, ?)", (digest, arrays))
        self._db.execute("INSERT OR REPLACE INTO accounts VALUES (?, ?)", (account, digest))
        return digest

    def keep_default_world(self, arrays: bytes) -> str:
        """Digest of the world of accounts without one: that of the file's first start, even if defaults change."""
        digest = sha256(arrays).hexdigest()
        with self.transaction():
            added = self._db.execute("INSERT OR IGNORE INTO server VALUES ('default_world', ?)", (digest,))
            if added.rowcount:
                self._db.execute("INSERT OR IGNORE INTO worlds VALUES (?, ?)", (digest, arrays))
        return str(self._db.execute("SELECT value FROM server WHERE key = 'default_world'").fetchone()["value"])

    def account_world(self, account: str) -> str | None:
        """Digest of the world that was uploaded for the account, if one was."""
        row = self._db.execute("SELECT world FROM accounts WHERE account = ?", (account,)).fetchone()
        return row["world"] if row else None

    def world(self, digest: str) -> bytes:
        """The uploaded arrays of that digest."""
        arrays: bytes = self._db.execute("SELECT arrays FROM worlds WHERE digest = ?", (digest,)).fetchone()["arrays"]
        return arrays

    def plan_change(self, change: PlannedChange) -> None:
        """Remember a change of the world of some campaigns of an account."""
        row = (change.account, change.model_dump_json())
        self._db.execute("INSERT INTO planned_changes VALUES (NULL, ?, ?)", row)

    def planned_changes(self, account: str) -> tuple[PlannedChange, ...]:
        """The account's changes, in the order in which they were planned."""
        query = "SELECT change FROM planned_changes WHERE account = ? ORDER BY sequence"
        return tuple(PlannedChange.model_validate_json(row["change"]) for row in self._db.execute(query, (account,)))

    def add_campaign(self, spec: CampaignSpec, world: str, at_us: int, cursor: int) -> int:
        """Insert a campaign without settings and return its id; raises sqlite3.IntegrityError for a known name."""
        added = self._db.execute(
            "INSERT INTO campaigns VALUES (NULL, ?, ?, ?, ?, 0, 0, 0, ?, ?, ?, ?)",
            (
                spec.account,
                spec.external_name,
                spec.product,
                _creatives_text(spec.creatives),
                world,
                at_us,
                at_us,
                cursor,
            ),
        )
        return int(added.lastrowid or 0)

    def rename(self, campaign: int, name: str) -> None:
        """Another name from now on."""
        self._db.execute("UPDATE campaigns SET external_name = ? WHERE id = ?", (name, campaign))

    def put_creatives(self, campaign: int, creatives: tuple[Creative, ...]) -> None:
        """Other ads from now on."""
        self._db.execute("UPDATE campaigns SET creatives = ? WHERE id = ?", (_creatives_text(creatives), campaign))

    def add_change(self, campaign: int, sequence: int, at_us: int, settings: InForce) -> None:
        """Append a write, and show it in `campaigns`."""
        text = settings.model_dump_json()
        self._db.execute("INSERT INTO changes VALUES (?, ?, ?, ?)", (campaign, sequence, at_us, text))
        self._db.execute(
            "UPDATE campaigns SET enabled = ?, daily_budget_micros = ?, end_us = ? WHERE id = ?",
            (settings.enabled, settings.daily_budget_micros, settings.end_us, campaign),
        )

    def add_hours(self, campaign: int, hours: list[Hour], reached: int, cursor: int) -> None:
        """Append served hours and move the campaign's clock."""
        rows = [
            (campaign, hour.start_us, json.dumps(hour.counts.shape), _pack(hour.counts), _pack(hour.orders))
            for hour in hours
        ]
        self._db.executemany("INSERT INTO hours VALUES (?, ?, ?, ?, ?)", rows)
        self._db.execute("UPDATE campaigns SET reached_us = ?, cursor_us = ? WHERE id = ?", (reached, cursor, campaign))

    def campaign_ids(self, account: str | None = None, name: str | None = None) -> list[int]:
        """Ids in the order of creation, of one account or of all, of one name or of all."""
        query = (
            "SELECT id FROM campaigns WHERE (? IS NULL OR account = ?) AND (? IS NULL OR external_name = ?) ORDER BY id"
        )
        return [row["id"] for row in self._db.execute(query, (account, account, name, name))]

    def campaign(self, campaign: int) -> dict[str, Any] | None:
        """A campaign's row, or None."""
        row = self._db.execute("SELECT * FROM campaigns WHERE id = ?", (campaign,)).fetchone()
        return dict(row) if row else None

    def content_digest(self, campaign: int) -> str:
        """The digest of the product and the ads that are there now."""
        query = "SELECT product, creatives FROM campaigns WHERE id = ?"
        row = self._db.execute(query, (campaign,)).fetchone()
        return content_digest(row["product"], _CREATIVES.validate_json(row["creatives"]))

    def changes(self, campaign: int) -> list[tuple[int, InForce]]:
        """Every write in order, with its instant."""
        rows = self._db.execute("SELECT at_us, settings FROM changes WHERE campaign = ? ORDER BY sequence", (campaign,))
        return [(row["at_us"], InForce.model_validate_json(row["settings"])) for row in rows]

    def hours(self, campaign: int) -> list[Hour]:
        """Every served hour in order."""
        rows = self._db.execute("SELECT * FROM hours WHERE campaign = ? ORDER BY start_us", (campaign,))
        return [
            Hour(row["start_us"], _unpack(row["counts"], json.loads(row["shape"])), _unpack(row["orders"], [3, -1]))
            for row in rows
        ]

    def _check_version(self, path: Path) -> None:
        kept = self._db.execute("PRAGMA user_version").fetchone()[0]
        new = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if kept != _SCHEMA_VERSION and not new:
            self.close()
            raise StoreInUse(
                f"{path} was made by another version of the emulator: give --db another file, or move it away"
            )
        self._db.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    def _check_seed(self, path: Path, seed: int) -> None:
        self._db.execute("INSERT OR IGNORE INTO server VALUES ('seed', ?)", (str(seed),))
        kept = self._db.execute("SELECT value FROM server WHERE key = 'seed'").fetchone()["value"]
        if kept != str(seed):
            self.close()
            raise StoreInUse(f"{path} was made with --seed {kept}: start with that seed, or give --db another file")


def _creatives_text(creatives: tuple[Creative, ...]) -> str:
    return _CREATIVES.dump_json(creatives).decode()


def _pack(array: np.ndarray[Any, np.dtype[np.int64]]) -> bytes:
    return b"" if array.size == 0 else zlib.compress(np.ascontiguousarray(array, dtype="<i8").tobytes(), 1)


def _unpack(data: bytes, shape: list[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.frombuffer(zlib.decompress(data) if data else b"", dtype="<i8").reshape(shape)
