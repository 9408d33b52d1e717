"""The ledger of a worker, whose transactions are measured. Touch this to measure another thing of the ledger."""

from __future__ import annotations

from gaelp.ledger.ledger import Ledger
from gaelp.metrics.metric_table import LEDGER_TIME
from gaelp.metrics.recorder import Recorder
from gaelp.settings import Settings


def open_ledger(settings: Settings, recorder: Recorder) -> Ledger:
    """The ledger; how long its transactions take is recorded. Raises LedgerUnavailable."""

    def took(access: str, outcome: str, seconds: float) -> None:
        recorder.took(LEDGER_TIME, seconds, access=access, outcome=outcome)

    return Ledger.open(settings.ledger, took)
