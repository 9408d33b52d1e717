"""The rows of one run in the warehouse: when it began and ended, and what its newest training episodes were rewarded.

It imports nothing that a person who mistyped a name would have to wait for.

Touch this to tell an unknown run otherwise.
"""

from __future__ import annotations

from typing import Any

from gaelp.errors import GaelpError
from gaelp.records.warehouse.warehouse import Warehouse

_NEWEST = (
    "SELECT DISTINCT batch, episode, reward FROM simulated_episodes WHERE run = @run AND purpose = 'train' "
    "AND state = 'settled' ORDER BY batch DESC, episode DESC LIMIT @newest"
)


class UnknownRun(GaelpError, LookupError):
    """The warehouse holds nothing of that run."""


def run_rows(warehouse: Warehouse, run: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The row that says that the run began, and the one that it ended. Raises UnknownRun."""
    rows = warehouse.query("SELECT * FROM runs WHERE run = @run ORDER BY at", {"run": run})
    started = next((row for row in rows if row["event"] == "started"), None)
    if started is None:
        raise UnknownRun(f"run {run!r} is not in the warehouse: see `starter.py list` for the runs there are")
    return started, next((row for row in rows if row["event"] == "ended"), None)


def newest_rewards(warehouse: Warehouse, run: str, newest: int) -> list[float]:
    """The rewards of the run's newest training episodes in their order, so many at the most."""
    return [row["reward"] for row in reversed(warehouse.query(_NEWEST, {"run": run, "newest": newest}))]
