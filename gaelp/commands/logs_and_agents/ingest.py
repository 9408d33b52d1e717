"""The verbs `ingest` and `rejected`: a real log into the warehouse, and the lines of it that were not taken.

Touch this to add an option. What a log must look like stands in gaelp/records/logs/log_kinds.py.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, WrongUse, instant, table
from gaelp.domain.ids import checked_name

if TYPE_CHECKING:
    from gaelp.records.logs.ingestion import IngestReport, LogSource

_REJECTED = """
SELECT r.line, r.reason, r.raw
FROM rejected_rows AS r
JOIN logs AS l ON l.log = r.log AND l.content = r.content
WHERE r.log = @log
ORDER BY r.line
LIMIT 1000
"""


def ingest(arguments: argparse.Namespace, out: Out) -> int:
    """Read FILE into the warehouse under --name, or only show what would be taken."""
    from gaelp.records.logs.ingestion import ingest as take_in
    from gaelp.records.logs.ingestion import look

    source = source_of(arguments)
    if arguments.dry_run:
        _show(look(source), out, "nothing was written")
        return DONE
    warehouse = connections.open_warehouse(connections.read_settings())
    try:
        report = take_in(warehouse, source, connections.now())
    finally:
        warehouse.close()
    _show(report, out, "it was there already; nothing was added" if report.already else "")
    return DONE


def rejected(arguments: argparse.Namespace, out: Out) -> int:
    """The lines of LOG that were not taken, each with its first reason; at most a thousand."""
    from gaelp.records.logs.stored_logs import log_info

    warehouse = connections.open_warehouse(connections.read_settings())
    try:
        info = log_info(warehouse, arguments.name)
        lines = warehouse.query(_REJECTED, {"log": arguments.name})
    finally:
        warehouse.close()
    shown = table(("line", "reason", "text"), [(each["line"], each["reason"], each["raw"][:100]) for each in lines])
    more = f"; the first {len(lines):,} are shown" if info.rejected > len(lines) else ""
    document = {"name": info.name, "rejected": info.rejected, "lines": lines}
    out.result(document, f"{info.name}: {info.rejected:,} lines were not taken{more}", *([shown] if lines else []))
    return DONE


def source_of(arguments: argparse.Namespace) -> LogSource:
    """The file that the options name, and how it is to be read. Raises WrongUse."""
    from gaelp.records.logs.column_readings import Asked
    from gaelp.records.logs.ingestion import MOST_REJECTED, LogSource

    try:
        checked_name(arguments.name, "the log")
    except ValueError as error:
        raise WrongUse(str(error)) from None
    return LogSource(
        path=_file(arguments.file),
        kind=arguments.kind,
        name=arguments.name,
        mapping=_mapping(arguments.map) or {},
        items=_file(arguments.items) if arguments.items else None,
        asked=Asked(
            decimal=arguments.decimal or "", dates=arguments.dates or "", zone=arguments.time_zone or "",
            micros=tuple(arguments.micros), sheet=arguments.sheet or "",
        ),
        most_rejected=MOST_REJECTED if arguments.at_most_rejected is None else arguments.at_most_rejected,
    )  # fmt: skip


def _show(report: IngestReport, out: Out, remark: str) -> None:
    document = report.model_dump(mode="json")
    window = ""
    if report.window_start and report.window_end:
        window = f", from {instant(report.window_start)} to {instant(report.window_end)}"
    head = f"{report.name}: {report.rows:,} rows, {report.rejected:,} rejected{window}"
    tables = [
        ("column", "in the file", "read as"), [(c.name, c.header, c.reading) for c in report.columns],
        ("sum", "of the rows taken"), [(name, f"{value:,.10g}") for name, value in report.sums.items()],
        ("rows", "note"), [(f"{count:,}", note) for note, count in report.notes.items()],
        ("rejected", "reason", "first on line"),
        [(f"{n:,}", why, report.first_rejected.get(why, "")) for why, n in report.reasons.items()],
        *_first_rows(report),
    ]  # fmt: skip
    shown = [table(heads, rows) for heads, rows in zip(tables[::2], tables[1::2], strict=True) if rows]
    out.result(document, f"{head}{f' ({remark})' if remark else ''}", *shown)


def _first_rows(report: IngestReport) -> list[Any]:
    if not report.first_rows:
        return []
    heads = [name for name in report.first_rows[0] if name not in ("day", "user_features")]
    return [tuple(heads), [tuple(_cell(row[name]) for name in heads) for row in report.first_rows]]


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _mapping(pairs: list[str]) -> dict[str, str] | None:
    mapping: dict[str, str] = {}
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not ours or not equals or not theirs:
            raise WrongUse(f"--map {pair!r} is not of the form OURS=THEIRS, for example click=clicked")
        if ours in mapping:
            raise WrongUse(f"--map gives {ours!r} twice: give it once")
        mapping[ours] = theirs
    return mapping or None


def _file(name: str) -> str:
    """A local file that is there, or an address that the reader will open."""
    if "://" not in name and not Path(name).is_file():
        raise WrongUse(f"there is no file {name}")
    return name
