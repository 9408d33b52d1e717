"""RECORDS: the gates of the phases. gaelp.evidence measures, gaelp.domain.gates judges, and this stores both.

Touch this to bind one more thing to a verdict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from temporalio import activity

from activities.inputs import Inputs
from activities.records.judged_terms import NotItsTerms, check_terms
from activities.records.senders import check_child, check_sender
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates import judging
from gaelp.domain.gates.demotion import lost_passes
from gaelp.domain.gates.verdicts import CriterionVerdict, GateVerdict, Inconclusive, Verdict
from gaelp.domain.ids import DUPLICATE_MARK, phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import AttemptSeries, PassedGate
from gaelp.evidence.audit_measurements import measure_audit
from gaelp.evidence.efficiency import traffic_by_hour
from gaelp.evidence.exam_measurements import ExamEvidence, measure_simulation
from gaelp.evidence.phase_halts import why_halted
from gaelp.evidence.phase_measurements import SpendingEvidence, measure_campaigns, measure_historical
from gaelp.evidence.trap_measurements import measure_traps
from gaelp.ledger.booked_evidence import booked, interruption_of, with_kept_decisions, with_violations
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stored_records import KeptVerdict, Reservation
from gaelp.messages.episode_batch import BatchResult
from gaelp.messages.historical_validation import AssessHistorical
from gaelp.messages.run_context import RunContext
from gaelp.messages.simulation_training import AssessSimulation, AuditGains, GateAssessment, TrapLosses
from gaelp.messages.spending_phase import AssessCampaigns, BudgetMoves, CampaignsEvidence
from gaelp.personas.permutation import share_resting_on_ratings
from gaelp.records.earlier_terms import earlier_terms

APPROVED_TERMS = ("account", "agent", "checkpoint_digest", "config_digest", "market_digest")
"""What a request binds and a gate is told: both must be the same."""


def _share_resting_on_ratings(exams: Sequence[BatchResult], permuted: Sequence[BatchResult]) -> str:
    """How much of the exam's gain rests on the personas' ratings.

    Episodes of equal seeds are compared in pairs, unless an episode was left out of either exam.
    """
    gains, permuted_gains = ([g for batch in side for g in batch.gains] for side in (exams, permuted))
    if not gains or not permuted_gains:
        return "The exam with permuted ratings failed, so what rests on the personas' ratings is not known."
    complete = all(batch.replaced == 0 and batch.gains for batch in (*exams, *permuted))
    return share_resting_on_ratings(
        gains, permuted_gains, paired=complete and len(gains) == len(permuted_gains)
    ).sentence


async def _check_own_phase(context: RunContext) -> None:
    """An attempt is counted without any money: only the phase that the run itself has started may use it."""
    await check_child(phase_id(context.run, context.phase), context.run, f"the gate of {context.run}/{context.phase}")


class Assessment:
    """Judges with the level of the attempt, whose number the ledger gives once for each run and phase."""

    def __init__(self, ledger: Ledger, inputs: Inputs) -> None:
        self._ledger = ledger
        self._inputs = inputs

    @activity.defn
    async def assess_simulation(self, assess: AssessSimulation) -> GateAssessment:
        """One look at the exam; settled once its looks pass, fail, or are used up."""
        await _check_own_phase(assess.context)
        return await asyncio.to_thread(self._assess_simulation, assess)

    def _assess_simulation(self, assess: AssessSimulation) -> GateAssessment:
        config = self._inputs.config(assess.context.config_digest)
        attempt = self._attempt(assess.context, config)
        exams, permuted, block = (
            [self._inputs.whole(result) for result in results]
            for results in (assess.exams, assess.permuted, assess.block)
        )
        evidence = ExamEvidence(exams, assess.anchor, block)
        alpha = judging.alpha_for(attempt)
        measures = measure_simulation(evidence, config, alpha)
        traps = measure_traps(self._trap_losses(assess.trap_losses_digest), config, alpha)
        audit = measure_audit(self._audit_gains(assess.audit_gains_digest), config, alpha)
        measures = measures.model_copy(update={"traps": traps, "audit": audit})
        if permuted:
            measures = measures.model_copy(update={"ratings": _share_resting_on_ratings(exams, permuted)})
        gate = self._gate(assess, config, attempt, judging.judge_simulation(measures))
        return GateAssessment(gate=gate, settled=assess.final or self._decided(gate))

    def _trap_losses(self, digest: str) -> Mapping[str, Sequence[float]]:
        """What each trap cost; nothing where the trap exams could not be played."""
        return TrapLosses.model_validate(self._inputs.store.get_document(digest)).losses if digest else {}

    def _audit_gains(self, digest: str) -> Mapping[str, Sequence[float]]:
        """The gains of the exploit audit; nothing where it was not played."""
        return AuditGains.model_validate(self._inputs.store.get_document(digest)).gains if digest else {}

    @activity.defn
    async def assess_historical(self, assess: AssessHistorical) -> GateAssessment:
        """One verdict over all logs together."""
        await _check_own_phase(assess.context)
        return await asyncio.to_thread(self._assess_historical, assess)

    def _assess_historical(self, assess: AssessHistorical) -> GateAssessment:
        config = self._inputs.config(assess.context.config_digest)
        attempt = self._attempt(assess.context, config)
        measures = measure_historical(assess.logs, judging.alpha_for(attempt))
        gate = self._gate(assess, config, attempt, judging.judge_historical(measures, config))
        return GateAssessment(gate=gate, settled=True)

    @activity.defn(no_thread_cancel_exception=True)
    def assess_campaigns(self, assess: AssessCampaigns) -> GateAssessment:
        """The verdict over the campaigns of a spending phase; violations are those in the ledger."""
        context = assess.context
        check_sender(phase_id(context.run, context.phase), f"the gate of {context.run}/{context.phase}")
        config = self._inputs.config(context.config_digest)
        reservations = self._of_phase(context)
        evidence, without_result = self._evidence(assess, reservations)
        attempt = self._attempt(context, config)
        campaigns, problems = booked(
            evidence.campaigns, reservations, self._ledger.reported_days(context.run), config.currency
        )
        if context.phase is Phase.LIVE_TEST:
            evidence = evidence.model_copy(update={"stopped": why_halted(campaigns, config)})
        counted = with_kept_decisions(campaigns, self._ledger.decisions(phase_id(context.run, context.phase)))
        left_behind = SpendingEvidence(
            phase=context.phase,
            campaigns=with_violations(counted, self._ledger.violations(context.run)),
            problems=(*without_result, *problems),
            moves=evidence.moves,
            stopped=evidence.stopped,
            pacing_reference=traffic_by_hour(self._inputs.market(context.market_digest).hourly),
        )
        measures = measure_campaigns(left_behind, config, judging.alpha_for(attempt))
        judge = judging.judge_live_test if context.phase is Phase.LIVE_TEST else judging.judge_scaled
        gate = self._gate(evidence, config, attempt, judge(measures, config))
        return GateAssessment(gate=gate, settled=True)

    def _of_phase(self, context: RunContext) -> tuple[Reservation, ...]:
        """What the phase has reserved; raises NotItsTerms where it is nothing, or was approved for other terms."""
        check_terms(self._ledger, context)
        reserved = self._ledger.reservations(context.account, context.run)
        of_phase = tuple(each for each in reserved if each.phase == context.phase)
        if not of_phase:
            raise NotItsTerms(f"{context.run}/{context.phase} has reserved no day: there is nothing to judge")
        for request_id in {each.request_id for each in of_phase}:
            request = self._ledger.request(request_id).request
            differing = [name for name in APPROVED_TERMS if getattr(request, name) != getattr(context, name)]
            if differing:
                raise NotItsTerms(f"{request_id} was approved for another {' and '.join(differing)} than is judged")
        return of_phase

    def _evidence(
        self, assess: AssessCampaigns, reservations: Sequence[Reservation]
    ) -> tuple[CampaignsEvidence, tuple[str, ...]]:
        """What the campaigns of the phase reported to the ledger, how their budgets were moved, and what is missing.

        All that were reserved are judged, and no other: of what was never reserved anybody can say how it ended, who
        starts a workflow under its id.
        """
        context = assess.context
        began = {each.campaign for each in reservations if DUPLICATE_MARK not in each.campaign}
        results = self._ledger.campaign_results(phase_id(context.run, context.phase))
        ended = tuple(each for each in results if each.campaign in began)
        if interrupted := interruption_of(ended):
            raise NotItsTerms(f"no verdict rests on what was interrupted: {interrupted}")
        decisions = [BudgetMoves.model_validate(self._inputs.store.get_document(digest)) for digest in assess.moves]
        missing = len(began) - len(ended)
        problem = f"the ledger has no result of {missing} of {len(began)} campaigns"
        evidence = CampaignsEvidence(
            context=context,
            campaigns=ended,
            moves=tuple(move for decision in decisions for move in decision.moves),
        )
        return evidence, ((problem,) if missing else ())

    def _attempt(self, context: RunContext, config: TrainingConfiguration) -> int:
        gate = context.phase
        check_terms(self._ledger, context)
        series = AttemptSeries(account=context.account, product=config.product, agent=context.agent, gate=gate)
        return self._ledger.next_attempt(series, f"{context.run}/{gate}")

    def _gate(
        self,
        evidence: AssessSimulation | AssessHistorical | CampaignsEvidence,
        config: TrainingConfiguration,
        attempt: int,
        criteria: Sequence[CriterionVerdict],
    ) -> GateVerdict:
        """The verdict, bound to the evidence: the whole question is stored and named by its digest.

        The ledger keeps it, because what a person is asked to sign later names its evidence from there.
        """
        context, alpha = evidence.context, judging.alpha_for(attempt)
        digest = self._inputs.store.put_document(evidence)
        bound = judging.GateAttempt(config.mode, attempt, alpha, context.checkpoint_digest, digest)
        gate = judging.gate(context.phase, criteria, bound)
        kept = KeptVerdict(
            run=context.run, phase=context.phase, checkpoint_digest=gate.checkpoint_digest,
            evidence_digest=gate.evidence_digest, heads=gate.heads, verdict=gate.verdict, promote=gate.promote,
            criteria=gate.criteria,
        )  # fmt: skip
        self._ledger.keep_verdict(context.account, kept, lost=self._lost(context, gate, config))
        return gate

    def _lost(self, context: RunContext, gate: GateVerdict, config: TrainingConfiguration) -> tuple[PassedGate, ...]:
        """The passes of the same agent with the same state, in whatever run, that this verdict takes."""
        passes = self._ledger.passed_gates(context.agent, gate.checkpoint_digest)
        return lost_passes(gate, config, earlier_terms(self._inputs.store, passes))

    def _decided(self, gate: GateVerdict) -> bool:
        """More episodes can move a criterion that is undecided, and nothing else."""
        return gate.verdict in (Verdict.FAIL, Verdict.INVALID) or not any(
            each.inconclusive is Inconclusive.UNDECIDED for each in gate.criteria
        )
