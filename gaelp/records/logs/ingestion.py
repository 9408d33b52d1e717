"""Real logs into the warehouse in three passes: how the columns are written, which rows are good, and the rows.

The first two write nothing, so that a file which is refused, or only looked at, leaves nothing behind. The row of table
`logs` is written last and makes a log exist; its rows carry its content digest, so that what an interrupted ingestion
left behind is never read. The same file again changes nothing; another under its name is refused. Touch this to change
what happens when a log is ingested.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from gaelp.domain.ids import checked_name
from gaelp.errors import FAILED
from gaelp.records.logs.column_readings import NOTHING_SAID, Asked, Readings
from gaelp.records.logs.item_features import Items, read_items
from gaelp.records.logs.log_columns import Marks
from gaelp.records.logs.log_files import IngestError, LogLine, content_digest, lines
from gaelp.records.logs.log_kinds import Kind, kind_named
from gaelp.records.logs.log_layouts import Layout, layout_of
from gaelp.records.logs.log_rows import Judge, chunks, without_totals
from gaelp.records.logs.log_totals import ColumnFound, IngestReport, LogTotals
from gaelp.records.warehouse.warehouse import Warehouse

__all__ = ["IngestError", "IngestReport", "LogExists", "LogSource", "ingest", "look"]

MOST_REJECTED = 0.05  # share of the rows; more of them is another file than the user believes it to be


class LogExists(IngestError):
    """A log of that name has other content."""


class TooManyRejected(IngestError):
    """More rows are bad than the user has allowed."""

    exit_code = FAILED


@dataclass(frozen=True)
class LogSource:
    """A file to be ingested: `path` is csv as it is, in gzip or in zip, a place on disk or an fsspec URL."""

    path: str
    kind: str  # bandit, market or report
    name: str  # of the log in the warehouse
    mapping: Mapping[str, str] = field(default_factory=dict)  # our column names to the file's: {'timestamp': 'ts'}
    items: str | None = None  # a bandit log's item features; none: item_context.csv beside the file, if it is there
    asked: Asked = NOTHING_SAID  # what the user has said about how its values are written
    most_rejected: float = MOST_REJECTED  # share of the rows that may be bad


def look(source: LogSource) -> IngestReport:
    """What `ingest` would take and refuse; nothing is written. Raises IngestError."""
    return _judged(_read(source)).report(source.name, source.path)


def ingest(warehouse: Warehouse, source: LogSource, now: datetime) -> IngestReport:
    """Take a log into the warehouse.

    Of an Open Bandit log the four user features are kept and the 80 user-item affinities are not. Raises IngestError
    (one sentence) for a file that is not such a log, has no good row, or may be read in two ways; TooManyRejected;
    LogExists for other content under the name.
    """
    reading = _read(source)
    if (earlier := _stored(warehouse, source.name, reading.content)) is not None:
        return earlier
    totals = _judged(reading)
    if totals.reasons.total() > source.most_rejected * totals.seen:
        raise TooManyRejected(
            f"{totals.reasons.total():,} of {totals.seen:,} rows of {source.path} would be rejected ({totals.why}), "
            f"more than {source.most_rejected:.4g} of them: nothing was taken; correct them, or allow more with "
            "--at-most-rejected"
        )
    items = reading.items or (Items.occurring(totals.items, source.path) if source.kind == "bandit" else None)
    _append_rows(warehouse, reading, items, now)
    report = totals.report(source.name, source.path)
    if warehouse.append("logs", [_log_row(replace(reading, items=items), report, now)], f"log/{source.name}"):
        return report
    return _stored(warehouse, source.name, reading.content) or report  # another process ingested it at the same time


@dataclass(frozen=True)
class _Reading:
    """One file, and how it is read."""

    source: LogSource
    kind: Kind
    layout: Layout
    marks: Mapping[str, Marks]
    content: str  # digest
    items: Items | None

    @property
    def chunks(self) -> Iterator[tuple[list[LogLine], int]]:
        """Its rows, and how many sums of them were left out."""
        for chunk in _chunks(self.source.path, self.layout):
            rows = without_totals(chunk, self.kind, self.layout)
            yield rows, len(chunk) - len(rows)

    def judge(self) -> Judge:
        """A judge who has seen no row yet."""
        return Judge(self.kind, self.layout, self.marks, self.items.ids if self.items else None)


def _read(source: LogSource) -> _Reading:
    kind = kind_named(source.kind)
    try:
        checked_name(source.name, "log")
    except ValueError as error:
        raise IngestError(str(error)) from error
    items = read_items(source.path, source.items, source.mapping) if source.kind == "bandit" else None
    asked = {name: value for name, value in asdict(source.asked).items() if value}
    options = json.dumps({"kind": source.kind, "mapping": dict(source.mapping), **asked}, sort_keys=True).encode()
    content = content_digest(source.path, options, items.raw if items else b"")
    layout = layout_of(kind, source.mapping, source.path)
    readings = Readings(kind, layout, source.asked)
    for chunk in _chunks(source.path, layout):
        readings.see(without_totals(chunk, kind, layout))
    return _Reading(source, kind, layout, readings.marks(kind, source.path), content, items)


def _chunks(path: str, layout: Layout) -> Iterator[list[LogLine]]:
    first = layout.first_line + layout.header
    return chunks(line for line in lines(path, layout.delimiter) if line.number >= first)


def _judged(reading: _Reading) -> LogTotals:
    """Judge the file chunk by chunk; raises IngestError where not one row is good."""
    totals, judge = LogTotals(reading.kind, _columns_found(reading)), reading.judge()
    for chunk, left_out in reading.chunks:
        totals.add(judge.judge(chunk), left_out)
    totals.report(reading.source.name, reading.source.path)
    return totals


def _columns_found(reading: _Reading) -> tuple[ColumnFound, ...]:
    layout = reading.layout
    return tuple(
        ColumnFound(name=f.name, header=layout.headers[at] if layout.header else str(at + 1), reading=f.reading(marks))
        for f in reading.kind.fields
        if (at := layout.positions[f.name]) is not None and (marks := reading.marks[f.name])
    )


def _stored(warehouse: Warehouse, name: str, content: str) -> IngestReport | None:
    rows = warehouse.query("SELECT * FROM logs WHERE log = @log", {"log": name})
    if not rows:
        return None
    row = rows[0]
    if row["content"] != content:
        raise LogExists(
            f"log {name!r} exists with other content ({row['source']}, ingested {row['at']:%Y-%m-%d %H:%M} UTC): "
            "give this file another --name"
        )
    return IngestReport(
        name=name,
        already=True,
        reasons=json.loads(row["reasons"]),
        notes=json.loads(row["notes"]),
        **{key: row[key] for key in ("kind", "rows", "rejected", "window_start", "window_end")},
    )


def _append_rows(warehouse: Warehouse, reading: _Reading, items: Items | None, now: datetime) -> None:
    """Append the file's rows chunk by chunk, under keys that a retry repeats."""
    judge, name = reading.judge(), reading.source.name
    marks, index = {"log": name, "content": reading.content}, items.index if items else {}
    for number, (chunk, _) in enumerate(reading.chunks):
        judged, key = judge.judge(chunk), f"log/{name}/{reading.content[:16]}/{number:06d}"
        if judged.rows:
            for row in judged.rows if items else ():
                row["action"] = index[row.pop("item")]
            warehouse.append(reading.kind.table, [{**row, **marks} for row in judged.rows], key)
        if judged.rejected:
            bad = [{"line": r.line, "reason": r.reason, "raw": r.raw, "day": now.date()} for r in judged.rejected]
            warehouse.append("rejected_rows", [{**row, **marks} for row in bad], key)


def _log_row(reading: _Reading, report: IngestReport, now: datetime) -> dict[str, Any]:
    source, items = reading.source, reading.items
    return {
        "log": report.name,
        "at": now,
        "kind": report.kind,
        "content": reading.content,
        "source": source.path.rpartition("/")[2],
        "rows": report.rows,
        "rejected": report.rejected,
        "reasons": json.dumps(report.reasons),
        "notes": json.dumps(report.notes),
        "window_start": report.window_start,
        "window_end": report.window_end,
        "items": items.to_json() if items else None,
        "mapping": json.dumps(dict(source.mapping), sort_keys=True),
    }
