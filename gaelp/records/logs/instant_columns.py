"""Dates and times of a column, in each form that has one reading. Touch this to read another form.

ISO 8601, also with ` UTC` behind it (BigQuery); seconds, milliseconds or microseconds since 1970; 17 or 14 digits from
the year to the millisecond or second; 1.9.2026; a day whose month is named in English or German; and 9/1/2026, where
the marks say which number is the day. The common forms are read many at a time, the others value by value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gaelp.arrays import B1
from gaelp.records.logs.log_columns import Marks, Parsed, mask, where

EARLIEST, LATEST = datetime(1995, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)  # before 1995 nobody sold clicks
_RULES_FROM = datetime(2037, 1, 1)  # pyarrow 26 knows no summer time after 2037
_UTC = pa.timestamp("us", tz="UTC")
_EPOCHS = {10: 1_000_000, 13: 1_000, 16: 1}  # digits -> microseconds in one
_TIME = r"\d\d:\d\d:\d\d(?:\.\d{1,6})?"
_FORMS = (  # a form; what makes it one that pyarrow casts; whether it says its zone
    (rf"^\d{{4}}-\d\d-\d\d(?:[ T]{_TIME})?$", "", False),
    (rf"^\d{{4}}-\d\d-\d\d[ T]{_TIME}(?:Z|[+-]\d\d:\d\d)$", "", True),
    (rf"^(\d{{4}}-\d\d-\d\d[ T]{_TIME}) UTC$", r"\1Z", True),
    (r"^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$", r"\1-\2-\3 \4:\5:\6.\7", False),
    (r"^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$", r"\1-\2-\3 \4:\5:\6", False),
)
_NAMES = (  # of the months, in English and German
    "jan january januar", "feb february februar", "mar march mär märz mrz", "apr april", "may mai", "jun june juni",
    "jul july juli", "aug august", "sep sept september", "oct october okt oktober", "nov november",
    "dec december dez dezember",
)  # fmt: skip
_MONTHS = {name: number for number, names in enumerate(_NAMES, start=1) for name in names.split()}
_NAMED = re.compile(  # Sep 1, 2026; Tue, Sep 1, 2026; 1 September 2026; 1-Sep-2026; 1. September 2026
    r"(?:[^\W\d]{2,10}\.?, )?"
    r"(?:([^\W\d]{3,9})\.? (\d\d?), |(\d\d?)(?:\. | |-)([^\W\d]{3,9})\.?[ -])"
    r"(\d{4})"
)
_SINCE_1970 = ((r"^1[0-8]\d{8}$", 1_000_000), (r"^\d{13}$", 1_000), (r"^\d{16}$", 1))  # the first is no hour


def instants(texts: Any, marks: Marks) -> Parsed:
    """Dates or times to instants between 1995 and 2100; one without an offset is of the marks' zone.

    An hour that a zone has twice or not at all has no single reading.
    """
    values, left = pa.nulls(len(texts), _UTC), np.ones(len(texts), bool)
    first = (
        texts[0].as_py() or "" if len(texts) else ""
    )  # no text has two forms, so that the likeliest may be tried first
    for pattern, form, zoned in sorted(_FORMS, key=lambda each: re.match(each[0], first) is None):
        values, left = _take(values, left, texts, pattern, lambda text: _cast(text, form, zoned, marks.zone))  # noqa: B023
    for pattern, micros in _SINCE_1970:
        values, left = _take(values, left, texts, pattern, lambda text: _since_1970(text, micros))  # noqa: B023
    if left.any():
        others = pc.dictionary_encode(texts.filter(pa.array(left)))
        read = pa.array([_instant(text.strip(), marks) for text in others.dictionary.to_pylist()], _UTC)
        values = pc.replace_with_mask(values, pa.array(left), read.take(others.indices))
    good = mask(pc.and_(pc.greater_equal(values, pa.scalar(EARLIEST, _UTC)), pc.less(values, pa.scalar(LATEST, _UTC))))
    return where(pa.array(good), values), good


def _take(values: Any, left: B1, texts: Any, pattern: str, read: Any) -> tuple[Any, B1]:
    """Read those texts that are left and have this form; where one of them cannot be, all are left."""
    if not left.any():
        return values, left
    fits = left & mask(pc.match_substring_regex(texts, pattern))
    if not fits.any():
        return values, left
    try:
        found = read(texts if fits.all() else texts.filter(pa.array(fits)))
    except pa.ArrowInvalid:
        return values, left
    return (found if fits.all() else pc.replace_with_mask(values, pa.array(fits), found)), left & ~fits


def _cast(text: Any, form: str, zoned: bool, zone: str) -> Any:
    if form:
        pattern = next(each for each, written, _ in _FORMS if written == form)
        text = pc.replace_substring_regex(text, pattern, form)
    if zoned:
        return pc.cast(text, _UTC)
    naive = pc.cast(text, pa.timestamp("us"))
    if zone == "UTC":
        return pc.cast(naive, _UTC)
    if pc.any(pc.greater_equal(naive, pa.scalar(_RULES_FROM, pa.timestamp("us"))), min_count=0).as_py():
        raise pa.ArrowInvalid("left to the reading of one value")
    first, last = (
        pc.assume_timezone(naive, zone, ambiguous=which, nonexistent=which) for which in ("earliest", "latest")
    )
    return pc.cast(where(pc.equal(first, last), first), _UTC)


def _since_1970(text: Any, micros: int) -> Any:
    return pc.cast(pc.cast(pc.multiply(pc.cast(text, pa.int64()), micros), pa.timestamp("us")), _UTC)


def _instant(text: str, marks: Marks) -> datetime | None:
    try:
        value = _read(text, marks)
        value = value if value.tzinfo else _placed(value, ZoneInfo(marks.zone))
        return value.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _placed(value: datetime, zone: tzinfo) -> datetime:
    first, last = (value.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() != last.utcoffset():
        raise ValueError(f"{value} comes twice there, or never")
    return first


def _read(text: str, marks: Marks) -> datetime:
    if text.isascii() and text.isdigit():
        return _of_digits(text)
    if named := _NAMED.fullmatch(text):
        return _of_a_named_month(*named.groups())
    date, blank, time = text.partition(" ")
    if "/" in date:
        date = _iso_date(date.split("/"), day_first=marks.day_first)
    elif date.count(".") == 2:
        date = _iso_date(date.rstrip(",").split("."), day_first=True)
    written = f"{date}{blank}{time}"
    read = datetime.fromisoformat(written.removesuffix(" UTC"))
    return read.replace(tzinfo=UTC) if written.endswith(" UTC") and read.tzinfo is None else read


def _of_a_named_month(
    first: str | None, after: str | None, before: str | None, second: str | None, year: str
) -> datetime:
    month = _MONTHS.get((first or second or "").casefold())
    if month is None:
        raise ValueError(f"{first or second} is no month")
    return datetime(int(year), month, int(after or before or 0))


def _of_digits(text: str) -> datetime:
    if len(text) == 10 and _is_hour(text):
        raise ValueError(f"{text} is an hour or seconds since 1970")
    if len(text) in _EPOCHS:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(text) * _EPOCHS[len(text)])
    if len(text) in (14, 17):
        return datetime.strptime(text.ljust(17, "0") + "000", "%Y%m%d%H%M%S%f")
    if len(text) == 8:
        return datetime.strptime(text, "%Y%m%d")
    raise ValueError(f"{len(text)} digits are no instant")


def _is_hour(text: str) -> bool:
    """Whether ten digits may be year, month, day and hour; as seconds since 1970 they lie in the years 2033 to 2036."""
    try:
        return EARLIEST <= datetime.strptime(f"{text}+0000", "%Y%m%d%H%z") < LATEST
    except ValueError:
        return False


def _iso_date(parts: Sequence[str], *, day_first: bool) -> str:
    if len(parts) == 3 and len(parts[0]) == 4:
        year, month, day = parts
    elif len(parts) == 3 and len(parts[2]) == 4:
        day, month, year = parts if day_first else (parts[1], parts[0], parts[2])
    else:
        raise ValueError(f"{parts} is no date")
    return f"{int(year):04d}-{int(month):02d}-{int(day):02d}"
