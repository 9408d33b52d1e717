"""Rows of a bandit log a second of processor, validated and stored, beside DuckDB that reads and stores the file.

Each size is ingested in a process of its own, so that its peak memory is its own. Touch this to measure another log.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np

from gaelp.records.logs.ingestion import LogSource, ingest
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from scripts.bench.timing import Sizes

_AT = datetime(2026, 3, 1, tzinfo=UTC)
_HEADER = "id,timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1"
_CHILD = "import sys; from scripts.bench.ingestion import ingested; ingested(sys.argv[1])"


@dataclass(frozen=True)
class IngestionCost:
    """Rows a second of processor: ours, and DuckDB's that reads all columns and writes Parquet, or counts only."""

    rows: int
    ours: int
    duckdb_stores: int
    duckdb_reads: int
    peak_mib: int


def measured(sizes: Sizes) -> list[IngestionCost]:
    """Every number of rows."""
    with tempfile.TemporaryDirectory() as folder:
        return [_cost(rows, Path(folder)) for rows in sizes.log_rows]


def _cost(rows: int, folder: Path) -> IngestionCost:
    log = folder / f"{rows}.csv"
    _write(log, rows)
    ran = subprocess.run([sys.executable, "-c", _CHILD, str(log)], capture_output=True, text=True, check=True)
    ours, peak = json.loads(ran.stdout)
    stores = _duckdb(f"COPY (SELECT * FROM read_csv('{log}')) TO '{folder / 'out.parquet'}'")  # noqa: S608 - ours
    reads = _duckdb(f"SELECT max(timestamp)::VARCHAR, sum(propensity_score) FROM read_csv('{log}')")  # noqa: S608
    return IngestionCost(rows, int(rows / ours), int(rows / stores), int(rows / reads), peak)


def ingested(log: str) -> None:
    """Ingest a bandit log and print processor seconds and peak MiB."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse = open_warehouse(folder)
        begun = time.process_time()
        ingest(warehouse, LogSource(log, "bandit", "log"), _AT)
        seconds = time.process_time() - begun
        warehouse.close()
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024]))


def _duckdb(sql: str) -> float:
    with duckdb.connect(":memory:") as connection:
        begun = time.process_time()
        connection.execute(sql).fetchall()
        return max(time.process_time() - begun, 1e-6)


def _write(log: Path, rows: int) -> None:
    rng = np.random.default_rng(1)
    items, places, chances = rng.integers(80, size=rows), rng.integers(1, 4, rows), rng.uniform(0.01, 1, rows)
    clicks, users = rng.random(rows) < 0.01, rng.integers(16, size=(rows, 2))
    with log.open("w") as file:
        file.write(f"{_HEADER}\n")
        for n in range(rows):
            at = (_AT + timedelta(seconds=n, microseconds=n)).isoformat(sep=" ")
            drawn = f"{items[n]},{places[n]},{int(clicks[n])},{chances[n]:.6f},u{users[n, 0]},v{users[n, 1]}"
            file.write(f"{n},{at},{drawn}\n")
