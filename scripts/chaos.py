"""`make chaos`: three series, each left out where its number is 0.

Whole runs while processes die at random, each compared with an undisturbed run of the same seed; runs that are struck
while they spend, with the emulator as the witness of what is enabled afterwards; and sequences of campaigns under a
hostile platform (scripts/hostile_platform.py). Touch this to let something else die. Needs the test library: run it
from the repository's root.
"""

from __future__ import annotations

import argparse
import asyncio
import os
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
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.temporal_names import Queue
from gaelp.local_stack import LocalStack
from gaelp.messages.training_run import RunResult
from scripts.hostile_platform import run_sequences
from tests.support.local_runs import LocalRuns
from tests.support.struck_runs import VICTIMS, Struck, StruckRuns, strikes
from tests.support.undisturbed_run import SETTINGS, WORLD

LONGEST_WAIT = 5.0  # seconds between two kills: a whole undisturbed run takes about ten
REAPER_SECONDS = 5  # between two looks of the reaper, instead of 30, so that the series takes less time
AT_ONCE = 5  # runs that are struck
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


async def run_with_kills(local_runs: LocalRuns, client: Client, run: Run, kills: list[Kill]) -> None:
    """Start the run, kill services as scheduled, approve what it asks for, and wait for its end."""
    account = local_runs.open_account(run.name, *WORLD)
    start = local_runs.run_input(run.name, *SETTINGS, f"account={account}")
    begun = time.monotonic()
    handle: WorkflowHandle[object, RunResult] = await client.start_workflow(
        "TrainingRun", start, id=run.name, task_queue=Queue.WORKFLOWS, result_type=RunResult
    )
    ending = asyncio.create_task(end_of(handle, run))
    approving = asyncio.create_task(approve(local_runs, client, run.name))
    killing = asyncio.create_task(kill_and_restart(local_runs, run, begun, kills, ending))
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


async def approve(local_runs: LocalRuns, client: Client, name: str) -> None:
    """Approve each phase once; a signal that was not acknowledged is sent again."""
    for phase in (Phase.LIVE_TEST, Phase.SCALED):
        while (decision := await asyncio.to_thread(local_runs.signed, name, phase)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        sent = False
        while not sent:
            try:
                await client.get_workflow_handle(phase_id(name, phase)).signal("approve", decision.model_dump())
                sent = True
            except RPCError:
                await asyncio.sleep(0.2)


async def kill_and_restart(
    local_runs: LocalRuns,
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
        phase = await asyncio.to_thread(phase_of, local_runs, run.name)
        run.kills.append(
            f"{time.monotonic() - begun:.1f} s {'+'.join(victims) if len(victims) < 5 else 'all'} ({phase})"
        )
        await asyncio.to_thread(keep_dead, local_runs, victims, down)


def keep_dead(local_runs: LocalRuns, victims: tuple[str, ...], seconds: float) -> None:
    """Kill, wait, restart."""
    with local_runs.without(*victims):
        time.sleep(seconds)


def phase_of(local_runs: LocalRuns, name: str) -> str:
    """The phase that a run is in, as its reservations and requests show it."""
    with local_runs.ledger() as ledger:
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


def differences(local_runs: LocalRuns, run: Run, reference: Run) -> list[str]:
    """Where a run ended in another way than the reference, and what it left behind."""
    different = local_runs.leftovers(run.name, run.name)
    if run.result is None or reference.result is None:
        return [*different, run.failure]
    expected, got = reference.result, run.result
    pairs = {
        "outcome": (got.outcome, expected.outcome),
        "checkpoint": (got.checkpoint_digest, expected.checkpoint_digest),
        "spend": (got.spend_micros, expected.spend_micros),
        "campaigns": (local_runs.footprint(run.name), local_runs.footprint(reference.name)),
        "rows": (local_runs.rows(run.name), local_runs.rows(reference.name)),
    }
    return [*different, *(f"{what}: {a}, not {b}" for what, (a, b) in pairs.items() if a != b)]


@contextmanager
def prepared(home: Path) -> Iterator[LocalRuns]:
    """Every service, a log, an account and a key, until the end of the block."""
    with LocalStack(home, environment={"GAELP_REAPER_SECONDS": str(REAPER_SECONDS)}) as stack:
        local_runs = LocalRuns(stack)
        local_runs.prepare()
        yield local_runs


async def chaos(local_runs: LocalRuns, runs: int, seed: int) -> int:
    """The undisturbed reference, then every run; 0 where all ended as the reference did."""
    console = Console(width=None if sys.stdout.isatty() else 170)
    client = await connections.temporal(local_runs.settings)
    reference = Run("reference")
    await run_with_kills(local_runs, client, reference, [])
    if reference.result is None:
        console.print(f"the undisturbed run did not end well: {reference.failure}")
        return 1
    digest, cost = (reference.result.checkpoint_digest or "")[:12], reference.result.spend_micros / 1e6
    console.print(
        f"undisturbed: {reference.result.outcome}, checkpoint {digest}, spent {cost:.6f}, "
        f"{len(local_runs.footprint('reference'))} campaigns, {reference.seconds:.1f} s"
    )
    table = Table("run", "seconds", "killed", "outcome", "campaigns", "different from the undisturbed run")
    bad = total = 0
    for number in range(1, runs + 1):
        run = Run(f"chaos-{number:02d}")
        await run_with_kills(local_runs, client, run, schedule(seed, number))
        different = differences(local_runs, run, reference)
        bad, total = bad + bool(different), total + len(run.kills)
        ended = str(run.result.outcome) if run.result else run.failure
        campaigns = str(len(local_runs.footprint(run.name)))
        row = (
            run.name,
            f"{run.seconds:.1f}",
            "\n".join(run.kills),
            ended,
            campaigns,
            "\n".join(different) or "nothing",
        )
        table.add_row(*row)
        console.print(" | ".join(each.replace("\n", ", ") for each in row), soft_wrap=True)
    console.print(table)
    console.print(f"{runs - bad} of {runs} runs ended as the undisturbed one did, after {total} kills (seed {seed})")
    return 1 if bad else 0


def shown(run: Struck) -> None:
    """One struck run as it was seen."""
    left = ", ".join(run.uncovered) or run.failure or "nothing uncovered"
    print(f"{run.name} | {run.strike.text} | {run.enabled} enabled | {run.seconds:.1f} s | {left}", flush=True)


async def struck(local_runs: LocalRuns, numbers: dict[str, int], seed: int) -> int:
    """So many runs struck in each way; 0 where nothing is enabled afterwards without a reservation."""
    console = Console(width=None if sys.stdout.isatty() else 170)
    client = await connections.temporal(local_runs.settings)
    table = Table("struck by", "runs", "enabled then", "longest until the reaper had looked", "uncovered", "failed")
    bad = 0
    for kind, number in numbers.items():
        runs = await StruckRuns(local_runs, client).all(strikes(seed, kind, number), AT_ONCE, shown)
        bad += sum(run.bad for run in runs)
        enabled, failed = sum(run.enabled for run in runs), sum(bool(run.failure) for run in runs)
        uncovered, longest = sum(len(run.uncovered) for run in runs), max((run.seconds for run in runs), default=0.0)
        table.add_row(kind, str(number), str(enabled), f"{longest:.1f} s", str(uncovered), str(failed))
    console.print(table)
    total = sum(numbers.values())
    console.print(f"{total - bad} of {total} struck runs left nothing uncovered (seed {seed})")
    console.print(f"the reaper looked every {REAPER_SECONDS} s; without GAELP_REAPER_SECONDS it looks every 30 s")
    return 1 if bad else 0


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="compared with an undisturbed one")
    parser.add_argument("--kills", type=int, default=50, help="runs whose services are killed")
    parser.add_argument("--cancels", type=int, default=20, help="runs, phases and campaigns that are cancelled")
    parser.add_argument("--terminates", type=int, default=20, help="and terminated")
    parser.add_argument("--sequences", type=int, default=100_000, help="of campaigns under a hostile platform")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first sequence")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    numbers = {"kill": options.kills, "cancel": options.cancels, "terminate": options.terminates}
    bad = 0
    if options.runs or any(numbers.values()):
        with tempfile.TemporaryDirectory() as home, prepared(Path(home)) as local_runs:
            if any(numbers.values()):
                bad |= asyncio.run(struck(local_runs, numbers, options.seed))
            if options.runs:
                bad |= asyncio.run(chaos(local_runs, options.runs, options.seed))
    if options.sequences:
        seeds = range(options.first, options.first + options.sequences)
        bad |= bool(run_sequences(seeds, os.cpu_count() or 1).broken)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
