"""The verb `watch`: a page on a terminal, and a line for each event where there is none.

Touch this to change where its figures come from, watch_page.py to change the page. With --json it answers once.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING, Any

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out
from gaelp.commands.watching.progress import Point, goes_on, heard
from gaelp.commands.watching.run_books import RunBooks
from gaelp.commands.watching.snapshot import details, view
from gaelp.commands.watching.status import asked_of
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_requests import most_in_all

if TYPE_CHECKING:
    from temporalio.client import Client

    from gaelp.commands.watching.watch_page import WatchFacts
    from gaelp.ledger.ledger import Ledger
    from gaelp.records.events.live_metrics import LiveMetrics
    from gaelp.settings import Settings

ROUND = f"{Phase.SIMULATION}/round"  # how the steps of learning begin


def watch(arguments: argparse.Namespace, out: Out) -> int:
    """Show a run until it ends."""
    from gaelp.records.events.live_metrics import LiveMetrics

    settings = connections.read_settings()
    run = connections.run_name(arguments.run)

    async def show() -> None:
        client = await connections.temporal(settings)
        now = await view(client, run)  # refuses a run that is not there, before Redis is asked
        connections.reach_redis(settings)
        metrics = LiveMetrics(settings.redis_url)
        if out.as_json:
            points = [_document(point) for point in await asyncio.to_thread(metrics.read, run)]
            now, why = RunBooks(settings).added_to(now)
            if why:
                out.note(why)
            out.result({**now.document(), "metrics": points})
            return
        with goes_on(run):
            on_a_page = sys.stdout.isatty() and not out.console().is_dumb_terminal
            await (
                _page(client, settings, metrics, run, out) if on_a_page else _lines(client, settings, metrics, run, out)
            )

    asyncio.run(show())
    return DONE


def _document(point: Point) -> dict[str, Any]:
    return {"id": point[0], "step": point[1], "values": point[2]}


async def _lines(client: Client, settings: Settings, metrics: LiveMetrics, run: str, out: Out) -> None:
    async for _, events in heard(client, run, RunBooks(settings), metrics):
        for event in events:
            out.result(None, event.sentence)
        sys.stdout.flush()  # whoever reads a pipe reads it as it happens


async def _page(client: Client, settings: Settings, metrics: LiveMetrics, run: str, out: Out) -> None:
    from rich.live import Live

    from gaelp.commands.watching.watch_page import watch_page

    ledger = connections.open_ledger(settings)
    with Live(console=out.console(), refresh_per_second=4) as live:
        async for now, _ in heard(client, run, RunBooks(settings)):
            phase = phase_id(run, now.phases[-1].phase) if now.phases else ""
            told = await details(client, phase) if phase and not now.ended else ""
            facts = await asyncio.to_thread(_facts, ledger, metrics, run, told)
            live.update(watch_page(now, facts))


def _facts(ledger: Ledger, metrics: LiveMetrics, run: str, told: str) -> WatchFacts:
    from gaelp.commands.watching.watch_page import WatchFacts

    steps = {step: values for _, step, values in metrics.read(run)}
    approved = ledger.approved_requests(run)
    return WatchFacts(
        rewards=[values["reward"] for step, values in steps.items() if step.startswith(ROUND)],
        approved_micros=most_in_all(approved) if approved else None,
        asked=[each["sentence"] for each in asked_of(ledger, run)],
        details=told,
    )
