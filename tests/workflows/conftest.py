"""Workflow tests: real workflows and activities in this process, the real server with a virtual clock per workflow.

What ran is replayed from its history at the end of each test (`tests/support/replayed_runs.py`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from gaelp.domain.temporal_names import Queue
from gaelp.local_stack import LocalStack
from gaelp.local_stack.services import DYNAMIC_CONFIGURATION
from tests.support.local_runs import LocalRuns
from tests.support.replayed_runs import ReplayedRuns
from worker import make_worker
from workflows.details import AWAITING, EXPERIMENT, PHASE, SPEND, STATUS

TEMPORAL = shutil.which("temporal", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


@pytest.fixture(scope="session")
def local_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRuns]:
    """Redis and the emulator as processes; ledger, store and warehouse in a temporary folder."""
    with LocalStack(tmp_path_factory.mktemp("local"), names=("redis", "emulator")) as stack:
        found = LocalRuns(stack)
        found.prepare()
        yield found


@pytest.fixture(scope="session")
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    """The real dev server, skipping time where nothing but timers is left."""
    arguments = ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal"]
    for value in (*DYNAMIC_CONFIGURATION, "frontend.WorkflowTimeSkippingEnabled=true"):
        arguments += ["--dynamic-config-value", value]
    async with await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(max_session_skip_count=100_000),
        dev_server_existing_path=TEMPORAL,
        dev_server_extra_args=arguments,
        dev_server_log_level="error",
        data_converter=pydantic_data_converter,
        search_attributes=[EXPERIMENT, PHASE, STATUS, SPEND, AWAITING],
    ) as found:
        yield found


@asynccontextmanager
async def serving(client: Client, local_runs: LocalRuns, **options: Any) -> AsyncIterator[None]:
    """All queues in this process; a workflow test is a replay test too, because what ran is replayed at its end."""
    ran = ReplayedRuns(client)
    defaults = {"workflow_failure_exception_types": [workflow.NondeterminismError], "workflow_runner": ran}
    async with contextlib.AsyncExitStack() as stack:
        for queue in Queue:
            await stack.enter_async_context(make_worker(client, local_runs.settings, queue, **{**defaults, **options}))
        yield
    await ran.replay()
