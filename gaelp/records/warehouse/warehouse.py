"""The warehouse: facts in tables, appended once and queried with GoogleSQL. Touch this to change what all back ends do.

Exactly one row per fact: a batch has a name, and appending the same batch to the same table again adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from gaelp.errors import GaelpError
from gaelp.records.warehouse.schema import TABLES, Column, Table


class WarehouseError(GaelpError, ValueError):
    """The warehouse refused rows or a query; the message says which and why."""


class WarehouseUnavailable(GaelpError, ConnectionError):
    """The warehouse cannot be reached; the message names its address."""


class Warehouse(Protocol):
    """What every back end does; tests/records/test_warehouse.py is its conformance kit."""

    def append(self, table: str, rows: Sequence[Mapping[str, Any]], batch: str) -> int:
        """Append `rows` as one batch; return how many rows were new: 0 where the batch was there already.

        Raises WarehouseError for an unknown table or column, a missing required value, a wrong type or a naive time.
        """
        ...

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows of a GoogleSQL SELECT with `@name` parameters; times come back aware, in UTC."""
        ...

    def columns(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The same as a pyarrow.Table, for results of many rows."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def open_warehouse(url: str) -> Warehouse:
    """Open `bigquery://PROJECT/DATASET`, or a folder of Parquet files (made if absent)."""
    if url.startswith("bigquery://"):
        # The official client costs a second to import: only who uses it pays.
        from gaelp.records.warehouse.bigquery_warehouse import BigQueryWarehouse

        project, _, dataset = url.removeprefix("bigquery://").partition("/")
        if not project or not dataset or "/" in dataset:
            raise WarehouseError(f"warehouse {url!r} is not bigquery://PROJECT/DATASET")
        return BigQueryWarehouse(project, dataset)
    if "://" in url:
        raise WarehouseError(f"warehouse {url!r} is neither a folder nor bigquery://PROJECT/DATASET")
    from gaelp.records.warehouse.duckdb_warehouse import DuckDBWarehouse

    return DuckDBWarehouse(Path(url))


def table_named(name: str) -> Table:
    """The table of that name, or WarehouseError with the names there are."""
    if name not in TABLES:
        raise WarehouseError(f"the warehouse has no table {name!r}; it has {', '.join(TABLES)}")
    return TABLES[name]


ARROW_TYPES: dict[str, Any] = {
    "STRING": pa.string(),
    "INT64": pa.int64(),
    "FLOAT64": pa.float64(),
    "BOOL": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    "DATE": pa.date32(),
}


def arrow_table(table: Table, rows: Sequence[Mapping[str, Any]]) -> Any:
    """The rows as a pyarrow.Table of the table's columns, checked; `day` is filled from `at` (UTC)."""
    names = {column.name for column in table.columns}
    unknown = sorted({key for row in rows for key in row} - names)
    if unknown:
        raise WarehouseError(f"table {table.name} has no column {', '.join(unknown)}; add it to records/schema.py")
    filled = [row if "day" in row else {**row, "day": _day(row.get("at"))} for row in rows]
    return pa.table({column.name: _array(table, column, filled) for column in table.columns})


def _day(at: object) -> date | None:
    return at.astimezone(UTC).date() if isinstance(at, datetime) and at.tzinfo else None


def _array(table: Table, column: Column, rows: Sequence[Mapping[str, Any]]) -> Any:
    values = [row.get(column.name) for row in rows]
    where = f"table {table.name}, column {column.name}"
    if column.required and any(value is None for value in values):
        raise WarehouseError(f"{where}: a required value is missing in row {values.index(None)} of the batch")
    if column.type == "TIMESTAMP" and any(isinstance(v, datetime) and v.tzinfo is None for v in values):
        raise WarehouseError(f"{where}: a time has no time zone; give it one (UTC)")
    try:
        return pa.array(values, ARROW_TYPES[column.type])
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise WarehouseError(f"{where} is {column.type}: {error}") from error
