"""What every activity has in common: which errors no retry can mend, and the heartbeat."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from temporalio import activity
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ActivityOutboundInterceptor, ExecuteActivityInput

from activities.effects import NEVER_DELAYED, Effects, for_temporal
from gaelp.agents.contract import InvalidDecision
from gaelp.errors import GaelpError
from gaelp.ledger.ledger_errors import LedgerConflict, LedgerUnavailable
from gaelp.platforms.protocol import OutcomeUnknown, PlatformError
from gaelp.records.content_store import MissingContent


@pytest.mark.parametrize(
    "error",
    [LedgerConflict("so it is"), MissingContent("so it is"), InvalidDecision("x", 3, "so it is")],
    ids=lambda error: type(error).__name__,
)
def test_what_no_retry_can_mend_is_not_retried(error: GaelpError) -> None:
    """A permanent error keeps its name and its sentence, and is non-retryable."""
    translated = for_temporal(error)
    assert isinstance(translated, ApplicationError)
    assert (translated.type, translated.non_retryable) == (type(error).__name__, True)
    assert translated.message == str(error) and "so it is" in translated.message


def test_a_platforms_refusal_is_permanent_only_where_it_says_so() -> None:
    """`permanent` decides, and an unknown outcome is always tried again."""
    for permanent in (True, False):
        translated = for_temporal(PlatformError("no", permanent=permanent))
        assert isinstance(translated, ApplicationError)
        assert (translated.non_retryable, translated.next_retry_delay, translated.type) == (
            permanent,
            None,
            "PlatformError",
        )
    unknown = for_temporal(OutcomeUnknown("lost"))
    assert isinstance(unknown, ApplicationError)
    assert (unknown.non_retryable, unknown.type) == (False, "OutcomeUnknown")


def test_a_platforms_own_delay_is_capped_and_never_delays_a_pause() -> None:
    """A wait of two days becomes a minute; where an activity only pauses, it becomes none."""
    error = PlatformError("slower", permanent=False, retry_after_seconds=172_800.0)
    capped = for_temporal(error, "observe")
    assert isinstance(capped, ApplicationError) and capped.next_retry_delay == timedelta(seconds=60)
    for name in NEVER_DELAYED:
        pausing = for_temporal(error, name)
        assert isinstance(pausing, ApplicationError) and pausing.next_retry_delay is None


def test_a_platforms_own_delay_is_kept() -> None:
    """A rate limit's delay becomes the delay of the next attempt."""
    translated = for_temporal(PlatformError("slower", permanent=False, retry_after_seconds=17.5))
    assert isinstance(translated, ApplicationError) and translated.next_retry_delay == timedelta(seconds=17.5)


@pytest.mark.parametrize("error", [LedgerUnavailable("away"), ConnectionError("away"), ValueError("what?")])
def test_what_a_retry_may_mend_is_left_as_it_is(error: Exception) -> None:
    """An outage is retried by the activity's own policy."""
    assert for_temporal(error) is error


class _Next:
    """The activity itself."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work

    async def execute_activity(self, _: ExecuteActivityInput) -> Any:
        return await self._work()


def _intercepted(work: Callable[[], Any]) -> Callable[[], Any]:
    wrapped = Effects().intercept_activity(cast(ActivityInboundInterceptor, _Next(work)))

    async def run() -> Any:
        return await wrapped.execute_activity(cast(ExecuteActivityInput, None))

    return run


def _environment(heartbeat_timeout: timedelta | None) -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, heartbeat_timeout=heartbeat_timeout)
    return environment


async def test_a_long_activity_beats_until_it_ends() -> None:
    """Three times in a timeout, from the first third on, and not once more after the end."""
    environment, beats, enough = _environment(timedelta(seconds=0.15)), 0, asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_heartbeat(*_: object) -> None:
        nonlocal beats
        beats += 1
        if beats == 3:
            loop.call_soon_threadsafe(enough.set)

    async def work() -> str:
        await enough.wait()
        return "done"

    environment.on_heartbeat = on_heartbeat
    begun = loop.time()
    assert await asyncio.wait_for(environment.run(_intercepted(work)), 5) == "done"
    assert loop.time() - begun >= 0.15
    ended = beats
    await asyncio.sleep(0.12)
    assert beats == ended == 3


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_an_asynchronous_activity_beats_in_the_loop_and_any_other_beside_it(asynchronous: bool) -> None:
    """The heartbeat of an asynchronous activity makes a task, and that of a synchronous one waits for the loop."""
    environment, threads, beaten = _environment(timedelta(seconds=0.06)), set(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_heartbeat(*_: object) -> None:
        threads.add(threading.get_ident())
        loop.call_soon_threadsafe(beaten.set)

    async def work() -> str:
        await beaten.wait()
        return "done"

    environment.on_heartbeat = on_heartbeat
    fn = work if asynchronous else (lambda: "done")
    wrapped = Effects().intercept_activity(cast(ActivityInboundInterceptor, _Next(work)))
    given = ExecuteActivityInput(fn=fn, args=(), executor=None, headers={})

    async def run() -> Any:
        return await wrapped.execute_activity(given)

    assert await asyncio.wait_for(environment.run(run), 5) == "done"
    assert (threads == {threading.get_ident()}) is asynchronous


async def test_an_activity_without_a_heartbeat_timeout_beats_never() -> None:
    """Nothing is sent where nothing listens."""
    environment = _environment(None)
    environment.on_heartbeat = lambda *_: pytest.fail("a beat without a timeout")

    async def work() -> str:
        await asyncio.sleep(0.02)
        return "done"

    assert await environment.run(_intercepted(work)) == "done"


class _Outbound(ActivityOutboundInterceptor):
    """What would reach Temporal, in an attempt that an earlier one left these details."""

    def __init__(self, *left: object) -> None:
        self.sent: list[tuple[object, ...]] = []
        self.left = dataclasses.replace(ActivityEnvironment.default_info(), heartbeat_details=list(left))

    def info(self) -> activity.Info:
        return self.left

    def heartbeat(self, *details: object) -> None:
        self.sent.append(details)


def _heartbeat(outbound: _Outbound) -> Callable[..., None]:
    """What activity.heartbeat calls under the interceptor."""
    given: list[ActivityOutboundInterceptor] = []

    class Last(ActivityInboundInterceptor):
        def __init__(self) -> None:
            """The end of the chain."""

        def init(self, outbound: ActivityOutboundInterceptor) -> None:
            given.append(outbound)

    Effects().intercept_activity(Last()).init(outbound)
    return given[0].heartbeat


def test_an_automatic_heartbeat_keeps_the_activitys_own_details() -> None:
    """One without details repeats the last ones, which the server would otherwise replace with none."""
    outbound = _Outbound()
    heartbeat = _heartbeat(outbound)
    for details in ((), (1, "a"), (), (), (2, "b"), ()):
        heartbeat(*details)
    assert outbound.sent == [(), (1, "a"), (1, "a"), (1, "a"), (2, "b"), (2, "b")]


def test_an_automatic_heartbeat_keeps_an_earlier_attempts_details() -> None:
    """A second attempt that dies before its first heartbeat leaves the third what the first had sent."""
    outbound = _Outbound(1, "a")
    heartbeat = _heartbeat(outbound)
    for details in ((), (), (2, "b"), ()):
        heartbeat(*details)
    assert outbound.sent == [(1, "a"), (1, "a"), (2, "b"), (2, "b")]


async def test_an_error_is_translated_and_its_cause_is_kept() -> None:
    """The interceptor translates what an activity raises, and cancels its heartbeat."""

    async def work() -> None:
        raise InvalidDecision("x", 3, "a bid is NaN")

    with pytest.raises(ApplicationError, match="a bid is NaN") as failure:
        await _environment(timedelta(seconds=30)).run(_intercepted(work))
    assert failure.value.non_retryable and isinstance(failure.value.__cause__, InvalidDecision)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_an_outage_reaches_temporal_as_it_is() -> None:
    """What a retry may mend can be encoded: it is not its own cause, which would be followed for ever."""
    error = LedgerUnavailable("away")

    async def work() -> None:
        raise error

    with pytest.raises(LedgerUnavailable) as failure:
        await _environment(None).run(_intercepted(work))
    assert failure.value.__cause__ is None
    encoded = Failure()
    DataConverter.default.failure_converter.to_failure(failure.value, DataConverter.default.payload_converter, encoded)
    assert (encoded.message, encoded.application_failure_info.non_retryable) == ("away", False)
