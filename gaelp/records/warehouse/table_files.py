"""The Parquet files of one table of the embedded warehouse: who may write them, and which of them hold its rows.

- `batches/KEY.parquet` is there from the moment a batch is appended, for ever: only one attempt at a key can make it.
  It is emptied once its rows are in a merged file.
- `day=YYYY-MM-DD/KEY.parquet` is a link to it, for as long as no merged file has its rows. Rows of several days are one
  file under the first of them, because several files could be half there.
- `merged/` has the rows of many batches in one file, and `contents.json`, which is replaced whole: it names the merged
  files that count, and the batches of the newest one. Whoever reads lists the links first and the contents second, and
  leaves out the links that the contents name.

A merge may end at any instant. Until the contents are replaced it has done nothing; after that, the next merge finishes
it. The lock keeps merges apart, and the kernel frees it when its holder ends. Touch this to change how facts are stored
on disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MOST_FILES = 64  # of a table, except where batches come while others are being merged
CLOSED_ROWS = 200_000  # a merged file of as many rows is not written again, so that a merge's cost has a bound
_GROUP_ROWS = 65_536  # of a row group, and what a merge holds in memory beside one batch of its inputs
_CONTENTS, _LOCK = "contents.json", "lock"


@dataclass(frozen=True)
class _Contents:
    """The merged files that count, oldest first, and the names of the batches that the last one took in."""

    merged: tuple[str, ...] = ()
    batches: frozenset[str] = frozenset()


class TableFiles:
    """One table's files below its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._batches, self._merged = folder / "batches", folder / "merged"

    def has(self, key: str) -> bool:
        """Whether the key was used; a batch whose writer died before it was linked is linked now."""
        claim = self._batches / _file_name(key)
        try:
            with claim.open("rb") as opened:  # one file, even where a merge replaces it by an empty one meanwhile
                if os.fstat(opened.fileno()).st_size:
                    self._link(claim, pq.read_table(opened, columns=["day"]))
        except FileNotFoundError:
            return False
        return True

    def add(self, key: str, data: Any) -> bool:
        """Store the rows under the key and return True; False, and nothing of them, where the key was used before."""
        claim = self._batches / _file_name(key)
        if not _claimed(data, claim):
            return not self.has(key)
        self._link(claim, data)
        return True

    def current(self) -> list[Path]:
        """The files that hold each row once, as of now. A merge may remove one of them: then ask again."""
        links = [path for path, size in self._links() if size]
        contents = self._contents()  # read after the links: what a merge has removed from them is named here
        return [
            *(self._merged / name for name in contents.merged),
            *(path for path in links if path.name not in contents.batches),
        ]

    def merge(self) -> None:
        """Where the table has many small files, make one of them, unless another process is about it."""
        if len(self._links()) < MOST_FILES:
            return
        self._merged.mkdir(exist_ok=True)
        with self._alone() as alone:
            if alone:
                contents = self._contents()
                self._finish(contents)
                self._merge(contents)

    def _merge(self, contents: _Contents) -> None:
        links = [path for path, _ in self._links()]
        if len(links) < MOST_FILES:
            return
        kept = [name for name in contents.merged if pq.read_metadata(self._merged / name).num_rows >= CLOSED_ROWS]
        grown = [self._merged / name for name in contents.merged if name not in kept]
        name = f"{secrets.token_hex(8)}.parquet"
        _write_merged([*grown, *links], self._merged / name)
        merged = _Contents((*kept, name), frozenset(path.name for path in links))
        self._replace_contents(merged)
        self._finish(merged)

    def _finish(self, contents: _Contents) -> None:
        """Remove what the contents have made superfluous; a late retry can only link a batch that is empty by then."""
        for path, size in self._links():
            if path.name in contents.batches:
                self._put(b"", self._batches / path.name)
            if path.name in contents.batches or not size:
                os.unlink(path)
                with suppress(OSError):  # another batch of that day is there, or comes just now
                    os.rmdir(path.parent)
        for name in os.listdir(self._merged):
            if name not in (*contents.merged, _CONTENTS, _LOCK):
                os.unlink(self._merged / name)

    def _links(self) -> list[tuple[Path, int]]:
        """The linked batches with their sizes, by name."""
        found = []
        for day in self._folder.glob("day=*"):
            with suppress(FileNotFoundError), os.scandir(day) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):  # merged since it was listed
                        found.append((Path(entry.path), entry.stat().st_size))
        return sorted(found)

    def _contents(self) -> _Contents:
        try:
            stored = json.loads((self._merged / _CONTENTS).read_bytes())
        except FileNotFoundError:
            return _Contents()
        return _Contents(tuple(stored["merged"]), frozenset(stored["batches"]))

    def _replace_contents(self, contents: _Contents) -> None:
        text = json.dumps({"merged": contents.merged, "batches": sorted(contents.batches)})
        _sync(self._merged)
        self._put(text.encode(), self._merged / _CONTENTS)
        _sync(self._merged)

    def _put(self, content: bytes, place: Path) -> None:
        """Replace a file whole; a draft that is left over is no merged file that counts, so it will be removed."""
        draft = self._merged / f"draft-{secrets.token_hex(8)}"
        draft.write_bytes(content)
        if content:
            _sync(draft)
        os.replace(draft, place)

    def _link(self, claim: Path, data: Any) -> None:
        folder = self._folder / f"day={pc.min(data['day']).as_py()}"
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                os.link(claim, folder / claim.name)
            except FileExistsError:
                pass
            except FileNotFoundError:  # a merge has emptied that day and removed its folder meanwhile
                continue
            return

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether this is the only merge of the table, for as long as the context is open."""
        with (self._merged / _LOCK).open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True


def _claimed(data: Any, claim: Path) -> bool:
    """Put the file in place unless there is one; unlike a rename, a link never replaces."""
    claim.parent.mkdir(parents=True, exist_ok=True)
    draft = claim.with_name(f".{claim.name}.{secrets.token_hex(6)}")
    try:
        texts = [field.name for field in data.schema if pa.types.is_string(field.type)]
        pq.write_table(data, draft, use_dictionary=texts)  # numbers seldom repeat, and looking takes half of the time
        os.link(draft, claim)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def _write_merged(inputs: Sequence[Path], output: Path) -> None:
    """All rows of the inputs in one file, on the disk when this returns; a column that an input lacks is null there."""
    schema = pa.unify_schemas([pq.read_schema(path) for path in inputs], promote_options="permissive")
    waiting: list[Any] = []
    with pq.ParquetWriter(output, schema) as writer:
        for path in inputs:
            with pq.ParquetFile(path) as opened:
                for batch in opened.iter_batches(_GROUP_ROWS, use_threads=False):
                    waiting.append(pa.Table.from_batches([batch]))
                    if sum(each.num_rows for each in waiting) >= _GROUP_ROWS:
                        writer.write_table(_joined(waiting, schema))
                        waiting = []
        if waiting:
            writer.write_table(_joined(waiting, schema))
    _sync(output)


def _joined(tables: Sequence[Any], schema: Any) -> Any:
    return pa.concat_tables([schema.empty_table(), *tables], promote_options="permissive").cast(schema)


def _sync(place: Path) -> None:
    opened = os.open(place, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _file_name(key: str) -> str:
    """A file name for a key, which may contain slashes: readable, and distinct by its hash."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", key).strip("-")[:60]
    return f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.parquet"
