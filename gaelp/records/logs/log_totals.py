"""What a file of rows came to: how many were good, why the others were not, its window and its sums.

Touch this to tell people more about a log.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow.compute as pc
from pydantic import Field

from gaelp.domain.frozen import Frozen
from gaelp.records.logs.log_files import IngestError
from gaelp.records.logs.log_kinds import Kind
from gaelp.records.logs.log_rows import true

FIRST_ROWS = 5  # shown to people


class ColumnFound(Frozen):
    """What a column of the file became."""

    name: str  # ours
    header: str  # the file's, or its number where there is no header
    reading: str


class IngestReport(Frozen):
    """What an ingestion took and refused. `notes` counts rows that were kept but look odd, or were left out."""

    name: str
    kind: str
    rows: int
    rejected: int
    reasons: dict[str, int]
    already: bool = False
    notes: dict[str, int] = Field(default_factory=dict)
    window_start: datetime | None = None
    window_end: datetime | None = None
    sums: dict[str, float] = Field(default_factory=dict)  # of the good rows: counts, and amounts in whole units
    columns: tuple[ColumnFound, ...] = ()
    first_rows: tuple[dict[str, Any], ...] = ()
    first_rejected: dict[str, int] = Field(default_factory=dict)  # reason -> line of the first row with it


@dataclass
class LogTotals:
    """What the chunks of a file came to."""

    kind: Kind
    columns: tuple[ColumnFound, ...]
    rows: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first_rejected: dict[str, int] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    start: datetime | None = None
    end: datetime | None = None
    items: set[str] = field(default_factory=set)
    first_rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """Rows, good and bad."""
        return self.rows + self.reasons.total()

    @property
    def why(self) -> str:
        """The most frequent reason of a rejection, and where it stands first."""
        if not self.reasons:
            return "it has a header and nothing else"
        reason, count = self.reasons.most_common(1)[0]
        return f"{count} of {self.reasons.total()} rows: {reason}, first on line {self.first_rejected[reason]}"

    def add(self, good: Any) -> None:
        """Count rows that are taken."""
        self.rows += len(good)
        for note in self.kind.notes:
            if count := int(true(note, _arrays(good)).sum()):
                self.notes[note.reason] += count
        window = pc.min_max(good["at"]).as_py()
        known = [instant for instant in (window["min"], window["max"], self.start, self.end) if instant is not None]
        self.start, self.end = min(known, default=None), max(known, default=None)
        if "item" in good.column_names:
            self.items.update(pc.unique(good["item"]).to_pylist())
        self.sums.update(_sums(self.kind, good))
        self.first_rows += good.slice(0, max(0, FIRST_ROWS - len(self.first_rows))).to_pylist()

    def refuse(self, rejected: Any) -> None:
        """Count lines that are not taken."""
        for reason in pc.value_counts(rejected["reason"]).to_pylist() if len(rejected) else ():
            self.reasons[reason["values"]] += reason["counts"]
            if reason["values"] not in self.first_rejected:
                at = pc.index(rejected["reason"], reason["values"]).as_py()
                self.first_rejected[reason["values"]] = rejected["line"][at].as_py()

    def report(self, name: str, path: str) -> IngestReport:
        """The same for people; raises IngestError where there is no good row."""
        if not self.rows:
            raise IngestError(f"{path} has not one good {self.kind.name} row; {self.why}")
        return IngestReport(
            name=name,
            kind=self.kind.name,
            rows=self.rows,
            rejected=self.reasons.total(),
            reasons=dict(self.reasons.most_common()),
            first_rejected=self.first_rejected,
            notes=dict(self.notes.most_common()),
            window_start=self.start,
            window_end=self.end,
            sums={name: round(value, 6) for name, value in self.sums.items()},
            columns=self.columns,
            first_rows=tuple(self.first_rows),
        )


def _arrays(rows: Any) -> dict[str, Any]:
    return {name: rows[name].combine_chunks() for name in rows.column_names}


def _sums(kind: Kind, rows: Any) -> Counter[str]:
    """Sums of the columns that may be added; amounts by currency, because two currencies are never added."""
    found: Counter[str] = Counter()
    for wanted in kind.fields:
        if wanted.adds and wanted.stored.endswith("_micros"):
            summed = rows.group_by("currency").aggregate([(wanted.stored, "sum")]).to_pylist()
            for each in summed:
                if (value := each[f"{wanted.stored}_sum"]) is not None:
                    found[f"{wanted.name} {each['currency'] or ''}".strip()] += value / 1e6
        elif wanted.adds and (value := pc.sum(rows[wanted.stored]).as_py()) is not None:
            found[wanted.name] += value
    return found
