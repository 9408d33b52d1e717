"""When conversions came after their clicks, from one export that says it or from several of one account.

Touch this when a platform writes ages otherwise.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from gaelp.domain.exports.conversion_ages import (
    DOWNLOAD,
    AgedConversions,
    ConversionTriangle,
    Snapshot,
    triangle_from_ages,
    triangle_of,
)
from gaelp.records.exports.export_columns import AGES
from gaelp.records.exports.read_export import refuse_periods
from gaelp.records.logs.ingestion import LogSource, read_rows
from gaelp.records.logs.log_files import IngestError

_NUMBERS = {
    word: number
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
         "thirteen", "fourteen")
    )
} | {"twenty_one": 21, "thirty": 30, "forty_five": 45, "sixty": 60, "ninety": 90}  # fmt: skip
_LESS = re.compile(r"(?:<|less than|unter|weniger als)\s*(\d+)\s*(?:days?|tage?)?")
_FROM_TO = re.compile(r"(\d+)\s*(?:-|–|to|bis)\s*(\d+)\s*(?:days?|tage?)?")
_ALONE = re.compile(r"(\d+)\s*(?:days?|tage?)?")


def read_triangle(sources: Sequence[LogSource], today: date | None) -> ConversionTriangle:
    """The triangle of one export with ages, or of several exports of other days.

    `today` is the day on which a single export was downloaded; without one it is the day after its last. Raises
    IngestError, with one sentence that says what to download where one export cannot tell.
    """
    if len(sources) == 1:
        return _of_one(sources[0], today)
    try:
        return triangle_of([_snapshot(source) for source in sources])
    except ValueError as error:
        if isinstance(error, IngestError):
            raise
        raise IngestError(str(error)) from error


def _rows(source: LogSource) -> tuple[set[str], list[Mapping[str, Any]]]:
    report, rows = read_rows(source, AGES)
    refuse_periods(source.path, rows)
    return {found.name for found in report.columns}, rows.to_pylist()


def _snapshot(source: LogSource) -> Snapshot:
    _, rows = _rows(source)
    counts: dict[date, float] = defaultdict(float)
    for row in rows:
        counts[row["at"].date()] += row["conversions"] or 0.0
    return Snapshot(min(counts), max(counts), counts)


def _of_one(source: LogSource, today: date | None) -> ConversionTriangle:
    columns, rows = _rows(source)
    dated = "conversion_date" in columns
    if not dated and "lag" not in columns:
        raise IngestError(f"{source.path}: {DOWNLOAD}")
    last = max(row["at"].date() for row in rows)
    aged, without = [], 0.0
    for row in rows:
        if not row["conversions"]:
            continue
        ages = _dated(source.path, row) if dated else _lag(source.path, row)
        if ages is None:
            without += row["conversions"]
        else:
            aged.append(AgedConversions(row["at"].date(), *ages, row["conversions"]))
            last = max(last, row["conversion_at"].date()) if dated else last
    if today is not None:
        if today <= last:
            raise IngestError(
                f"--today {today} is not after the last day in {source.path}, {last}: give the day of its download"
            )
        last = date.fromordinal(today.toordinal() - 1)
    return triangle_from_ages(aged, last, elapsed=not dated, without_age=without)


def _dated(path: str, row: Mapping[str, Any]) -> tuple[int, int] | None:
    if row["conversion_at"] is None:
        return None
    age = (row["conversion_at"].date() - row["at"].date()).days
    if age < 0:
        raise IngestError(f"{path}: line {row['line']} has a conversion before its click: correct the row, or the map")
    return age, age


def _lag(path: str, row: Mapping[str, Any]) -> tuple[int, int] | None:
    """`1-2 days`, `<1 day`, `ONE_TO_TWO_DAYS`, `1 bis 2 Tage` or a number: first and last whole day, both included."""
    text = (row["lag"] or "").casefold().strip()
    if text in ("", "unknown", "unspecified", "unbekannt", "-", "--"):
        return None
    for word in sorted(_NUMBERS, key=len, reverse=True):
        text = re.sub(rf"(?<![a-z]){word}(?![a-z])", str(_NUMBERS[word]), text)
    text = text.replace("_", " ")
    if found := _LESS.fullmatch(text):
        return 0, int(found[1]) - 1
    if (found := _FROM_TO.fullmatch(text)) and int(found[1]) < int(found[2]):
        return int(found[1]), int(found[2]) - 1
    if found := _ALONE.fullmatch(text):
        return int(found[1]), int(found[1])
    raise IngestError(
        f"{path}: line {row['line']} has {row['lag']!r} as its days to conversion, and they are written like '<1 day', "
        "'1-2 days' or '3'"
    )
