"""From lines of a log to good rows and rejected lines, a chunk at a time. Touch this to judge rows otherwise."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gaelp.arrays import B1
from gaelp.records.logs.log_columns import BLANKS, Marks
from gaelp.records.logs.log_files import LogLine
from gaelp.records.logs.log_kinds import BANDIT, REPORT, Check, Field, Kind
from gaelp.records.logs.log_layouts import Layout

CHUNK = 50_000  # lines judged together, and rows of one append: bounds memory however long the log is
NO_DATE = date(1970, 1, 1)
_TOTALS = ("total", "gesamt", "summe")
_RAW = 2000  # characters kept of a rejected line
Reasons = list[str | None]


@dataclass(frozen=True)
class Rejected:
    """A line that was not taken."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Judged:
    """One chunk: rows for the warehouse, what was rejected, and how many kept rows fit each note."""

    rows: list[dict[str, Any]]
    rejected: list[Rejected]
    notes: dict[str, int]


class Judge:
    """Judges the chunks of one log; it keeps the digest of each row, so that a duplicate in a later chunk is found."""

    def __init__(
        self, kind: Kind, layout: Layout, marks: Mapping[str, Marks], items: Sequence[str] | None = None
    ) -> None:
        """`items` are those of an item file; without one a bandit log's rows may show any."""
        self._kind, self._layout, self._marks = kind, layout, marks
        self._items = items
        self._digests: set[bytes] = set()

    def judge(self, lines: Sequence[LogLine]) -> Judged:
        """Split a chunk into good rows and rejected lines; the first reason that applies is given."""
        whole = [line for line in lines if self._fits(line)]
        rejected = [_rejected(line, _broken(line)) for line in lines if not self._fits(line)]
        reasons: Reasons = [None] * len(whole)
        columns = {wanted.stored: self._parsed(wanted, whole, reasons) for wanted in self._kind.fields}
        for check in self._kind.checks:
            _reject(reasons, _true(check, columns), check.reason)
        if self._kind is BANDIT:
            if self._items is not None:
                listed = pc.is_in(columns["item"], pa.array(self._items, pa.string()))
                _reject(reasons, ~listed.to_numpy(zero_copy_only=False), "item is not in the item file")
            columns["user_features"] = pa.array([self._features(line) for line in whole], pa.string())
        self._reject_duplicates(whole, reasons)
        good = [index for index, reason in enumerate(reasons) if reason is None]
        rejected += [_rejected(line, reason) for line, reason in zip(whole, reasons, strict=True) if reason is not None]
        kept = {name: values.take(pa.array(good, pa.int64())) for name, values in columns.items()}
        notes = {note.reason: int(_true(note, kept).sum()) for note in self._kind.notes}
        return Judged(_rows(kept, [whole[i].number for i in good]), sorted(rejected, key=lambda r: r.line), notes)

    def _fits(self, line: LogLine) -> bool:
        return line.fields is not None and len(line.fields) == self._layout.width

    def _parsed(self, wanted: Field, whole: Sequence[LogLine], reasons: Reasons) -> Any:
        position = self._layout.positions[wanted.name]
        if position is None:
            known = self._layout.currency if wanted.name == "currency" else ""
            texts = [known or wanted.default or ""] * len(whole)
        else:
            texts = [line.fields[position] for line in whole if line.fields]
        values, good = wanted.parse(texts, self._marks[wanted.name])
        if wanted.blank:
            good = good | np.array([text.strip() in BLANKS for text in texts], bool)
        _reject(reasons, ~good, wanted.wrong)
        return values

    def _features(self, line: LogLine) -> str:
        return json.dumps([line.fields[i] for i in self._layout.user_features] if line.fields else [])

    def _reject_duplicates(self, whole: Sequence[LogLine], reasons: Reasons) -> None:
        """Of rows of one id (or, where the kind says so, equal rows) the first one stands."""
        if self._layout.identity is None:
            return
        for index, line in enumerate(whole):
            if reasons[index] is None:
                key = "\x1f".join(line.fields[i] for i in self._layout.identity) if line.fields else ""
                digest = hashlib.blake2b((key or line.raw).encode(), digest_size=12).digest()
                if digest in self._digests:
                    reasons[index] = "duplicate of an earlier row"
                self._digests.add(digest)


def chunks(lines: Iterator[LogLine], size: int = CHUNK) -> Iterator[list[LogLine]]:
    """Lists of `size` lines, the last one shorter."""
    chunk: list[LogLine] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def without_totals(lines: Sequence[LogLine], kind: Kind, layout: Layout) -> list[LogLine]:
    """The lines that are no sum of the others: where a report has a day, an export writes `Total` or the like."""
    place = layout.positions.get("date") or 0
    return list(lines) if kind is not REPORT else [line for line in lines if not _is_total(line, place)]


def _is_total(line: LogLine, place: int) -> bool:
    cells = line.fields or []
    return any(cells[at].strip().casefold().startswith(_TOTALS) for at in {0, place} if at < len(cells)) and not (
        len(cells) > place and cells[place][:1].isdigit()
    )


def _broken(line: LogLine) -> str:
    if line.fields is None:
        return "not UTF-8" if any("\ud800" <= c <= "\udfff" for c in line.raw) else "unclosed or stray quote"
    return "wrong number of columns"


def _rejected(line: LogLine, reason: str) -> Rejected:
    return Rejected(line.number, reason, line.raw[:_RAW].encode("utf-8", "backslashreplace").decode())


def _reject(reasons: Reasons, bad: B1, reason: str) -> None:
    for index in np.flatnonzero(bad):
        reasons[index] = reasons[index] or reason


def _true(check: Check, columns: dict[str, Any]) -> B1:
    result: B1 = pc.fill_null(check.bad(columns), False).to_numpy(zero_copy_only=False)
    return result


def _rows(columns: dict[str, Any], numbers: list[int]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.table(columns).to_pylist()
    for row, number in zip(rows, numbers, strict=True):
        row["line"] = number
        row["day"] = row["at"].astimezone(UTC).date() if row["at"] is not None else NO_DATE
    return rows
