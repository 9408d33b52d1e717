"""Messages of the workflow HistoricalValidation. Touch this when the phase plans or judges one more thing."""

from __future__ import annotations

from gaelp.domain.frozen import Frozen
from gaelp.messages.log_replay import LogEvidence


class PlanHistorical(Frozen):
    """Which logs are replayed."""

    run: str
    config_digest: str


class HistoricalPlan(Frozen):
    """The logs of a phase, in order."""

    logs: tuple[str, ...]


class AssessHistorical(Frozen):
    """Gate of the historical phase."""

    run: str
    config_digest: str
    agent: str
    checkpoint_digest: str
    account: str
    logs: tuple[LogEvidence, ...]
