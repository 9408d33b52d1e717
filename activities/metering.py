"""Counts what activities did, by what they return, and reads the books for the gauges after each look of the reaper.

Only what an activity has done counts: one that Temporal tries again is counted for the attempt that succeeded. Touch
this to count another kind of result; the metrics are in gaelp/metrics/metric_table.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from gaelp.domain.gates.verdicts import GateVerdict
from gaelp.errors import GaelpError
from gaelp.messages.emergency_stop import StopReport
from gaelp.messages.episode_batch import SimulatedBatches
from gaelp.messages.live_campaign import Applied, AppliedAndObserved, Launched
from gaelp.messages.reaper import Reaped
from gaelp.messages.simulation_training import GateAssessment
from gaelp.metrics import metric_table as table
from gaelp.metrics.recorder import Recorder
from gaelp.platforms.protocol import OutcomeUnknown, PlatformError

if TYPE_CHECKING:
    from gaelp.ledger.ledger import Ledger


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class Metering(Interceptor):
    """Applied by worker.py to every activity; `ledger` is given where the reaper looks."""

    def __init__(
        self, recorder: Recorder, ledger: Ledger | None = None, now: Callable[[], datetime] = _wall_clock
    ) -> None:
        self.recorder = recorder
        self._ledger = ledger
        self._now = now
        self._readings: set[asyncio.Task[None]] = set()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap one activity."""
        return _Metered(next, self)

    def count(self, result: Any) -> None:
        """Count a result; one that says nothing of interest counts nothing."""
        match result:
            case Applied():
                self.recorder.add(table.TICKS, outcome="applied" if result.applied else "held")
            case AppliedAndObserved():
                self.count(result.applied)
            case Launched():
                self.recorder.add(table.LAUNCHES, outcome="launched" if result.launched else "refused")
            case SimulatedBatches():
                for batch in result.results:
                    self.recorder.add(table.EPISODES, batch.episodes, purpose=batch.purpose)
            case GateAssessment(settled=True):
                self._count_verdicts(result.gate)
            case StopReport():
                self.recorder.add(table.STOPS, outcome="stopped" if result.stopped else "not-stopped")
                self.recorder.took(table.STOP_TIME, result.seconds)
            case Reaped():
                self._count_look(result)

    def _count_verdicts(self, gate: GateVerdict) -> None:
        for each in gate.criteria:
            self.recorder.add(table.VERDICTS, phase=gate.phase, criterion=each.id, verdict=each.verdict)

    def _count_look(self, look: Reaped) -> None:
        found = [outcome for outcome, what in (("paused", look.paused), ("trouble", look.trouble)) if what]
        for outcome in found or ["clear"]:  # trouble on one account hides no pause on another from its alert
            self.recorder.add(table.REAPER_LOOKS, outcome=outcome)
        self.recorder.set(table.REAPER_LAST_LOOK, self._now().timestamp())
        self.recorder.set(table.REAPER_STILL_ENABLED, len(look.still_enabled))
        if self.recorder.on and self._ledger is not None:  # beside the activity: no gauge may delay a look
            reading = asyncio.create_task(asyncio.to_thread(self.read_books, self._ledger))
            self._readings.add(reading)
            reading.add_done_callback(self._readings.discard)

    def read_books(self, ledger: Ledger) -> None:
        """Set the gauges of the ledger; where it cannot be read they stay, and their instant says how old they are."""
        with suppress(GaelpError):
            books = ledger.summary()
            for gauge, by_currency in ((table.SPENT, books.spent_micros), (table.EXPOSURE, books.exposure_micros)):
                for currency, micros in by_currency.items():
                    self.recorder.set(gauge, micros, currency=currency)
            self.recorder.set(table.CAP_USED, books.cap_used)
            for metric, counts in (
                (table.RESERVATIONS, books.reservations),
                (table.VIOLATIONS, books.open_violations),
                (table.REQUESTS, books.undecided_requests),
            ):
                ((label, values),) = metric.labels.items()
                for value in values:
                    self.recorder.set(metric, counts.get(value, 0), **{label: value})
            self.recorder.set(table.BOOKS_READ, self._now().timestamp())


class _Metered(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, metering: Metering) -> None:
        super().__init__(next)
        self._metering = metering

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            result = await self.next.execute_activity(input)
        except Exception:
            if activity.info().activity_type == "stop_account":
                self._metering.recorder.add(table.STOPS, outcome="not-stopped")
            raise
        self._metering.count(result)
        return result


class CountedCalls:
    """Counts calls to a platform by how they ended; `before` is told of each one before it is made."""

    def __init__(self, recorder: Recorder, before: Callable[[], None] = lambda: None) -> None:
        self._recorder = recorder
        self.before_call = before

    def after_call(self, error: PlatformError | None) -> None:
        """Count one call."""
        self._recorder.add(table.PLATFORM_CALLS, outcome=_outcome(error))


def _outcome(error: PlatformError | None) -> str:
    if error is None:
        return "done"
    if isinstance(error, OutcomeUnknown):
        return "unknown"
    if error.retry_after_seconds is not None:
        return "throttled"
    return "refused" if error.permanent else "unreachable"
