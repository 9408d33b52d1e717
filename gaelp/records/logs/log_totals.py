"""What a file of rows came to: how many were good, why the others were not, its window and its sums.

Touch this to tell people more about a log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import Field

from gaelp.domain.frozen import Frozen
from gaelp.records.logs.log_files import IngestError
from gaelp.records.logs.log_kinds import Kind
from gaelp.records.logs.log_rows import Judged

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

    def add(self, judged: Judged, left_out: int) -> None:
        """Count one chunk."""
        self.rows += len(judged.rows)
        for rejected in judged.rejected:
            self.reasons[rejected.reason] += 1
            self.first_rejected.setdefault(rejected.reason, rejected.line)
        self.notes.update({note: count for note, count in judged.notes.items() if count})
        if left_out:
            self.notes["a sum of other rows, left out"] += left_out
        instants = [row["at"] for row in judged.rows]
        known = [instant for instant in (*instants, self.start, self.end) if instant is not None]
        self.start, self.end = min(known, default=None), max(known, default=None)
        self.items.update(row["item"] for row in judged.rows if "item" in row)
        self.sums.update(_sums(self.kind, judged.rows))
        self.first_rows += judged.rows[: max(0, FIRST_ROWS - len(self.first_rows))]

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


def _sums(kind: Kind, rows: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Sums of the columns that may be added; amounts by currency, because two currencies are never added."""
    found: Counter[str] = Counter()
    for wanted in kind.fields:
        if not wanted.adds:
            continue
        money = wanted.stored.endswith("_micros")
        for row in rows:
            if (value := row.get(wanted.stored)) is not None:
                currency = f" {row['currency']}" if money and row.get("currency") else ""
                found[f"{wanted.name}{currency}"] += value / 1e6 if money else value
    return found
