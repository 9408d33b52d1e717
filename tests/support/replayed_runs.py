"""Which workflows a worker ran, and their replay from the first event.

A worker that caches nothing replays a workflow at each of its tasks, which takes time by the square of its length. One
replay of the whole history makes the same comparison once. Touch this when a queue gains workflows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from temporalio import workflow
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner

from gaelp.domain.temporal_names import Queue
from gaelp.workflow_sandbox import workflow_sandbox
from worker import served_workflows

SERVED: tuple[type, ...] = (*served_workflows(Queue.WORKFLOWS), *served_workflows(Queue.STOP))


def replayer(workflows: Sequence[type] = SERVED) -> Replayer:
    """One with a build id: where none is given, the SDK hashes the code of every module."""
    return Replayer(workflows=workflows, data_converter=pydantic_data_converter, build_id="tests")


class ReplayedRuns(WorkflowRunner):
    """The product's sandbox, which notes each workflow that it is given; `replay` compares what they did."""

    def __init__(self, client: Client, workflows: Sequence[type] = SERVED) -> None:
        self._client, self._workflows = client, workflows
        self._sandbox = workflow_sandbox(client.data_converter)
        self._ran: set[tuple[str, str]] = set()

    def prepare_workflow(self, defn: workflow._Definition) -> None:
        self._sandbox.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        self._ran.add((det.info.workflow_id, det.info.run_id))
        return self._sandbox.create_instance(det)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        self._sandbox.set_worker_level_failure_exception_types(types)

    async def replay(self) -> None:
        """Replay each from its first event; raises where a workflow does something else than it did."""
        await replayer(self._workflows).replay_workflows(self._histories())

    async def _histories(self) -> AsyncIterator[WorkflowHistory]:
        for workflow_id, run_id in sorted(self._ran):
            yield await self._client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
