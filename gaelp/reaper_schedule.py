"""The reaper's schedule on Temporal: made, kept as it must be whoever changes it, and made anew where it is held up.

The worker of the queue `stop` keeps it, and `stop` asks why it does not look. How often it looks is `reaper_seconds` in
gaelp/settings.py. Touch this when the schedule must withstand one more thing.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from temporalio import client as temporal
from temporalio.client import Client, ScheduleDescription
from temporalio.service import RPCError

from gaelp.domain.temporal_names import REAPER, Queue

MISSED_LOOKS = 3  # after so many intervals without a look the reaper does not run, whatever its schedule says
LATE = timedelta(seconds=5)  # that a look may begin late
KEPT_EVERY = 60.0  # seconds
LONGEST_INTERVAL = timedelta(hours=1)  # that gaelp/settings.py allows; a longer one was set by somebody else


async def keep_reaper(client: Client, seconds: int) -> None:
    """Make the schedule, or set it to this interval and let it run where it is there already.

    No look begins beside another one, so a look that never ends holds up all that follow, and so does a workflow that
    somebody had the schedule start in a look's place: then the schedule is deleted and made anew, which forgets it.
    The ids of looks change with each call, because no look begins whose id somebody has taken before.
    """
    name = f"reaper-{secrets.token_hex(8)}"
    schedule = temporal.Schedule(
        action=temporal.ScheduleActionStartWorkflow("Reaper", id=name, task_queue=Queue.STOP),
        spec=temporal.ScheduleSpec(intervals=[temporal.ScheduleIntervalSpec(every=timedelta(seconds=seconds))]),
        # Looks that were missed are not made up for, and none begins beside another: one look sees everything.
        policy=temporal.SchedulePolicy(catchup_window=timedelta(seconds=10)),
    )
    try:
        await client.create_schedule(REAPER, schedule, trigger_immediately=True)
    except temporal.ScheduleAlreadyRunningError:
        handle = client.get_schedule_handle(REAPER)
        await handle.update(lambda _: temporal.ScheduleUpdate(schedule))
        described = await handle.describe()
        if described.info.running_actions and why_no_reaper(described, datetime.now(UTC)):
            await handle.delete()
            await client.create_schedule(REAPER, schedule, trigger_immediately=True)


async def keep_reaper_until(stopped: asyncio.Event, client: Client, seconds: int, every: float = KEPT_EVERY) -> None:
    """Wait for the end; with an interval, keep the schedule meanwhile, whoever pauses, changes or deletes it."""
    while not stopped.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), every)
        if seconds and not stopped.is_set():
            # A server that is away has no schedule to keep, and another worker may make it first; the next time.
            with suppress(RPCError, temporal.ScheduleAlreadyRunningError):
                await keep_reaper(client, seconds)


def why_no_reaper(schedule: ScheduleDescription, now: datetime) -> str:
    """Why the reaper does not look; empty where it does. A look that hangs holds up the next one: the age counts."""
    if schedule.schedule.state.paused:
        return "its schedule is paused"
    action = schedule.schedule.action
    if not isinstance(action, temporal.ScheduleActionStartWorkflow) or action.workflow != "Reaper":
        return "its schedule starts something else"
    every = max((each.every for each in schedule.schedule.spec.intervals), default=timedelta(0))
    if every > LONGEST_INTERVAL:
        return f"its schedule looks only every {every}"  # by its own interval it would not be late for days
    last = max((each.started_at for each in schedule.info.recent_actions), default=None)
    if last is None:
        return "it has not looked yet"
    if now - last > MISSED_LOOKS * every + LATE:
        return f"it last looked at {last:%Y-%m-%d %H:%M:%SZ}"
    return ""
