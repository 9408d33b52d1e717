"""`wait` and Ctrl-C against a real Temporal server: when a person is called, and what is said to who leaves."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from tests.support.command_stage import ALONE, staged
from tests.support.planted_anomalies import anomaly, of_run, walked

LEFT = "goes on without this terminal: `starter.py watch e` shows it again, `starter.py cancel e` ends it"


async def test_wait_returns_when_a_run_needs_somebody_or_ends(tmp_path: Path) -> None:
    """4 for an approval and a pause, with the command; 0 and 3 at an end; Ctrl-C is 130, and the run goes on."""
    async with staged(tmp_path) as stage:
        start = ("start", *ALONE, "--experiment-name")
        await asyncio.gather(
            stage.starter(*start, "d", "--agent", "linear-bid"),
            stage.starter(*start, "e", "--agent", "best-creative"),
            stage.starter(*start, "b", "--agent", "uniform"),
        )
        waited, ended, nobody = await asyncio.gather(
            stage.starter("wait", "d", "--json"), stage.starter("wait", "b"), stage.starter("wait", "nobody")
        )
        assert (waited.code, waited.document["exit_code"]) == (4, 4), waited.err
        assert waited.document["needs"].startswith("d/live-test waits for your approval: `starter.py approve d`")
        assert waited.document["needs"] in waited.err, "it is said as it happens, too"
        assert (ended.code, ended.out.splitlines()[0]) == (3, "b: not-graduated, as told")
        assert (nobody.code, "there is no run 'nobody'" in nobody.err) == (1, True)

        # Where the tests themselves run in the background, Ctrl-C is ignored, and a child would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        left = await asyncio.gather(*(stage.begin(verb, "e") for verb in ("wait", "wait")))
        await asyncio.gather(*(process.stderr.readline() for process in left if process.stderr))  # it has looked
        for process in left:
            process.send_signal(signal.SIGINT)
        for ran in await asyncio.gather(*(stage.ended(process) for process in left)):
            assert (ran.code, LEFT in ran.err) == (130, True), ran.err
        await stage.reaches("e", "running")

        await stage.starter("pause", "e")
        paused = await stage.starter("wait", "e")
        assert (paused.code, "`starter.py resume e` lets it go on" in paused.out) == (4, True), paused.err

        # What monitoring does is known to the ledger alone; a suspected failure of measurement calls a person.
        await stage.starter("resume", "e")
        await stage.reaches("e", "running")
        silent = anomaly("conversions_per_click", measurement=True)
        (hold,) = (of_run(each, "e", "emulator") for each in walked([(0, [silent])]))
        stage.ledger.take_step(hold)
        suspected = await stage.starter("wait", "e", "--json")
        assert suspected.code == 4, suspected.err
        assert f"starter.py undo e {hold.key}" in suspected.document["needs"]
        assert suspected.document["held"] == [suspected.document["needs"]]
