"""The real ledger in a worker that may die right before or right after any of its changes.

Touch this when the ledger's façade gains another change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stores.database import Database
from tests.hostile.hostile_platform import Crash

CHANGES = ("reserve", "post", "settle", "claim", "resolve")


class DyingLedger(Ledger):
    """`dies` says whether the worker dies now; `changed` is set by every change."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.dies: Callable[[], bool] = lambda: False
        self.changed = True
        for name in CHANGES:
            setattr(self, name, self._deadly(getattr(self, name)))

    def _deadly(self, change: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if self.dies():
                raise Crash
            result = change(*arguments, **named)
            self.changed = True
            if self.dies():
                raise Crash
            return result

        return call
