"""A phase of 240 campaigns of 90 days comes to its gate, though none of its messages can hold what they report.

`make many-campaigns` does the same with 2,000 and prints what they cost.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.ids import campaign_id, reservation_key
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import Arm, CampaignResult
from gaelp.domain.temporal_names import Queue
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stored_records import Reservation
from gaelp.ledger.stores import reservation_store
from gaelp.messages.spending_phase import CampaignsEvidence
from gaelp.workflow_sandbox import workflow_sandbox
from scripts.bench.batch_program import processor_seconds_of_all
from tests.support.ended_campaigns import EndedCampaign
from tests.support.local_runs import LocalRuns
from tests.support.single_phase import begin
from worker import make_worker
from workflows.scaled import ScaledDeployment

pytestmark = pytest.mark.asyncio(loop_scope="session")
DAYS = 90
FIRST_DAY = date(2026, 1, 5)
SPENT = 900_000  # micros, of each day
LONGEST = 256 * 1024  # bytes of a message
LONGEST_HISTORY = 4096  # events, at which Temporal asks for a new one


def _changes(campaigns: int) -> tuple[str, ...]:
    """Two arms of each product, for three periods."""
    products = ", ".join(f"product-{number:04d}" for number in range(campaigns // 2))
    return (
        f"scaled.products=[{products}]",
        "scaled.periods=3",
        f"scaled.period_days={DAYS // 3}",
        "scaled.daily_budget=1.00",
        "scaled.daily_cap=5000.00",
        "limits.daily=5000.00",
        "limits.run=1000000.00",
    )


def _day(number: int, index: int) -> DayReport:
    hourly = tuple(SPENT // 24 for _ in range(24))
    return DayReport(
        day=FIRST_DAY + timedelta(days=number), impressions=1000, clicks=20, conversions=2 + index % 2,
        cost_micros=SPENT, served_micros=SPENT, revenue_micros=5_000_000, final=True, matured=True,
        hourly_cost_micros=hourly,
    )  # fmt: skip


def _write_endings(ledger: Ledger, run: str, campaigns: int) -> None:
    """How every campaign ended, its days as reported, and a settled reservation for each of them."""
    days = [tuple(_day(number, index) for number in range(DAYS)) for index in range(2)]
    now = datetime.now(UTC)
    for index in range(campaigns):
        name = campaign_id(run, Phase.SCALED, index)
        result = CampaignResult(
            campaign=name, index=index, product=f"product-{index // 2:04d}", arm=tuple(Arm)[index % 2],
            state=EpisodeState.SETTLED, days=days[index % 2], planned_micros=SPENT * DAYS, spend_micros=SPENT * DAYS,
            actions=DAYS, near_misses=0,
        )  # fmt: skip
        ledger.keep_result(result, now)
        ledger.keep_days(run, name, days[index % 2], now)
    with ledger._database.writing() as connection:
        rows = [vars(_reservation(run, index, number)) for index in range(campaigns) for number in range(DAYS)]
        connection.change_each(reservation_store._INSERT, rows)


def _reservation(run: str, index: int, number: int) -> Reservation:
    name = campaign_id(run, Phase.SCALED, index)
    return Reservation(
        key=reservation_key(name, number), account=run, run=run, phase=Phase.SCALED, campaign=name,
        day=FIRST_DAY + timedelta(days=number), request_id=f"{run}/{Phase.SCALED}#1", state="settled",
        worst_case_micros=2_000_000, billed_micros=SPENT, served_micros=SPENT, final_micros=SPENT, counted_micros=SPENT,
        posted_at=None,
    )  # fmt: skip


async def _histories(client: Client, workflow_id: str) -> list[Any]:
    """The histories of a workflow's runs, each continued as the next."""
    described = await client.get_workflow_handle(workflow_id).describe()
    run_id = described.raw_description.workflow_execution_info.first_run_id
    found = []
    while run_id:
        found.append(await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history())
        run_id = found[-1].events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return found


def _longest_payload(event: Any) -> int:
    """Bytes of the longest message in an event of a history."""
    found, todo = 0, [event]
    while todo:
        message = todo.pop()
        if message.DESCRIPTOR.name == "Payload":
            found = max(found, len(message.data))
            continue
        for descriptor, value in message.ListFields():
            if descriptor.message_type is None or descriptor.message_type.GetOptions().map_entry:
                continue
            todo += list(value) if descriptor.is_repeated else [value]
    return found


@contextmanager
def _account(local_runs: LocalRuns, name: str) -> Iterator[None]:
    """An account whose approver may sign for so many campaigns."""
    local_runs.open_account(name)
    with local_runs.ledger() as ledger:
        (approver,) = ledger.approvers(name)
        ledger.put_approver(approver.model_copy(update={"limit_micros": 10**15}))
        yield


async def _run_to_its_end(environment: WorkflowEnvironment, local_runs: LocalRuns, run: str, campaigns: int) -> Any:
    """The phase's result, and the histories of its runs."""
    client = environment.client
    with _account(local_runs, run):
        async with (
            make_worker(client, local_runs.settings, Queue.RECORDS),
            Worker(
                client,
                task_queue=Queue.WORKFLOWS,
                workflows=[ScaledDeployment, EndedCampaign],
                workflow_runner=workflow_sandbox(client.data_converter),
                workflow_failure_exception_types=[workflow.NondeterminismError],
            ),
        ):
            handle = await begin(environment, local_runs, run, *_changes(campaigns), phase=Phase.SCALED, account=run)
            while local_runs.signed(run, Phase.SCALED) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            with local_runs.ledger() as ledger:
                _write_endings(ledger, run, campaigns)
            await local_runs.approve(client, run, (Phase.SCALED,))
            result = await handle.result()
        return result, await _histories(client, handle.id)


@pytest.mark.parametrize("campaigns", [240, pytest.param(2000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
async def test_a_phase_of_many_campaigns_of_90_days_comes_to_its_gate(
    environment: WorkflowEnvironment, local_runs: LocalRuns, campaigns: int
) -> None:
    """No message in its histories is above 256 KiB, no history beyond its bound, and the gate has every campaign."""
    run, before, began = f"many-{campaigns}", processor_seconds_of_all(os.getpid()), time.monotonic()
    result, histories = await _run_to_its_end(environment, local_runs, run, campaigns)
    seconds, processor = time.monotonic() - began, processor_seconds_of_all(os.getpid()) - before
    events = [len(history.events) for history in histories]
    largest = max(_longest_payload(event) for history in histories for event in history.events)
    print(
        f"{campaigns} campaigns: {seconds:.0f} s, {processor:.0f} s of processor in all processes, "
        f"{' + '.join(map(str, events))} events, largest message {largest} bytes"
    )
    assert result.gate is not None and result.episodes == campaigns
    evidence = CampaignsEvidence.model_validate(local_runs.store().get_document(result.gate.evidence_digest))
    assert len({campaign.campaign for campaign in evidence.campaigns}) == campaigns
    assert "broken" not in result.gate.reason
    assert largest <= LONGEST
    assert max(events) <= LONGEST_HISTORY
    assert local_runs.rows(run)["episodes"] == campaigns
