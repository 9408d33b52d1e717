"""Waits for a run's end and shows it on the way: bars on a terminal, one line per change elsewhere.

Touch this to change what a person who waits can see.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from gaelp.commands.console import NOT_GRADUATED, Out, Refused, money
from gaelp.commands.watching.snapshot import RunView, details, failure, view, workers
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import PHASE_ORDER, Outcome, Status
from gaelp.domain.temporal_names import Queue
from gaelp.errors import FAILED

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle

    from gaelp.messages.training_run import RunResult

EVERY_SECONDS = 0.5
WORKER_SECONDS = 3.0


async def follow(client: Client, handle: WorkflowHandle[Any, RunResult], out: Out | None) -> RunResult:
    """The run's result; progress goes to `out`, or nowhere. Raises Refused where the run failed or was cancelled."""
    from temporalio.client import WorkflowFailureError
    from temporalio.exceptions import CancelledError

    showing = asyncio.create_task(_show(client, handle.id, out)) if out else None
    try:
        return await handle.result()
    except WorkflowFailureError as error:
        if not isinstance(error.cause, CancelledError):
            raise Refused(f"{handle.id} failed: {failure(error)}", FAILED, run=handle.id) from error
        if (await view(client, handle.id)).outcome == Outcome.INTERRUPTED:
            raise Refused(f"{handle.id} was cancelled while it waited", FAILED, run=handle.id) from error
        raise Refused(f"{handle.id} was cancelled", NOT_GRADUATED, run=handle.id) from error
    finally:
        if showing:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)


async def _show(client: Client, run: str, out: Out) -> None:
    worker = asyncio.create_task(_mention_worker(client, out))
    try:
        await (_bars(client, run, out) if sys.stderr.isatty() else _lines(client, run, out))
    finally:
        worker.cancel()


async def _mention_worker(client: Client, out: Out) -> None:
    await asyncio.sleep(WORKER_SECONDS)
    if not await workers(client, Queue.WORKFLOWS):
        out.note(f"no worker polls the queue {Queue.WORKFLOWS!r}: `make dev` starts one, or `python worker.py`")


async def _lines(client: Client, run: str, out: Out) -> None:
    last = ""
    while True:
        line = headline(await view(client, run))
        if line != last:
            out.note(line)
        last = line
        await asyncio.sleep(EVERY_SECONDS)


async def _bars(client: Client, run: str, out: Out) -> None:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[detail]}"))
    with Progress(*columns, console=out.console(stderr=True), transient=True) as progress:
        task = progress.add_task(run, total=len(PHASE_ORDER), detail="")
        while True:
            now = await view(client, run)
            done = sum(1 for phase in now.phases if phase.ended)
            text = await details(client, phase_id(run, now.phases[-1].phase)) if now.phases else ""
            first = next(iter(text.splitlines()), "")
            progress.update(task, completed=done, description=headline(now), detail=first)
            await asyncio.sleep(EVERY_SECONDS)


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
