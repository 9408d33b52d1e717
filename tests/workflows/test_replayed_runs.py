"""The replay at the end of every workflow test notices a workflow that would do something else the second time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from tests.support.replayed_runs import ReplayedRuns

pytestmark = pytest.mark.asyncio(loop_scope="session")


@workflow.defn(name="Waits")
class Waits:
    """Waits once."""

    @workflow.run
    async def run(self) -> None:
        await workflow.sleep(timedelta(milliseconds=1))


@workflow.defn(name="Waits")
class DoesNotWait:
    """The same workflow after a change."""

    @workflow.run
    async def run(self) -> None:
        """Nothing."""


@pytest.mark.parametrize("second", [Waits, DoesNotWait])
async def test_what_ran_is_replayed_and_must_do_the_same(environment: WorkflowEnvironment, second: type) -> None:
    """The workflow as it was passes, and one that leaves a step out is refused."""
    client, name = environment.client, f"replayed/{second.__name__}"
    ran = ReplayedRuns(client, [second])
    async with Worker(client, task_queue=name, workflows=[Waits], workflow_runner=ran):
        await client.execute_workflow("Waits", id=name, task_queue=name)
    if second is Waits:
        await ran.replay()
    else:
        with pytest.raises(Exception, match=r"[Nn]on.?determinism"):
            await ran.replay()
