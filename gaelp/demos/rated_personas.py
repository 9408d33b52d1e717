"""`make demo-llm`: a run whose audience is rated by a real, very small language model on this machine.

Touch this to show more of what ratings do. The run is a quick-test on the synthetic market; it ends where money would
begin, because nobody should approve any on the word of a model of this size.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gaelp.demos.whole_run import LOOK_SECONDS, Demo, advance, end_of, progress_bars, start
from gaelp.domain.phases import PHASE_ORDER, Phase
from gaelp.local_stack import SERVICES, LocalStack, StackError, first_use
from gaelp.reports.verdict_table import criteria_table
from gaelp.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaelp.messages.phase import PhaseResult
    from gaelp.messages.training_run import RunResult

# The model answers one question after another, half a second each: one more waits, so that it is never idle.
SETTINGS = (
    "historical.logs=[]",
    "personas.source=endpoint",
    "personas.in_flight=2",
    "personas.timeout_seconds=60",
)
CAPS = ("--currency", "USD", "--daily-cap", "500", "--total-cap", "20000")


def main(argv: Sequence[str]) -> int:
    """The whole demo: 0 where the panel was rated and the simulation phase came to a verdict."""
    options = _options(argv)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    name = options.name or f"llm-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    demo = Demo(options.home.absolute(), name, [*SETTINGS, *options.set], console)
    begun = time.monotonic()
    try:
        with services(demo):
            with demo.step("2. an emulator account and a demo key"):
                first_use.starter(
                    ["accounts", "add", name, "--kind", "emulator", "--platform", "emulator", *CAPS], demo.environment
                )
                first_use.make_key(demo.key, name, "demo", demo.environment)
            with demo.step("3. a run: the panel asked, an agent trained and examined, once more with ratings permuted"):
                result = asyncio.run(conduct(demo))
            rated = show(demo, result)
    except StackError as error:
        console.print(str(error), style="bold red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; every process of the demo has ended")
        return 130
    console.print(f"{time.monotonic() - begun:.0f} seconds after set-up; every process of the demo has ended.")
    return 0 if rated and _simulation(result) else 1


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo-llm", description=__doc__)
    parser.add_argument("--home", type=Path, default=Settings().home, help="default: .gaelp, as `make dev`")
    parser.add_argument("--name", help="of the run; default llm-DATE-TIME")
    parser.add_argument("--set", action="append", default=[], metavar="A.B=C", help="change the run")
    return parser.parse_args(argv)


@contextmanager
def services(demo: Demo) -> Iterator[LocalStack]:
    """The usual local services and the model's server on free ports, ended with the block."""
    stack = LocalStack(demo.home, names=(*SERVICES, "llm"), emulator_token=os.urandom(16).hex())
    stack.outlives_power_cuts = False
    try:
        with demo.step("1. local services, and the model's server"):
            stack.start()
            demo.environment = stack.environment()
            os.environ.update(demo.environment)
            demo.console.print(f"   Web UI while this runs: {demo.environment['GAELP_TEMPORAL_UI']}")
        yield stack
    finally:
        stack.stop()


async def conduct(demo: Demo) -> RunResult | None:
    """Start the run, refuse it money, and see it to its end."""
    from gaelp.commands import connections as opened

    settings = Settings()
    client, ledger = await opened.temporal(settings), opened.open_ledger(settings)
    start(demo, demo.name, demo.overrides)
    end = asyncio.create_task(end_of(demo, client, demo.name))
    with progress_bars(demo) as bars:
        task = bars.add_task(demo.name, total=len(PHASE_ORDER), detail="")
        while not (await asyncio.wait([end], timeout=LOOK_SECONDS))[0]:
            await advance(bars, task, client, demo.name)
            for card in ledger.open_requests(demo.name):
                words = [demo.name, "--request", card.request.request_id, "--key", str(demo.key)]
                refuse = ["reject", *words, "--reason", "demo-llm spends nothing"]
                await asyncio.to_thread(first_use.starter, refuse, demo.environment)
    return end.result()


def show(demo: Demo, result: RunResult | None) -> bool:
    """What the model was asked and what came of it; False where no panel was rated."""
    panel = panel_rated(demo.name)
    if panel is None:
        return False
    demo.console.print(ratings_table(panel))
    simulation = _simulation(result)
    if simulation:
        demo.console.print(criteria_table(f"{demo.name}: the simulation phase", [simulation], {}))
        for criterion in simulation.gate.criteria if simulation.gate else ():
            if "personas' ratings" in criterion.reason:
                demo.console.print(Text(criterion.reason.rsplit(". ", 1)[-1], style="bold"))
    return True


def _simulation(result: RunResult | None) -> PhaseResult | None:
    ended = [phase for phase in result.phases if phase.phase is Phase.SIMULATION and phase.gate] if result else []
    return ended[0] if ended else None


def panel_rated(run: str) -> dict[str, Any] | None:
    """What the run's event says of its panel; None where there was none."""
    from gaelp.records.events.event_back_ends import read_events

    settings = Settings()
    events = read_events(settings.redis_url, settings.pubsub_project, f"{run}-demo", wait_ms=500)
    mine = {event.kind: event for event in events if event.run == run}
    if "panel.rated" not in mine:
        return None
    panel = dict(mine["panel.rated"].detail)
    if "run.started" in mine:
        panel["seconds"] = (mine["panel.rated"].at - mine["run.started"].at).total_seconds()
    return panel


def ratings_table(panel: dict[str, Any]) -> Table:
    """Asked, cached, failed, cost, seconds, and how much the ratings differ."""
    from gaelp.personas import ratings
    from gaelp.records.content_store import ContentStore

    table = Table("the panel", "", title=str(panel["provenance"]), title_justify="left")
    rows = {
        "asked of the model": panel["asked"],
        "known already (Redis)": panel["cached"],
        "failed (neutral)": panel["failed"],
        "tokens": f"{int(panel['tokens']):,}",
        "cost": f"{int(panel['cost_micros']) / 1e6:.2f}",
        "seconds": f"{panel['seconds']:.0f}" if "seconds" in panel else "-",
    }
    arrays = ContentStore(Settings().store).get_arrays(str(panel["ratings_digest"]))
    for question, values in sorted(arrays.items()):
        spread, shared = ratings.spread(values), ratings.consensus(values)
        rows[f"ratings to {question}"] = (
            f"{values.min():.2f} to {values.max():.2f}, log spread {spread:.2f}, of which {shared:.0%} shared by all"
        )
    for name, value in rows.items():
        table.add_row(name, str(value))
    return table


if __name__ == "__main__":
    from gaelp.commands.dispatch import leave

    leave(main(sys.argv[1:]))
