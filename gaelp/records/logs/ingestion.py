"""Real logs into the warehouse, row by row.

The row of table `logs` is written last and makes a log exist; its rows carry its content digest, so that what an
interrupted ingestion left behind is never read. The same file again changes nothing; another under its name is refused.
Touch this to change what happens when a log is ingested.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import Field

from gaelp.domain.frozen import Frozen
from gaelp.domain.ids import checked_name
from gaelp.records.logs.item_features import Items, read_items
from gaelp.records.logs.log_files import IngestError, content_digest, first_line, lines
from gaelp.records.logs.log_kinds import Kind, kind_named, layout_of
from gaelp.records.logs.log_rows import Judge, Judged, chunks
from gaelp.records.warehouse.warehouse import Warehouse

__all__ = ["IngestError", "IngestReport", "LogExists", "LogSource", "ingest"]


class LogExists(IngestError):
    """A log of that name has other content."""


@dataclass(frozen=True)
class LogSource:
    """A file to be ingested: `path` is csv or csv.gz, a place on disk or an fsspec URL."""

    path: str
    kind: str  # bandit, market or report
    name: str  # of the log in the warehouse
    mapping: Mapping[str, str] = field(default_factory=dict)  # our column names to the file's: {'timestamp': 'ts'}
    items: str | None = None  # a bandit log's item features; none: item_context.csv beside the file, if it is there


class IngestReport(Frozen):
    """What an ingestion took and refused. `notes` counts rows that were kept but look odd."""

    name: str
    kind: str
    rows: int
    rejected: int
    reasons: dict[str, int]
    already: bool = False
    notes: dict[str, int] = Field(default_factory=dict)
    window_start: datetime | None = None
    window_end: datetime | None = None


def ingest(warehouse: Warehouse, source: LogSource, now: datetime) -> IngestReport:
    """Take a log into the warehouse.

    Of an Open Bandit log the four user features are kept and the 80 user-item affinities are not. Raises IngestError
    (one sentence) for a file that is not such a log or has no good row, LogExists for other content under the name.
    """
    kind = kind_named(source.kind)
    try:
        checked_name(source.name, "log")
    except ValueError as error:
        raise IngestError(str(error)) from error
    items = read_items(source.path, source.items, source.mapping) if source.kind == "bandit" else None
    options = json.dumps({"kind": source.kind, "mapping": dict(source.mapping)}, sort_keys=True).encode()
    content = content_digest(source.path, options, items.raw if items else b"")
    if (earlier := _stored(warehouse, source.name, content)) is not None:
        return earlier
    ingestion = _Ingestion(source, kind, content, items, now)
    totals = _append_rows(warehouse, ingestion)
    if not totals.rows:
        raise IngestError(f"{source.path} has not one good {source.kind} row; {_why(totals.reasons)}")
    if items is None and totals.largest_action >= 0:
        ingestion = replace(ingestion, items=Items.numbered(totals.largest_action + 1, source.path))
    report = totals.report(source)
    row = _log_row(ingestion, report)
    if warehouse.append("logs", [row], f"log/{source.name}"):
        return report
    return _stored(warehouse, source.name, content) or report  # another process ingested it at the same time


@dataclass(frozen=True)
class _Ingestion:
    """One file on its way into the warehouse."""

    source: LogSource
    kind: Kind
    content: str  # digest
    items: Items | None
    now: datetime


@dataclass
class _Totals:
    """What the chunks of a file came to."""

    rows: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    start: datetime | None = None
    end: datetime | None = None
    largest_action: int = -1

    def add(self, judged: Judged) -> None:
        """Count one chunk."""
        self.rows += len(judged.rows)
        self.reasons.update(rejected.reason for rejected in judged.rejected)
        self.notes.update({note: count for note, count in judged.notes.items() if count})
        instants = [row["at"] for row in judged.rows]
        known = [instant for instant in (*instants, self.start, self.end) if instant is not None]
        self.start, self.end = min(known, default=None), max(known, default=None)
        self.largest_action = max([self.largest_action, *(row.get("action", -1) for row in judged.rows)])

    def report(self, source: LogSource) -> IngestReport:
        """The same for people."""
        return IngestReport(
            name=source.name,
            kind=source.kind,
            rows=self.rows,
            rejected=self.reasons.total(),
            reasons=dict(self.reasons.most_common()),
            notes=dict(self.notes.most_common()),
            window_start=self.start,
            window_end=self.end,
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


def _append_rows(warehouse: Warehouse, ingestion: _Ingestion) -> _Totals:
    """Judge the file chunk by chunk and append its rows, under keys that a retry repeats."""
    source, kind, items = ingestion.source, ingestion.kind, ingestion.items
    layout = layout_of(kind, first_line(source.path), source.mapping, source.path)
    judge = Judge(kind, layout, items.index if items else None)
    log_lines = lines(source.path, layout.delimiter)
    if layout.header:
        next(log_lines)
    totals = _Totals()
    for number, chunk in enumerate(chunks(log_lines)):
        judged = judge.judge(chunk)
        _append_chunk(warehouse, ingestion, judged, f"log/{source.name}/{ingestion.content[:16]}/{number:06d}")
        totals.add(judged)
    return totals


def _append_chunk(warehouse: Warehouse, ingestion: _Ingestion, judged: Judged, key: str) -> None:
    marks = {"log": ingestion.source.name, "content": ingestion.content}
    if judged.rows:
        warehouse.append(ingestion.kind.table, [{**row, **marks} for row in judged.rows], key)
    if judged.rejected:
        marks_of_bad = {"day": ingestion.now.date(), **marks}
        bad = [{"line": r.line, "reason": r.reason, "raw": r.raw, **marks_of_bad} for r in judged.rejected]
        warehouse.append("rejected_rows", bad, key)


def _why(reasons: Counter[str]) -> str:
    if not reasons:
        return "it has a header and nothing else"
    reason, count = reasons.most_common(1)[0]
    return f"{count} of {reasons.total()} rows: {reason}"


def _log_row(ingestion: _Ingestion, report: IngestReport) -> dict[str, Any]:
    source, items = ingestion.source, ingestion.items
    return {
        "log": report.name,
        "at": ingestion.now,
        "kind": report.kind,
        "content": ingestion.content,
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
