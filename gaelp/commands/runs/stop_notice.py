"""What `stop` says beside the stop itself: which runs it tells, and whether a reaper looks after late calls.

A stop depends on nothing here: all of it needs Temporal, and is given up where Temporal does not answer. Touch this to
tell people or runs one more thing.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.commands.console import Refused
from gaelp.domain.ids import run_of_workflow
from gaelp.domain.temporal_names import REAPER
from gaelp.settings import Settings

if TYPE_CHECKING:
    from temporalio.client import Client

NOTIFY_SECONDS = 5.0
ANNOUNCE_SECONDS = 3.0  # before the stop begins; it does not wait longer


@dataclass(frozen=True)
class Notice:
    """Who was told of the stop, and why late calls are not looked after; empty where they are."""

    told: tuple[str, ...] = ()  # runs, to end
    asked_anew: tuple[str, ...] = ()  # phases that wait for an approval, to ask for it anew
    no_reaper: str = ""


async def tell_runs(settings: Settings, run: str, accounts: set[str], waiting: Collection[str]) -> Notice:
    """Signal stop to the run, or to every open run of the accounts, and ask after the reaper.

    Runs of which a phase is `waiting` for an approval spend nothing: that phase is told to ask anew.
    """
    from temporalio.service import RPCError

    told: list[str] = []
    asked_anew: list[str] = []
    no_reaper = "Temporal does not answer"
    try:
        async with asyncio.timeout(NOTIFY_SECONDS):
            client = await connections.temporal(settings)
            for phase in waiting:
                await _tell(client, phase, "look", asked_anew)
            held = {run_of_workflow(phase) for phase in waiting}
            for name in [run] if run else await _open_runs(client, accounts):
                if name not in held:
                    await _tell(client, name, "stop", told)
            no_reaper = await _no_reaper(client, connections.now())
    except (Refused, RPCError, TimeoutError):
        pass  # everything is paused already, or said not to be
    return Notice(tuple(told), tuple(asked_anew), no_reaper)


async def _tell(client: Client, workflow: str, signal: str, told: list[str]) -> None:
    from temporalio.service import RPCError

    with suppress(RPCError):  # it has ended
        await client.get_workflow_handle(workflow).signal(signal, rpc_timeout=connections.RPC)
        told.append(workflow)


async def open_runs(settings: Settings, accounts: set[str]) -> list[str] | None:
    """The runs that are open on the accounts; None where Temporal does not say so at once."""
    from temporalio.service import RPCError

    importlib.import_module("temporalio.contrib.pydantic")  # a second on a busy machine, which no timeout must count

    try:
        async with asyncio.timeout(ANNOUNCE_SECONDS):
            return await _open_runs(await connections.temporal(settings), accounts)
    except (Refused, RPCError, TimeoutError):
        return None


async def run_is_closed(settings: Settings, run: str) -> bool:
    """Whether Temporal says that the run has ended, or that there is none; False where it says nothing."""
    from temporalio.service import RPCError, RPCStatusCode

    try:
        async with asyncio.timeout(ANNOUNCE_SECONDS):
            handle = (await connections.temporal(settings)).get_workflow_handle(run)
            return (await handle.describe(rpc_timeout=connections.RPC)).close_time is not None
    except RPCError as error:
        return error.status is RPCStatusCode.NOT_FOUND
    except (Refused, TimeoutError):
        return False


async def _open_runs(client: Client, accounts: set[str]) -> list[str]:
    query = "WorkflowType = 'TrainingRun' AND ExecutionStatus = 'Running'"
    runs = []
    async for each in client.list_workflows(query, rpc_timeout=connections.RPC):
        if (await each.memo()).get("account") in accounts:
            runs.append(each.id)
    return runs


async def _no_reaper(client: Client, now: datetime) -> str:
    from temporalio.service import RPCError, RPCStatusCode

    from gaelp.reaper_schedule import why_no_reaper

    try:
        return why_no_reaper(await client.get_schedule_handle(REAPER).describe(rpc_timeout=connections.RPC), now)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return "its schedule was never made"
        raise
