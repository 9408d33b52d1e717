"""The good and the rejected rows of one file, aside on disk until it is known whether the file is taken.

Rows that repeat an earlier one are found by DuckDB, which spills to disk, so that memory stays bounded however long the
file is. Touch this to find duplicates otherwise.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from gaelp.arrays import I8
from gaelp.records.logs.cut_lines import rejected_table
from gaelp.records.logs.log_rows import DUPLICATE, Judged

_MEMORY = "64MB"  # of the engine that finds duplicates; beyond it the engine spills
_REPEATED = """
SELECT line FROM seen JOIN (SELECT identity, min(line) AS first FROM seen GROUP BY identity HAVING count(*) > 1)
USING (identity) WHERE line > first ORDER BY line
"""


class StagedRows:
    """What a judge made of a file; `add` everything before `good` or `rejected` is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._files = folder, ExitStack()
        self._writers: dict[str, Any] = {}
        self._seen: Any = None
        self._duplicates: I8 = np.zeros(0, np.int64)
        self.left_out = 0  # sums of other rows

    def add(self, judged: Judged) -> None:
        """Keep the rows of some lines."""
        self.left_out += judged.left_out
        good = judged.good
        if "identity" in good.column_names:
            self._note(good)
            good = good.drop_columns(["identity"])
        self._write("good", good)
        self._write("rejected", judged.rejected)

    def _note(self, rows: Any) -> None:
        """A row is known by the digest of its identity."""
        if self._seen is None:
            self._seen = self._files.enter_context(duckdb.connect(":memory:"))
            self._seen.execute(f"SET memory_limit = '{_MEMORY}'; SET threads = 1; SET enable_progress_bar = false")
            self._seen.execute("SET temp_directory = ?", [str(self._folder / "spilled")])
            self._seen.execute("CREATE TABLE seen (line BIGINT, identity UHUGEINT)")
        self._seen.register("rows", rows.select(["line", "identity"]))
        self._seen.execute("INSERT INTO seen SELECT line, md5_number(identity) FROM rows")
        self._seen.unregister("rows")

    def _write(self, name: str, rows: Any) -> None:
        if name not in self._writers:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writers[name] = pa.ipc.new_stream(self._folder / name, rows.schema, options=options)
        self._writers[name].write_table(rows)

    def finish(self) -> None:
        """All lines were added: find the duplicates."""
        for writer in self._writers.values():
            writer.close()
        if self._seen is not None:
            found = self._seen.sql(_REPEATED).to_arrow_table()
            self._duplicates = found["line"].to_numpy().astype(np.int64)
        self._files.close()

    def good(self) -> Iterator[Any]:
        """Tables of the rows to take, in the file's order."""
        for rows in self._read("good"):
            kept = rows.filter(pa.array(~self._repeated(rows))) if len(self._duplicates) else rows
            yield kept.drop_columns(["raw"]) if "raw" in rows.column_names else kept

    def rejected(self) -> Iterator[Any]:
        """Tables of `line`, `reason` and `raw`; those that repeat another row come last."""
        yield from self._read("rejected")
        for rows in self._read("good") if len(self._duplicates) else ():
            found = rows.filter(pa.array(self._repeated(rows)))
            reasons = pa.repeat(DUPLICATE, len(found))
            yield rejected_table(found["line"].combine_chunks(), reasons, found["raw"].combine_chunks())

    def _repeated(self, rows: Any) -> Any:
        return np.isin(rows["line"].to_numpy(), self._duplicates, assume_unique=True)

    def _read(self, name: str) -> Iterator[Any]:
        with pa.ipc.open_stream(self._folder / name) as reader:
            for batch in reader:
                yield pa.Table.from_batches([batch])


@contextmanager
def staged_rows() -> Iterator[StagedRows]:
    """A place for the rows of one file, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gaelp-log-") as folder:
        yield StagedRows(Path(folder))


def joined(tables: Iterator[Any], rows: int) -> Iterator[Any]:
    """The same rows in tables of at least so many, the last one perhaps fewer."""
    waiting: list[Any] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= rows:
            yield pa.concat_tables(waiting)
            waiting = []
    if sum(map(len, waiting)):
        yield pa.concat_tables(waiting)
