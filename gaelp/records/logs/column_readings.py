"""How each column of a log writes its values, decided over the whole column: what has two readings is never guessed.

One value that has a single reading settles its column, two that contradict each other refuse it, and where no value
settles it the user is asked by option. Touch this to tell readings apart in another way.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gaelp.arrays import B1, I8
from gaelp.records.logs.cut_lines import CutLines
from gaelp.records.logs.log_columns import Marks, is_made_of
from gaelp.records.logs.log_files import IngestError
from gaelp.records.logs.log_kinds import Field, Kind
from gaelp.records.logs.log_layouts import Layout

DECIMALS = {"point": ".", "comma": ","}
DATES = {"month-first": False, "day-first": True}


@dataclass(frozen=True)
class Asked:
    """What the user has said about a file; empty: the file must show it."""

    decimal: str = ""  # a key of DECIMALS
    dates: str = ""  # a key of DATES
    zone: str = ""  # IANA name, of instants that say none
    micros: tuple[str, ...] = ()  # our names of amounts in millionths
    sheet: str = ""  # of a spreadsheet


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

    def see(self, wanted: Field, texts: Any, lines: I8) -> None:
        """Take a part of the column in."""
        if all(self.only) or self._says_nothing_new(wanted, texts):
            return
        distinct = pc.unique(texts)
        (first, good), (second, also) = (wanted.parse(distinct, marks) for marks in self.marks)
        differ = pc.fill_null(pc.not_equal(first, second), False).to_numpy(zero_copy_only=False)
        for index, alone in enumerate((good & ~also, also & ~good)):
            self.only[index] = self.only[index] or _first(alone, distinct, texts, lines)
        self.open = self.open or _first(good & also & differ, distinct, texts, lines)

    def _says_nothing_new(self, wanted: Field, texts: Any) -> bool:
        """Whether all texts have both readings alike, or only the first one, which was seen already."""
        if wanted.instant:
            return not pc.any(pc.match_substring(texts, "/"), min_count=0).as_py()
        if is_made_of(texts, b"0123456789"):
            return True
        known = self.only[0] is not None and wanted.fractions and is_made_of(texts, b"0123456789.")
        return known and pc.max(pc.count_substring(texts, ".")).as_py() <= 1


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

    def see(self, lines: CutLines) -> None:
        """Take lines of the file in."""
        for wanted, two in self._columns:
            position = self._layout.positions[wanted.name]
            assert position is not None, "only columns of the file are seen"
            two.see(wanted, lines.columns[position], lines.numbers)

    def likely(self, kind: Kind) -> dict[str, Marks]:
        """The same as far as it is known now; where nothing is settled, the first reading."""
        return self._complete(kind, {wanted.name: two.marks[two.only[1] is not None] for wanted, two in self._columns})

    def marks(self, kind: Kind, path: str) -> dict[str, Marks]:
        """Canonical name -> marks; IngestError where a column contradicts itself, or may be read in two ways."""
        return self._complete(kind, {wanted.name: self._settled(wanted, two, path) for wanted, two in self._columns})

    def _complete(self, kind: Kind, found: dict[str, Marks]) -> dict[str, Marks]:
        known = Marks(DECIMALS.get(self._asked.decimal, "."), DATES.get(self._asked.dates, False))
        for wanted in kind.fields:
            found.setdefault(wanted.name, replace(known, micros=wanted.name in self._layout.micros))
        return {name: replace(marks, zone=self._asked.zone or "UTC") for name, marks in found.items()}

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


def _first(chosen: B1, distinct: Any, texts: Any, lines: I8) -> _Sample | None:
    at = np.flatnonzero(chosen)
    if not len(at):
        return None
    text = distinct[at[0]]
    return _Sample(int(lines[pc.index(texts, text).as_py()]), text.as_py().strip()[:40])


def _shown(wanted: Field, text: str, marks: Marks) -> str:
    values, _ = wanted.parse(pa.array([text]), marks)
    value = values[0]
    if pa.types.is_timestamp(value.type):
        return f"{value.as_py():%Y-%m-%d}"
    number = value.as_py() / 1e6 if wanted.stored.endswith("_micros") else value.as_py()
    return f"{number:,}"
