"""The emergency stop's own workflow: how long it tries."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from temporalio import activity
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from gaelp.messages.emergency_stop import StopAccount, StopReport, WaitingPhases
from gaelp.workflow_sandbox import workflow_sandbox
from workflows.activity_options import STOP_TRIES
from workflows.stopping import EmergencyStop


@pytest.mark.asyncio(loop_scope="session")
async def test_a_stop_that_never_becomes_certain_ends(environment: WorkflowEnvironment) -> None:
    """Each try raises the fence, and nothing can be approved meanwhile: after the last one it fails, and says so."""
    tries: list[int] = []

    @activity.defn(name="stop_account")
    async def never(stop: StopAccount) -> StopReport:
        tries.append(activity.info().attempt)
        raise ApplicationError(f"NOT stopped yet: {stop.reason}", type="NotStopped")

    @activity.defn(name="waiting_phases")
    async def nobody(stop: StopAccount) -> WaitingPhases:
        return WaitingPhases(phases=())

    client, queue = environment.client, "stop"
    order = StopAccount(account="emulator", reason="prices look wrong", by="Ada", at=datetime.now(UTC))
    async with Worker(
        client, task_queue=queue, workflows=[EmergencyStop], activities=[never, nobody],
        workflow_runner=workflow_sandbox(client.data_converter),
    ):  # fmt: skip
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(
                client.execute_workflow("EmergencyStop", order, id="stop-endless", task_queue=queue), 60
            )
    assert tries == list(range(1, STOP_TRIES + 1))
