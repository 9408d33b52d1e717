"""`make demo`: one agent through all four phases on real parts, and beside it a poor agent that is refused.

Touch this to change what a newcomer sees first. Every step is a function, and uses what a user would use: starter.py,
the ledger's open requests, the workflows' results.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from gaelp.demos.demo_approvals import answer_requests
from gaelp.demos.demo_imports import IMPORTED_ONCE
from gaelp.domain.phases import PHASE_ORDER, Outcome
from gaelp.local_stack import LocalStack, StackError, first_use
from gaelp.local_stack.verb_processes import VerbProcess, import_once
from gaelp.messages.training_run import RunResult
from gaelp.reports.verdict_table import criteria_table
from gaelp.settings import Settings

if TYPE_CHECKING:
    from temporalio.client import Client


GOOD = (Outcome.GRADUATED, Outcome.GRADUATED_UNPROVEN)
LOOK_SECONDS = 0.8  # a look costs a dozen calls: often enough for a person, rare enough for two cores


@dataclass
class Demo:
    """One demo: where it lives, what it is called, how long each step took."""

    home: Path
    name: str
    overrides: list[str]
    console: Console
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def poor(self) -> str:
        """Name of the poor agent's run."""
        return f"{self.name}-poor"

    @property
    def key(self) -> Path:
        """The demo key: made for this demo, good for its emulator account alone."""
        return self.home / "demos" / self.name / "approver.pem"

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Say what is done, and time it."""
        self.console.print(f"[bold]{title}[/bold]")
        begun = time.monotonic()
        yield
        self.seconds[title] = time.monotonic() - begun


def main(argv: Sequence[str]) -> int:
    """The whole demo: 0 where the good run graduated (proven or not) and the poor one was refused."""
    options = _options(argv)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    name = options.name or f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    demo = Demo(options.home.absolute(), name, options.set, console)
    import_once(IMPORTED_ONCE)
    try:
        with demo.step("1. real logs (Open Bandit, downloaded once)"):
            folder = fetch(demo)
        begun = time.monotonic()
        with services(demo, options.conversion_factor, folder) as ingestion:
            with demo.step("3. logs into the warehouse, an emulator account"):
                prepare(demo, ingestion)
            with demo.step("4. two runs, side by side, and a demo key"):
                good, poor = asyncio.run(conduct(demo))
            page = VerbProcess(["report", demo.name], demo.environment) if good else None
        with demo.step("5. the report, made while the services end"):
            path = Path(page.answer()["report"]) if page else None
    except StackError as error:
        console.print(str(error), style="bold red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; every process of the demo has ended")
        return 130
    show(demo, good, poor, path)
    console.print(f"{time.monotonic() - begun:.0f} seconds after set-up; every process of the demo has ended.")
    return 0 if succeeded(good, poor) else 1


def succeeded(good: RunResult | None, poor: RunResult | None) -> bool:
    """What the demo promises."""
    return bool(good and poor and good.outcome in GOOD and refused(poor))


def refused(poor: RunResult) -> bool:
    """Refused by a gate, on evidence; a withheld approval would not count."""
    gate = poor.phases[-1].gate if poor.phases else None
    return poor.outcome is Outcome.NOT_GRADUATED and gate is not None and not gate.promote


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--home", type=Path, default=Settings().home, help="default: .gaelp, as `make dev`")
    parser.add_argument("--name", help="of the run; default demo-DATE-TIME")
    parser.add_argument("--set", action="append", default=[], metavar="A.B=C", help="change the good run")
    parser.add_argument("--conversion-factor", type=float, default=1.0, help="of the emulator: 0.33 makes it hard")
    return parser.parse_args(argv)


def fetch(demo: Demo) -> Path:
    """The public logs; the only step that needs a network, and only once."""
    folder = first_use.fetch_logs(demo.home)
    demo.console.print(f"   {', '.join(first_use.LOGS)} in {folder}")
    return folder


@contextmanager
def services(demo: Demo, conversion_factor: float, folder: Path) -> Iterator[first_use.Ingestion]:
    """Temporal, Redis, the emulator and the workers on free ports, ended with the block.

    Meanwhile the logs in `folder` are read, which needs none of them.
    """
    stack = LocalStack(demo.home, conversion_factor=conversion_factor, emulator_token=os.urandom(16).hex())
    stack.outlives_power_cuts = False  # a demo that one interrupts is made anew
    demo.environment = stack.environment()
    ingestion = first_use.Ingestion(folder, demo.environment)
    try:
        with demo.step("2. local services"):
            stack.start()
            os.environ.update(demo.environment)
            demo.console.print(f"   Web UI while this runs: {demo.environment['GAELP_TEMPORAL_UI']}")
        yield ingestion
    finally:
        ingestion.stop()
        stack.stop()


def prepare(demo: Demo, ingestion: first_use.Ingestion) -> None:
    """See the logs ingested, open an account of this demo's own."""
    for name, report in ingestion.reports().items():
        known = ", known already" if report["already"] else ""
        demo.console.print(f"   {name}: {report['rows']:,} rows, {report['rejected']:,} rejected{known}")
    # An account of its own: attempts, caps and the emulator's calendar begin afresh with every demo.
    first_use.open_account(demo.name, demo.environment)


def start(demo: Demo, run: str, overrides: Sequence[str]) -> None:
    """Start a quick-test run on the demo's account."""
    wanted = [f"account={demo.name}", *overrides]
    settings = [word for each in wanted for word in ("--set", each)]
    first_use.starter(["start", "--config", "quick-test", "--experiment-name", run, *settings], demo.environment)


async def conduct(demo: Demo) -> tuple[RunResult | None, RunResult | None]:
    """Start both runs, make the key while they simulate, and see them through; None for a run that failed."""
    from gaelp.commands import connections as opened

    client = await opened.temporal(Settings())
    # It learns nothing, so one round shows it all, and the exam alone refuses it.
    poor = [*demo.overrides, "agent=uniform", "simulation.rounds=1", "simulation.traps=required"]
    await asyncio.gather(
        asyncio.to_thread(start, demo, demo.name, demo.overrides),
        asyncio.to_thread(start, demo, demo.poor, poor),
        asyncio.to_thread(first_use.make_key, demo.key, demo.name, "demo", demo.environment),
    )
    ends = [asyncio.create_task(end_of(demo, client, run)) for run in (demo.name, demo.poor)]
    with progress_bars(demo) as bars:
        over = threading.Event()
        answering = asyncio.create_task(asyncio.to_thread(answer_requests, demo, bars, over))
        try:
            await show_progress(demo, bars, client, ends, answering)
        finally:
            over.set()
        await answering
    await time_phases(demo, client)
    return ends[0].result(), ends[1].result()


async def show_progress(
    demo: Demo,
    bars: Progress,
    client: Client,
    ends: Sequence[asyncio.Task[RunResult | None]],
    answering: asyncio.Task[None],
) -> None:
    """Keep the bars up to date until both runs have ended; a request that cannot be answered ends it too."""
    tasks = {run: bars.add_task(run, total=len(PHASE_ORDER), detail="") for run in (demo.name, demo.poor)}
    over = asyncio.gather(*ends)
    seen = LOOK_SECONDS if demo.console.is_terminal else None  # a look costs, and without a terminal nobody sees it
    while not over.done() and not answering.done():
        await asyncio.wait((over, answering), timeout=seen, return_when=asyncio.FIRST_COMPLETED)
        for run, task in tasks.items() if seen else ():
            if not bars.tasks[task].finished:
                await advance(bars, task, client, run)


def progress_bars(demo: Demo) -> Progress:
    """One bar a run, a quarter a phase."""
    columns = (
        TextColumn("   {task.description}"),
        BarColumn(24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    return Progress(*columns, console=demo.console, transient=True)


async def advance(bars: Progress, task: TaskID, client: Client, run: str) -> None:
    """Bring a run's bar up to date."""
    from gaelp.commands.watching.snapshot import view

    now = await view(client, run)
    done = sum(1 for phase in now.phases if phase.ended)
    bars.update(
        task, completed=len(PHASE_ORDER) if now.ended else done, detail=now.outcome or f"{now.phase}: {now.state}"
    )


async def end_of(demo: Demo, client: Client, run: str) -> RunResult | None:
    """A run's result; None where it failed, which is shown."""
    from temporalio.client import WorkflowFailureError

    from gaelp.commands.watching.snapshot import failure

    try:
        result: RunResult = await client.get_workflow_handle(run, result_type=RunResult).result()
        return result
    except WorkflowFailureError as error:
        demo.console.print(f"{run} failed: {failure(error)}", style="bold red", markup=False)
        return None


async def time_phases(demo: Demo, client: Client) -> None:
    """Seconds of each phase of the good run, a person's thinking included."""
    from gaelp.commands.watching.snapshot import view

    for phase in (await view(client, demo.name)).phases:
        if phase.started and phase.ended:
            demo.seconds[phase.phase] = (phase.ended - phase.started).total_seconds()


def show(demo: Demo, good: RunResult | None, poor: RunResult | None, page: Path | None) -> None:
    """What came of it: every criterion, why the poor agent was refused, and where to look."""
    say = demo.console.print
    if good:
        say(criteria_table(f"{good.run}: {good.outcome}", good.phases, demo.seconds))
        say(f"[bold]{good.run}[/bold] ended [bold]{good.outcome}[/bold]:", end=" ")
        say(Text(good.reason))
        if good.outcome is Outcome.GRADUATED_UNPROVEN:
            say("Unproven means: no criterion failed, but not all passed: small public logs cannot prove more, and")
            say("some criteria are not assessed in this version; the table says which.")
    if poor:
        say(criteria_table(f"{poor.run} (agent uniform): {poor.outcome}", poor.phases, {}))
        say(f"[bold]{poor.run}[/bold] was {'refused' if refused(poor) else 'NOT refused'}:", end=" ")
        say(Text(poor.reason))
    say("seconds: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in demo.seconds.items()))
    if page:
        say(f"report: {page}", soft_wrap=True)
    default = Settings.model_fields["temporal_ui"].default
    say(f"`make dev` shows the run again: {default}/namespaces/default/workflows/{demo.name}", soft_wrap=True)


if __name__ == "__main__":
    from gaelp.commands.dispatch import leave

    leave(main(sys.argv[1:]))
