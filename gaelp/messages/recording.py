"""Facts on their way to warehouse, events and live metrics. Touch this to record one more thing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from gaelp.domain.episodes import BatchPurpose, EpisodeState
from gaelp.domain.frozen import Frozen
from gaelp.domain.gates.verdicts import GateVerdict
from gaelp.domain.phases import Phase
from gaelp.messages.episode_batch import BatchResult
from gaelp.messages.log_replay import GapEvidence
from gaelp.messages.run_context import RunContext


class EpisodeRecord(Frozen):
    """One row of the warehouse's episodes (a batch's episodes are summed)."""

    run: str
    phase: Phase
    episode: str  # workflow id
    state: EpisodeState
    agent: str
    checkpoint_digest: str
    at: datetime
    episodes: int = 1
    reward: float | None = None
    profit_micros: int = 0
    spend_micros: int = 0
    impressions: int = 0
    clicks: int = 0
    conversions: float = 0  # a platform may divide one among the ads that led to it
    roi: float | None = None
    regret: float | None = None  # (optimum - expected profit) / optimum
    reason: str = ""
    attributed_profit_micros: int | None = None
    optimum_micros: int | None = None
    allocation_micros: int | None = None  # the parts of optimum - expected profit
    estimation_micros: int | None = None
    over_bidding_micros: int | None = None
    under_bidding_micros: int | None = None
    failures: int | None = None  # episodes that a bad decision ended
    purpose: BatchPurpose | None = None  # of a batch


class LifecycleEvent(Frozen):
    """Something that happened to a run; published once per id, in order within a run."""

    id: str  # deterministic: workflow id + step
    run: str
    kind: str  # run.started, panel.rated, episode.settled, approval.requested, gate.decided, alert, run.ended, ...
    at: datetime
    phase: str = ""
    detail: dict[str, Any] = Field(default_factory=dict)


class Record(Frozen):
    """Facts to remember. Each is written once however often the activity is retried."""

    run: str
    step: str  # with the run: the idempotency key
    at: datetime
    episodes: tuple[EpisodeRecord, ...] = ()
    gates: tuple[GateVerdict, ...] = ()
    gaps: tuple[GapEvidence, ...] = ()
    events: tuple[LifecycleEvent, ...] = ()
    metrics: dict[str, float] = Field(default_factory=dict)  # to the live stream that `watch` reads
    export_journal: bool = False


class RecordBatches(Frozen):
    """A round's or a look's batches: rows of the warehouse, live metrics, and the summary that comes back."""

    context: RunContext
    step: str
    purpose: BatchPurpose
    number: int
    next_checkpoint_digest: str
    results: tuple[BatchResult, ...]
    at: datetime
