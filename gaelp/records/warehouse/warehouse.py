"""The warehouse as its users see it: facts in tables, appended once and queried with GoogleSQL.

Every append has a key, and appending to the same table under the same key again adds nothing: there is exactly one row
per fact, however often an activity is repeated. Touch this to change what every back end does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gaelp.errors import GaelpError


class WarehouseError(GaelpError, ValueError):
    """The warehouse refused rows or a query; the message says which and why."""


class WarehouseUnavailable(GaelpError, ConnectionError):
    """The warehouse cannot be reached; the message names its address."""


class Warehouse(Protocol):
    """What every back end does; tests/records/test_warehouse.py is its conformance kit."""

    def append(self, table: str, rows: Sequence[Mapping[str, Any]], key: str) -> int:
        """Append `rows` together; return how many were new: 0 where the key was used before.

        Raises WarehouseError for an unknown table or column, a missing required value, a wrong type or a naive time.
        """
        ...

    def append_columns(self, table: str, columns: Any, key: str) -> int:
        """The same of a pyarrow.Table of the table's columns, which may lack some that are not required."""
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
