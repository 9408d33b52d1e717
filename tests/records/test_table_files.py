"""Merging the files of the embedded warehouse: one row for each fact whoever is killed, and whenever."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from gaelp.records.warehouse import table_files
from gaelp.records.warehouse.duckdb_warehouse import DuckDBWarehouse

AT = datetime(2026, 3, 1, tzinfo=UTC)
FEW = 3  # files of a table, in these tests
# Whatever asks something of the operating system tells Python's audit hooks first; what writes Parquet is made to.
STEPS = ("open", "os.", "fcntl.", "parquet.")
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([DuckDBWarehouse.__module__])


@pytest.fixture(autouse=True)
def few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merging begins at a handful of files."""
    monkeypatch.setattr(table_files, "MOST_FILES", FEW)


def row(number: int) -> dict[str, Any]:
    """One fact; two days take turns."""
    at = AT + timedelta(days=number % 2)
    return {"run": "a", "at": at, "phase": "simulation", "episode": f"{number:04d}", "state": "settled"}


def append(warehouse: DuckDBWarehouse, numbers: range) -> list[int]:
    """Each number as a batch of its own; how many rows of each were new."""
    return [warehouse.append("episodes", [row(number)], f"batch-{number}") for number in numbers]


def stored(folder: Path) -> list[int]:
    """The facts that are there, each as often as it is there."""
    warehouse = DuckDBWarehouse(folder)
    rows = warehouse.query("SELECT episode FROM episodes ORDER BY episode")
    warehouse.close()
    return [int(each["episode"]) for each in rows]


def _die_at(step: int, folder: Path, closed_rows: int, number: int) -> None:
    """In a process of its own: append one batch, and be killed (kill -9) just before the operation of that number."""
    table_files.MOST_FILES, table_files.CLOSED_ROWS = FEW, closed_rows
    for name in ("write_table", "close"):
        setattr(pq.ParquetWriter, name, _announced(f"parquet.{name}", getattr(pq.ParquetWriter, name)))
    table_files.pq.write_table = _announced("parquet.write", pq.write_table)
    table_files.os.fsync = _announced("parquet.sync", os.fsync)
    warehouse, steps = DuckDBWarehouse(folder), iter(range(1, step + 1))

    def count(event: str, _: object) -> None:
        if event.startswith(STEPS) and event != "os.kill" and next(steps, step) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    append(warehouse, range(number, number + 1))
    os._exit(0)


def _announced(event: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def announced(*arguments: Any, **options: Any) -> Any:
        sys.audit(event)
        return call(*arguments, **options)

    return announced


def died(step: int, folder: Path, closed_rows: int, number: int) -> bool:
    """Whether the append was killed; False where it had fewer operations than that."""
    process = FORKS.Process(target=_die_at, args=(step, folder, closed_rows, number))
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


@pytest.mark.parametrize("closed_rows", [2, 1000])
def test_a_merge_that_is_killed_at_any_operation_loses_and_doubles_nothing(tmp_path: Path, closed_rows: int) -> None:
    """kill -9 before each operation, where the merged file grows and where another begins, and again in the retry."""
    prepared = tmp_path / "prepared"
    before = range(2 * FEW - 1)  # one merge has been, and the next batch begins another
    append(DuckDBWarehouse(prepared), before)
    step, folder = 0, tmp_path / "folder"
    while True:
        step += 1
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(prepared, folder, copy_function=os.link)
        if not died(step, folder, closed_rows, len(before)):
            break
        assert stored(folder) in ([*before], [*before, len(before)]), f"after step {step}"
        died(1 + step * 7 % 50, folder, closed_rows, len(before))
        assert stored(folder) in ([*before], [*before, len(before)]), f"after step {step} and another"
        warehouse = DuckDBWarehouse(folder)
        assert sum(append(warehouse, range(len(before) + 1))) <= 1, f"a key was taken twice after step {step}"
        append(warehouse, range(len(before) + 1, 4 * FEW))  # the next merges finish what was begun
        assert stored(folder) == [*range(4 * FEW)], f"after step {step} and the retry"
        assert not list(folder.rglob("draft-*"))
        warehouse.close()
    assert step > 30  # it did merge


def test_a_table_has_few_files_however_many_batches_it_has(tmp_path: Path) -> None:
    """Days that are open and days that are over count together, and repeating every batch brings none back."""
    warehouse = DuckDBWarehouse(tmp_path)
    for number in range(10 * FEW):
        assert append(warehouse, range(number, number + 1)) == [1]
        assert len(table_files.TableFiles(tmp_path / "episodes").current()) <= FEW
    assert append(warehouse, range(10 * FEW)) == [0] * 10 * FEW
    assert stored(tmp_path) == [*range(10 * FEW)]
    warehouse.close()


def test_a_merged_file_that_is_large_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a number of rows on, a merged file stays as it is, so that a merge does not cost more year by year."""
    monkeypatch.setattr(table_files, "CLOSED_ROWS", FEW)
    warehouse = DuckDBWarehouse(tmp_path)
    append(warehouse, range(FEW))
    (first,) = tmp_path.glob("episodes/merged/*.parquet")
    written = first.stat().st_mtime_ns
    append(warehouse, range(FEW, 3 * FEW))
    assert first.stat().st_mtime_ns == written and stored(tmp_path) == [*range(3 * FEW)]
    warehouse.close()


def test_columns_that_came_later_are_null_after_a_merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files with and without a column become one file, and no value moves."""
    from dataclasses import replace

    from gaelp.records.warehouse import schema

    warehouse, table = DuckDBWarehouse(tmp_path), schema.TABLES["episodes"]
    with monkeypatch.context() as older:
        older.setitem(schema.TABLES, "episodes", replace(table, columns=table.columns[:-1]))
        append(warehouse, range(FEW - 1))
    warehouse.append("episodes", [row(FEW - 1) | {"purpose": "train"}], "new")
    assert not list(tmp_path.glob("episodes/day=*/*"))
    found = warehouse.query("SELECT episode, purpose FROM episodes ORDER BY episode")
    assert [each["purpose"] for each in found] == [None] * (FEW - 1) + ["train"]
    warehouse.close()


def test_a_key_that_was_used_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch is known to be there before its rows are made into a file, merged or not."""
    warehouse = DuckDBWarehouse(tmp_path)
    append(warehouse, range(FEW + 1))
    monkeypatch.setattr(pq, "write_table", pytest.fail)
    assert append(warehouse, range(FEW + 1)) == [0] * (FEW + 1)
    warehouse.close()


def _write(folder: Path, numbers: range, said: Connection) -> None:
    """In a process of its own: append batches, and say each one that is in place."""
    table_files.MOST_FILES = FEW
    warehouse = DuckDBWarehouse(folder)
    for number in numbers:
        append(warehouse, range(number, number + 1))
        said.send(number)
    said.close()


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[Callable[[range], tuple[Any, Connection]]]:
    """Starts processes that append, and ends them with the test."""
    started = []

    def start(numbers: range) -> tuple[Any, Connection]:
        heard, said = FORKS.Pipe(duplex=False)
        process = FORKS.Process(target=_write, args=(tmp_path, numbers, said))
        process.start()
        said.close()
        started.append(process)
        return process, heard

    yield start
    for process in started:
        process.kill()
        process.join()


def test_readers_see_every_fact_once_while_others_merge(
    tmp_path: Path, writers: Callable[[range], tuple[Any, Connection]]
) -> None:
    """Two processes append and merge; whatever a reader asks in between, it sees no fact twice and none go."""
    started = [writers(range(begin, begin + 60)) for begin in (0, 60)]
    processes = [process for process, _ in started]
    warehouse, before = DuckDBWarehouse(tmp_path), 0
    while any(process.is_alive() for process in processes):
        (now,) = warehouse.query("SELECT COUNT(*) AS n, COUNT(DISTINCT episode) AS different FROM episodes")
        assert now["n"] == now["different"] and now["n"] >= before
        before = now["n"]
    assert [process.exitcode for process in processes] == [0, 0]
    assert stored(tmp_path) == [*range(120)]
    warehouse.close()


def test_a_process_that_is_killed_loses_nothing_that_it_had_acknowledged(
    tmp_path: Path, writers: Callable[[range], tuple[Any, Connection]]
) -> None:
    """kill -9 in the midst of appending and merging, several times: each acknowledged fact is there once."""
    acknowledged = 0
    for last in (9, 17, 30):
        process, heard = writers(range(100))
        while acknowledged < last:
            acknowledged = max(acknowledged, heard.recv())
        process.kill()
        process.join()
        facts = stored(tmp_path)
        assert facts == [*range(len(facts))] and len(facts) > acknowledged
