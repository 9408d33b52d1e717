"""Kills the stack's process groups when the stack itself has died, `kill -9` included. Standard library only.

Reads `+GROUP` and `-GROUP` lines on standard input; the end of that pipe is the death of its parent. It also holds
the lock on the home folder (an inherited descriptor), so that nobody opens the files before their last user is gone.
Touch this when something survives its stack.
"""

import os
import signal
import sys
import time

GRACE_SECONDS = 2.0


def send(group: int, number: int) -> bool:
    """Signal a process group; False where it is gone."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end(groups: list[int]) -> None:
    """SIGTERM to all, the latest started first, and after a grace period SIGKILL."""
    for group in reversed(groups):
        send(group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while any(send(group, 0) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in groups:
        send(group, signal.SIGKILL)


def main() -> None:
    """Follow the pipe to its end, then end whatever is still registered."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: list[int] = []
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.append(group)
        elif group in groups:
            groups.remove(group)
    end(groups)


if __name__ == "__main__":
    main()
