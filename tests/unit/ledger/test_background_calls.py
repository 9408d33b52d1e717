"""Calls that nobody has to wait for. Touch with gaelp/ledger/background_calls.py."""

from __future__ import annotations

import threading
import time

import pytest

from gaelp.ledger.background_calls import all_in_parallel, answered, in_background


class Lost(BaseException):
    """No `except Exception` sees it."""


@pytest.mark.parametrize("error", [ValueError("no"), Lost()])
def test_a_call_ends_with_what_it_raised(error: BaseException) -> None:
    """Whatever it is: a thread that died without a word would be waited for in vain."""

    def fail() -> None:
        raise error

    call = in_background(fail)
    assert answered(call, 10) and call.exception() is error


def test_a_call_that_never_returns_keeps_no_program_from_ending() -> None:
    """Its thread is a daemon."""
    assert in_background(lambda: threading.current_thread().daemon).result(timeout=10) is True


def test_an_answer_is_not_waited_for_longer_than_said() -> None:
    """A call that has not ended has not answered, and goes on."""
    go = threading.Event()
    call = in_background(lambda: go.wait(30))
    assert not answered(call, 0.05)
    go.set()
    assert answered(call, 10) and call.result() is True


@pytest.mark.parametrize(("calls", "at_once"), [(7, 3), (2, 8), (0, 8), (3, 1)])
def test_every_call_is_made_and_only_so_many_at_once(calls: int, at_once: int) -> None:
    """As many as may be are under way together, in their order, and never more."""
    lock, under_way, most, made = threading.Lock(), 0, 0, list[int]()
    together = threading.Barrier(min(calls, at_once)) if calls else None

    def call(number: int) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
            made.append(number)
        if together is not None and number < together.parties:
            together.wait(timeout=10)  # the first ones meet, so they were begun together
        with lock:
            under_way -= 1

    all_in_parallel([lambda number=number: call(number) for number in range(calls)], at_once, 20)  # type: ignore[misc]
    assert sorted(made) == list(range(calls))
    assert most == min(calls, at_once)


def test_a_call_that_hangs_holds_the_others_and_the_caller_up_no_longer_than_said() -> None:
    """The rest are made by the other threads, and the caller goes on."""
    go, made = threading.Event(), threading.Event()
    began = time.monotonic()
    all_in_parallel([lambda: go.wait(30) and None, made.set], 2, 0.2)  # type: ignore[func-returns-value]
    assert made.is_set() and time.monotonic() - began < 10
    go.set()
