"""A frozen policy's exam in the simulation, look by look. Touch this to change how an exam goes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.records.assessment import Assessment
    from activities.records.planning import Planning
    from activities.records.recording import Records
    from gaelp.domain.episodes import BatchPurpose
    from gaelp.domain.gates.verdicts import GateVerdict
    from gaelp.domain.ids import FIRST_BATCH, batch_id
    from gaelp.domain.phases import Phase
    from gaelp.messages.episode_batch import BatchResult, SimulateBatch
    from gaelp.messages.phase import PhaseInput
    from gaelp.messages.recording import RecordBatches
    from gaelp.messages.simulation_training import Assessment as Assessed
    from gaelp.messages.simulation_training import AssessSimulation, BeginExam, RoundSummary, SimulationProgress
    from workflows.episodes import EpisodeBatch
    from workflows.holds import Holds
    from workflows.options import RECORDS, named
    from workflows.story import tell


class Exams(Holds):
    """Batches of episodes as children, their record, and the exam made of them."""

    async def _batches(
        self, phase: PhaseInput, checkpoint: str, purpose: BatchPurpose, numbers: list[int], attempt: int
    ) -> list[BatchResult]:
        market = phase.permuted_market_digest if purpose is BatchPurpose.PERMUTED else phase.market_digest
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
                        attempt=0 if purpose is BatchPurpose.TRAIN else attempt,
                    ),
                    id=batch_id(phase.run, Phase.SIMULATION, FIRST_BATCH[purpose] + number),
                    static_summary=f"{purpose} batch {number}",
                )
                for number in numbers
            )
        )

    async def _exam(self, phase: PhaseInput, progress: SimulationProgress) -> GateVerdict | None:
        plan = progress.plan
        await self.released()
        if self.stopped:
            return None
        attempt = await self._begin_exam(phase)
        exams: list[BatchResult] = []
        for look in range(plan.exam_looks):
            await self.released()
            if self.stopped:
                return None
            tell(f"exam, look {look + 1} of at most {plan.exam_looks}\n\n{curve(progress)}")
            first = look * plan.exam_batches
            results = await self._batches(
                phase,
                progress.checkpoint_digest,
                BatchPurpose.EXAM,
                list(range(first, first + plan.exam_batches)),
                attempt,
            )
            exams.extend(results)
            frozen = progress.checkpoint_digest
            await self._record(phase, BatchPurpose.EXAM, look, results, frozen, frozen)
            final = look + 1 == plan.exam_looks
            assessment = await self._assess(phase, progress, exams, (), final, f"assess the exam, look {look + 1}")
            if assessment.settled:
                break
        if not phase.permuted_market_digest or self.stopped:
            return assessment.gate
        permuted = await self._permuted(phase, progress, len(exams), attempt)
        told = "say what rests on the ratings"
        return (await self._assess(phase, progress, exams, permuted, True, told)).gate

    async def _begin_exam(self, phase: PhaseInput) -> int:
        exam = await workflow.execute_activity_method(
            Planning.begin_exam,
            BeginExam(run=phase.run, config_digest=phase.config_digest, account=phase.account, agent=phase.agent),
            **named(RECORDS, "book an attempt at the gate"),
        )
        return exam.attempt

    async def _permuted(
        self, phase: PhaseInput, progress: SimulationProgress, count: int, attempt: int
    ) -> list[BatchResult]:
        """The same exam where the ratings of personas are permuted."""
        tell(f"the exam again, with the personas' ratings permuted\n\n{curve(progress)}")
        frozen = progress.checkpoint_digest
        results = await self._batches(phase, frozen, BatchPurpose.PERMUTED, list(range(count)), attempt)
        await self._record(phase, BatchPurpose.PERMUTED, 0, results, frozen, frozen)
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
        self,
        phase: PhaseInput,
        purpose: BatchPurpose,
        number: int,
        results: list[BatchResult],
        checkpoint: str,
        after: str,
    ) -> RoundSummary:
        what = "round" if purpose is BatchPurpose.TRAIN else purpose.value
        return await workflow.execute_activity_method(
            Records.record_batches,
            RecordBatches(
                run=phase.run,
                step=f"{Phase.SIMULATION}/{what}-{number:04d}",
                purpose=purpose,
                number=number,
                agent=phase.agent,
                checkpoint_digest=checkpoint,
                next_checkpoint_digest=after,
                results=tuple(results),
                at=workflow.now(),
            ),
            **named(RECORDS, f"record {what} {number + 1}"),
        )


def curve(progress: SimulationProgress) -> str:
    rows = "\n".join(f"| {s.round + 1} | {s.episodes} | {s.mean_reward:.3f} |" for s in progress.training)
    return f"| round | episodes | reward |\n|---|---|---|\n{rows}"
