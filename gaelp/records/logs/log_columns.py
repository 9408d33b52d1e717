"""Vectorised reading of a column of text: values, and which rows are good.

Every parser takes a list of strings and returns (pyarrow values, null where bad or blank; bool mask of good rows).

Touch this to validate something new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gaelp.arrays import B1

Parsed = tuple[Any, B1]
Parser = Callable[[Sequence[str]], Parsed]

_NUMBER = r"^\s*\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*$"
_MOST_MONEY = 1e9  # whole units in one row; above it a float no longer holds every micro


def _mask(condition: Any) -> B1:
    good: B1 = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    return good


def _where(good: Any, values: Any) -> Any:
    return pc.if_else(good, values, pa.scalar(None, values.type))


def _converted(texts: Sequence[str], pattern: str, kind: Any) -> Any:
    text = pc.utf8_trim_whitespace(pa.array(texts, pa.string()))
    return pc.cast(_where(pc.match_substring_regex(text, pattern), text), kind)


def integers(texts: Sequence[str]) -> Parsed:
    """Non-negative integers; `7.0` is one (a spreadsheet's export), `7.5` is not."""
    whole = pc.replace_substring_regex(pa.array(texts, pa.string()), r"\.0+\s*$", "")
    values = _converted(whole.to_pylist(), r"^\d{1,18}$", pa.int64())
    return values, _mask(pc.is_valid(values))


def flags(texts: Sequence[str]) -> Parsed:
    """0 or 1."""
    values, good = integers(texts)
    good = good & _mask(pc.less_equal(values, 1))
    return _where(pa.array(good), values), good


def numbers(texts: Sequence[str]) -> Parsed:
    """Finite numbers of 0 or more."""
    values = _converted(texts, _NUMBER, pa.float64())
    good = _mask(pc.is_finite(values))
    return _where(pa.array(good), values), good


def probabilities(texts: Sequence[str]) -> Parsed:
    """Numbers in [0, 1]."""
    values, good = numbers(texts)
    good = good & _mask(pc.less_equal(values, 1.0))
    return _where(pa.array(good), values), good


def propensities(texts: Sequence[str]) -> Parsed:
    """Numbers in (0, 1]: a propensity of 0 contradicts that the row exists."""
    values, good = probabilities(texts)
    good = good & _mask(pc.greater(values, 0.0))
    return _where(pa.array(good), values), good


def amounts(texts: Sequence[str]) -> Parsed:
    """Whole currency units to integer micros, rounded to the nearest."""
    values, good = numbers(texts)
    good = good & _mask(pc.less(values, _MOST_MONEY))
    return pc.cast(pc.round(pc.multiply(_where(pa.array(good), values), 1e6)), pa.int64()), good


def instants(texts: Sequence[str]) -> Parsed:
    """ISO 8601 dates or times; one without an offset is UTC."""
    values = [_instant(text) for text in texts]
    return pa.array(values, pa.timestamp("us", tz="UTC")), np.array([value is not None for value in values], bool)


def _instant(text: str) -> datetime | None:
    try:
        value = datetime.fromisoformat(text.strip())
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def texts(values: Sequence[str]) -> Parsed:
    """Any text; blank is null."""
    text = pc.utf8_trim_whitespace(pa.array(values, pa.string()))
    return _where(pc.not_equal(text, ""), text), np.ones(len(values), bool)


def names(values: Sequence[str]) -> Parsed:
    """Text that may not be blank."""
    text, _ = texts(values)
    return text, _mask(pc.is_valid(text))
