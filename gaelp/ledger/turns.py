"""A lock that is handed on in the order in which threads asked for it.

A lock of the standard library may be taken again at once by the thread that gave it up, so that others wait for most
of what is written. Touch this to let threads wait for another thing in turn.
"""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """One thread at a time, first come, first served."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False

    def acquire(self, timeout: float) -> bool:
        """Wait at most so many seconds for this thread's turn; whether it came."""
        mine = threading.Event()
        with self._mutex:
            if not self._taken:
                self._taken = True
                return True
            self._waiting.append(mine)
        if mine.wait(timeout):
            return True
        with self._mutex:
            if mine.is_set():  # handed on while the time ran out
                return True
            self._waiting.remove(mine)
            return False

    def release(self) -> None:
        """Hand the turn to whoever has waited longest."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
