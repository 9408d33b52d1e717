"""`list` and `status` where Temporal and the ledger hold a thousand ended runs, in milliseconds.

The server is real, and so are the commands. A run's workflow ends at once, with the run's attributes, memo and result,
and its spend is written to the ledger's totals: what lies between costs these two verbs nothing, but that a run of four
phases is four workflows more for `status` to look at. Touch this when a run shows more than that.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from gaelp.commands import connections
from gaelp.domain.phases import Outcome
from gaelp.ledger.rules.running_totals import Scope
from gaelp.ledger.stores import tables
from gaelp.local_stack import LocalStack
from gaelp.messages.training_run import RunResult
from gaelp.settings import Settings
from scripts.bench.timing import Sizes
from workflows.details import EXPERIMENT, PHASE, SPEND, STATUS

if TYPE_CHECKING:
    from temporalio.client import Client

QUEUE = "ended-runs"
SPENT = 12_340_000
AT_ONCE = 50  # runs that are started together
_STARTER = str(Path(__file__).parents[2] / "starter.py")
VERBS = ("list", "list --limit 1000", "status run-0001")


@dataclass(frozen=True)
class AmongRuns:
    """A verb's time, the least of all rounds: of its processor, and of the clock."""

    command: str
    runs: int
    processor: float
    clock: float


@workflow.defn(name="TrainingRun")
class EndedRun:
    """Stands where a run stood once it has ended."""

    @workflow.run
    async def run(self, name: str) -> RunResult:
        """Ends at once, graduated-unproven."""
        workflow.upsert_search_attributes([STATUS.value_set(Outcome.GRADUATED_UNPROVEN), SPEND.value_set(SPENT)])
        return RunResult(
            run=name, outcome=Outcome.GRADUATED_UNPROVEN, reason="no criterion failed", checkpoint_digest=None,
            phases=(), spend_micros=SPENT,
        )  # fmt: skip


def measured(sizes: Sizes) -> list[AmongRuns]:
    """Each verb among so many runs; raises where one of them refuses."""
    with tempfile.TemporaryDirectory() as home, LocalStack(Path(home), names=("temporal",)) as stack:
        environment = {**os.environ, **stack.environment()}
        asyncio.run(_write(Settings.named_by(stack.environment()), sizes.runs))
        return [_cost(verb, sizes, environment) for verb in VERBS]


async def _write(settings: Settings, count: int) -> None:
    client = await connections.temporal(settings)
    names = [f"run-{number:04}" for number in range(count)]
    async with Worker(client, task_queue=QUEUE, workflows=[EndedRun], workflow_runner=UnsandboxedWorkflowRunner()):
        for first in range(0, count, AT_ONCE):
            await asyncio.gather(*(_ended(client, name) for name in names[first : first + AT_ONCE]))
    connections.open_ledger(settings).close()
    totals = [
        {"scope": Scope.RUN.value, "run": name, "phase": "", "account": "shop", "campaign": "", "day": "",
         "counted_micros": SPENT, "unsettled_micros": 0, "spent_micros": SPENT}
        for name in names
    ]  # fmt: skip
    with sa.create_engine(settings.ledger).begin() as connection:
        connection.execute(sa.insert(tables.totals), totals)
    query = "WorkflowType = 'TrainingRun' AND ExecutionStatus = 'Completed'"
    while (await client.count_workflows(query)).count < count:  # noqa: ASYNC110 - visibility is a second late
        await asyncio.sleep(0.1)


async def _ended(client: Client, name: str) -> None:
    attributes = [SearchAttributePair(EXPERIMENT, name), SearchAttributePair(PHASE, "scaled")]
    await client.execute_workflow(
        "TrainingRun", name, id=name, task_queue=QUEUE, search_attributes=TypedSearchAttributes(attributes),
        memo={"profile": "quick-test", "mode": "advisory", "agent": "linear-thompson", "currency": "USD"},
    )  # fmt: skip


def _cost(verb: str, sizes: Sizes, environment: dict[str, str]) -> AmongRuns:
    used, taken = [], []
    for _ in range(sizes.rounds):
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, _STARTER, *verb.split()], env=environment, stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)  # it has been waited for
        if process.returncode:
            raise RuntimeError(f"`starter.py {verb}` ended with {process.returncode}")
        taken.append(time.monotonic() - begun)
        used.append(usage.ru_utime + usage.ru_stime)
    return AmongRuns(verb, sizes.runs, round(1000 * min(used)), round(1000 * min(taken)))
