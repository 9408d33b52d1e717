"""The verb `watch`: live progress of a run, from its metrics stream in Redis and Temporal's describe.

Touch this to show more. With --json, and where a run has ended, it answers once.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING, Any

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, money, table
from gaelp.commands.watching.progress import headline
from gaelp.commands.watching.snapshot import RunView, details, view
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import PHASE_ORDER

if TYPE_CHECKING:
    from temporalio.client import Client

    from gaelp.records.events.live_metrics import LiveMetrics

EVERY_SECONDS = 0.5
Point = tuple[str, str, dict[str, float]]


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
            points = [_document(point) for point in await _read(metrics, run, "0")]
            out.result({**now.document(), "metrics": points})
        elif sys.stdout.isatty():
            await _screen(client, metrics, run, out)
        else:
            await _lines(client, metrics, run, out)

    asyncio.run(show())
    return DONE


async def _read(metrics: LiveMetrics, run: str, after: str) -> list[Point]:
    return list(await asyncio.to_thread(metrics.read, run, after))


def _document(point: Point) -> dict[str, Any]:
    return {"id": point[0], "step": point[1], "values": point[2]}


async def _lines(client: Client, metrics: LiveMetrics, run: str, out: Out) -> None:
    after, last = "0", ""
    while True:
        now = await view(client, run)
        for point in await _read(metrics, run, after):
            after = point[0]
            out.result(None, f"{point[1]}: {_values(point[2])}")
        if (line := headline(now)) != last:
            out.result(None, line)
        last = line
        if now.ended:
            return
        await asyncio.sleep(EVERY_SECONDS)


async def _screen(client: Client, metrics: LiveMetrics, run: str, out: Out) -> None:
    from rich.console import Group
    from rich.live import Live
    from rich.markdown import Markdown

    after = "0"
    points: list[Point] = []
    with Live(console=out.console(), refresh_per_second=4) as live:
        while True:
            now = await view(client, run)
            for point in await _read(metrics, run, after):
                after = point[0]
                points = [*points[-9:], point]
            text = await details(client, phase_id(run, now.phases[-1].phase)) if now.phases and not now.ended else ""
            recent = table(("step", "metrics"), [(point[1], _values(point[2])) for point in points])
            live.update(Group(headline(now), _bars(now), recent, Markdown(text)))
            if now.ended:
                return
            await asyncio.sleep(EVERY_SECONDS)


def _bars(now: RunView) -> Any:
    from rich.progress import BarColumn, Progress, TextColumn

    progress = Progress(TextColumn("{task.description:>12}"), BarColumn(), TextColumn("{task.fields[detail]}"))
    begun = {each.phase: each for each in now.phases}
    for phase in PHASE_ORDER:
        each = begun.get(phase)
        detail = f"{each.verdict or each.state} {money(each.spend_micros, now.currency)}" if each else ""
        total = 1 if each is None or each.ended else None  # none: the bar pulses
        progress.add_task(str(phase), total=total, completed=1 if each and each.ended else 0, detail=detail)
    return progress


def _values(values: dict[str, float]) -> str:
    return "  ".join(f"{name}={value:,.4g}" for name, value in sorted(values.items()))
