"""Calls in threads of their own, for work that must not wait for whoever does not answer.

The threads are daemons, so a call that never returns does not keep a program from ending. Touch this to change how a
stop makes several calls at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import TypeVar

Answer = TypeVar("Answer")


def in_background(call: Callable[[], Answer]) -> Future[Answer]:
    """Begin a call; the future holds its answer or what it raised."""
    future: Future[Answer] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def all_in_parallel(calls: Sequence[Callable[[], None]], at_once: int, seconds: float) -> None:
    """Make every call, at most `at_once` at a time; return when all have ended, or after so many seconds."""
    waiting = list(reversed(calls))

    def make_the_rest() -> None:
        while True:
            try:
                call = waiting.pop()
            except IndexError:
                return
            call()

    wait([in_background(make_the_rest) for _ in range(min(at_once, len(calls)))], timeout=seconds)


def answered(future: Future[Answer], seconds: float) -> bool:
    """Whether the call ends within so many seconds, well or not."""
    return bool(wait([future], timeout=seconds).done)
