"""The embedded warehouse: Parquet files queried by DuckDB.

Each append is one file, FOLDER/TABLE/day=YYYY-MM-DD/KEY.parquet, put in place whole by a link; any number of processes
may read and append. Rows of several days are one file under the first of them, because several files could be half
there. The same file is linked as FOLDER/TABLE/batches/KEY.parquet, where only one attempt at a key can be the first.
A DuckDB file would admit one process at a time, so DuckDB here only reads, from memory. Touch this to change how facts
are stored on disk.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlglot

from gaelp.records.warehouse.arrow_rows import arrow_table, table_named
from gaelp.records.warehouse.queries import bound, referenced, select
from gaelp.records.warehouse.schema import TABLES, VIEWS, Table
from gaelp.records.warehouse.warehouse import WarehouseError


class DuckDBWarehouse:
    """A warehouse in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("SET TimeZone = 'UTC'")
        # A query reads below the folder and nowhere else, and loads no code.
        self._connection.execute(f"SET allowed_directories = [{_quoted(str(folder.absolute()))}]")
        self._connection.execute("SET enable_external_access = false")

    def append(self, table: str, rows: Sequence[Mapping[str, Any]], key: str) -> int:
        """Write the rows as one file; the first file of a key stays, whatever a retry would have written."""
        data = arrow_table(table_named(table), rows)
        if not data.num_rows:
            return 0
        claim = self._folder / table / "batches" / _file_name(key)
        new = _claimed(data, claim)
        # After a crash between the two links the retry makes the second one, of what the first attempt wrote.
        day = pc.min((data if new else pq.read_table(claim, columns=["day"]))["day"]).as_py()
        shown = self._folder / table / f"day={day}" / claim.name
        shown.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.link(claim, shown)
        return int(data.num_rows) if new else 0

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows of a GoogleSQL SELECT."""
        rows: list[dict[str, Any]] = self.columns(sql, parameters).to_pylist()
        return rows

    def columns(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The result as a pyarrow.Table."""
        tree = select(sql)
        values = bound(tree, parameters or {}, sql)
        with self._lock:
            for name in referenced(tree):
                self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS {self._view_sql(name)}")
            try:
                result = self._connection.sql(tree.sql(dialect="duckdb"), params=values).to_arrow_table()
            except duckdb.Error as error:
                raise WarehouseError(f"query refused: {str(error).splitlines()[0]} in {sql.strip()}") from error
        return _plain_integers(result)

    def _view_sql(self, name: str) -> str:
        if name in VIEWS:
            return sqlglot.transpile(VIEWS[name].sql, read="bigquery", write="duckdb")[0]
        table = TABLES[name]
        empty = f"SELECT {_typed_nulls(table)} WHERE false"  # gives the types, and columns that old files lack
        if next((self._folder / name).glob("day=*/*.parquet"), None) is None:
            return empty
        files = _quoted(str((self._folder / name).absolute() / "day=*" / "*.parquet"))
        read = f"read_parquet({files}, union_by_name = true, hive_partitioning = false)"
        return f"{empty} UNION ALL BY NAME SELECT * FROM {read}"  # noqa: S608 - names of ours, a quoted path

    def close(self) -> None:
        """Close the in-memory connection."""
        self._connection.close()


def _claimed(data: Any, claim: Path) -> bool:
    """Put the file in place unless there is one; unlike a rename, a link never replaces."""
    claim.parent.mkdir(parents=True, exist_ok=True)
    draft = claim.with_name(f".{claim.name}.{secrets.token_hex(6)}")
    try:
        pq.write_table(data, draft)
        os.link(draft, claim)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def _file_name(key: str) -> str:
    """A file name for a key, which may contain slashes: readable, and distinct by its hash."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", key).strip("-")[:60]
    return f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.parquet"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_DUCKDB_TYPES = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "BOOL": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMPTZ",
    "DATE": "DATE",
}


def _typed_nulls(table: Table) -> str:
    return ", ".join(f'CAST(NULL AS {_DUCKDB_TYPES[column.type]}) AS "{column.name}"' for column in table.columns)


def _plain_integers(result: Any) -> Any:
    """DuckDB sums integers into 128 bits; GoogleSQL says INT64, so out of that range is an error."""
    wide = [
        pa.field(f.name, pa.int64() if pa.types.is_decimal(f.type) and f.type.scale == 0 else f.type)
        for f in result.schema
    ]
    try:
        return result.cast(pa.schema(wide))
    except pa.ArrowInvalid as error:
        raise WarehouseError(f"a sum does not fit INT64: {error}") from error
