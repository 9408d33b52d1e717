"""Real logs into the warehouse, row by row. Touch this to change what a log's arrival does.

The row of table `logs` is written last and makes a log exist; its rows carry its content digest, so that what an
interrupted ingestion left behind is never read. The same file again changes nothing; another under its name is refused.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from gaelp.domain.frozen import Frozen
from gaelp.domain.ids import checked_name
from gaelp.records.logs.item_features import Items, read_items
from gaelp.records.logs.log_files import IngestError, content_digest, first_line, lines
from gaelp.records.logs.log_kinds import Kind, kind_named, layout_of
from gaelp.records.logs.log_rows import Judge, chunks
from gaelp.records.warehouse.warehouse import Warehouse

__all__ = ["IngestError", "IngestReport", "LogExists", "ingest"]


class LogExists(IngestError):
    """A log of that name holds other content."""


class IngestReport(Frozen):
    """What an ingestion found. `notes` counts rows that were kept but look odd."""

    name: str
    kind: str
    rows: int
    rejected: int
    reasons: dict[str, int]
    already: bool = False
    notes: dict[str, int] = Field(default_factory=dict)
    window_start: datetime | None = None
    window_end: datetime | None = None


def ingest(
    warehouse: Warehouse,
    path: str,
    *,
    kind: str,
    name: str,
    mapping: Mapping[str, str] | None = None,
    items: str | None = None,
    now: datetime,
) -> IngestReport:
    """Take the log at `path` (csv or csv.gz; an fsspec URL) into the warehouse as log `name`.

    `kind` is bandit, market or report; `mapping` goes from our column names to the file's, {'timestamp': 'ts'}.
    Bandit logs find item features in item_context.csv beside the file, or in `items`. Of an Open Bandit log the four
    user features are kept and the 80 user-item affinities are not. Raises IngestError (one sentence) for a file that
    is not such a log or has no good row, LogExists for other content under the name.
    """
    path, mapping = str(path), dict(mapping or {})
    log_kind = kind_named(kind)
    try:
        checked_name(name, "log")
    except ValueError as error:
        raise IngestError(str(error)) from error
    known_items = read_items(path, items, mapping) if kind == "bandit" else None
    options = json.dumps({"kind": kind, "mapping": mapping}, sort_keys=True).encode()
    content = content_digest(path, options, known_items.raw if known_items else b"")
    if (earlier := _stored(warehouse, name, content)) is not None:
        return earlier
    report, found_items = _take(warehouse, log_kind, path, name, content, mapping, known_items, now)
    row = _log_row(report, content, path, mapping, found_items, now)
    if warehouse.append("logs", [row], f"log/{name}"):
        return report
    return _stored(warehouse, name, content) or report  # another process ingested at the same time: its log stands


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


def _take(
    warehouse: Warehouse,
    kind: Kind,
    path: str,
    name: str,
    content: str,
    mapping: Mapping[str, str],
    items: Items | None,
    now: datetime,
) -> tuple[IngestReport, Items | None]:
    """Judge the file chunk by chunk and append what was found, under batch names that a retry repeats."""
    layout = layout_of(kind, first_line(path), mapping, path)
    judge = Judge(kind, layout, items.index if items else None)
    good, reasons, notes, window, largest = 0, Counter[str](), Counter[str](), _Window(), -1
    source = lines(path, layout.delimiter)
    if layout.header:
        next(source)
    marks = {"log": name, "content": content}
    for number, chunk in enumerate(chunks(source)):
        judged = judge.judge(chunk)
        batch = f"log/{name}/{content[:16]}/{number:06d}"
        if judged.rows:
            warehouse.append(kind.table, [{**row, **marks} for row in judged.rows], batch)
        if judged.rejected:
            day = {"day": now.date()}
            bad = [{"line": r.line, "reason": r.reason, "raw": r.raw, **day, **marks} for r in judged.rejected]
            warehouse.append("rejected_rows", bad, batch)
        good += len(judged.rows)
        reasons.update(r.reason for r in judged.rejected)
        notes.update({note: count for note, count in judged.notes.items() if count})
        window.extend([row["at"] for row in judged.rows if row["at"] is not None])
        largest = max([largest, *(row["action"] for row in judged.rows)]) if kind.name == "bandit" else largest
    if not good:
        raise IngestError(f"{path} has not one good {kind.name} row; {_why(reasons)}")
    if items is None and largest >= 0:
        items = Items.numbered(largest + 1, path)
    return IngestReport(
        name=name,
        kind=kind.name,
        rows=good,
        rejected=reasons.total(),
        reasons=dict(reasons.most_common()),
        notes=dict(notes.most_common()),
        window_start=window.start,
        window_end=window.end,
    ), items


class _Window:
    """First and last instant seen."""

    def __init__(self) -> None:
        self.start: datetime | None = None
        self.end: datetime | None = None

    def extend(self, instants: list[datetime]) -> None:
        if instants:
            self.start = min(instants) if self.start is None else min(self.start, *instants)
            self.end = max(instants) if self.end is None else max(self.end, *instants)


def _why(reasons: Counter[str]) -> str:
    if not reasons:
        return "it has a header and nothing else"
    reason, count = reasons.most_common(1)[0]
    return f"{count} of {reasons.total()} rows: {reason}"


def _log_row(
    report: IngestReport, content: str, path: str, mapping: Mapping[str, str], items: Items | None, now: datetime
) -> dict[str, Any]:
    return {
        "log": report.name,
        "at": now,
        "kind": report.kind,
        "content": content,
        "source": path.rpartition("/")[2],
        "rows": report.rows,
        "rejected": report.rejected,
        "reasons": json.dumps(report.reasons),
        "notes": json.dumps(report.notes),
        "window_start": report.window_start,
        "window_end": report.window_end,
        "items": items.to_json() if items else None,
        "mapping": json.dumps(mapping, sort_keys=True),
    }
