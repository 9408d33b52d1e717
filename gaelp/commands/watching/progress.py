"""Waits for a run's end and tells of it on the way: bars on a terminal, one line per event elsewhere.

Touch this to change what a person who waits can see.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gaelp.commands.console import DONE, INTERRUPTED, NOT_GRADUATED, Out, Refused, money
from gaelp.commands.watching.run_events import RunEvent, RunEventKind, happened, measured
from gaelp.commands.watching.snapshot import RunView, details, failure, view, workers
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import GOOD_ENDS, PHASE_ORDER, Outcome, Status
from gaelp.domain.temporal_names import Queue
from gaelp.errors import FAILED

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle
    from temporalio.service import RPCError

    from gaelp.messages.training_run import RunResult
    from gaelp.records.events.live_metrics import LiveMetrics

EVERY_SECONDS = 0.5
LAST_LOOK_SECONDS = 5.0  # within which the end of a run is told
LOOKS_FOR_A_WORKER = 6  # a worker that has just been started polls within them
Point = tuple[str, str, dict[str, float]]
"""An entry of a run's live metrics: its id, its step, its figures by name."""


def code_of(outcome: str) -> int:
    """Exit code of a run that has ended: 0 graduated or promoted, 1 interrupted from outside, 3 otherwise."""
    if outcome == Outcome.INTERRUPTED:
        return FAILED
    return DONE if outcome in GOOD_ENDS else NOT_GRADUATED


@contextmanager
def goes_on(run: str) -> Iterator[None]:
    """Ctrl-C within the block, which asyncio.run makes a cancellation, ends the waiting and says what goes on."""
    try:
        yield
    except asyncio.CancelledError:
        raise Refused(
            f"{run} goes on without this terminal: `starter.py watch {run}` shows it again, "
            f"`starter.py cancel {run}` ends it",
            INTERRUPTED,
            run=run,
        ) from None


async def follow(
    client: Client, handle: WorkflowHandle[Any, RunResult], telling: Coroutine[Any, Any, None] | None = None
) -> RunResult:
    """The run's result, while `telling` tells of it. Raises Refused where the run failed or was cancelled.

    What `telling` raises is raised here, and the run goes on.
    """
    ending = asyncio.create_task(_end(client, handle))
    tasks = [ending, *([asyncio.create_task(telling)] if telling else [])]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            await asyncio.wait(tasks, timeout=LAST_LOOK_SECONDS)
        for task in tasks[1:]:
            if task.done():
                task.result()
        return await ending
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _end(client: Client, handle: WorkflowHandle[Any, RunResult]) -> RunResult:
    from temporalio.client import WorkflowFailureError
    from temporalio.exceptions import CancelledError
    from temporalio.service import RPCError

    try:
        return await handle.result()
    except RPCError as error:
        raise _lost(handle.id, error) from error
    except WorkflowFailureError as error:
        if not isinstance(error.cause, CancelledError):
            raise Refused(f"{handle.id} failed: {failure(error)}", FAILED, run=handle.id) from error
        if (await view(client, handle.id)).outcome == Outcome.INTERRUPTED:
            raise Refused(f"{handle.id} was cancelled while it waited", FAILED, run=handle.id) from error
        raise Refused(f"{handle.id} was cancelled", NOT_GRADUATED, run=handle.id) from error


async def heard(
    client: Client, run: str, metrics: LiveMetrics | None = None
) -> AsyncIterator[tuple[RunView, list[RunEvent]]]:
    """A look at the run each half second until it has ended, and what has happened between it and the look before.

    `metrics` adds the figures that were measured. A server that goes away after the first look is waited for, and so is
    a worker; both are told.
    """
    from temporalio.service import RPCError

    before, last, looks, away = None, "0", 0, False
    while True:
        try:
            now = await view(client, run)
            events = await _no_worker(client, run) if looks == LOOKS_FOR_A_WORKER and not now.ended else []
        except RPCError as error:
            if before is None:
                raise _lost(run, error) from error
            yield before, [] if away else [_waits(run, "Temporal does not answer; this goes on looking for it")]
            away = True
        else:
            points = await asyncio.to_thread(_points, metrics, run, last) if metrics else []
            news = list(happened(before, now))
            beginning = 0 if before else 1  # of a run that is looked at late, figures come after its beginning
            figures = [measured(run, step, values) for _, step, values in points]
            yield now, [*events, *news[:beginning], *figures, *news[beginning:]]
            if now.ended:
                return
            before, last, looks, away = now, points[-1][0] if points else last, looks + 1, False
        await asyncio.sleep(EVERY_SECONDS)


def _lost(run: str, error: RPCError) -> Refused:
    return Refused(
        f"Temporal does not answer any more ({error.status.name}): what becomes of {run} is not known here; "
        f"`starter.py watch {run}` shows it once Temporal is back",
        run=run,
    )


def _points(metrics: LiveMetrics, run: str, last: str) -> list[Point]:
    """Nothing where Redis is away: what it holds is a picture, and no fact."""
    from gaelp.records.events.live_metrics import LiveMetricsUnavailable

    try:
        return metrics.read(run, last)
    except LiveMetricsUnavailable:
        return []


async def _no_worker(client: Client, run: str) -> list[RunEvent]:
    if await workers(client, Queue.WORKFLOWS):
        return []
    started_by = "`make dev` starts one, or `python worker.py`"
    return [_waits(run, f"no worker polls the queue {Queue.WORKFLOWS!r}: {started_by}")]


def _waits(run: str, why: str) -> RunEvent:
    return RunEvent(run, RunEventKind.WAITS, "", f"{run} waits: {why}")


async def show(client: Client, run: str, out: Out) -> None:
    """Show the run on stderr until it has ended, or until this is cancelled."""
    await (_bars(client, run, out) if sys.stderr.isatty() else _lines(client, run, out))


async def _lines(client: Client, run: str, out: Out) -> None:
    async for _, events in heard(client, run):
        for event in events:
            out.note(event.sentence)


async def _bars(client: Client, run: str, out: Out) -> None:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[detail]}"))
    with Progress(*columns, console=out.console(stderr=True), transient=True) as progress:
        task = progress.add_task(run, total=len(PHASE_ORDER), detail="")
        async for now, events in heard(client, run):
            done = sum(1 for phase in now.phases if phase.ended)
            text = await details(client, phase_id(run, now.phases[-1].phase)) if now.phases else ""
            first = next(iter(text.splitlines()), "")
            progress.update(task, completed=done, description=headline(now), detail=first)
            for event in events:
                progress.console.print(event.sentence, highlight=False, markup=False)


def headline(now: RunView) -> str:
    """A run's state in one line, with what it waits for."""
    where = now.outcome or now.state
    line = f"{now.run}: {where}" if now.ended else f"{now.run}: {now.phase or 'beginning'}, {where}"
    if now.spend_micros:
        line += f", spent {money(now.spend_micros, now.currency)}"
    if now.state == Status.AWAITING_APPROVAL:
        line += f"; waits for `starter.py approve {now.run}`"
    if now.waits:
        line += f"; waits: {now.waits}"
    return line
