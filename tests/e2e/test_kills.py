"""kill -9 of both workers in the middle of each phase. `make chaos` is the longer version, with the servers too."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.temporal_names import Queue
from gaelp.messages.training_run import RunResult
from tests.support.local_runs import LocalRuns, until
from tests.support.processes import kill9, until_started
from tests.support.undisturbed_run import SETTINGS, WORLD, Undisturbed

WORKERS = ("worker", "compute")
RUN = "killed"


@pytest.mark.asyncio(loop_scope="session")
async def test_a_run_survives_its_workers_in_every_phase(
    local_runs: LocalRuns, client: Client, undisturbed: Undisturbed
) -> None:
    """Killed in the middle of each phase, it ends as the undisturbed run did: digest, verdicts, campaigns, cents."""
    account = local_runs.open_account(RUN, *WORLD)
    start = local_runs.run_input(RUN, *SETTINGS, f"account={account}")
    async with local_runs.approving(client, RUN):
        run: WorkflowHandle[object, RunResult] = await client.start_workflow(
            "TrainingRun", start, id=RUN, task_queue=Queue.WORKFLOWS, result_type=RunResult
        )
        await until_started(client, f"{RUN}/simulation/batch-0001")
        await _kill_within(local_runs, client, Phase.SIMULATION)
        await until_started(client, f"{RUN}/historical")
        await _kill_within(local_runs, client, Phase.HISTORICAL)
        await until(lambda: _enabled(local_runs, Phase.LIVE_TEST), "a campaign of the live test is enabled")
        await _kill_within(local_runs, client, Phase.LIVE_TEST)
        await until(lambda: len(_enabled(local_runs, Phase.SCALED)) > 1, "campaigns of the portfolio are enabled")
        await _kill_within(local_runs, client, Phase.SCALED)
        result = await run.result()
    expected = undisturbed.result
    assert (result.outcome, result.checkpoint_digest) == (expected.outcome, expected.checkpoint_digest), result.reason
    assert [p.gate and p.gate.criteria for p in result.phases] == [p.gate and p.gate.criteria for p in expected.phases]
    assert result.spend_micros == expected.spend_micros
    assert local_runs.leftovers(RUN, account) == []
    assert local_runs.footprint(RUN) == undisturbed.footprint != {}
    assert local_runs.rows(RUN) == undisturbed.rows


async def _kill_within(local_runs: LocalRuns, client: Client, phase: Phase) -> None:
    """Kill both workers, make sure that the phase was not over, start them again."""
    for name in WORKERS:
        kill9(local_runs.stack, name)
    enabled = _enabled(local_runs, phase)
    description = await client.get_workflow_handle(phase_id(RUN, phase)).describe()
    assert description.status is WorkflowExecutionStatus.RUNNING, f"{phase} was over before the kill"
    assert enabled or phase in (Phase.SIMULATION, Phase.HISTORICAL), f"no campaign of {phase} outlived the workers"
    await asyncio.to_thread(local_runs.stack.restart, *WORKERS)


def _enabled(local_runs: LocalRuns, phase: Phase) -> list[str]:
    here = f"{RUN}/{phase}/"
    return [c.external_name for c in local_runs.on_platform(RUN, RUN) if c.enabled and c.external_name.startswith(here)]
