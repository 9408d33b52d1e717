"""Calls in the background on the virtual clock: one thread makes them in turn, and each begins when it would have.

The stop and the reaper make their calls by gaelp/ledger/background_calls.py, in threads and in real time. Within
`on_virtual_clock` the same code makes them by this module. Touch this when that one gains another function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from activities.live import reaping
from gaelp.ledger import account_stop, stop_pauses
from tests.hostile.virtual_host import VirtualClock

USERS = (account_stop, stop_pauses, reaping)


class VirtualFuture(Future[Any]):
    """A call that was made at once, and whose answer comes when its time has passed."""

    answered_at: datetime


class VirtualBackground:
    """What gaelp/ledger/background_calls.py gives, on a clock that only moves when somebody waits."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def in_background(self, call: Callable[[], Any]) -> Future[Any]:
        """Make the call; the caller's own time stands still meanwhile."""
        future, begun = VirtualFuture(), self._clock.now
        try:
            future.set_result(call())
        except BaseException as error:  # as in a thread, it ends nobody else
            future.set_exception(error)
        future.answered_at, self._clock.now = self._clock.now, begun
        return future

    def answered(self, future: VirtualFuture, seconds: float) -> bool:
        """Wait for the answer, so many seconds at the most."""
        latest = self._clock.now + timedelta(seconds=seconds)
        self._clock.now = max(self._clock.now, min(future.answered_at, latest))
        return future.answered_at <= latest

    def all_in_parallel(self, calls: Sequence[Callable[[], None]], at_once: int, seconds: float) -> None:
        """Make every call, each in the lane that is free first."""
        begun, waiting, ended = self._clock.now, list(calls), [self._clock.now]
        free = [begun] * min(at_once, len(calls))
        while waiting and free:
            free.sort()
            self._clock.now = free.pop(0)
            with suppress(BaseException):  # as in a thread, whatever is raised ends this lane and nobody else
                waiting.pop(0)()
                free.append(self._clock.now)
            ended.append(self._clock.now)
        self._clock.now = min(max(ended), begun + timedelta(seconds=seconds))


@contextmanager
def on_virtual_clock(clock: VirtualClock) -> Iterator[None]:
    """Within the block the stop and the reaper wait on this clock."""
    background = VirtualBackground(clock)
    with ExitStack() as patches:
        for user in USERS:
            for name in ("in_background", "answered", "all_in_parallel"):
                if hasattr(user, name):
                    patches.enter_context(patch.object(user, name, getattr(background, name)))
        yield
