"""Batches of simulated episodes as children, and the exam that is made of them: a frozen policy, look by look.

Touch this to change the order of an exam's looks; whether a look decides is judged in gaelp/domain/gates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.compute.simulation import Simulation
    from activities.records.assessment import Assessment
    from activities.records.planning import Planning
    from activities.records.recording import Records
    from gaelp.domain.batch_groups import grouped
    from gaelp.domain.episodes import BatchPurpose
    from gaelp.domain.gates.verdicts import GateVerdict, Verdict
    from gaelp.domain.ids import FIRST_BATCH, batch_id
    from gaelp.domain.phases import Phase
    from gaelp.messages.episode_batch import BatchResult, SimulateBatches, SimulatedBatches
    from gaelp.messages.recording import RecordBatches
    from gaelp.messages.run_context import RunContext
    from gaelp.messages.simulation_training import (
        AssessSimulation,
        BeginExam,
        ExamTerms,
        GateAssessment,
        LearnRules,
        PlayAudit,
        PlayTraps,
        RoundSummary,
        SimulationPlan,
        SimulationStart,
        SimulationState,
    )
    from workflows.activity_options import COMPUTE, RECORDS, named
    from workflows.details import show_details
    from workflows.episodes import EpisodeBatch, told
    from workflows.pause_and_stop import PauseAndStop


@dataclass
class Exam:
    """One attempt at the simulation's gate. The context names the frozen checkpoint."""

    phase: PauseAndStop[SimulationState]
    context: RunContext
    plan: SimulationPlan
    permuted_market_digest: str  # empty where there are no personas
    results: list[BatchResult] = field(default_factory=list)  # of all looks so far
    block: list[BatchResult] = field(default_factory=list)
    rule_checkpoints: dict[str, str] = field(default_factory=dict)  # of the simple rules that play the looks
    trap_losses_digest: str = ""
    audit_gains_digest: str = ""
    gate: GateVerdict | None = None  # of the last look

    async def run(self) -> GateVerdict | None:
        """The gate's verdict; none where the exam was stopped before its first look was assessed."""
        await self.phase.wait_while_paused()
        if self.phase.state.stopped:
            return None
        terms = await self._begin()
        for look in range(self.plan.exam_looks):
            await self.phase.wait_while_paused()
            if self.phase.state.stopped:
                return None
            assessment = await self._look(look, terms)
            if assessment.settled:
                break
        if not self.phase.state.stopped and assessment.gate.verdict not in (Verdict.FAIL, Verdict.INVALID):
            assessment = await self._announced_block(terms)
        if not self.permuted_market_digest or self.phase.state.stopped:
            return assessment.gate
        permuted = await self._permuted(terms)
        return (await self._assess(terms, permuted, True, "measure what rests on the ratings")).gate

    async def _begin(self) -> ExamTerms:
        entry = self.phase.state.entry or SimulationStart(checkpoint_digest="", trained=True)
        begin = BeginExam(
            context=self.context, entry_checkpoint_digest=entry.checkpoint_digest, entered_trained=entry.trained
        )
        return await workflow.execute_activity_method(
            Planning.begin_exam, begin, **named(RECORDS, "book an attempt at the gate, and announce the block")
        )

    async def _rules(self) -> dict[str, str]:
        """The simple rules, taught; none where they could not be, because they decide nothing."""
        try:
            learned = await workflow.execute_activity_method(
                Simulation.learn_rules, LearnRules(context=self.context), **named(COMPUTE, "teach the simple rules")
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return {}
        return learned.checkpoints

    async def _traps(self, terms: ExamTerms) -> str:
        """What the trap exams cost, by digest; empty where they could not be played, and the gate then says so."""
        play = PlayTraps(context=self.context, attempt=terms.attempt)
        try:
            played = await workflow.execute_activity_method(
                Simulation.play_traps, play, **named(COMPUTE, "play the trap exams")
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return ""
        return played.losses_digest

    async def _audit(self, terms: ExamTerms) -> str:
        """The gains of the exploit audit, by digest; empty where it could not be played."""
        play = PlayAudit(context=self.context, attempt=terms.attempt)
        try:
            played = await workflow.execute_activity_method(
                Simulation.play_audit, play, **named(COMPUTE, "play the exploit audit")
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return ""
        return played.gains_digest

    async def _look(self, look: int, terms: ExamTerms) -> GateAssessment:
        """More batches, and the gate over all of them so far; trap exams and audit are played beside the first ones."""
        others = "" if look else ", with the trap exams and the exploit audit"
        self._show(f"exam, look {look + 1} of at most {self.plan.exam_looks}{others}")
        first = look * self.plan.exam_batches
        numbers = range(first, first + self.plan.exam_batches)
        if look:
            results = await self._batches(self.context, BatchPurpose.EXAM, numbers, terms)
        else:
            beside = self._traps(terms), self._audit(terms)
            played = await asyncio.gather(self._first_batches(numbers, terms), *beside)
            results, self.trap_losses_digest, self.audit_gains_digest = played
        self.results.extend(results)
        await record_batches(self.context, BatchPurpose.EXAM, look, results, self.context.checkpoint_digest)
        return await self._assess(terms, (), look + 1 == self.plan.exam_looks, f"assess the exam, look {look + 1}")

    async def _first_batches(self, numbers: Sequence[int], terms: ExamTerms) -> tuple[BatchResult, ...]:
        """The batches of the first look, once the simple rules that play them have learned."""
        self.rule_checkpoints = await self._rules()
        return await self._batches(self.context, BatchPurpose.EXAM, numbers, terms)

    async def _announced_block(self, terms: ExamTerms) -> GateAssessment:
        """The episodes that were announced before the exam began, and the gate with them."""
        self._show(f"the announced block of {terms.block_episodes} episodes")
        self.block = list(await self._batches(self.context, BatchPurpose.BLOCK, range(terms.block_batches), terms))
        await record_batches(self.context, BatchPurpose.BLOCK, 0, self.block, self.context.checkpoint_digest)
        return await self._assess(terms, (), True, "assess the announced block")

    async def _permuted(self, terms: ExamTerms) -> tuple[BatchResult, ...]:
        """The same exam where the ratings of personas are permuted."""
        self._show("the exam again, with the personas' ratings permuted")
        context = self.context.model_copy(update={"market_digest": self.permuted_market_digest})
        results = await self._batches(context, BatchPurpose.PERMUTED, range(len(self.results)), terms)
        await record_batches(context, BatchPurpose.PERMUTED, 0, results, context.checkpoint_digest)
        return results

    async def _batches(
        self, context: RunContext, purpose: BatchPurpose, numbers: Sequence[int], terms: ExamTerms
    ) -> tuple[BatchResult, ...]:
        rules = self.rule_checkpoints if purpose is BatchPurpose.EXAM else {}
        return (await run_batches(context, purpose, numbers, self.phase.state.batch_seconds, terms, rules)).results

    def _show(self, headline: str) -> None:
        """What happens now, each criterion with its bound and what is missing, and how the agent learned."""
        criteria = self.gate.criteria if self.gate else ()
        so_far = "".join(f"- {each.id} {each.name}: {each.label}. {each.reason}\n" for each in criteria)
        show_details("\n\n".join(part for part in (headline, so_far, curve(self.phase.state)) if part))

    async def _assess(
        self, terms: ExamTerms, permuted: Sequence[BatchResult], final: bool, summary: str
    ) -> GateAssessment:
        assessment: GateAssessment = await workflow.execute_activity_method(
            Assessment.assess_simulation,
            AssessSimulation(
                context=self.context,
                exams=tuple(self.results),
                anchor=terms.anchor,
                block=tuple(self.block),
                trap_losses_digest=self.trap_losses_digest,
                audit_gains_digest=self.audit_gains_digest,
                permuted=tuple(permuted),
                training=self.phase.state.training,
                final=final,
            ),
            **named(RECORDS, summary),
        )
        self.gate = assessment.gate
        return assessment


async def run_batches(
    context: RunContext,
    purpose: BatchPurpose,
    numbers: Sequence[int],
    batch_seconds: float,
    terms: ExamTerms | None = None,
    rule_checkpoints: Mapping[str, str] | None = None,
) -> SimulatedBatches:
    """Run batches in children at the same time; their results in the order of `numbers`.

    `terms` and `rule_checkpoints`, of the simple rules that play beside the agent, are an exam's.
    """
    attempt, anchor = (terms.attempt, terms.anchor_checkpoint_digest) if terms else (0, "")
    done = await asyncio.gather(
        *(
            workflow.execute_child_workflow(
                EpisodeBatch.run,
                SimulateBatches(
                    context=context,
                    indices=group,
                    purpose=purpose,
                    attempt=attempt,
                    anchor_checkpoint_digest=anchor if purpose is BatchPurpose.EXAM else "",
                    rule_checkpoints=dict(rule_checkpoints or {}),
                ),
                id=batch_id(context.run, Phase.SIMULATION, FIRST_BATCH[purpose] + group[0]),
                static_summary=told(group, purpose),
            )
            for group in grouped(numbers, batch_seconds)
        )
    )
    results = tuple(result for each in done for result in each.results)
    fastest = min((each.batch_seconds for each in done if each.batch_seconds), default=0.0)
    return SimulatedBatches(results=results, batch_seconds=fastest)


async def record_batches(
    context: RunContext, purpose: BatchPurpose, number: int, results: Sequence[BatchResult], checkpoint_after: str
) -> RoundSummary:
    """Write down the batches of a round (training) or of a look, and return their summary."""
    what = "round" if purpose is BatchPurpose.TRAIN else purpose.value
    return await workflow.execute_activity_method(
        Records.record_batches,
        RecordBatches(
            context=context,
            step=f"{Phase.SIMULATION}/{what}-{number:04d}",
            purpose=purpose,
            number=number,
            next_checkpoint_digest=checkpoint_after,
            results=tuple(results),
            at=workflow.now(),
        ),
        **named(RECORDS, f"record {what} {number + 1}"),
    )


def curve(state: SimulationState) -> str:
    """The learning curve so far as a markdown table."""
    rows = "\n".join(f"| {s.round + 1} | {s.episodes} | {s.mean_reward:.3f} |" for s in state.training)
    return f"| round | episodes | reward |\n|---|---|---|\n{rows}"
