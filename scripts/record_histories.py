"""Records one history of every workflow type for tests/replay. Run it again when a workflow changes on purpose.

    .venv/bin/python -m scripts.record_histories

Real runs on the real dev server, as small as runs can be, named TYPE.ENDING.json.gz. Nothing of this machine gets in.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToJson
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import History
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from gaelp.domain.phases import Phase
from gaelp.domain.temporal_names import Queue
from gaelp.local_stack import LocalStack
from gaelp.local_stack.services import DYNAMIC_CONFIGURATION
from gaelp.messages.emergency_stop import StopAccount
from gaelp.messages.training_run import RunInput
from tests.support.local_runs import ROOT, LocalRuns, until
from worker import make_worker
from workflows.details import AWAITING, EXPERIMENT, PHASE, SPEND, STATUS

FOLDER = ROOT / "tests" / "replay" / "histories"
IDENTITY = "recorded"  # in place of PROCESS@HOST
# Per workflow id: the name of its file. The ending is what tests/replay asserts from the last event.
RECORDED = {
    "good": "TrainingRun.graduated-unproven",
    "good/simulation": "SimulationTraining.promoted",
    "good/simulation/batch-0000": "EpisodeBatch.settled",
    "good/historical": "HistoricalValidation.promoted",
    "good/historical/made-log": "LogReplay.settled",
    "good/live-test": "LiveTest.promoted",
    "good/live-test/campaign-00": "LiveCampaign.settled",
    "good/scaled": "ScaledDeployment.promoted",
    "poor": "TrainingRun.not-graduated",
    "poor/simulation": "SimulationTraining.not-graduated",
    "rejected/live-test": "LiveTest.not-graduated",
    "cancelled": "TrainingRun.cancelled",
    "cancelled/live-test": "LiveTest.cancelled",
    "cancelled/live-test/campaign-00": "LiveCampaign.cancelled",
    "stop": "EmergencyStop.stopped",
    "reaper": "Reaper.looked",
}


async def record() -> None:
    """Everything into FOLDER, replacing what is there."""
    with tempfile.TemporaryDirectory() as home:
        with LocalStack(Path(home) / "local", names=("redis", "emulator")) as stack:
            local_runs = LocalRuns(stack)
            local_runs.prepare()
            async with _served(local_runs) as client:
                await _run_everything(client, local_runs)
                found = {name: await _fetched(client, workflow) for workflow, name in RECORDED.items()}
    forbidden = _of_this_machine(home, local_runs)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for name, history in found.items():
        _check(name, history, forbidden)
        text = MessageToJson(History(events=history.events), indent=1)
        # Without a time of its own, so that an equal history is an equal file.
        (FOLDER / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


@asynccontextmanager
async def _served(local_runs: LocalRuns) -> AsyncIterator[Client]:
    arguments = [word for value in DYNAMIC_CONFIGURATION for word in ("--dynamic-config-value", value)]
    async with AsyncExitStack() as stack:
        environment = await stack.enter_async_context(
            await WorkflowEnvironment.start_local(
                dev_server_existing_path=str(Path(sys.executable).with_name("temporal")),
                dev_server_extra_args=arguments,
                dev_server_log_level="error",
                data_converter=pydantic_data_converter,
                identity=IDENTITY,
                search_attributes=[EXPERIMENT, PHASE, STATUS, SPEND, AWAITING],
            )
        )
        for queue in Queue:
            # Nothing cached: no sticky queue, whose name holds the host's.
            worker = make_worker(
                environment.client, local_runs.settings, queue, identity=IDENTITY, max_cached_workflows=0
            )
            await stack.enter_async_context(worker)
        yield environment.client


async def _run_everything(client: Client, local_runs: LocalRuns) -> None:
    small = ("live_test.days=2", "scaled.products=['product-a']", "scaled.period_days=1")
    good = await _start(client, local_runs.run_input("good", *small))
    await local_runs.approve(client, "good")
    checkpoint = (await good.result())["checkpoint_digest"]
    await (await _start(client, local_runs.run_input("poor", agent="uniform"))).result()

    late = {"from_phase": Phase.LIVE_TEST, "from_checkpoint": checkpoint}
    rejected = await _start(client, local_runs.run_input("rejected", *small, **late))
    decision = await until(lambda: local_runs.signed("rejected", Phase.LIVE_TEST, "reject"), "a request is open")
    await client.get_workflow_handle("rejected/live-test").signal("reject", decision.model_dump())
    await rejected.result()

    cancelled = await _start(client, local_runs.run_input("cancelled", "live_test.days=60", **late))
    await local_runs.approve(client, "cancelled", (Phase.LIVE_TEST,))
    await until(lambda: any(c.enabled for c in local_runs.on_platform("cancelled")), "a campaign is enabled")
    await cancelled.cancel()
    try:
        await cancelled.result()
    except WorkflowFailureError:
        pass  # as asked

    stop = StopAccount(account="emulator", reason="recorded", by="recorded", at=datetime.now(UTC))
    await client.execute_workflow("EmergencyStop", stop, id="stop", task_queue=Queue.STOP)
    await client.execute_workflow("Reaper", id="reaper", task_queue=Queue.STOP)


async def _start(client: Client, start: RunInput) -> WorkflowHandle[Any, Any]:
    return await client.start_workflow("TrainingRun", start, id=start.run, task_queue=Queue.WORKFLOWS)


async def _fetched(client: Client, workflow: str) -> WorkflowHistory:
    return await client.get_workflow_handle(workflow).fetch_history()


def _of_this_machine(home: str, local_runs: LocalRuns) -> list[str]:
    paths = {home, tempfile.gettempdir(), str(ROOT), str(Path.home()), sys.prefix, os.getcwd()}
    secrets = {local_runs.settings.emulator_token, "PRIVATE KEY", socket.gethostname()}
    return sorted(path for path in paths if path != "/") + sorted(secrets)


def _check(name: str, history: WorkflowHistory, forbidden: list[str]) -> None:
    """Refuse a history that tells of this machine, in its plain text or in a payload."""
    for text in plain_texts(history):
        for word in forbidden:
            if word in text:
                raise SystemExit(f"{name} holds {word!r}: histories must tell nothing of the machine they were made on")


def plain_texts(history: WorkflowHistory) -> list[str]:
    """Every text of a history: of its fields, and of its payloads decoded."""
    return [text for event in history.events for text in _texts(event)]


def _texts(message: Any) -> list[str]:
    if isinstance(message, Payload):
        return [message.data.decode(errors="replace")]
    found: list[str] = []
    for field, value in message.ListFields():
        values = value.values() if _is_map(field) else value if field.is_repeated else [value]
        for each in values:
            if isinstance(each, str):
                found.append(each)
            elif hasattr(each, "ListFields"):
                found += _texts(each)
    return found


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


if __name__ == "__main__":
    asyncio.run(record())
    sys.stdout.write("".join(f"{path.stat().st_size:8} {path.name}\n" for path in sorted(FOLDER.iterdir())))
    sys.stdout.flush()
    # The SDK's threads may abort the interpreter at exit after everything has ended well.
    os._exit(0)
