"""What every activity has in common: heartbeats, and errors as Temporal should treat them.

Which errors no retry can mend is said by each class of error itself (gaelp/errors.py). Touch this to change what
worker.py wraps around every activity.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from gaelp.errors import GaelpError
from gaelp.platforms.protocol import PlatformError

# The longest that a retry waits because a platform asks for it.
LONGEST_ASKED_SECONDS = 60.0
# These activities only pause: no wish of a platform may delay them.
NEVER_DELAYED = ("pause_and_settle", "stop_account", "reap")


def for_temporal(error: Exception, activity_type: str = "") -> Exception:
    """The error as Temporal should treat it: permanent ones are not retried, a platform's own delay is kept and capped.

    Where the activity only pauses, the delay is dropped.
    """
    name = type(error).__name__
    if isinstance(error, PlatformError):
        seconds = None if activity_type in NEVER_DELAYED else error.retry_after_seconds
        delay = None if seconds is None else timedelta(seconds=min(max(seconds, 0.0), LONGEST_ASKED_SECONDS))
        return ApplicationError(str(error), type=name, non_retryable=error.permanent, next_retry_delay=delay)
    if isinstance(error, GaelpError) and error.permanent:
        return ApplicationError(str(error), type=name, non_retryable=True)
    return error


class Effects(Interceptor):
    """Applied by worker.py to every activity."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap one activity."""
        return _Effect(next)


class _Effect(ActivityInboundInterceptor):
    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        super().init(_Remembering(outbound))

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        beating = asyncio.create_task(_beat(in_loop=inspect.iscoroutinefunction(getattr(input, "fn", None))))
        try:
            return await self.next.execute_activity(input)
        except Exception as error:
            translated = for_temporal(error, activity.info().activity_type)
            if translated is error:
                raise  # raised "from" itself it would be its own cause, and could not be encoded
            raise translated from error
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating


class _Remembering(ActivityOutboundInterceptor):
    """A heartbeat without details repeats the last ones, of an earlier attempt too: the server would forget them.

    Temporal calls this in the event loop only, so an automatic heartbeat cannot overtake the activity's own.
    """

    def __init__(self, next: ActivityOutboundInterceptor) -> None:
        super().__init__(next)
        self._last: tuple[Any, ...] | None = None

    def heartbeat(self, *details: Any) -> None:
        if details or self._last is None:
            self._last = details or tuple(self.info().heartbeat_details)
        super().heartbeat(*self._last)


async def _beat(*, in_loop: bool) -> None:
    """Heartbeat three times per timeout, so that only a dead worker misses one.

    A synchronous activity's heartbeat waits for the event loop and must not wait in it: it goes through a thread. That
    of an asynchronous one needs the loop.
    """
    timeout = activity.info().heartbeat_timeout
    while timeout:
        await asyncio.sleep(timeout.total_seconds() / 3)
        if in_loop:
            activity.heartbeat()
        else:
            await asyncio.to_thread(activity.heartbeat)
