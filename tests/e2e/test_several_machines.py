"""Three machines share one run: PostgreSQL as the ledger, one store, one warehouse, one quota of calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from gaelp.commands import connections
from gaelp.domain.ad_accounts import CallQuota
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.temporal_names import Queue
from gaelp.messages.training_run import RunResult
from tests.support.local_runs import until
from tests.support.machines import Machines, several_machines
from tests.support.undisturbed_run import SETTINGS, WORLD, Undisturbed

RUN = "shared"
MACHINES = 3
QUOTA = CallQuota(calls=200, seconds=10)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Three machines, and an account whose platform grants a quota that one campaign alone could use up."""
    with several_machines(tmp_path_factory.mktemp("machines"), MACHINES) as started:
        yield started


@pytest.mark.asyncio(loop_scope="session")
async def test_three_machines_end_a_run_as_one_does(machines: Machines, undisturbed: Undisturbed) -> None:
    """One dies in the live test; all three took part, and result, campaigns and cents are those of one machine.

    The training, the portfolio and the quota are shared by all, and the platform refused no call.
    """
    runs = machines.runs
    account = runs.open_account(RUN, *WORLD)
    with runs.ledger() as ledger:
        ledger.put_account(ledger.account(account).model_copy(update={"call_quota": QUOTA}))
    runs.control("PUT", f"/accounts/{account}/quota", json=QUOTA.model_dump())
    client = await connections.temporal(runs.settings)
    start = runs.run_input(RUN, *SETTINGS, f"account={account}")
    dying = machines.machines[1]
    async with runs.approving(client, RUN):
        run: WorkflowHandle[object, RunResult] = await client.start_workflow(
            "TrainingRun", start, id=RUN, task_queue=Queue.WORKFLOWS, result_type=RunResult
        )
        await until(lambda: _enabled(machines, account, Phase.LIVE_TEST), "a campaign of the live test is enabled", 120)
        async with asyncio.timeout(60):
            while not dying.pids <= set(await machines.shares(client)):  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.05)
        await asyncio.to_thread(dying.kill)
        description = await client.get_workflow_handle(phase_id(RUN, Phase.LIVE_TEST)).describe()
        assert description.status is WorkflowExecutionStatus.RUNNING, "the live test was over before the kill"
        result = await run.result()
    shares = await machines.shares(client)
    assert {pid for machine in machines.machines for pid in machine.pids} <= set(shares), shares
    expected = undisturbed.result
    assert (result.outcome, result.checkpoint_digest) == (expected.outcome, expected.checkpoint_digest), result.reason
    assert result.spend_micros == expected.spend_micros
    assert runs.leftovers(RUN, account) == []
    assert runs.footprint(RUN) == undisturbed.footprint != {}
    assert runs.rows(RUN) == undisturbed.rows
    used = runs.control("GET", f"/accounts/{account}/quota")
    assert used["refused"] == 0 and used["made"] > QUOTA.calls / 2


def _enabled(machines: Machines, account: str, phase: Phase) -> list[str]:
    """By the emulator's own door, which counts against no quota."""
    states = [campaign["state"] for campaign in machines.runs.control("GET", "/campaigns")]
    names = [state["external_name"] for state in states if state["account"] == account and state["enabled"]]
    return [name for name in names if name.startswith(f"{RUN}/{phase}/")]
