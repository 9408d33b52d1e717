"""The sandbox answers for whom payloads are encrypted or stored without running the workflow's code."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Sequence

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import PayloadCodec
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError, SandboxedWorkflowRunner

import workflows
from gaelp.workflow_sandbox import workflow_sandbox


class Codec(PayloadCodec):
    """Any codec: it may want to know for whom it encrypts."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


@workflow.defn(sandboxed=True)
class LooksAtTheClock:
    """Does what no workflow may."""

    @workflow.run
    async def run(self) -> str:
        import datetime

        return datetime.datetime.now().isoformat()


def test_a_converter_that_encrypts_is_asked_for_whom() -> None:
    """Then the SDK's own runner is used, which asks."""
    assert type(workflow_sandbox(pydantic_data_converter)) is not SandboxedWorkflowRunner
    encrypting = dataclasses.replace(pydantic_data_converter, payload_codec=Codec())
    assert type(workflow_sandbox(encrypting)) is SandboxedWorkflowRunner


async def test_the_sandbox_still_refuses_what_no_workflow_may_do(environment: WorkflowEnvironment) -> None:
    """The restrictions are the SDK's own: a workflow that looks at the wall clock fails."""
    client = environment.client
    async with Worker(
        client,
        task_queue="sandbox",
        workflows=[LooksAtTheClock],
        workflow_runner=workflow_sandbox(client.data_converter),
        workflow_failure_exception_types=[RestrictedWorkflowAccessError],
    ):
        with pytest.raises(Exception, match="Workflow execution failed") as failure:
            await client.execute_workflow(LooksAtTheClock.run, id="sandbox/clock", task_queue="sandbox")
    assert "datetime.datetime.now" in str(failure.value.__cause__)


def test_no_workflow_is_taken_for_a_test() -> None:
    """pytest rewrites no module of the workflows: each sandbox would import pytest's own modules with it."""
    names = [each.name for each in pkgutil.walk_packages(workflows.__path__, "workflows.")]
    loaders = {name: type(importlib.import_module(name).__loader__).__module__ for name in names}
    assert "workflows.live_test" in loaders
    assert [name for name, loader in loaders.items() if loader.startswith("_pytest")] == []
