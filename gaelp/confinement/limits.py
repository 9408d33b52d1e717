"""How much confined code may use and answer. Touch this when an honest agent needs more."""

from __future__ import annotations

import os

AGENTS_KEPT, STATES_KEPT = 8, 4
"""Of one child process: agents made, and states that it holds."""
LARGEST_STATE = 2**30
"""Bytes of an agent's state, and of a trajectory that an environment reports."""
LARGEST_ANSWER = 64 * 2**20
"""Bytes of a decision with its memory; four times the observation where that is more."""
MOST_MEMORY = 1024
"""Numbers of one campaign's memory: a trajectory keeps that of every tick."""
LARGEST_REQUEST = 2**40
"""Bytes that are sent to a child at once, which trusts whoever asks."""
LARGEST_SCRATCH, MOST_FILES = 4 * 2**30, 10_000
"""Bytes and files in the folder that it may write to."""
MOST_THREADS = 256
LONGEST_LINE, MOST_LINES = 400, 1000
"""Of what it prints: characters of a line, and lines of one process, that reach the log."""
PROCESSES_KEPT = 4
"""Child processes that wait for another call."""


def memory_bytes() -> int:
    """Of one child process: a third of the machine's memory, so that two that take all they may leave a third."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 3
