"""The rows of one run in the warehouse: when it began, and when it ended. Touch this to tell an unknown run otherwise.

It imports nothing that a person who mistyped a name would have to wait for.
"""

from __future__ import annotations

from typing import Any

from gaelp.errors import GaelpError
from gaelp.records.warehouse.warehouse import Warehouse


class UnknownRun(GaelpError, LookupError):
    """The warehouse holds nothing of that run."""


def run_rows(warehouse: Warehouse, run: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The row that says that the run began, and the one that it ended. Raises UnknownRun."""
    rows = warehouse.query("SELECT * FROM runs WHERE run = @run ORDER BY at", {"run": run})
    started = next((row for row in rows if row["event"] == "started"), None)
    if started is None:
        raise UnknownRun(f"run {run!r} is not in the warehouse: see `starter.py list` for the runs there are")
    return started, next((row for row in rows if row["event"] == "ended"), None)
