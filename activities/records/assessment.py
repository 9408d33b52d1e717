"""RECORDS: gates. Evidence measures, training judges; this writes the evidence down.

Touch this to bind one more thing to a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel
from temporalio import activity

from activities.inputs import Inputs
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates import judging
from gaelp.domain.gates.criterion import Formula
from gaelp.domain.gates.verdicts import CriterionVerdict, GateVerdict, Verdict
from gaelp.domain.phases import Phase
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.domain.spending.ledger_records import Severity
from gaelp.evidence.phase_measurements import (
    SpendingEvidence,
    measure_campaigns,
    measure_historical,
    measure_simulation,
)
from gaelp.ledger.ledger import Ledger
from gaelp.messages.episode_batch import BatchResult
from gaelp.messages.historical_validation import AssessHistorical
from gaelp.messages.simulation_training import Assessment as Assessed
from gaelp.messages.simulation_training import AssessSimulation
from gaelp.messages.spending_phase import AssessCampaigns
from gaelp.personas.permutation import share_resting_on_ratings


def _resting(exams: Sequence[BatchResult], permuted: Sequence[BatchResult]) -> str:
    """Episodes of equal seeds are pairs, unless one was left out on either side."""
    gain, instead = ([g for batch in side for g in batch.gains] for side in (exams, permuted))
    if not gain or not instead:
        return "The exam with permuted ratings failed, so what rests on the personas' ratings is not known."
    whole = all(batch.replaced == 0 and batch.gains for batch in (*exams, *permuted))
    return share_resting_on_ratings(gain, instead, paired=whole and len(gain) == len(instead)).sentence


class Assessment:
    """Attempts come from the ledger, idempotent on the run and phase."""

    def __init__(self, ledger: Ledger, inputs: Inputs) -> None:
        self._ledger = ledger
        self._inputs = inputs

    @activity.defn
    def assess_simulation(self, assess: AssessSimulation) -> Assessed:
        """One look at the exam; settled once it passes, fails, or no look is left."""
        config = self._inputs.config(assess.config_digest)
        attempt, alpha = self._attempt(assess, Phase.SIMULATION, config)
        exams, permuted = ([self._inputs.whole(r) for r in side] for side in (assess.exams, assess.permuted))
        measures = measure_simulation(exams, config, alpha)
        if permuted:
            measures = measures.model_copy(update={"ratings": _resting(exams, permuted)})
        gate = self._gate(assess, Phase.SIMULATION, config, attempt, alpha, judging.judge_simulation(measures))
        return Assessed(gate=gate, settled=assess.final or self._decided(gate))

    @activity.defn
    def assess_historical(self, assess: AssessHistorical) -> Assessed:
        """All logs together."""
        config = self._inputs.config(assess.config_digest)
        attempt, alpha = self._attempt(assess, Phase.HISTORICAL, config)
        criteria = judging.judge_historical(measure_historical(assess.logs, alpha))
        return Assessed(gate=self._gate(assess, Phase.HISTORICAL, config, attempt, alpha, criteria), settled=True)

    @activity.defn
    def assess_campaigns(self, assess: AssessCampaigns) -> Assessed:
        """A spending phase; violations are the ledger's."""
        config = self._inputs.config(assess.config_digest)
        attempt, alpha = self._attempt(assess, assess.phase, config)
        hourly = self._inputs.market(assess.market_digest).hourly.reshape(7, 24).mean(axis=0)
        evidence = SpendingEvidence(
            phase=assess.phase,
            campaigns=self._with_violations(assess.run, assess.campaigns),
            moves=assess.moves,
            stopped=assess.stopped,
            pacing_reference=[float(share) for share in hourly / hourly.sum()],
        )
        measures = measure_campaigns(evidence, config, alpha)
        judge = judging.judge_live_test if assess.phase is Phase.LIVE_TEST else judging.judge_scaled
        gate = self._gate(assess, assess.phase, config, attempt, alpha, judge(measures, config))
        return Assessed(gate=gate, settled=True)

    def _attempt(
        self, assess: AssessSimulation | AssessHistorical | AssessCampaigns, phase: Phase, config: TrainingConfiguration
    ) -> tuple[int, float]:
        attempt = self._ledger.next_attempt(
            assess.account, config.product, assess.agent, phase, f"{assess.run}/{phase}"
        )
        return attempt, judging.alpha_for(attempt)

    def _gate(
        self,
        evidence: BaseModel,
        phase: Phase,
        config: TrainingConfiguration,
        attempt: int,
        alpha: float,
        criteria: Sequence[CriterionVerdict],
    ) -> GateVerdict:
        digest = self._inputs.store.put_document(evidence)
        checkpoint: str = evidence.checkpoint_digest  # type: ignore[attr-defined]
        return judging.gate(phase, criteria, judging.GateAttempt(config.mode, attempt, alpha, checkpoint, digest))

    def _decided(self, gate: GateVerdict) -> bool:
        """More episodes can move a criterion that is assessed and inconclusive, and nothing else."""
        return gate.verdict in (Verdict.FAIL, Verdict.INVALID) or not any(
            c.verdict is Verdict.INCONCLUSIVE and c.formula != Formula.NOT_ASSESSED for c in gate.criteria
        )

    def _with_violations(self, run: str, campaigns: Sequence[CampaignResult]) -> tuple[CampaignResult, ...]:
        """A grave violation that names no campaign of the phase is counted on its first one, never dropped."""
        names = [c.campaign for c in campaigns]
        grave = [
            v.campaign if v.campaign in names else names[0]
            for v in self._ledger.violations(run)
            if v.severity in (Severity.CRITICAL, Severity.HIGH) and v.resolved_by is None
        ]
        return tuple(c.model_copy(update={"violations": grave.count(c.campaign)}) for c in campaigns)
