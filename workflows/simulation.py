"""The simulation phase: rounds of batches and learning, then an exam. Touch this to change their order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.assessment import Assessment
    from activities.planning import Planning
    from activities.records import Records
    from activities.simulation import Simulation
    from gaelp.training.messages import (
        Assessment as Assessed,
    )
    from gaelp.training.messages import (
        AssessSimulation,
        BatchResult,
        FirstCheckpoint,
        GateVerdict,
        LearnRound,
        PhaseInput,
        PhaseResult,
        PlanSimulation,
        RecordBatches,
        RoundSummary,
        SimulateBatch,
        SimulationProgress,
    )
    from gaelp.training.names import FIRST_BATCH, Outcome, Phase, batch_id
    from workflows.episodes import EpisodeBatch
    from workflows.holds import Holds
    from workflows.options import COMPUTE, RECORDS, named
    from workflows.story import tell


@workflow.defn(name="SimulationTraining")
class SimulationTraining(Holds):
    """Trains in rounds; each waits for its batches and reads them in index order. Then a frozen exam, in looks."""

    @workflow.init
    def __init__(self, phase: PhaseInput) -> None:
        super().__init__()

    @workflow.run
    async def run(self, phase: PhaseInput) -> PhaseResult:
        """Continues as new between rounds when its history grows."""
        progress = phase.simulation or await self._begin(phase)
        while progress.next_round < progress.plan.rounds and not self.stopped:
            await self.released()
            if workflow.info().is_continue_as_new_suggested() and not self.stopped:
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(phase.model_copy(update={"simulation": progress}))
            progress = await self._train_round(phase, progress)
        if self.stopped:
            return self._ended(phase, progress, None, Outcome.STOPPED, self.stopped)
        gate = await self._exam(phase, progress)
        if gate is None:
            return self._ended(phase, progress, None, Outcome.STOPPED, self.stopped)
        ended = None if gate.promote else Outcome.NOT_GRADUATED
        return self._ended(phase, progress, gate, ended, gate.reason)

    async def _begin(self, phase: PhaseInput) -> SimulationProgress:
        tell("planning the simulation")
        plan = await workflow.execute_activity_method(
            Planning.plan_simulation,
            PlanSimulation(run=phase.run, config_digest=phase.config_digest, account=phase.account, agent=phase.agent),
            **named(RECORDS, "plan the simulation"),
        )
        checkpoint = phase.checkpoint_digest
        if checkpoint is None:
            first = FirstCheckpoint(
                run=phase.run,
                config_digest=phase.config_digest,
                market_digest=phase.market_digest,
                agent=phase.agent,
            )
            learned = await workflow.execute_activity_method(
                Simulation.first_checkpoint, first, **named(COMPUTE, f"first checkpoint of {phase.agent}")
            )
            checkpoint = learned.checkpoint_digest
        return SimulationProgress(plan=plan, checkpoint_digest=checkpoint, anchor_digest=checkpoint)

    async def _batches(
        self, phase: PhaseInput, checkpoint: str, purpose: str, numbers: list[int], attempt: int
    ) -> list[BatchResult]:
        market = phase.permuted_market_digest if purpose == "permuted" else phase.market_digest
        return await asyncio.gather(
            *(
                workflow.execute_child_workflow(
                    EpisodeBatch.run,
                    SimulateBatch(
                        run=phase.run,
                        config_digest=phase.config_digest,
                        market_digest=market,
                        checkpoint_digest=checkpoint,
                        agent=phase.agent,
                        index=number,
                        purpose=purpose,
                        attempt=0 if purpose == "train" else attempt,
                    ),
                    id=batch_id(phase.run, Phase.SIMULATION, FIRST_BATCH[purpose] + number),
                    static_summary=f"{purpose} batch {number}",
                )
                for number in numbers
            )
        )

    async def _train_round(self, phase: PhaseInput, progress: SimulationProgress) -> SimulationProgress:
        number = progress.next_round
        width = progress.plan.batches_per_round
        tell(f"learning round {number + 1} of {progress.plan.rounds}\n\n{_curve(progress)}")
        first = number * width
        results = await self._batches(phase, progress.checkpoint_digest, "train", list(range(first, first + width)), 0)
        good = [r for r in results if r.trajectory_digest is not None]
        failed = progress.failed_batches + len(results) - len(good)
        if failed > progress.plan.failed_batches:
            reasons = "; ".join(r.reason for r in results if r.trajectory_digest is None)
            raise ApplicationError(f"{failed} batches failed, more than failed_batches allows: {reasons}")
        episodes_failed = progress.failed_episodes + sum(r.failed_episodes for r in good)
        if episodes_failed > progress.plan.failed_episodes:
            reason = next(f.reason for r in good for f in r.failures)
            raise ApplicationError(f"{episodes_failed} episodes failed, more than failed_episodes allows: {reason}")
        checkpoint = progress.checkpoint_digest
        if good:
            learned = await workflow.execute_activity_method(
                Simulation.learn,
                LearnRound(
                    run=phase.run,
                    config_digest=phase.config_digest,
                    agent=phase.agent,
                    checkpoint_digest=checkpoint,
                    trajectory_digests=tuple(r.trajectory_digest for r in good if r.trajectory_digest),
                    round=number,
                ),
                **named(COMPUTE, f"learn from round {number + 1}"),
            )
            checkpoint = learned.checkpoint_digest
        summary = await self._record(phase, "round", number, results, progress.checkpoint_digest, checkpoint)
        return progress.model_copy(
            update={
                "checkpoint_digest": checkpoint,
                "next_round": number + 1,
                "failed_batches": failed,
                "failed_episodes": episodes_failed,
                "episodes": progress.episodes + summary.episodes,
                "training": (*progress.training, summary),
            }
        )

    async def _exam(self, phase: PhaseInput, progress: SimulationProgress) -> GateVerdict | None:
        plan = progress.plan
        exams: list[BatchResult] = []
        for look in range(plan.exam_looks):
            await self.released()
            if self.stopped:
                return None
            tell(f"exam, look {look + 1} of at most {plan.exam_looks}\n\n{_curve(progress)}")
            first = look * plan.exam_batches
            results = await self._batches(
                phase,
                progress.checkpoint_digest,
                "exam",
                list(range(first, first + plan.exam_batches)),
                plan.attempt,
            )
            exams.extend(results)
            frozen = progress.checkpoint_digest
            await self._record(phase, "exam", look, results, frozen, frozen)
            final = look + 1 == plan.exam_looks
            assessment = await self._assess(phase, progress, exams, (), final, f"assess the exam, look {look + 1}")
            if assessment.settled:
                break
        if not phase.permuted_market_digest or self.stopped:
            return assessment.gate
        permuted = await self._permuted(phase, progress, len(exams))
        told = "say what rests on the ratings"
        return (await self._assess(phase, progress, exams, permuted, True, told)).gate

    async def _permuted(self, phase: PhaseInput, progress: SimulationProgress, count: int) -> list[BatchResult]:
        """The same exam where the ratings of personas are permuted."""
        tell(f"the exam again, with the personas' ratings permuted\n\n{_curve(progress)}")
        frozen = progress.checkpoint_digest
        results = await self._batches(phase, frozen, "permuted", list(range(count)), progress.plan.attempt)
        await self._record(phase, "permuted", 0, results, frozen, frozen)
        return results

    async def _assess(
        self,
        phase: PhaseInput,
        progress: SimulationProgress,
        exams: list[BatchResult],
        permuted: Sequence[BatchResult],
        final: bool,
        summary: str,
    ) -> Assessed:
        return await workflow.execute_activity_method(
            Assessment.assess_simulation,
            AssessSimulation(
                run=phase.run,
                config_digest=phase.config_digest,
                agent=phase.agent,
                checkpoint_digest=progress.checkpoint_digest,
                exams=tuple(exams),
                permuted=tuple(permuted),
                training=progress.training,
                account=phase.account,
                final=final,
            ),
            **named(RECORDS, summary),
        )

    async def _record(
        self, phase: PhaseInput, what: str, number: int, results: list[BatchResult], checkpoint: str, after: str
    ) -> RoundSummary:
        return await workflow.execute_activity_method(
            Records.record_batches,
            RecordBatches(
                run=phase.run,
                step=f"{Phase.SIMULATION}/{what}-{number:04d}",
                purpose=what,
                number=number,
                agent=phase.agent,
                checkpoint_digest=checkpoint,
                next_checkpoint_digest=after,
                first_batch=FIRST_BATCH["train" if what == "round" else what],
                results=tuple(results),
                at=workflow.now(),
            ),
            **named(RECORDS, f"record {what} {number + 1}"),
        )

    def _ended(
        self,
        phase: PhaseInput,
        progress: SimulationProgress,
        gate: GateVerdict | None,
        ended: Outcome | None,
        reason: str,
    ) -> PhaseResult:
        tell(f"**{gate.verdict if gate else ended}** {reason}\n\n{_curve(progress)}")
        return PhaseResult(
            phase=Phase.SIMULATION,
            checkpoint_digest=progress.checkpoint_digest,
            evidence_digest=gate.evidence_digest if gate else "",
            gate=gate,
            ended=ended,
            reason=reason,
            episodes=progress.episodes,
        )


def _curve(progress: SimulationProgress) -> str:
    rows = "\n".join(f"| {s.round + 1} | {s.episodes} | {s.mean_reward:.3f} |" for s in progress.training)
    return f"| round | episodes | reward |\n|---|---|---|\n{rows}"
