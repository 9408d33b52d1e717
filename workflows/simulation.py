"""The simulation phase: rounds of batches and learning, then an exam (exam.py). Touch this to change their order."""

from __future__ import annotations

from collections.abc import Sequence

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
    from gaelp.messages.run_context import RunContext
    from gaelp.messages.simulation_training import (
        FirstCheckpoint,
        LearnRound,
        PlanSimulation,
        SimulationPlan,
        SimulationStart,
        SimulationState,
    )
    from workflows import curriculum
    from workflows.activity_options import COMPUTE, RECORDS, named
    from workflows.details import show_details
    from workflows.exam import Exam, curve, record_batches, run_batches
    from workflows.pause_and_stop import PauseAndStop


LONG_HISTORY = 2500  # events: a round and the exam that may follow have some hundreds, and no history passes 4,000


@workflow.defn(name="SimulationTraining")
class SimulationTraining(PauseAndStop[SimulationState]):
    """Trains in rounds; each waits for its batches and reads them in index order. Then a frozen exam, in looks."""

    @workflow.init
    def __init__(self, phase: PhaseInput) -> None:
        super().__init__(phase.simulation or SimulationState())
        self._phase = phase

    @workflow.run
    async def run(self, phase: PhaseInput) -> PhaseResult:
        """Continues as new between rounds when its history grows."""
        plan = self.state.plan or await self._begin()
        while self.state.next_round < plan.rounds and not self.state.stopped:
            await self.wait_while_paused()
            if _history_is_long() and not self.state.stopped:
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(phase.model_copy(update={"simulation": self.state}))
            await self._train_round(plan)
        gate: GateVerdict | None = None
        if not self.state.stopped:
            gate = await Exam(self, self._context(), plan, phase.permuted_market_digest).run()
        return self._finish(gate)

    def _context(self) -> RunContext:
        """The phase's context with the checkpoint of now."""
        return self._phase.context.model_copy(update={"checkpoint_digest": self.state.checkpoint_digest})

    async def _begin(self) -> SimulationPlan:
        show_details("planning the simulation")
        context = self._phase.context
        plan = await workflow.execute_activity_method(
            Planning.plan_simulation,
            PlanSimulation(config_digest=context.config_digest),
            **named(RECORDS, "plan the simulation"),
        )
        checkpoint, trained = context.checkpoint_digest, bool(context.checkpoint_digest)
        if not checkpoint:
            learned = await workflow.execute_activity_method(
                Simulation.first_checkpoint,
                FirstCheckpoint(context=context),
                **named(COMPUTE, f"first checkpoint of {context.agent}"),
            )
            checkpoint = learned.checkpoint_digest
        entry = SimulationStart(checkpoint_digest=checkpoint, trained=trained)
        tasks = await curriculum.planned(context) if plan.task_exam_batches else None
        self.update(plan=plan, checkpoint_digest=checkpoint, entry=entry, curriculum=tasks)
        return plan

    async def _train_round(self, plan: SimulationPlan) -> None:
        number, width = self.state.next_round, plan.batches_per_round
        tasks = self.state.curriculum
        progress = f"{curriculum.lesson_map(tasks)}\n{curve(self.state)}".strip()
        show_details(f"learning round {number + 1} of {plan.rounds}\n\n{progress}")
        context = self._context()
        numbers = range(number * width, (number + 1) * width)
        if tasks is None:
            done = await run_batches(context, BatchPurpose.TRAIN, numbers, self.state.batch_seconds)
        else:
            done = await curriculum.train(context, tasks, numbers, self.state.batch_seconds)
        results = done.results
        self._count_failures(plan, results)
        checkpoint = context.checkpoint_digest
        digests = tuple(result.trajectory_digest for result in results if result.trajectory_digest is not None)
        if digests:
            learned = await workflow.execute_activity_method(
                Simulation.learn,
                LearnRound(context=context, trajectory_digests=digests),
                **named(COMPUTE, f"learn from round {number + 1}"),
            )
            checkpoint = learned.checkpoint_digest
        summary = await record_batches(context, BatchPurpose.TRAIN, number, results, checkpoint)
        self.update(
            checkpoint_digest=checkpoint,
            next_round=number + 1,
            episodes=self.state.episodes + summary.episodes,
            batch_seconds=done.batch_seconds,
            training=(*self.state.training, summary),
        )
        if tasks is not None:
            await curriculum.advance(self, self._context(), number, results, plan.task_exam_batches)

    def _count_failures(self, plan: SimulationPlan, results: Sequence[BatchResult]) -> None:
        """Add this round's failed batches and episodes. Raises ApplicationError beyond their limits."""
        failed = [result for result in results if result.trajectory_digest is None]
        batches = self.state.failed_batches + len(failed)
        episodes = self.state.failed_episodes + sum(result.failed_episodes for result in results)
        self.update(failed_batches=batches, failed_episodes=episodes)
        limits = (batches, plan.failed_batches, "batches"), (episodes, plan.failed_episodes, "episodes")
        for count, limit, what in limits:
            if count > limit:
                of_batches = [result.reason for result in failed]
                of_episodes = [failure.reason for result in results for failure in result.failures]
                reasons = "; ".join(dict.fromkeys(of_batches + of_episodes)) or "in earlier rounds"
                raise ApplicationError(
                    f"{count} {what} failed, more than simulation.failed_{what} ({limit}) allows: {reasons}",
                    type="TooManyFailures",
                )

    def _finish(self, gate: GateVerdict | None) -> PhaseResult:
        """The result of the phase; without a gate it was stopped."""
        ended = Outcome.STOPPED if gate is None else None if gate.promote else Outcome.NOT_GRADUATED
        reason = gate.reason if gate else self.state.stopped
        show_details(f"**{gate.verdict if gate else ended}** {reason}\n\n{curve(self.state)}")
        return PhaseResult(
            phase=Phase.SIMULATION,
            checkpoint_digest=self.state.checkpoint_digest,
            gate=gate,
            ended=ended,
            reason=reason,
            episodes=self.state.episodes,
        )


def _history_is_long() -> bool:
    info = workflow.info()
    return info.is_continue_as_new_suggested() or info.get_current_history_length() > LONG_HISTORY
