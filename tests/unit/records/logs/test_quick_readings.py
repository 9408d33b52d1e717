"""The quick, columnar reading of values says what the slow reading of each value says."""

from __future__ import annotations

from datetime import datetime
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gaelp.records.logs import column_readings, instant_columns, log_columns
from gaelp.records.logs.log_columns import Marks
from gaelp.records.logs.log_kinds import KINDS, REPORT, Field

NUMBERS = st.one_of(
    st.integers(0, 10**9).map(str),
    st.from_regex(r"[+-]?[0-9]{1,4}([.,' \u00a0][0-9]{1,3}){0,3}", fullmatch=True),
    st.from_regex(r"[$€]? ?[0-9]{1,3}[.,][0-9]{0,3}([eE][+-]?[0-9]{1,2})?", fullmatch=True),
    st.text("0123456789.,'-+ eE$€\u00a0x", max_size=8),
)
ZONES = st.sampled_from(["", "Z", "+02:00", "-11:30", " UTC"])
FRACTIONS = st.sampled_from(["", ".5", ".123", ".123456", ".1234567"])
INSTANTS = st.datetimes(datetime(1994, 12, 30), datetime(2100, 1, 3))
TIMES = st.one_of(
    st.builds(
        lambda at, mark, fraction, zone: f"{at:%Y-%m-%d}{mark}{at:%H:%M:%S}{fraction}{zone}",
        INSTANTS, st.sampled_from([" ", "T"]), FRACTIONS, ZONES,
    ),
    INSTANTS.flatmap(
        lambda at: st.sampled_from(
            [f"{at:%Y-%m-%d}", f"{at:%Y%m%d}", f"{at:%Y%m%d%H%M%S}", f"{at:%Y%m%d%H%M%S}123", f"{at:%d.%m.%Y}",
             f"{at:%d/%m/%Y}", f"{at:%m/%d/%Y}", f"{at:%Y/%m/%d}", f"{at:%Y-%m-%d %H:%M}"]
        )
    ),
    st.integers(10**9, 4 * 10**9).map(str),
    st.integers(10**12, 4 * 10**12).map(str),
    st.integers(10**15, 4 * 10**15).map(str),
    st.from_regex(r"(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?", fullmatch=True),
    st.from_regex(r"[0-9]{8,17}", fullmatch=True),
    st.text("0123456789-:T. /", max_size=19),
)  # fmt: skip
MARKS = st.builds(
    Marks, decimal=st.sampled_from([".", ","]), day_first=st.booleans(),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=8), MARKS)
def test_numbers_are_read_alike(texts: list[str], marks: Marks) -> None:
    """A column of plain numbers, and the same ones among others, have the values of the reading for any number."""
    column = pa.array(texts, pa.string())
    for values in (column, *(column.slice(at, 1) for at in range(len(column)))):
        slow = pc.cast(log_columns._written_by_people(values, marks), pa.float64())
        quick = pc.cast(log_columns._plain(values, marks), pa.float64())
        assert quick.to_pylist() == slow.to_pylist()


@settings(max_examples=300, deadline=None)
@given(st.lists(TIMES, min_size=1, max_size=6), MARKS)
@example(["2038-04-01"], Marks(zone="Europe/Berlin"))
def test_instants_are_read_alike(texts: list[str], marks: Marks) -> None:
    """Each value alone, and among others, is what the reading value by value says, or no instant for both."""
    column = pa.array(texts, pa.string())
    slow = [instant_columns._instant(text.strip(), marks) for text in texts]
    within = [at if at and instant_columns.EARLIEST <= at < instant_columns.LATEST else None for at in slow]
    alone = [instant_columns.instants(column.slice(at, 1), marks)[0][0].as_py() for at in range(len(column))]
    together, good = instant_columns.instants(column, marks)
    assert together.to_pylist() == within == alone
    assert good.tolist() == [at is not None for at in within]


FIELDS = [each for kind in KINDS.values() for each in kind.fields]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(NUMBERS, TIMES, st.text(max_size=6)), min_size=1, max_size=6), MARKS, st.sampled_from(FIELDS))
@example(["+5"], Marks(), next(each for each in FIELDS if each.parse is log_columns.integers))
def test_no_text_breaks_a_column(texts: list[str], marks: Marks, wanted: Field) -> None:
    """Every parser gives each value alone what it gives it among others; what it cannot read is null and not good."""
    values, good = wanted.parse(pa.array(texts, pa.string()), marks)
    alone = [wanted.parse(pa.array([text], pa.string()), marks) for text in texts]
    assert [value[0].as_py() for value, _ in alone] == values.to_pylist()
    assert [bool(each[0]) for _, each in alone] == good.tolist()


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from([each for each in REPORT.fields if each.number or each.instant]))
def test_a_column_is_settled_alike(data: st.DataObject, wanted: Field) -> None:
    """Whether a part of a column may be passed over does not change which readings it has."""
    parts = data.draw(st.lists(st.lists(TIMES if wanted.instant else NUMBERS, min_size=1, max_size=4), max_size=3))
    marks = (
        (Marks(day_first=False), Marks(day_first=True)) if wanted.instant else (Marks(decimal="."), Marks(decimal=","))
    )
    quick, slow = (column_readings._Two(("first", "second"), marks) for _ in range(2))
    for number, texts in enumerate(parts):
        lines = np.arange(len(texts)) + 10 * number
        quick.see(wanted, pa.array(texts, pa.string()), lines)
        with patch.object(column_readings._Two, "_says_nothing_new", lambda *_: False):
            slow.see(wanted, pa.array(texts, pa.string()), lines)
    assert [each is None for each in quick.only] == [each is None for each in slow.only]
    if not any(quick.only):
        assert quick.open == slow.open
