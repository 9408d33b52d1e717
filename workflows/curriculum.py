"""The curriculum of a simulation phase: a round's batches task by task, and the exams of tasks between two rounds.

What is trained and examined is decided in gaelp/domain/curriculum. Touch this to change the order of these steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.records.curricula import Curricula
    from gaelp.domain.curriculum.standings import CurriculumState
    from gaelp.domain.episodes import BatchPurpose
    from gaelp.messages.curriculum import AdvanceCurriculum, PlanCurriculum, PlannedCurriculum
    from gaelp.messages.episode_batch import BatchResult, SimulatedBatches
    from gaelp.messages.run_context import RunContext
    from gaelp.messages.simulation_training import SimulationState
    from workflows.activity_options import RECORDS, named
    from workflows.details import show_details
    from workflows.exam import record_batches, run_batches
    from workflows.pause_and_stop import PauseAndStop


async def planned(context: RunContext) -> PlannedCurriculum:
    """The tasks of the phase, each with its market."""
    return await workflow.execute_activity_method(
        Curricula.plan_curriculum, PlanCurriculum(context=context), **named(RECORDS, "make the markets of the tasks")
    )


async def train(
    context: RunContext, curriculum: PlannedCurriculum, numbers: Sequence[int], batch_seconds: float
) -> SimulatedBatches:
    """A round's batches, each in the market of its task; their results in the order of `numbers`."""
    return await _played(context, curriculum, BatchPurpose.TRAIN, numbers, curriculum.state.batches, batch_seconds)


async def advance(
    phase: PauseAndStop[SimulationState], context: RunContext, number: int, trained: Sequence[BatchResult], looks: int
) -> None:
    """Take what follows from round `number` into the phase's state: exams of tasks, look by look, and the next round.

    `looks` is how many batches one look at a task's exam has. A phase that is stopped is left between two looks.
    """
    step = AdvanceCurriculum(
        context=context,
        state=_of(phase).state,
        round=number,
        tasks_of_batches=_of(phase).state.batches,
        trained=tuple(trained),
        at=workflow.now(),
    )
    await _take(phase, step, f"what follows from round {number + 1}")
    while _of(phase).state.examined:
        await phase.wait_while_paused()
        if phase.state.stopped:
            return
        curriculum = _of(phase)
        state = curriculum.state
        told = ", ".join(curriculum.tasks[task].name for task in state.examined)
        show_details(f"exam of {told}{' again' if state.checking else ''}\n\n{lesson_map(curriculum)}")
        tasks = tuple(task for task in state.examined for _ in range(looks))
        numbers = range(state.exam_batches, state.exam_batches + len(tasks))
        done = await _played(context, curriculum, BatchPurpose.MASTERY, numbers, tasks, phase.state.batch_seconds)
        await record_batches(context, BatchPurpose.MASTERY, numbers[0], done.results, context.checkpoint_digest)
        step = step.model_copy(
            update={"state": state, "tasks_of_batches": tasks, "trained": (), "examined": done.results}
        )
        await _take(phase, step.model_copy(update={"at": workflow.now()}), f"judge the exam of {told}")


def lesson_map(curriculum: PlannedCurriculum | None) -> str:
    """Where the agent stands in each task, as a markdown table; empty without a curriculum."""
    if curriculum is None:
        return ""
    rows = "".join(
        f"| {each.name} | {_standing(curriculum.state, number)} | {each.batches} | {each.reward:.3f} | "
        f"{each.success_rate:.2f} | {_exam(each.successes, each.episodes)} | {each.exams} |\n"
        for number, each in enumerate(curriculum.state.standings)
    )
    head = "| task | standing | batches | reward | success in training | last exam | exams |"
    return f"{head}\n|---|---|---|---|---|---|---|\n{rows}"


def _standing(state: CurriculumState, number: int) -> str:
    each = state.standings[number]
    if each.mastered:
        return "mastered"
    now = "in training" if number in state.batches else "not now"
    return f"lost {each.lost} times, {now}" if each.lost else now


def _exam(successes: Sequence[int], episodes: Sequence[int]) -> str:
    return f"{successes[-1]} of {episodes[-1]}" if episodes else "none"


async def _played(
    context: RunContext,
    curriculum: PlannedCurriculum,
    purpose: BatchPurpose,
    numbers: Sequence[int],
    tasks: Sequence[int],
    batch_seconds: float,
) -> SimulatedBatches:
    """The batches `numbers`, each of the task at its place in `tasks`, all at the same time."""
    of_task: dict[int, list[int]] = {}
    for number, task in zip(numbers, tasks, strict=True):
        of_task.setdefault(task, []).append(number)
    done = await asyncio.gather(
        *(
            run_batches(_in_task(context, curriculum, task), purpose, chosen, batch_seconds)
            for task, chosen in of_task.items()
        )
    )
    results = sorted((result for each in done for result in each.results), key=lambda result: result.index)
    fastest = min((each.batch_seconds for each in done if each.batch_seconds), default=0.0)
    return SimulatedBatches(results=tuple(results), batch_seconds=fastest)


def _in_task(context: RunContext, curriculum: PlannedCurriculum, number: int) -> RunContext:
    """The context in which a task's batches are simulated: its own configuration and market."""
    task = curriculum.tasks[number]
    return context.model_copy(update={"config_digest": task.config_digest, "market_digest": task.market_digest})


def _of(phase: PauseAndStop[SimulationState]) -> PlannedCurriculum:
    assert phase.state.curriculum is not None
    return phase.state.curriculum


async def _take(phase: PauseAndStop[SimulationState], step: AdvanceCurriculum, summary: str) -> None:
    state = await workflow.execute_activity_method(Curricula.advance_curriculum, step, **named(RECORDS, summary))
    phase.update(curriculum=_of(phase).model_copy(update={"state": state}))
