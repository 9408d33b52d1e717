"""A run with a curriculum, and the same run whose workers are killed in the middle of it."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.temporal_names import Queue
from gaelp.messages.training_run import RunResult
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support.local_runs import LocalRuns
from tests.support.processes import kill9, until_started

TASKS = (
    "{name: cheap, settings: {market.price_median: 3.00}}",
    "{name: few, settings: {market.creatives: 4, market.segments: 2}}",
    "{name: whole, requires: [cheap]}",
)
SETTINGS = (
    "seed=7",
    "simulation.rounds=4",
    "simulation.exam_batches=1",
    "simulation.exam_looks=1",
    "curriculum.source=own",
    f"curriculum.tasks=[{', '.join(TASKS)}]",
    "curriculum.sampling=learning-progress",
    "curriculum.reward=0.2",
    "curriculum.mastery=0.5",
    "curriculum.exam_batches=1",
)
COLUMNS = "round, task, mastered, batches, reward, success_rate, exams, lost, checkpoint_digest"


async def started(local_runs: LocalRuns, client: Client, run: str) -> WorkflowHandle[object, RunResult]:
    """A run of the simulation alone, with its own account."""
    account = local_runs.open_account(run)
    start = local_runs.run_input(run, *SETTINGS, f"account={account}", until=Phase.SIMULATION)
    handle: WorkflowHandle[object, RunResult] = await client.start_workflow(
        "TrainingRun", start, id=run, task_queue=Queue.WORKFLOWS, result_type=RunResult
    )
    return handle


def lesson_rows(local_runs: LocalRuns, run: str) -> list[dict[str, object]]:
    """What the warehouse has of the run's curriculum."""
    warehouse = open_warehouse(local_runs.settings.warehouse)
    rows = warehouse.query(f"SELECT {COLUMNS} FROM curriculum WHERE run = @run ORDER BY round, position", {"run": run})  # noqa: S608
    warehouse.close()
    return rows


@pytest.mark.asyncio(loop_scope="session")
async def test_a_curriculum_survives_its_workers(local_runs: LocalRuns, client: Client) -> None:
    """Both workers killed within an exam of a task: checkpoint and every row of the curriculum are as without it."""
    calm = await (await started(local_runs, client, "calm-lessons")).result()
    rows = lesson_rows(local_runs, "calm-lessons")
    assert [row["round"] for row in rows] == [number for number in range(4) for _ in TASKS]
    assert any(row["mastered"] for row in rows), "no task was mastered, so that no exam was passed"
    assert next(row for row in rows if row["task"] == "whole")["batches"] == 0, "it requires what is not mastered yet"
    assert sum(row["batches"] for row in rows if row["task"] == "whole") > 0, "it is trained once that is mastered"

    struck = await started(local_runs, client, "struck-lessons")
    await until_started(client, "struck-lessons/simulation/batch-20000")
    for name in ("worker", "compute"):
        kill9(local_runs.stack, name)
    phase = await client.get_workflow_handle(phase_id("struck-lessons", Phase.SIMULATION)).describe()
    assert phase.status is WorkflowExecutionStatus.RUNNING, "the phase was over before the kill"
    for name in ("worker", "compute"):
        await asyncio.to_thread(local_runs.stack.restart, name)
    result = await struck.result()
    assert (result.outcome, result.checkpoint_digest) == (calm.outcome, calm.checkpoint_digest), result.reason
    assert lesson_rows(local_runs, "struck-lessons") == rows
