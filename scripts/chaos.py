"""`make chaos`: whole runs while processes die at random, each compared with an undisturbed run of the same seed.

Touch this to let something else die. Needs the test library: run it from the repository's root.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.service import RPCError

from gaelp.commands import connections
from gaelp.domain.ids import Queue, phase_id
from gaelp.domain.phases import Phase
from gaelp.local_stack import LocalStack
from gaelp.messages.training_run import RunResult
from tests.support.local_runs import House
from tests.support.undisturbed_run import SETTINGS, WORLD

# One draw kills one of these groups. Workers die most often: they are what dies most often.
VICTIMS: tuple[tuple[str, ...], ...] = (
    ("worker", "compute"),
    ("worker",),
    ("compute",),
    ("temporal",),
    ("emulator",),
    ("redis",),
    ("temporal", "redis", "emulator", "worker", "compute"),
)
LONGEST_WAIT = 5.0  # seconds between two kills: a whole undisturbed run takes about ten
LONGEST_SECONDS = 240.0  # of one run; beyond it something is stuck

Kill = tuple[float, tuple[str, ...], float]  # seconds to wait, who dies, seconds until they are started again


@dataclass
class Run:
    """One run and what was done to it."""

    name: str
    kills: list[str] = field(default_factory=list)
    result: RunResult | None = None
    failure: str = ""
    seconds: float = 0.0


async def conduct(house: House, client: Client, run: Run, kills: list[Kill]) -> None:
    """Start it, kill as scheduled, approve what it asks for, see its end."""
    account = house.open_account(run.name, *WORLD)
    start = house.run_input(run.name, *SETTINGS, f"account={account}")
    begun = time.monotonic()
    handle: WorkflowHandle[object, RunResult] = await client.start_workflow(
        "TrainingRun", start, id=run.name, task_queue=Queue.WORKFLOWS, result_type=RunResult
    )
    ending = asyncio.create_task(end_of(handle, run))
    approving = asyncio.create_task(approve(house, client, run.name))
    killing = asyncio.create_task(kill(house, run, begun, kills, ending))
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            await asyncio.gather(ending, killing)
    except TimeoutError:
        run.failure = run.failure or f"not over after {LONGEST_SECONDS:.0f} s"
    finally:
        for task in (ending, approving, killing):
            task.cancel()
        await asyncio.gather(ending, approving, killing, return_exceptions=True)
    run.seconds = time.monotonic() - begun


async def end_of(handle: WorkflowHandle[object, RunResult], run: Run) -> None:
    """The run's result, however often the server is away meanwhile."""
    while run.result is None and not run.failure:
        try:
            run.result = await handle.result()
        except WorkflowFailureError as error:
            run.failure = f"failed: {error.cause}"
        except RPCError:
            await asyncio.sleep(0.2)


async def approve(house: House, client: Client, name: str) -> None:
    """Approve each phase once; a signal that was not acknowledged is sent again."""
    for phase in (Phase.LIVE_TEST, Phase.SCALED):
        while (decision := await asyncio.to_thread(house.signed, name, phase)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        sent = False
        while not sent:
            try:
                await client.get_workflow_handle(phase_id(name, phase)).signal("approve", decision.model_dump())
                sent = True
            except RPCError:
                await asyncio.sleep(0.2)


async def kill(
    house: House,
    run: Run,
    begun: float,
    kills: list[Kill],
    ending: asyncio.Task[None],
) -> None:
    """kill -9, leave dead for a while, start again on the same files; none after the run's end."""
    for wait, victims, down in kills:
        await asyncio.wait([ending], timeout=wait)
        if ending.done():
            return
        phase = await asyncio.to_thread(where, house, run.name)
        run.kills.append(
            f"{time.monotonic() - begun:.1f} s {'+'.join(victims) if len(victims) < 5 else 'all'} ({phase})"
        )
        await asyncio.to_thread(dead_for, house, victims, down)


def dead_for(house: House, victims: tuple[str, ...], seconds: float) -> None:
    """Kill, wait, restart."""
    with house.without(*victims):
        time.sleep(seconds)


def where(house: House, name: str) -> str:
    """The phase a run is in, as far as its money tells."""
    with house.ledger() as ledger:
        phases = {r.phase for r in ledger.reservations(name, name)}
        asked = ledger.open_requests(name)
    if asked:
        return f"{asked[0].request.phase} asks"
    return str(max(phases, key=list(Phase).index)) if phases else "before money"


def schedule(seed: int, number: int) -> list[Kill]:
    """What happens to a run, a pure function of seed and number: 3 to 6 kills."""
    rng = np.random.Generator(np.random.Philox(key=[seed, number]))
    return [
        (float(rng.uniform(0.3, LONGEST_WAIT)), VICTIMS[int(rng.integers(len(VICTIMS)))], float(rng.uniform(0, 1)))
        for _ in range(int(rng.integers(3, 7)))
    ]


def differences(house: House, run: Run, reference: Run) -> list[str]:
    """Where a run did not end as the reference did, and what it left behind."""
    found = house.untidy(run.name, run.name)
    if run.result is None or reference.result is None:
        return [*found, run.failure]
    expected, got = reference.result, run.result
    pairs = {
        "outcome": (got.outcome, expected.outcome),
        "checkpoint": (got.checkpoint_digest, expected.checkpoint_digest),
        "spend": (got.spend_micros, expected.spend_micros),
        "campaigns": (house.footprint(run.name), house.footprint(reference.name)),
        "rows": (house.rows(run.name), house.rows(reference.name)),
    }
    return [*found, *(f"{what}: {a}, not {b}" for what, (a, b) in pairs.items() if a != b)]


@contextmanager
def furnished(home: Path) -> Iterator[House]:
    """Every service, an account, a key."""
    with LocalStack(home) as stack:
        house = House(stack)
        house.furnish()
        yield house


async def chaos(house: House, runs: int, seed: int) -> int:
    """The reference, then every run; 0 where all ended alike."""
    console = Console(width=None if sys.stdout.isatty() else 170)
    client = await connections.temporal(house.settings)
    reference = Run("reference")
    await conduct(house, client, reference, [])
    if reference.result is None:
        console.print(f"the undisturbed run did not end well: {reference.failure}")
        return 1
    digest, cost = (reference.result.checkpoint_digest or "")[:12], reference.result.spend_micros / 1e6
    console.print(
        f"undisturbed: {reference.result.outcome}, checkpoint {digest}, spent {cost:.6f}, "
        f"{len(house.footprint('reference'))} campaigns, {reference.seconds:.1f} s"
    )
    table = Table("run", "seconds", "killed", "outcome", "campaigns", "different from the undisturbed run")
    bad = total = 0
    for number in range(1, runs + 1):
        run = Run(f"chaos-{number:02d}")
        await conduct(house, client, run, schedule(seed, number))
        found = differences(house, run, reference)
        bad, total = bad + bool(found), total + len(run.kills)
        ended = str(run.result.outcome) if run.result else run.failure
        campaigns = str(len(house.footprint(run.name)))
        row = (run.name, f"{run.seconds:.1f}", "\n".join(run.kills), ended, campaigns, "\n".join(found) or "nothing")
        table.add_row(*row)
        console.print(" | ".join(each.replace("\n", ", ") for each in row), soft_wrap=True)
    console.print(table)
    console.print(f"{runs - bad} of {runs} runs ended as the undisturbed one did, after {total} kills (seed {seed})")
    return 1 if bad else 0


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, furnished(Path(home)) as house:
        return asyncio.run(chaos(house, options.runs, options.seed))


if __name__ == "__main__":
    sys.exit(main())
