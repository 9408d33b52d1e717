"""The embedded warehouse: Parquet files queried by DuckDB.

Any number of processes may read and append: gaelp/records/warehouse/table_files.py says how. A DuckDB file would admit
one process at a time, so DuckDB here only reads, from memory. Touch this to change how the files are queried.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot

from gaelp.records.warehouse.arrow_rows import arrow_table, checked_columns, table_named
from gaelp.records.warehouse.queries import bound, referenced, select
from gaelp.records.warehouse.schema import TABLES, VIEWS, Table
from gaelp.records.warehouse.table_files import TableFiles
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
        """Write the rows as one file; what the first attempt at a key wrote stays, whatever a retry would have."""
        described = table_named(table)
        return self._append(table, arrow_table(described, rows), key) if rows and not self._files(table).has(key) else 0

    def append_columns(self, table: str, columns: Any, key: str) -> int:
        """Write the columns as one file."""
        described = table_named(table)
        if not columns.num_rows or self._files(table).has(key):
            return 0
        return self._append(table, checked_columns(described, columns), key)

    def _append(self, table: str, data: Any, key: str) -> int:
        files = self._files(table)
        new = files.add(key, data)
        files.merge()
        return int(data.num_rows) if new else 0

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows of a GoogleSQL SELECT."""
        rows: list[dict[str, Any]] = self.columns(sql, parameters).to_pylist()
        return rows

    def columns(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The result as a pyarrow.Table."""
        tree = select(sql)
        values = bound(tree, parameters or {}, sql)
        names = referenced(tree)
        with self._lock:
            while True:
                read = {name: self._files(name).current() for name in names if name in TABLES}
                try:
                    for name in names:
                        self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS {_view_sql(name, read.get(name))}")
                    result = self._connection.sql(tree.sql(dialect="duckdb"), params=values).to_arrow_table()
                    break
                except duckdb.Error as error:
                    if all(_is_whole(path) for paths in read.values() for path in paths):
                        raise WarehouseError(f"query refused: {str(error).splitlines()[0]} in {sql.strip()}") from error
                    # A merge has removed a file since it was listed: its rows are in another one now.
        return _plain_integers(result)

    def _files(self, table: str) -> TableFiles:
        return TableFiles(self._folder / table)

    def close(self) -> None:
        """Close the in-memory connection."""
        self._connection.close()


def _view_sql(name: str, files: Sequence[Path] | None) -> str:
    if files is None:
        return sqlglot.transpile(VIEWS[name].sql, read="bigquery", write="duckdb")[0]
    empty = f"SELECT {_typed_nulls(TABLES[name])} WHERE false"  # gives the types, and columns that old files lack
    if not files:
        return empty
    places = ", ".join(_quoted(str(path.absolute())) for path in files)
    read = f"read_parquet([{places}], union_by_name = true, hive_partitioning = false)"
    return f"{empty} UNION ALL BY NAME SELECT * FROM {read}"  # noqa: S608 - names of ours, a quoted path


def _is_whole(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


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
