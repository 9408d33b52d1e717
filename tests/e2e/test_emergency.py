"""The emergency stop, with the layers above it dead or busy."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import Priority

from gaelp.domain.phases import Outcome
from gaelp.domain.temporal_names import Queue
from gaelp.messages.emergency_stop import StopAccount, StopReport
from gaelp.messages.training_run import RunResult
from tests.support.local_runs import LocalRuns, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Campaigns for minutes: they must still run when the stop comes.
LONG = ("live_test.days=60", "live_test.campaigns=10")
# Far more simulation than any test waits for.
ENDLESS = ("simulation.rounds=125", "simulation.batches_per_round=40")


async def test_the_stop_needs_neither_temporal_nor_a_worker(local_runs: LocalRuns, client: Client) -> None:
    """With both dead `stop` pauses the enabled campaign and reads it back; once back, the run ends all paused."""
    run = account = local_runs.open_account("halting")
    handle = await _spending(local_runs, client, run)
    with local_runs.without("worker", "compute", "temporal"):
        left = _enabled(local_runs, run)
        assert len(left) == 1, "no campaign outlived the workers: the stop would have nothing to do"
        stopped = await asyncio.to_thread(local_runs.starter, "stop", "--account", account, "--json")
        assert (stopped.code, stopped.json["stopped"]) == (0, True), stopped.output
        assert stopped.json["accounts"][0]["paused"] == left
        assert _enabled(local_runs, run) == []
        with local_runs.ledger() as ledger:
            assert ledger.fence(account) == 1
    result = await handle.result()
    assert result.outcome is Outcome.STOPPED, result.reason
    assert [c.external_name for c in local_runs.on_platform(run, account)] == left, (
        "a campaign was started after the stop"
    )
    assert local_runs.leftovers(run, account) == []


async def test_an_emergency_stop_passes_busy_workers(local_runs: LocalRuns, client: Client) -> None:
    """An EmergencyStop on the queue `stop` pauses a campaign while `gaelp` and `compute` have a backlog."""
    run = account = local_runs.open_account("urgent")
    handle = await _spending(local_runs, client, run)
    busy = await _busy(local_runs, client)
    assert _enabled(local_runs, run) != [], "the campaign was over before the stop"
    stop = StopAccount(account=account, reason="prices look wrong", by="Ada", at=datetime.now(UTC))
    report: StopReport = await client.execute_workflow(
        "EmergencyStop",
        stop,
        id="stop-urgent",
        task_queue=Queue.STOP,
        result_type=StopReport,
        priority=Priority(priority_key=1),
    )
    assert report.stopped, report.reason
    assert _enabled(local_runs, run) == []
    assert (await busy.describe()).status is WorkflowExecutionStatus.RUNNING, "the workers were not busy"
    await busy.cancel()
    result = await handle.result()
    assert result.outcome is Outcome.STOPPED, result.reason
    assert local_runs.leftovers(run, account) == []


async def _spending(local_runs: LocalRuns, client: Client, run: str) -> WorkflowHandle[object, RunResult]:
    """Start a run on the account of its name, approve its live test, and wait until a campaign of it is enabled."""
    start = local_runs.run_input(run, *LONG, f"account={run}")
    handle: WorkflowHandle[object, RunResult] = await client.start_workflow(
        "TrainingRun", start, id=run, task_queue=Queue.WORKFLOWS, result_type=RunResult
    )
    async with local_runs.approving(client, run):
        await until(lambda: _enabled(local_runs, run), "a campaign is enabled")
    return handle


async def _busy(local_runs: LocalRuns, client: Client) -> WorkflowHandle[object, object]:
    """A run whose batches wait in line."""
    start = local_runs.run_input("busy", *ENDLESS, f"account={local_runs.open_account('busy')}")
    handle: WorkflowHandle[object, object] = await client.start_workflow(
        "TrainingRun", start, id="busy", task_queue=Queue.WORKFLOWS
    )
    waiting = "WorkflowType = 'EpisodeBatch' AND WorkflowId STARTS_WITH 'busy/' AND ExecutionStatus = 'Running'"
    async with asyncio.timeout(30):
        while (await client.count_workflows(waiting)).count < 10:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.05)
    return handle


def _enabled(local_runs: LocalRuns, run: str) -> list[str]:
    return [c.external_name for c in local_runs.on_platform(run, run) if c.enabled]
