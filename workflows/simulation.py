"""The simulation phase: rounds of batches and learning, then an exam (exam.py). Touch this to change their order."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.compute.simulation import Simulation
    from activities.records.planning import Planning
    from gaelp.domain.episodes import BatchPurpose
    from gaelp.domain.gates.verdicts import GateVerdict
    from gaelp.domain.phases import Outcome, Phase
    from gaelp.messages.episode_batch import BatchResult
    from gaelp.messages.phase import PhaseInput, PhaseResult
    from gaelp.messages.simulation_training import FirstCheckpoint, LearnRound, PlanSimulation, SimulationProgress
    from workflows.exam import Exams, curve
    from workflows.options import COMPUTE, RECORDS, named
    from workflows.story import tell


@workflow.defn(name="SimulationTraining")
class SimulationTraining(Exams):
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
            PlanSimulation(run=phase.run, config_digest=phase.config_digest),
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

    async def _train_round(self, phase: PhaseInput, progress: SimulationProgress) -> SimulationProgress:
        number = progress.next_round
        width = progress.plan.batches_per_round
        tell(f"learning round {number + 1} of {progress.plan.rounds}\n\n{curve(progress)}")
        first = number * width
        results = await self._batches(
            phase, progress.checkpoint_digest, BatchPurpose.TRAIN, list(range(first, first + width)), 0
        )
        good = [r for r in results if r.trajectory_digest is not None]
        failed, episodes_failed = _failed(progress, results)
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
        summary = await self._record(phase, BatchPurpose.TRAIN, number, results, progress.checkpoint_digest, checkpoint)
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

    def _ended(
        self,
        phase: PhaseInput,
        progress: SimulationProgress,
        gate: GateVerdict | None,
        ended: Outcome | None,
        reason: str,
    ) -> PhaseResult:
        tell(f"**{gate.verdict if gate else ended}** {reason}\n\n{curve(progress)}")
        return PhaseResult(
            phase=Phase.SIMULATION,
            checkpoint_digest=progress.checkpoint_digest,
            evidence_digest=gate.evidence_digest if gate else "",
            gate=gate,
            ended=ended,
            reason=reason,
            episodes=progress.episodes,
        )


def _failed(progress: SimulationProgress, results: list[BatchResult]) -> tuple[int, int]:
    """Batches and episodes that failed so far, with this round. Raises ApplicationError beyond their limits."""
    plan, poisoned = progress.plan, [r for r in results if r.trajectory_digest is None]
    batches = progress.failed_batches + len(poisoned)
    episodes = progress.failed_episodes + sum(r.failed_episodes for r in results)
    reasons = dict.fromkeys([r.reason for r in poisoned] + [f.reason for r in results for f in r.failures])
    for count, limit, what in ((batches, plan.failed_batches, "batches"), (episodes, plan.failed_episodes, "episodes")):
        if count > limit:
            told = "; ".join(reasons) or "in earlier rounds"
            raise ApplicationError(
                f"{count} {what} failed, more than simulation.failed_{what} ({limit}) allows: {told}"
            )
    return batches, episodes
