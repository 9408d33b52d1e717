"""Ends a service of a local stack as a crash would. Touch this to let one die in another way."""

from __future__ import annotations

import os
import signal

from gaelp.local_stack import LocalStack


def kill9(stack: LocalStack, name: str) -> None:
    """SIGKILL to a service and its descendants; returns when the service is dead."""
    pid = stack.pid(name)
    os.killpg(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # the stack still reads how it ended
