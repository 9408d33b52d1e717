"""Milliseconds of processor time of what is asked of the embedded warehouse, by how many batches it holds.

Each batch is one row of `episodes` and one of `spend`, appended as a run appends them. Touch this to measure another
query.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gaelp.records.warehouse.table_files import TableFiles
from gaelp.records.warehouse.warehouse import Warehouse
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from scripts.bench.timing import Sizes

_AT = datetime(2026, 3, 1, tzinfo=UTC)
_RUNS = 5
_ROUNDS = 5  # the fastest counts


@dataclass(frozen=True)
class WarehouseCost:
    """Milliseconds of one call; `append` is the mean since the smaller size, merges included."""

    batches: int
    files: int  # of the table `spend`
    append: float
    append_again: float
    last_sequence: float
    episodes_of_a_run: float
    run_summary: float
    spend_by_day: float


def measured(sizes: Sizes) -> list[WarehouseCost]:
    """Every number of batches, the smaller ones first."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse, before, costs = open_warehouse(folder), 0, []
        for batches in sizes.stored_batches:
            begun = time.process_time()
            for number in range(before, batches):
                _append(warehouse, number)
            written = (time.process_time() - begun) / 2 / (batches - before)
            before = batches
            costs.append(_cost(warehouse, Path(folder), batches, round(1000 * written, 2)))
        warehouse.close()
    return costs


def _append(warehouse: Warehouse, number: int) -> None:
    shared: dict[str, Any] = {"run": f"run-{number % _RUNS}", "at": _AT, "phase": "simulation"}
    episode = {"episode": f"batch-{number:06d}", "state": "settled", "episodes": 32, "reward": 0.5}
    warehouse.append("episodes", [{**shared, **episode}], f"batch-{number}")
    post = {"sequence": number + 1, "kind": "post", "account": "a", "key": f"day-{number}", "amount_micros": 5}
    warehouse.append("spend", [{**shared, **post, "detail": "{}"}], f"journal-{number}")


def _cost(warehouse: Warehouse, folder: Path, batches: int, append: float) -> WarehouseCost:
    def asked(sql: str, **values: Any) -> float:
        return _milliseconds(lambda: warehouse.query(sql, values))

    return WarehouseCost(
        batches=batches,
        files=len(TableFiles(folder / "spend").current()),
        append=append,
        append_again=_milliseconds(lambda: _append(warehouse, 0)),
        last_sequence=asked("SELECT MAX(sequence) AS last FROM spend"),
        episodes_of_a_run=asked("SELECT * FROM episodes WHERE run = @run", run="run-1"),
        run_summary=asked("SELECT * FROM v_run_summary"),
        spend_by_day=asked("SELECT * FROM v_spend_by_day"),
    )


def _milliseconds(call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(_ROUNDS):
        begun = time.process_time()
        call()
        seconds.append(time.process_time() - begun)
    return round(1000 * min(seconds), 1)
