"""The real ledger in a worker that may die right before or right after any of its changes.

Touch this when the ledger's façade gains another change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stores.database import Database
from tests.hostile.hostile_platform import Crash

BOOKINGS = ("reserve", "post", "settle", "record_exposure", "freeze_expired")
OTHERS = (
    "claim",
    "resolve",
    "record_violation",
    "record_outside_pause",
    "record_violation_and_stop",
    "raise_fence",
    "stop_run",
)
SETTINGS = ("settings_begun", "settings_written", "settings_pausing", "settings_paused")


class DyingLedger(Ledger):
    """`dies` says whether the worker dies now; `between` is called before every change."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.dies: Callable[[], bool] = lambda: False
        self.between: Callable[[], None] = lambda: None
        self.unrecorded: Callable[[str], None] = lambda _: None  # told the key of a claim whose outcome dies with us
        self.booked = 0  # counts the changes of reservations and of the fence
        self.changes = 0  # counts all changes
        for name in (*BOOKINGS, *OTHERS, *SETTINGS):
            setattr(self, name, self._deadly(getattr(self, name), books=name not in ("claim", "resolve", *SETTINGS)))

    def _deadly(self, change: Callable[..., Any], *, books: bool) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.between()
            self.changes += 1
            if self.dies():
                if change.__name__ == "resolve":
                    self.unrecorded(arguments[0])
                raise Crash
            result = change(*arguments, **named)
            self.booked += books
            if self.dies():
                raise Crash
            return result

        return call
