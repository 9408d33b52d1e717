"""How an account's approvers decide: how often each refuses, and how long each looks at a card before signing.

Whoever never refuses and signs within seconds is a rubber stamp, and the account's owner should know. Touch this to
tell the owner one more thing about approvers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from gaelp.domain.spending.ledger_records import JournalEntry

DECISIONS = ("approve", "reject")
"""The kinds of journal entries that this is counted from."""


@dataclass(frozen=True)
class Habit:
    """What one key has decided on one account."""

    decisions: int = 0
    refused: int = 0
    looked_seconds: float | None = None  # median, by the signer's own program; None where none was told

    @property
    def refused_share(self) -> str:
        """As a person reads it."""
        return f"{self.refused} of {self.decisions}" if self.decisions else "-"

    @property
    def looked(self) -> str:
        """As a person reads it."""
        return "-" if self.looked_seconds is None else f"{self.looked_seconds:.0f} s"


def habits_of(entries: Iterable[JournalEntry], account: str) -> dict[str, Habit]:
    """Key id -> habit, from the journal's entries of the kinds DECISIONS."""
    decided: dict[str, list[tuple[str, float | None]]] = {}
    for entry in entries:
        if entry.account == account and entry.kind in DECISIONS:
            detail = json.loads(entry.detail)
            decided.setdefault(detail["key_id"], []).append((entry.kind, detail.get("looked_seconds")))
    return {key: _habit(each) for key, each in decided.items()}


def _habit(decided: list[tuple[str, float | None]]) -> Habit:
    looked = [seconds for _, seconds in decided if seconds is not None]
    refused = sum(kind == "reject" for kind, _ in decided)
    return Habit(len(decided), refused, median(looked) if looked else None)
