"""Five runs for a reader who has seen nothing else: `PYTHONPATH=. python scripts/reader_runs.py DIR`, some minutes.

A good run that waits for its second approval, a poor one that was refused, one that ended unproven, one that somebody
stopped, and one whose account earns less than its logs promised; their names give nothing away. DIR/1 to DIR/5 get each
run's report, what `status` prints and, where it waits, the card that is to be signed; DIR/README says what to answer.
Touch this to ask another question of the report.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from temporalio.client import Client

from gaelp.commands import connections
from gaelp.domain.phases import Phase
from gaelp.local_stack import LocalStack
from tests.support.local_runs import SAME_DAYS, SMALL, LocalRuns, until

QUESTIONS = """Each folder holds what is known of one run: report/report.html, status.txt and, where it waits, card.txt.

For each run, by these files alone:
1. What may the agent do now?
2. Did it earn: how much, and how sure is that?
3. Why was it not promoted, or what is not proven yet?
4. What am I asked to sign, if anything?
5. What is the worst that it may cost from here on?
"""
WORLD = ("economics.conversion_rate=0.024", SAME_DAYS)
LESS = ("economics.conversion_rate=0.006", SAME_DAYS)  # a quarter of what the logs promise
SETTINGS = ("seed=7", "live_test.days=7", "live_test.campaigns=4")
PATIENCE = 600.0


class Readers:
    """Makes the runs on one stack and writes down what a reader is given."""

    def __init__(self, runs: LocalRuns, client: Client, folder: Path) -> None:
        self._runs, self._client, self._folder = runs, client, folder

    async def good(self) -> str:
        """Passed its live test, and waits for the approval of the scaled deployment."""
        await self._begin("ash", WORLD)
        await self._runs.approve(self._client, "ash", (Phase.LIVE_TEST,))
        await self._asked("ash", Phase.SCALED)
        return "ash"

    async def poor(self) -> str:
        """Refused in the simulation."""
        await self._begin("birch", WORLD, "agent=uniform", "simulation.rounds=1")
        return await self._ended("birch")

    async def unproven(self) -> str:
        """Through all phases, and not everything is proven."""
        await self._begin("cedar", WORLD)
        await self._runs.approve(self._client, "cedar")
        return await self._ended("cedar")

    async def stopped(self) -> str:
        """Stopped by a person while it spent."""
        await self._begin("elder", WORLD, "live_test.days=28")
        await self._runs.approve(self._client, "elder", (Phase.LIVE_TEST,))
        await until(lambda: self._runs.on_platform("elder", "elder"), "elder spends", PATIENCE)
        stop = ("stop", "elder", "--reason", "prices look wrong")
        ran = await asyncio.to_thread(self._runs.starter, *stop, timeout=PATIENCE)
        print(ran.output, flush=True)
        return await self._ended("elder")

    async def drifted(self) -> str:
        """Signed on what the logs said, and the account earns a quarter of it."""
        await self._begin("fir", LESS, *WORLD)
        await self._runs.approve(self._client, "fir", (Phase.LIVE_TEST,))
        return await self._ended("fir")

    async def _begin(self, run: str, world: Sequence[str], *changes: str) -> None:
        account = await asyncio.to_thread(self._runs.open_account, run, *world)
        await asyncio.to_thread(self._start, run, *SETTINGS, *WORLD, *changes, f"account={account}")

    def _start(self, run: str, *changes: str) -> None:
        settings = [word for each in (*SMALL, *changes) for word in ("--set", each)]
        ran = self._runs.starter("start", "--config", "quick-test", "--experiment-name", run, *settings)
        assert ran.code == 0, ran.output

    async def _asked(self, run: str, phase: Phase) -> None:
        await until(lambda: self._runs.signed(run, phase), f"{run} asks for {phase}", PATIENCE)

    async def _ended(self, run: str) -> str:
        await asyncio.to_thread(self._runs.starter, "wait", run, timeout=PATIENCE)
        return run

    def write(self, number: int, run: str) -> None:
        """The files of one run."""
        folder = self._folder / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        report = self._runs.starter("report", run, "--output", str(folder / "report"))
        assert report.code == 0, report.output
        (folder / "status.txt").write_text(self._runs.starter("status", run).out)
        card = self._runs.starter("approve", run, "--print")
        if card.code == 0:
            (folder / "card.txt").write_text(card.err)
        print(number, run, report.out, sep="\n", flush=True)


async def conduct(runs: LocalRuns, folder: Path) -> None:
    """All five, at once."""
    readers = Readers(runs, await connections.temporal(runs.settings), folder)
    made = (readers.good(), readers.poor(), readers.unproven(), readers.stopped(), readers.drifted())
    for number, run in enumerate(await asyncio.gather(*made), 1):
        readers.write(number, run)


def main(folder: Path) -> None:
    """The services, the runs, and what a reader is given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README").write_text(QUESTIONS)
    stack = LocalStack(folder / "home")
    stack.outlives_power_cuts = False
    with stack:
        runs = LocalRuns(stack)
        runs.prepare()
        asyncio.run(conduct(runs, folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
