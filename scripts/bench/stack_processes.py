"""Processor time and memory of each service of a local stack, with all that it has started.

Touch this to measure one more service.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gaelp.local_stack import LocalStack
from gaelp.local_stack.stack import SERVICES
from scripts.bench.batch_program import family, processor_seconds_of_all

MIB = 1 << 20


def processor_seconds(stack: LocalStack) -> dict[str, float]:
    """Processor seconds so far by service; "client" is this process without the services."""
    used = {name: processor_seconds_of_all(stack.pid(name)) for name in SERVICES}
    return {**used, "client": processor_seconds_of_all(os.getpid()) - sum(used.values())}


def memory_mib(stack: LocalStack, names: Sequence[str] = SERVICES) -> dict[str, int]:
    """Resident MiB by service, of all its processes."""
    return {name: round(sum(map(_resident, family(stack.pid(name)))) / MIB) for name in names}


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0  # it has ended
    return pages * os.sysconf("SC_PAGE_SIZE")
