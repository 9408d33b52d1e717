"""The good and the rejected rows of one file, aside on disk until it is known whether the file is taken.

Rows that repeat an earlier one are found by DuckDB, which spills to disk what its share of memory does not hold. Touch
this to find duplicates otherwise.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from gaelp.arrays import I8
from gaelp.records.logs.cut_lines import CutLines, rejected_table
from gaelp.records.logs.log_rows import DUPLICATE, Judged

_MEMORY = "64MB"  # of the engine that finds duplicates; beyond it the engine spills
_REPEATED = """
SELECT line FROM seen JOIN (SELECT identity, min(line) AS first FROM seen GROUP BY identity HAVING count(*) > 1)
USING (identity) WHERE line > first ORDER BY line
"""


class StagedRows:
    """What a judge made of a file; `add` everything before `good` or `rejected` is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, Any] = {}
        self._seen: Any = None
        self.duplicates: I8 = np.zeros(0, np.int64)
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

    def reject(self, lines: CutLines) -> None:
        """Of these lines, keep those aside that repeat an earlier row."""
        chosen = pa.array(np.isin(lines.numbers, self.duplicates, assume_unique=True))
        texts = lines.texts.filter(chosen)
        numbers = pa.array(lines.numbers).filter(chosen)
        self._write("rejected", rejected_table(numbers, pa.repeat(DUPLICATE, len(texts)), texts))

    def _note(self, rows: Any) -> None:
        """A row is known by the digest of its identity."""
        if self._seen is None:
            self._seen = duckdb.connect(":memory:")
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

    def begin_again(self) -> None:
        """Forget everything that was added."""
        self.finish()
        self._writers, self.left_out = {}, 0
        if self._seen is not None:
            self._seen.close()
            self._seen = None

    def find_duplicates(self) -> I8:
        """The lines that repeat an earlier one, now that all were added."""
        if self._seen is not None:
            found = self._seen.sql(_REPEATED).to_arrow_table()
            self.duplicates = found["line"].to_numpy().astype(np.int64)
            self._seen.close()
        return self.duplicates

    def finish(self) -> None:
        """Nothing more is added: the rows can be read."""
        for writer in self._writers.values():
            writer.close()

    def good(self) -> Iterator[Any]:
        """Tables of the rows to take, in the file's order."""
        for rows in self._read("good"):
            repeated = np.isin(rows["line"].to_numpy(), self.duplicates, assume_unique=True)
            yield rows.filter(pa.array(~repeated)) if len(self.duplicates) else rows

    def rejected(self) -> Iterator[Any]:
        """Tables of `line`, `reason` and `raw`; those that repeat another row come last."""
        return self._read("rejected")

    def _read(self, name: str) -> Iterator[Any]:
        # By its name the file would be mapped into memory, and its pages would count as this process's.
        with pa.OSFile(str(self._folder / name)) as file, pa.ipc.open_stream(file) as reader:
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
