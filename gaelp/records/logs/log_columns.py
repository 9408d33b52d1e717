"""Vectorised reading of a column of text: values, and which rows are good.

Every parser takes a string array and the column's `Marks`, and returns (pyarrow values, null where bad or blank; bool
mask of good rows). What a text means under other marks is another reading: which marks a column has is decided in
column_readings.py and never here. Dates and times are read in instant_columns.py.

Touch this to validate something new.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
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
    zone: str = "UTC"  # of instants that say none


Parser = Callable[[Any, Marks], Parsed]

BLANKS = ("", "-", "--", "–", "—")  # what exports write where there is nothing
_MOST_MONEY = 1e9  # whole units in one row; above it a float no longer holds every micro
_CURRENCY = r"^([+-]?)\s*\p{Sc}\s*|\s*\p{Sc}$"
_BETWEEN_THOUSANDS = " '\u2019\u00a0\u202f"
_DIGITS = b"0123456789"
_TABLES: dict[bytes, B1] = {}


def mask(condition: Any) -> B1:
    """A boolean array as numpy's; null counts as false."""
    good: B1 = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    return good


def where(good: Any, values: Any) -> Any:
    """The values where `good`, null elsewhere."""
    return pc.if_else(good, values, pa.scalar(None, values.type))


def _plain(texts: Any, marks: Marks) -> Any:
    """Numbers as a machine writes them, 1204.5 for 1.204,5; null where a text is no number under these marks."""
    if is_made_of(texts, _DIGITS):
        return texts
    fits = pc.match_substring_regex(texts, r"^\d+(\.\d+)?$" if marks.decimal == "." else r"^\d+$")
    if pc.all(fits, min_count=0).as_py():
        return texts
    others = pc.dictionary_encode(pc.filter(texts, pc.invert(fits)))
    plain = _written_by_people(others.dictionary, marks).take(others.indices)
    return pc.replace_with_mask(texts, pc.invert(fits), plain)


def _written_by_people(texts: Any, marks: Marks) -> Any:
    other = re.escape("," if marks.decimal == "." else ".")
    decimal, group = re.escape(marks.decimal), f"[{_BETWEEN_THOUSANDS}{other}]"
    text = pc.utf8_trim_whitespace(texts)
    text = pc.replace_substring_regex(text, _CURRENCY, r"\1")
    whole = rf"([1-9]\d{{0,2}}({group}\d{{3}})+|\d+)"
    good = pc.match_substring_regex(text, rf"^[+-]?({whole}({decimal}\d*)?|{decimal}\d+)([eE][+-]?\d{{1,3}})?$")
    text = pc.replace_substring_regex(where(good, text), group, "")
    return pc.replace_substring(text, marks.decimal, ".")


def is_made_of(texts: Any, characters: bytes) -> bool:
    """Whether no text is empty and all consist of these ASCII characters: quick, and enough for most columns."""
    if len(texts) == 0 or texts.null_count:
        return False
    _, offsets, data = texts.buffers()
    at = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    used = np.frombuffer(data, np.uint8)[at[0] : at[-1]] if data else np.zeros(0, np.uint8)
    return bool((np.diff(at) > 0).all()) and bool(_TABLES.setdefault(characters, _table(characters))[used].all())


def _table(characters: bytes) -> B1:
    table = np.zeros(256, bool)
    table[np.frombuffer(characters, np.uint8)] = True
    return table


def integers(texts: Any, marks: Marks) -> Parsed:
    """Non-negative integers; `7.0` is one (a spreadsheet's export), `7.5` is not."""
    plain = _plain(texts, marks)
    whole = plain if is_made_of(plain, _DIGITS) else pc.replace_substring_regex(plain, r"^\+|\.0*$", "")
    values = pc.cast(where(pc.match_substring_regex(whole, r"^\d{1,18}$"), whole), pa.int64())
    return values, mask(pc.is_valid(values))


def flags(texts: Any, marks: Marks) -> Parsed:
    """0 or 1, or false and true."""
    if not is_made_of(texts, _DIGITS):
        texts = pc.replace_substring_regex(texts, r"^(?i)\s*(false|true)\s*$", r"\1")
        texts = pc.if_else(pc.equal(pc.ascii_lower(texts), "true"), "1", texts)
        texts = pc.if_else(pc.equal(pc.ascii_lower(texts), "false"), "0", texts)
    values, good = integers(texts, marks)
    good = good & mask(pc.less_equal(values, 1))
    return where(pa.array(good), values), good


def signed(texts: Any, marks: Marks) -> Parsed:
    """Finite numbers."""
    values = pc.cast(_plain(texts, marks), pa.float64())
    good = mask(pc.is_finite(values))
    return where(pa.array(good), values), good


def numbers(texts: Any, marks: Marks) -> Parsed:
    """Finite numbers of 0 or more."""
    values, good = signed(texts, marks)
    good = good & mask(pc.greater_equal(values, 0.0))
    return where(pa.array(good), values), good


def probabilities(texts: Any, marks: Marks) -> Parsed:
    """Numbers in [0, 1]."""
    values, good = numbers(texts, marks)
    good = good & mask(pc.less_equal(values, 1.0))
    return where(pa.array(good), values), good


def propensities(texts: Any, marks: Marks) -> Parsed:
    """Numbers in (0, 1]: a propensity of 0 contradicts that the row exists."""
    values, good = probabilities(texts, marks)
    good = good & mask(pc.greater(values, 0.0))
    return where(pa.array(good), values), good


def amounts(texts: Any, marks: Marks) -> Parsed:
    """Amounts of 0 or more to integer micros, rounded to the nearest."""
    values, good = signed_amounts(texts, marks)
    good = good & mask(pc.greater_equal(values, 0))
    return where(pa.array(good), values), good


def signed_amounts(texts: Any, marks: Marks) -> Parsed:
    """Amounts to integer micros; a day may be negative on balance, where goods come back."""
    values, good = signed(texts, marks)
    micros = values if marks.micros else pc.multiply(values, 1e6)
    good = good & mask(pc.less(pc.abs(micros), _MOST_MONEY * 1e6))
    if marks.micros:  # a fraction of a micro is no amount: the column is not in micros
        good = good & mask(pc.equal(micros, pc.round(micros)))
    return pc.cast(pc.round(where(pa.array(good), micros)), pa.int64()), good


def texts(values: Any, _: Marks) -> Parsed:
    """Any text; blank is null."""
    text = pc.utf8_trim_whitespace(values)
    return where(pc.not_equal(text, ""), text), np.ones(len(values), bool)


def names(values: Any, marks: Marks) -> Parsed:
    """Text that may not be blank."""
    text, _ = texts(values, marks)
    return text, mask(pc.is_valid(text))
