"""What the evidence behind a run's verdicts says beside them: the baselines, and every estimate from a log.

The content store has it under the digest that a verdict names. Touch this when the report or `status` shows one more
thing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gaelp.domain.gates.criteria_historical import grade_a_missed
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.log_evidence import LogKind, interval_by
from gaelp.domain.phases import Phase
from gaelp.evidence.reported.baseline_comparison import Comparison, in_exam, on_log
from gaelp.messages.episode_batch import BatchResult
from gaelp.messages.historical_validation import AssessHistorical
from gaelp.messages.log_replay import Estimate, LogEvidence
from gaelp.messages.simulation_training import AssessSimulation
from gaelp.records.content_store import ContentStore, CorruptContent, MissingContent


@dataclass(frozen=True)
class ShownEstimate:
    """One estimate of a policy's click rate, with the method of its interval."""

    estimate: Estimate
    interval_by: str


@dataclass(frozen=True)
class LogEstimates:
    """What a bandit log says of the agent and of the baselines; `missed` are the requirements of grade A it misses."""

    log: str
    rows: int
    clicks: int
    missed: tuple[str, ...]
    randomised_p: float | None
    estimates: tuple[ShownEstimate, ...]

    @property
    def by_policy(self) -> dict[str, list[ShownEstimate]]:
        """The estimates of each policy, in their order: the logging policy, the agent, the baselines."""
        names = dict.fromkeys(each.estimate.policy for each in self.estimates)
        return {name: [each for each in self.estimates if each.estimate.policy == name] for name in names}

    @property
    def grade(self) -> str:
        """A, or none."""
        return "none" if self.missed else "A"


@dataclass(frozen=True)
class StoredEvidence:
    """What was found under the digests of some verdicts; `lost` are phases whose evidence the store has no more."""

    comparisons: tuple[Comparison, ...] = ()
    estimates: tuple[LogEstimates, ...] = ()
    lost: tuple[Phase, ...] = ()


def stored_evidence(store: ContentStore, digests: Mapping[Phase, str]) -> StoredEvidence:
    """The evidence of the phases, by the digests that their verdicts name."""
    comparisons: list[Comparison] = []
    estimates: list[LogEstimates] = []
    lost = []
    for phase, digest in digests.items():
        try:
            if phase is Phase.SIMULATION:
                comparisons += _exam(store, digest)
            elif phase is Phase.HISTORICAL:
                logs = AssessHistorical.model_validate(store.get_document(digest)).logs
                comparisons += [found for log in logs if (found := on_log(log)) is not None]
                estimates += [_estimates(log) for log in logs if log.kind is LogKind.BANDIT]
        except (MissingContent, CorruptContent):
            lost.append(phase)
    return StoredEvidence(tuple(comparisons), tuple(estimates), tuple(lost))


def _exam(store: ContentStore, digest: str) -> list[Comparison]:
    asked = AssessSimulation.model_validate(store.get_document(digest))
    batches = [
        BatchResult.model_validate(store.get_document(batch.whole_digest)) if batch.whole_digest else batch
        for batch in asked.exams
    ]
    found = in_exam(batches, asked.anchor)
    return [found] if found else []


def _estimates(log: LogEvidence) -> LogEstimates:
    from gaelp.evidence.phase_measurements import measure_historical  # all of scipy.stats, which only logs need

    measures = measure_historical([log], alpha_for(1)).logs[0]
    return LogEstimates(
        log=log.log,
        rows=log.rows,
        clicks=log.clicks,
        missed=tuple(grade_a_missed(measures)),
        randomised_p=log.randomised_p,
        estimates=tuple(ShownEstimate(each, interval_by(each.estimator, each.click_ess)) for each in log.estimates),
    )
