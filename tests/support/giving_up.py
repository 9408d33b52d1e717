"""How long something may take to give up on a service that is not there, on a machine that others use too.

The ten seconds that are promised are those of a machine that has nothing else to do, and `make bench` measures them. In
a test, where others take the processor, something may use only so much of it, and the rest is waiting: that must end.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

PROCESSOR_SECONDS = 4.0  # of one command; its longest wait is PATIENCE (gaelp/commands/connections.py), six seconds
SECONDS = 60.0  # on a machine that is overloaded many times; what hangs takes longer


@contextmanager
def gives_up_soon(commands: int = 1) -> Iterator[None]:
    """The block ends in time; `commands` are at work at the same time, here or in programs that have ended since."""
    began, used = time.monotonic(), _used()
    yield
    seconds, processor = time.monotonic() - began, _used() - used
    assert processor < PROCESSOR_SECONDS * commands, f"{processor:.1f} s of the processor"
    assert seconds < SECONDS, f"{seconds:.1f} s"


def _used() -> float:
    """Processor seconds of this program, and of those that it has started and that have ended."""
    usages = (resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
