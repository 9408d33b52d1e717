"""What the ledger alone knows of a run that somebody looks at: where monitoring holds it back, and what waits for him.

Temporal knows nothing of it. Touch this to show one more thing that the ledger knows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.commands.watching.snapshot import RunView
from gaelp.domain.monitoring.ladder import standing_in_words, waiting_in_words
from gaelp.errors import GaelpError

if TYPE_CHECKING:
    from gaelp.ledger.ledger import Ledger
    from gaelp.settings import Settings


class RunBooks:
    """The ledger, opened when it is first asked; it may be away."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._away = settings, False
        self._ledger: Ledger | None = None

    def ledger(self) -> Ledger:
        """The ledger; raises LedgerUnavailable."""
        if self._ledger is None:
            self._ledger = connections.open_ledger(self._settings)
        return self._ledger

    def close(self) -> None:
        """Close what was opened."""
        if self._ledger is not None:
            self._ledger.close()

    def read(self, run: RunView) -> RunView:
        """The run with what monitoring holds back; nothing of one that has ended. Raises LedgerUnavailable."""
        if run.ended:
            return run
        steps = self.ledger().steps_of_run(run.run)
        return replace(run, held=standing_in_words(steps), held_for_person=waiting_in_words(steps))

    def added_to(self, run: RunView, before: RunView | None = None) -> tuple[RunView, str]:
        """The same, and why not where the ledger is away, told once: what was known before is kept then."""
        try:
            now, self._away = self.read(run), False
        except GaelpError as error:
            told, self._away = self._away, True
            kept = run if before is None else replace(run, held=before.held, held_for_person=before.held_for_person)
            return kept, "" if told else f"the ledger cannot be read, so what monitoring does is not known: {error}"
        return now, ""
