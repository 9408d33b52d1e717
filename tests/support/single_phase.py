"""One phase on its own, without the ones before it: its configuration, market and checkpoint put in place by hand.

Touch this when a phase workflow needs one more input.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.inputs import Inputs
from gaelp.configuration import loading
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import JournalEntry
from gaelp.domain.temporal_names import Queue
from gaelp.market.calibration.calibrate import calibrate
from gaelp.messages.phase import PhaseInput, PhaseResult
from gaelp.messages.run_context import RunContext
from gaelp.messages.training_run import RunInput, RunResult
from gaelp.records.logs.stored_logs import load_bandit
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support.local_runs import LOG, LocalRuns

WORKFLOW = {Phase.LIVE_TEST: "LiveTest", Phase.SCALED: "ScaledDeployment"}
# One campaign of a day: the shortest spending phase there is.
REGISTERED = datetime(2026, 1, 1, tzinfo=UTC)
SHORT = (
    "live_test.campaigns=1",
    "live_test.days=1",
    "live_test.streak=1",
    "scaled.products=['product-a']",
    "scaled.periods=1",
    "scaled.period_days=1",
)


def phase_input(local_runs: LocalRuns, run: str, phase: Phase, account: str, *changes: str) -> PhaseInput:
    """What the run would start the phase with."""
    config = local_runs.config(f"account={account}", *changes)
    inputs = Inputs(local_runs.store())
    digest = inputs.store.put_document(loading.canonical(config))
    warehouse = open_warehouse(local_runs.settings.warehouse)
    market = inputs.store.put_arrays(calibrate([load_bandit(warehouse, LOG)], config).to_arrays())
    warehouse.close()
    checkpoint = inputs.store.put_arrays(inputs.untrained(inputs.agent(config.agent, digest), digest, market))
    context = RunContext(
        run=run, phase=phase, config_digest=digest, market_digest=market, account=account, agent=config.agent,
        checkpoint_digest=checkpoint,
    )  # fmt: skip
    return PhaseInput(context=context, time_scale=config.clock.time_scale)


def late_run(local_runs: LocalRuns, run: str, *changes: str) -> RunInput:
    """A whole run that begins with the live test, from an untrained checkpoint."""
    account = local_runs.config(*changes).account
    checkpoint = phase_input(local_runs, run, Phase.LIVE_TEST, account, *changes).context.checkpoint_digest
    return local_runs.run_input(run, *changes, from_phase=Phase.LIVE_TEST, from_checkpoint=checkpoint)


async def begin(
    environment: WorkflowEnvironment,
    local_runs: LocalRuns,
    run: str,
    *changes: str,
    phase: Phase = Phase.LIVE_TEST,
    account: str = "",
    checkpoint: str = "",
) -> WorkflowHandle[Any, PhaseResult]:
    """Start the phase on an account of its own (named as the run, where none is given), with an untrained agent state.

    On a real clock: a skipped one may jump to the approval's deadline before anybody signs.
    """
    account = account or local_runs.open_account(run)
    with local_runs.ledger() as ledger:
        ledger.register_run(run, account, REGISTERED)
    given = phase_input(local_runs, run, phase, account, *changes)
    if checkpoint:
        given = given.model_copy(update={"context": given.context.model_copy(update={"checkpoint_digest": checkpoint})})
    with environment.with_time_skipping_disabled():
        handle: WorkflowHandle[Any, PhaseResult] = await environment.client.start_workflow(
            WORKFLOW[phase], given, id=phase_id(run, phase), task_queue=Queue.WORKFLOWS, result_type=PhaseResult
        )
    return handle


async def begin_run(environment: WorkflowEnvironment, start: RunInput) -> WorkflowHandle[Any, RunResult]:
    """Start a whole run on a real clock."""
    with environment.with_time_skipping_disabled():
        handle: WorkflowHandle[Any, RunResult] = await environment.client.start_workflow(
            "TrainingRun", start, id=start.run, task_queue=Queue.WORKFLOWS, result_type=RunResult
        )
    return handle


async def details(handle: WorkflowHandle[Any, Any]) -> str:
    """What the Web UI shows as the workflow's current details."""
    found = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return str(found.current_details)


async def until_details(handle: WorkflowHandle[Any, Any], words: str) -> str:
    """The workflow's page, once it holds these words."""
    for _ in range(300):
        if words in (page := await details(handle)):
            return page
        await asyncio.sleep(0.05)
    raise AssertionError(f"{handle.id} never shows {words!r}: {page}")


def journal(local_runs: LocalRuns, kind: str, request: str) -> list[JournalEntry]:
    """The ledger's entries of that kind about one request."""
    with local_runs.ledger() as ledger:
        return [e for e in ledger.journal(limit=100_000, kinds=(kind,)) if e.key == request]
