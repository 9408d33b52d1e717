"""Vectorised reading of a column of text: values, and which rows are good.

Every parser takes a list of strings and the column's `Marks`, and returns (pyarrow values, null where bad or blank;
bool mask of good rows). What a text means under other marks is another reading: which marks a column has is decided in
column_readings.py and never here.

Touch this to validate something new.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gaelp.arrays import B1

Parsed = tuple[Any, B1]


@dataclass(frozen=True)
class Marks:
    """How a column writes its values."""

    decimal: str = "."  # the other one of . and , groups thousands; blanks and apostrophes always may
    day_first: bool = False  # of dates with slashes, 03/04/2026: 3 April where true, March 4 where false
    micros: bool = False  # amounts are millionths of a unit


Parser = Callable[[Sequence[str], Marks], Parsed]

BLANKS = ("", "-", "--", "–", "—")  # what exports write where there is nothing
_MOST_MONEY = 1e9  # whole units in one row; above it a float no longer holds every micro
_EARLIEST, _LATEST = (
    datetime(1995, 1, 1, tzinfo=UTC),
    datetime(2100, 1, 1, tzinfo=UTC),
)  # before 1995 nobody sold clicks
_CURRENCY = r"^([+-]?)\s*\p{Sc}\s*|\s*\p{Sc}$"
_BETWEEN_THOUSANDS = " '\u2019\u00a0\u202f"
_EPOCHS = {10: 1_000_000, 13: 1_000, 16: 1}  # digits -> microseconds in one


def _mask(condition: Any) -> B1:
    good: B1 = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    return good


def _where(good: Any, values: Any) -> Any:
    return pc.if_else(good, values, pa.scalar(None, values.type))


def _plain(texts: Sequence[str], marks: Marks) -> Any:
    """Numbers as a machine writes them, 1204.5 for 1.204,5; null where a text is no number under these marks."""
    other = re.escape("," if marks.decimal == "." else ".")
    decimal, group = re.escape(marks.decimal), f"[{_BETWEEN_THOUSANDS}{other}]"
    text = pc.utf8_trim_whitespace(pa.array(texts, pa.string()))
    text = pc.replace_substring_regex(text, _CURRENCY, r"\1")
    whole = rf"([1-9]\d{{0,2}}({group}\d{{3}})+|\d+)"
    good = pc.match_substring_regex(text, rf"^[+-]?({whole}({decimal}\d*)?|{decimal}\d+)([eE][+-]?\d{{1,3}})?$")
    text = pc.replace_substring_regex(_where(good, text), group, "")
    return pc.replace_substring(text, marks.decimal, ".")


def integers(texts: Sequence[str], marks: Marks) -> Parsed:
    """Non-negative integers; `7.0` is one (a spreadsheet's export), `7.5` is not."""
    whole = pc.replace_substring_regex(_plain(texts, marks), r"\.0*$", "")
    values = pc.cast(_where(pc.match_substring_regex(whole, r"^\+?\d{1,18}$"), whole), pa.int64())
    return values, _mask(pc.is_valid(values))


def flags(texts: Sequence[str], marks: Marks) -> Parsed:
    """0 or 1."""
    values, good = integers(texts, marks)
    good = good & _mask(pc.less_equal(values, 1))
    return _where(pa.array(good), values), good


def signed(texts: Sequence[str], marks: Marks) -> Parsed:
    """Finite numbers."""
    values = pc.cast(_plain(texts, marks), pa.float64())
    good = _mask(pc.is_finite(values))
    return _where(pa.array(good), values), good


def numbers(texts: Sequence[str], marks: Marks) -> Parsed:
    """Finite numbers of 0 or more."""
    values, good = signed(texts, marks)
    good = good & _mask(pc.greater_equal(values, 0.0))
    return _where(pa.array(good), values), good


def probabilities(texts: Sequence[str], marks: Marks) -> Parsed:
    """Numbers in [0, 1]."""
    values, good = numbers(texts, marks)
    good = good & _mask(pc.less_equal(values, 1.0))
    return _where(pa.array(good), values), good


def propensities(texts: Sequence[str], marks: Marks) -> Parsed:
    """Numbers in (0, 1]: a propensity of 0 contradicts that the row exists."""
    values, good = probabilities(texts, marks)
    good = good & _mask(pc.greater(values, 0.0))
    return _where(pa.array(good), values), good


def amounts(texts: Sequence[str], marks: Marks) -> Parsed:
    """Amounts of 0 or more to integer micros, rounded to the nearest."""
    values, good = signed_amounts(texts, marks)
    good = good & _mask(pc.greater_equal(values, 0))
    return _where(pa.array(good), values), good


def signed_amounts(texts: Sequence[str], marks: Marks) -> Parsed:
    """Amounts to integer micros; a day may be negative on balance, where goods come back."""
    values, good = signed(texts, marks)
    micros = values if marks.micros else pc.multiply(values, 1e6)
    good = good & _mask(pc.less(pc.abs(micros), _MOST_MONEY * 1e6))
    if marks.micros:  # a fraction of a micro is no amount: the column is not in micros
        good = good & _mask(pc.equal(micros, pc.round(micros)))
    return pc.cast(pc.round(_where(pa.array(good), micros)), pa.int64()), good


def instants(texts: Sequence[str], marks: Marks) -> Parsed:
    """Dates or times to instants between 1995 and 2100; one without an offset is UTC.

    ISO 8601, also with ` UTC` behind it (BigQuery); seconds, milliseconds or microseconds since 1970; 17 or 14 digits
    from the year to the millisecond or second; 1.9.2026; and 9/1/2026, where `marks` say which number is the day.
    """
    values = [_instant(text.strip(), marks) for text in texts]
    return pa.array(values, pa.timestamp("us", tz="UTC")), np.array([value is not None for value in values], bool)


def _instant(text: str, marks: Marks) -> datetime | None:
    try:
        value = _read(text, marks)
    except (ValueError, OverflowError):
        return None
    value = (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    return value if _EARLIEST <= value < _LATEST else None


def _read(text: str, marks: Marks) -> datetime:
    if text.isascii() and text.isdigit():
        return _of_digits(text)
    date, blank, time = text.partition(" ")
    if "/" in date:
        date = _iso_date(date.split("/"), day_first=marks.day_first)
    elif date.count(".") == 2:
        date = _iso_date(date.rstrip(",").split("."), day_first=True)
    return datetime.fromisoformat(f"{date}{blank}{time}".removesuffix(" UTC"))


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
        return _EARLIEST <= datetime.strptime(f"{text}+0000", "%Y%m%d%H%z") < _LATEST
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


def texts(values: Sequence[str], _: Marks) -> Parsed:
    """Any text; blank is null."""
    text = pc.utf8_trim_whitespace(pa.array(values, pa.string()))
    return _where(pc.not_equal(text, ""), text), np.ones(len(values), bool)


def names(values: Sequence[str], marks: Marks) -> Parsed:
    """Text that may not be blank."""
    text, _ = texts(values, marks)
    return text, _mask(pc.is_valid(text))
