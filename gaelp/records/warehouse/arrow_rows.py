"""Rows on their way into a table: checked against its columns, and turned into pyarrow.

Touch this to check one more thing of a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from gaelp.records.warehouse.schema import TABLES, Column, Table
from gaelp.records.warehouse.warehouse import WarehouseError


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
        raise WarehouseError(f"table {table.name} has no column {', '.join(unknown)}; add it to warehouse/schema.py")
    filled = [row if "day" in row else {**row, "day": _day(row.get("at"))} for row in rows]
    return pa.table({column.name: _array(table, column, filled) for column in table.columns})


def checked_columns(table: Table, data: Any) -> Any:
    """A pyarrow.Table as one of the table's columns, checked."""
    given = set(data.column_names)
    if unknown := sorted(given - {column.name for column in table.columns}):
        raise WarehouseError(f"table {table.name} has no column {', '.join(unknown)}; add it to warehouse/schema.py")
    return pa.table({column.name: _checked(table, column, data, column.name in given) for column in table.columns})


def _checked(table: Table, column: Column, data: Any, given: bool) -> Any:
    kind, where = ARROW_TYPES[column.type], f"table {table.name}, column {column.name}"
    values = data[column.name] if given else pa.nulls(data.num_rows, kind)
    if column.required and values.null_count:
        raise WarehouseError(f"{where}: a required value is missing")
    if column.type == "TIMESTAMP" and given and values.type.tz is None:
        raise WarehouseError(f"{where}: a time has no time zone; give it one (UTC)")
    try:
        return values.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise WarehouseError(f"{where} is {column.type}: {error}") from error


def _day(at: object) -> date | None:
    return at.astimezone(UTC).date() if isinstance(at, datetime) and at.tzinfo else None


def _array(table: Table, column: Column, rows: Sequence[Mapping[str, Any]]) -> Any:
    values = [row.get(column.name) for row in rows]
    where = f"table {table.name}, column {column.name}"
    if column.required and any(value is None for value in values):
        raise WarehouseError(f"{where}: a required value is missing in row {values.index(None)}")
    if column.type == "TIMESTAMP" and any(isinstance(v, datetime) and v.tzinfo is None for v in values):
        raise WarehouseError(f"{where}: a time has no time zone; give it one (UTC)")
    try:
        return pa.array(values, ARROW_TYPES[column.type])
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise WarehouseError(f"{where} is {column.type}: {error}") from error
