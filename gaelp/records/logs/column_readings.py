"""How each column of a log writes its values, decided over the whole column: what has two readings is never guessed.

One value that has a single reading settles its column, two that contradict each other refuse it, and where no value
settles it the user is asked by option. Touch this to tell readings apart in another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gaelp.arrays import B1
from gaelp.records.logs.log_columns import Marks
from gaelp.records.logs.log_files import IngestError, LogLine
from gaelp.records.logs.log_kinds import Field, Kind
from gaelp.records.logs.log_layouts import Layout

DECIMALS = {"point": ".", "comma": ","}
DATES = {"month-first": False, "day-first": True}


@dataclass(frozen=True)
class Asked:
    """What the user has said about a file; empty: the file must show it."""

    decimal: str = ""  # a key of DECIMALS
    dates: str = ""  # a key of DATES


NOTHING_SAID = Asked()


@dataclass(frozen=True)
class _Sample:
    """A value, and where it stands."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.text!r} on line {self.line}"


@dataclass
class _Two:
    """The two readings of one column, and what was seen of each."""

    names: tuple[str, str]  # of the readings, as an option names them
    marks: tuple[Marks, Marks]
    only: list[_Sample | None] = field(default_factory=lambda: [None, None])  # has this reading and not the other one
    open: _Sample | None = None  # has both, and they differ

    def see(self, wanted: Field, texts: Sequence[str], lines: Sequence[int]) -> None:
        """Take a chunk of the column in."""
        if self.only[0] and self.only[1]:
            return
        (first, good), (second, also) = (wanted.parse(texts, marks) for marks in self.marks)
        for index, alone in enumerate((good & ~also, also & ~good)):
            self.only[index] = self.only[index] or _first(alone, texts, lines)
        differ = pc.fill_null(pc.not_equal(first, second), False).to_numpy(zero_copy_only=False)
        self.open = self.open or _first(good & also & differ, texts, lines)


class Readings:
    """Sees every line of a file, and then says how its columns are written."""

    def __init__(self, kind: Kind, layout: Layout, asked: Asked) -> None:
        self._layout, self._asked = layout, asked
        placed = [wanted for wanted in kind.fields if layout.positions[wanted.name] is not None]
        self._columns = [(wanted, two) for wanted in placed if (two := self._readings_of(wanted))]

    def _readings_of(self, wanted: Field) -> _Two | None:
        """The readings that a column of this sort may have; None where there is one only."""
        micros = wanted.name in self._layout.micros
        if wanted.instant and not self._asked.dates:
            first, second = (Marks(day_first=day_first) for day_first in DATES.values())
            return _Two(("month-first", "day-first"), (first, second))
        if wanted.number and not self._asked.decimal:
            first, second = (Marks(decimal=mark, micros=micros) for mark in DECIMALS.values())
            return _Two(("point", "comma"), (first, second))
        return None

    def see(self, lines: Sequence[LogLine]) -> None:
        """Take a chunk of the file in."""
        whole = [line for line in lines if line.fields is not None and len(line.fields) == self._layout.width]
        numbers = [line.number for line in whole]
        for wanted, two in self._columns:
            position = self._layout.positions[wanted.name]
            assert position is not None, "only columns of the file are seen"
            two.see(wanted, [line.fields[position] for line in whole if line.fields], numbers)

    def marks(self, kind: Kind, path: str) -> dict[str, Marks]:
        """Canonical name -> marks; IngestError where a column contradicts itself, or may be read in two ways."""
        found = {wanted.name: self._settled(wanted, two, path) for wanted, two in self._columns}
        known = Marks(DECIMALS.get(self._asked.decimal, "."), DATES.get(self._asked.dates, False))
        for wanted in kind.fields:
            marks = Marks(known.decimal, known.day_first, wanted.name in self._layout.micros)
            found.setdefault(wanted.name, marks)
        return found

    def _settled(self, wanted: Field, two: _Two, path: str) -> Marks:
        option = "--dates" if wanted.instant else "--decimal"
        first, second = two.only
        if first and second:
            raise IngestError(
                f"{path}: column {wanted.name} contradicts itself: {first} is written with {two.names[0]} and {second} "
                f"with {two.names[1]}: correct one of them, or say {option} {two.names[0]} or {option} {two.names[1]}, "
                "and rows written otherwise are rejected"
            )
        if two.open and not (first or second):
            values = " or ".join(_shown(wanted, two.open.text, marks) for marks in two.marks)
            raise IngestError(
                f"{path}: column {wanted.name} can be read in two ways, and none of its values settles it: {two.open} "
                f"is {values}: say {option} {two.names[0]} or {option} {two.names[1]}"
            )
        return two.marks[1] if second else two.marks[0]


def _first(chosen: B1, texts: Sequence[str], lines: Sequence[int]) -> _Sample | None:
    at = np.flatnonzero(chosen)
    return _Sample(lines[at[0]], texts[at[0]].strip()[:40]) if len(at) else None


def _shown(wanted: Field, text: str, marks: Marks) -> str:
    values, _ = wanted.parse([text], marks)
    value = values[0]
    if pa.types.is_timestamp(value.type):
        return f"{value.as_py():%Y-%m-%d}"
    number = value.as_py() / 1e6 if wanted.stored.endswith("_micros") else value.as_py()
    return f"{number:,}"
