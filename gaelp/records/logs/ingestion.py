"""Real logs into the warehouse: how the columns are written, which rows are good, and then the rows.

Nothing is written before the last step, so that a file which is refused, or only looked at, leaves nothing behind. The
row of table `logs` is written last and makes a log exist; its rows carry its content digest, so that what an
interrupted ingestion left behind is never read. The same file again changes nothing; another under its name is refused.
Touch this to change what happens when a log is ingested.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import available_timezones

import pyarrow as pa
import pyarrow.compute as pc

from gaelp.domain.ids import checked_name
from gaelp.errors import FAILED
from gaelp.records.logs.column_readings import NOTHING_SAID, Asked, Readings
from gaelp.records.logs.cut_lines import CutLines, cut_lines
from gaelp.records.logs.item_features import Items, read_items
from gaelp.records.logs.log_columns import Marks
from gaelp.records.logs.log_files import Digest, IngestError, content_digest
from gaelp.records.logs.log_kinds import BANDIT, REPORT, SPLIT_TEST, USER_FEATURES, Kind, kind_named
from gaelp.records.logs.log_layouts import Layout, layout_of
from gaelp.records.logs.log_rows import Judge, places, without_totals
from gaelp.records.logs.log_totals import ColumnFound, IngestReport, LogTotals
from gaelp.records.logs.spreadsheets import as_text
from gaelp.records.logs.staged_rows import StagedRows, joined, staged_rows
from gaelp.records.warehouse.warehouse import Warehouse

__all__ = ["IngestError", "IngestReport", "LogExists", "LogSource", "ingest", "look", "read_rows"]

NO_DATE = date(1970, 1, 1)
APPENDED = 100_000  # rows of one append, or a few more
_LOG = "SELECT * FROM logs WHERE log = @log"
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
    kind: str  # a value of LogKind
    name: str  # of the log in the warehouse
    mapping: Mapping[str, str] = field(default_factory=dict)  # our column names to the file's: {'timestamp': 'ts'}
    items: str | None = None  # a bandit log's item features; none: item_context.csv beside the file, if it is there
    asked: Asked = NOTHING_SAID  # what the user has said about how its values are written
    most_rejected: float = MOST_REJECTED  # share of the rows that may be bad


def look(source: LogSource) -> IngestReport:
    """What `ingest` would take and refuse; nothing is written. Raises IngestError."""
    with _readable(source) as file, staged_rows() as staged:
        return _judged(_read(file, staged), staged).report(source.name, source.path)


def ingest(warehouse: Warehouse, source: LogSource, now: datetime) -> IngestReport:
    """Take a log into the warehouse.

    Of an Open Bandit log the four user features are kept and the 80 user-item affinities are not. Raises IngestError
    (one sentence) for a file that is not such a log, has no good row, may be read in two ways, or changes while it is
    read; TooManyRejected; LogExists for other content under the name.
    """
    with _readable(source) as file, staged_rows() as staged:
        if known := warehouse.query(_LOG, {"log": source.name}):
            return _known(known[0], content_digest(file.text, *file.parts))
        reading = _read(file, staged)
        totals = _judged(reading, staged)
        _refuse_too_many(totals, source)
        if file.kind is BANDIT and not file.items:
            reading = replace(reading, file=replace(file, items=Items.occurring(totals.items, source.path)))
        _append_rows(warehouse, reading, staged, now)
        report = totals.report(source.name, source.path)
        if warehouse.append("logs", [_log_row(reading, report, now)], f"log/{source.name}"):
            return report
    return _known(warehouse.query(_LOG, {"log": source.name})[0], reading.content)  # another process was quicker


def read_rows(source: LogSource, kind: Kind) -> tuple[IngestReport, Any]:
    """What a file came to and its good rows, as `kind` reads them, in the file's order; nothing is stored.

    Raises IngestError and TooManyRejected, as `ingest` does.
    """
    with _readable(source, kind) as file, staged_rows() as staged:
        totals = _judged(_read(file, staged), staged)
        _refuse_too_many(totals, source)
        return totals.report(source.name, source.path), pa.concat_tables(staged.good())


def _refuse_too_many(totals: LogTotals, source: LogSource) -> None:
    if totals.reasons.total() > source.most_rejected * totals.seen:
        raise TooManyRejected(
            f"{totals.reasons.total():,} of {totals.seen:,} rows of {source.path} would be rejected "
            f"({totals.why}), more than {source.most_rejected:.4g} of them: nothing was taken; correct them, or "
            "allow more with --at-most-rejected"
        )


@dataclass(frozen=True)
class _File:
    """A file that can be read as text."""

    source: LogSource
    kind: Kind
    text: str  # where its text is
    items: Items | None

    @property
    def parts(self) -> tuple[bytes, bytes]:
        """What belongs to its content beside its bytes: how it is to be read, and the items."""
        asked = {name: value for name, value in asdict(self.source.asked).items() if value}
        options = {"kind": self.source.kind, "mapping": dict(self.source.mapping), **asked}
        return json.dumps(options, sort_keys=True).encode(), self.items.raw if self.items else b""


@dataclass(frozen=True)
class _Reading:
    """How a file is read."""

    file: _File
    layout: Layout
    marks: Mapping[str, Marks]
    content: str  # digest


@contextmanager
def _readable(source: LogSource, kind: Kind | None = None) -> Iterator[_File]:
    kind = kind or kind_named(source.kind)
    try:
        checked_name(source.name, "log")
    except ValueError as error:
        raise IngestError(str(error)) from error
    items = read_items(source.path, source.items, source.mapping) if kind is BANDIT else None
    with as_text(source.path, source.asked.sheet) as text:
        yield _File(source, kind, text, items)


def _read(file: _File, staged: StagedRows) -> _Reading:
    """How the file's columns are written, and its rows, judged once more where the first lines did not show it."""
    source, kind = file.source, file.kind
    _check_zone(kind, source.asked.zone)
    layout = layout_of(kind, source.mapping, file.text, source.path)
    layout = replace(layout, micros=layout.micros | _amounts(kind, source.asked.micros))
    readings, digest, likely = Readings(kind, layout, source.asked), Digest(*file.parts), dict[str, Marks]()
    for lines in cut_lines(file.text, layout, places(kind, layout), digest):
        readings.see(without_totals(lines, kind, layout)[0])
        likely = likely or readings.likely(kind)
        staged.add(_judge(file, layout, likely).judge(lines))
    reading = _Reading(file, layout, readings.marks(kind, source.path), digest.hexdigest())
    if likely != reading.marks:
        staged.begin_again()
        for lines in _lines_again(reading):
            staged.add(_judge(file, layout, reading.marks).judge(lines))
    return reading


def _judge(file: _File, layout: Layout, marks: Mapping[str, Marks]) -> Judge:
    return Judge(file.kind, layout, marks, file.items.ids if file.items else None)


def _lines_again(reading: _Reading) -> Iterator[CutLines]:
    """The file's lines once more; raises IngestError after the last one where the file has changed."""
    file, digest = reading.file, Digest(*reading.file.parts)
    yield from cut_lines(file.text, reading.layout, places(file.kind, reading.layout), digest)
    if digest.hexdigest() != reading.content:
        raise IngestError(f"{file.source.path} changed while it was read: ingest it when nothing writes to it any more")


def _check_zone(kind: Kind, zone: str) -> None:
    if zone and kind.name in (REPORT.name, SPLIT_TEST.name):
        raise IngestError(
            f"--time-zone {zone}: the days of a {kind.name} are the account's own, and are taken as they are"
        )
    if zone and zone not in available_timezones():
        raise IngestError(f"--time-zone {zone}: there is no such zone; a name is like Europe/Berlin or UTC")


def _amounts(kind: Kind, names: Sequence[str]) -> frozenset[str]:
    known = [wanted.name for wanted in kind.fields if wanted.stored.endswith("_micros")]
    if wrong := [name for name in names if name not in known]:
        raise IngestError(
            f"--micros {wrong[0]}: a {kind.name} log has no such amount; it has {', '.join(known) or 'none'}"
        )
    return frozenset(names)


def _judged(reading: _Reading, staged: StagedRows) -> LogTotals:
    """What the whole file comes to; raises IngestError where not one row is good."""
    file, totals = reading.file, LogTotals(reading.file.kind, _columns_found(reading))
    if len(staged.find_duplicates()):
        for lines in _lines_again(reading):
            staged.reject(lines)
    staged.finish()
    for rows in staged.good():
        totals.add(rows)
    for rows in staged.rejected():
        totals.refuse(rows)
    if staged.left_out:
        totals.notes["a sum of other rows, left out"] += staged.left_out
    totals.report(file.source.name, file.source.path)
    return totals


def _columns_found(reading: _Reading) -> tuple[ColumnFound, ...]:
    layout = reading.layout
    placed = tuple(
        ColumnFound(
            name=f.name,
            header=_header(layout, at),
            reading=f.reading(marks) + (", blank is 0" if f.name in layout.zero_blanks else ""),
        )
        for f in reading.file.kind.fields
        if (at := layout.positions[f.name]) is not None and (marks := reading.marks[f.name])
    )
    features = enumerate(layout.user_features)
    return placed + tuple(
        ColumnFound(name=f"{USER_FEATURES}{n}", header=_header(layout, at), reading="text") for n, at in features
    )


def _header(layout: Layout, at: int) -> str:
    return layout.headers[at] if layout.header else str(at + 1)


def _known(row: Mapping[str, Any], content: str) -> IngestReport:
    """What was taken of a file that was ingested before."""
    if row["content"] != content:
        raise LogExists(
            f"log {row['log']!r} exists with other content ({row['source']}, ingested {row['at']:%Y-%m-%d %H:%M} UTC): "
            "give this file another --name"
        )
    return IngestReport(
        name=row["log"],
        already=True,
        reasons=json.loads(row["reasons"]),
        notes=json.loads(row["notes"]),
        **{key: row[key] for key in ("kind", "rows", "rejected", "window_start", "window_end")},
    )


def _append_rows(warehouse: Warehouse, reading: _Reading, staged: StagedRows, now: datetime) -> None:
    """Append the file's rows, many at a time, under keys that a retry repeats."""
    file, name = reading.file, reading.file.source.name
    for table, rows in ((file.kind.table, staged.good()), ("rejected_rows", staged.rejected())):
        for number, part in enumerate(joined(rows, APPENDED)):
            if file.items:
                part = _with_actions(part, file.items) if table == BANDIT.table else part
            part = _with_column(part, "day", _days(part) if "at" in part.column_names else pa.scalar(now.date()))
            part = _with_column(_with_column(part, "log", pa.scalar(name)), "content", pa.scalar(reading.content))
            warehouse.append_columns(table, part, f"log/{name}/{reading.content[:16]}/{number:06d}")


def _with_column(rows: Any, name: str, values: Any) -> Any:
    return rows.append_column(name, pa.repeat(values, len(rows)) if isinstance(values, pa.Scalar) else values)


def _with_actions(rows: Any, items: Items) -> Any:
    actions = pc.cast(pc.index_in(rows["item"], pa.array(items.ids, pa.string())), pa.int64())
    return _with_column(rows.drop_columns(["item"]), "action", actions)


def _days(rows: Any) -> Any:
    """The UTC days of the rows."""
    return pc.fill_null(pc.cast(pc.cast(rows["at"], pa.timestamp("us")), pa.date32(), safe=False), NO_DATE)


def _log_row(reading: _Reading, report: IngestReport, now: datetime) -> dict[str, Any]:
    source, items = reading.file.source, reading.file.items
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
