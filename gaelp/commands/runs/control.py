"""The verbs `pause`, `resume` and `cancel`: signals and a cancellation to the run. Touch this to add another."""

from __future__ import annotations

import argparse
import asyncio

from gaelp.commands import connections
from gaelp.commands.connections import RPC
from gaelp.commands.console import DONE, Out, Refused
from gaelp.settings import Settings


def pause(arguments: argparse.Namespace, out: Out) -> int:
    """Hold the run at its next step; what is live stays within its reservation."""
    return _request(arguments.run, "pause", "pauses at its next step", out)


def resume(arguments: argparse.Namespace, out: Out) -> int:
    """Let a paused run go on."""
    return _request(arguments.run, "resume", "goes on", out)


def cancel(arguments: argparse.Namespace, out: Out) -> int:
    """End the run; its campaigns are paused and settled on the way out."""
    return _request(arguments.run, "cancel", "is being cancelled: its campaigns are paused and settled", out)


def _request(name: str, verb: str, effect: str, out: Out) -> int:
    settings = connections.read_settings()
    run = connections.run_name(name)
    asyncio.run(_send(settings, run, verb))
    out.result({"run": run, "sent": verb}, f"{run} {effect}")
    return DONE


async def _send(settings: Settings, run: str, verb: str) -> None:
    from temporalio.service import RPCError, RPCStatusCode

    handle = (await connections.temporal(settings)).get_workflow_handle(run)
    try:
        if (await handle.describe(rpc_timeout=RPC)).close_time is not None:
            raise Refused(f"the run {run!r} has ended: there is nothing to {verb}")
        await (handle.cancel(rpc_timeout=RPC) if verb == "cancel" else handle.signal(verb, rpc_timeout=RPC))
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise Refused(f"there is no open run {run!r}: `starter.py list` shows those there are") from error
        raise
