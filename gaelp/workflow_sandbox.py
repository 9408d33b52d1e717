"""Temporal's sandbox for workflow code, without a question to it for every payload.

For each payload of a workflow task the SDK (1.35) asks the workflow in its sandbox, three times, for whom it is
encrypted or stored, also where neither is done; that was a quarter of the worker's processor time. Touch this when
payloads are encrypted or kept outside Temporal, or when the SDK has stopped asking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.converter import DataConverter, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info

if TYPE_CHECKING:
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation
    from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion


def workflow_sandbox(converter: DataConverter) -> WorkflowRunner:
    """The runner for a worker with this converter; the SDK's own where payloads are encrypted or kept elsewhere."""
    plain = converter.payload_codec is None and converter.external_storage is None
    return _PlainPayloadsRunner() if plain else SandboxedWorkflowRunner()


class _PlainPayloadsRunner(SandboxedWorkflowRunner):
    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _PlainPayloadsInstance(super().create_instance(det))


class _PlainPayloadsInstance(WorkflowInstance):
    """A workflow in the sandbox; what the SDK asks beside running it is answered outside."""

    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: object) -> None:
        return None

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)

    def get_info(self) -> Info:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()
