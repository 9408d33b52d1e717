"""The reaper's schedule: made once, kept at its interval, and its workflow looks at every account."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import (
    Client,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowExecutionStatus,
)
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from gaelp import reaper_schedule
from gaelp.domain.temporal_names import REAPER, Queue
from gaelp.messages.reaper import Reaped
from gaelp.reaper_schedule import keep_reaper, keep_reaper_until, why_no_reaper
from tests.support.local_runs import LocalRuns
from tests.workflows.conftest import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_schedule_is_made_once_and_a_paused_one_runs_again(environment: WorkflowEnvironment) -> None:
    """Every worker makes it at its start: there is one, with the newest interval, and it is not paused."""
    client = environment.client
    await keep_reaper(client, 30)
    handle = client.get_schedule_handle(REAPER)
    try:
        await handle.pause()
        assert why_no_reaper(await handle.describe(), datetime.now(UTC)) == "its schedule is paused"
        await keep_reaper(client, 45)
        assert [each.id async for each in await client.list_schedules()].count(REAPER) <= 1
        described = (await handle.describe()).schedule
        assert [each.every for each in described.spec.intervals] == [timedelta(seconds=45)]
        assert not described.state.paused
        assert why_no_reaper(await handle.describe(), datetime.now(UTC)) == ""
        later = datetime.now(UTC) + timedelta(minutes=5)
        assert why_no_reaper(await handle.describe(), later).startswith("it last looked at")
        seldom = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=90))])
        await handle.update(lambda known: ScheduleUpdate(replace(known.description.schedule, spec=seldom)))
        why = why_no_reaper(await handle.describe(), datetime.now(UTC))
        assert why.startswith("its schedule looks only every 90 days")
        await keep_reaper(client, 45)
        assert why_no_reaper(await handle.describe(), datetime.now(UTC)) == ""
    finally:
        await handle.delete()
        async for each in client.list_workflows("WorkflowType = 'Reaper'"):
            if each.status is WorkflowExecutionStatus.RUNNING:
                await client.get_workflow_handle(each.id).terminate()


async def test_nobody_can_take_the_ids_of_looks_that_follow(environment: WorkflowEnvironment) -> None:
    """No look begins under an id that is taken, so that each time the schedule is kept its looks have other ids."""
    client, ids = environment.client, set()
    handle = client.get_schedule_handle(REAPER)
    try:
        for _ in range(3):
            await keep_reaper(client, 30)
            action = (await handle.describe()).schedule.action
            assert isinstance(action, ScheduleActionStartWorkflow)
            ids.add(action.id)
        assert len(ids) == 3
    finally:
        await handle.delete()
        async for each in client.list_workflows("WorkflowType = 'Reaper' AND ExecutionStatus = 'Running'"):
            await client.get_workflow_handle(each.id).terminate()


async def test_a_schedule_that_somebody_deletes_is_made_again(environment: WorkflowEnvironment) -> None:
    """Whoever reaches Temporal can pause or delete it: a worker that goes on makes it anew, until it ends."""
    client, stopped = environment.client, asyncio.Event()
    await keep_reaper(client, 30)
    handle = client.get_schedule_handle(REAPER)
    await handle.delete()
    keeping = asyncio.create_task(keep_reaper_until(stopped, client, 30, every=0.05))
    try:
        async with asyncio.timeout(20):
            while True:
                with suppress(RPCError):
                    await handle.describe()
                    break
                await asyncio.sleep(0.05)
        stopped.set()
        await asyncio.wait_for(keeping, 20)
    finally:
        keeping.cancel()
        await handle.delete()


async def test_a_workflow_in_a_looks_place_does_not_hold_up_the_looks_that_follow(
    environment: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has the schedule start a workflow that never ends, once: later looks begin all the same."""

    def poisoned(found: ScheduleUpdateInput) -> ScheduleUpdate:
        found.description.schedule.action = ScheduleActionStartWorkflow("Sleeper", id="sleeper", task_queue="nobody")
        return ScheduleUpdate(found.description.schedule)

    monkeypatch.setattr(reaper_schedule, "LATE", timedelta(0))
    client = environment.client
    handle = client.get_schedule_handle(REAPER)
    await keep_reaper(client, 3600)
    try:
        await handle.update(poisoned)
        assert why_no_reaper(await handle.describe(), datetime.now(UTC)) == "its schedule starts something else"
        async with asyncio.timeout(20):
            await handle.trigger(overlap=ScheduleOverlapPolicy.TERMINATE_OTHER)
            while not await _runs(client, "sleeper"):  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.05)
            while not await _runs(client, "reaper"):
                await keep_reaper(client, 1)
                await asyncio.sleep(0.2)
    finally:
        await handle.delete()
        async for each in client.list_workflows(
            "ExecutionStatus = 'Running' AND WorkflowType IN ('Reaper', 'Sleeper')"
        ):
            await client.get_workflow_handle(each.id).terminate()


async def _runs(client: Client, prefix: str) -> bool:
    """Whether what the schedule has begun, and waits for, is a workflow of such an id."""
    running = (await client.get_schedule_handle(REAPER).describe()).info.running_actions
    return any(each.workflow_id.startswith(prefix) for each in running)


async def test_the_reaper_looks_and_finds_nothing_to_pause(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """The workflow runs on the queue `stop` and reports what it found."""
    async with serving(environment.client, local_runs):
        found: Reaped = await environment.client.execute_workflow(
            "Reaper", id="reaper-once", task_queue=Queue.STOP, result_type=Reaped
        )
    assert found.paused == ()
