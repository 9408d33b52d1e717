"""Ends a service of a local stack as a crash would. Touch this to let one die in another way."""

from __future__ import annotations

import asyncio
import os
import signal

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from gaelp.local_stack import LocalStack


def kill9(stack: LocalStack, name: str) -> None:
    """SIGKILL to a service and its descendants; returns when the service is dead."""
    pid = stack.pid(name)
    os.killpg(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # the stack still reads how it ended


async def until_started(client: Client, workflow: str) -> None:
    """Wait until a workflow has been started."""
    async with asyncio.timeout(60):
        while True:
            try:
                await client.get_workflow_handle(workflow).describe()
                return
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                await asyncio.sleep(0.005)
