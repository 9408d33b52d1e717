"""The same work in several processes, forked after everything is imported, so that they start at once and share memory.

The first that ends ends the others, so that whoever supervises this process starts all of them again. Touch this when a
worker's processes should start or end otherwise.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

Work = Callable[[Callable[[], None], int], int]
"""(what to call once it is ready, the number of the process from 0) -> exit code."""


def in_processes(count: int, work: Work, ready: Callable[[], None]) -> int:
    """Run `work` in so many processes; `ready` is called once all are ready. Returns the first one's exit code.

    No other thread may run yet. With one process it is this one. SIGTERM and SIGINT are passed on.
    """
    if count == 1:
        return work(ready, 0)
    children: list[int] = []
    pipes = [_forked(work, number, children) for number in range(count)]
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _signal(children, signal.SIGTERM))
    if all(os.read(pipe, 1) for pipe in pipes):  # nothing is read from one that ended
        ready()
    first, status = os.wait()
    children.remove(first)
    _signal(children, signal.SIGTERM)
    for child in children:
        os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _forked(work: Work, number: int, children: list[int]) -> int:
    """One more process; returns the end of a pipe from which a byte can be read once it is ready."""
    readable, writable = os.pipe()
    child = os.fork()
    if child:
        os.close(writable)
        children.append(child)
        return readable
    code = 1
    try:
        code = work(lambda: _tell(writable), number)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _tell(pipe: int) -> None:
    with suppress(BrokenPipeError):  # the first process is gone
        os.write(pipe, b".")


def _signal(children: list[int], number: int) -> None:
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, number)
