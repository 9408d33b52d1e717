"""Messages of the workflow HistoricalValidation. Touch this when the phase plans or judges one more thing."""

from __future__ import annotations

from gaelp.domain.frozen import Frozen
from gaelp.messages.log_replay import LogEvidence
from gaelp.messages.run_context import RunContext


class PlanHistorical(Frozen):
    """Asks which logs the configuration wants replayed."""

    config_digest: str


class HistoricalPlan(Frozen):
    """The logs of a phase, in order."""

    logs: tuple[str, ...]


class AssessHistorical(Frozen):
    """Asks for the gate of the historical phase; the evidence that its verdict names is this record."""

    context: RunContext
    logs: tuple[LogEvidence, ...]
