"""The same run with one thing changed ends otherwise, and equal seeds end equally."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from temporalio.client import Client

from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Outcome, Phase
from gaelp.domain.temporal_names import Queue
from gaelp.messages.training_run import RunResult
from tests.support.local_runs import LocalRuns, until
from tests.support.undisturbed_run import SETTINGS, WORLD, Undisturbed, run_result

SOON = "approval.deadline_hours=0.0003"  # about a second of silence


def test_a_poor_agent_ends_in_simulation(local_runs: LocalRuns) -> None:
    """Agent uniform: exit code 3, refused by criterion 1 on evidence, and nothing on the platform."""
    account = local_runs.open_account("poor")
    ended = local_runs.start("poor", f"account={account}", agent="uniform")
    result = run_result(ended)
    assert (ended.code, result.outcome) == (3, Outcome.NOT_GRADUATED), ended.output
    assert [phase.phase for phase in result.phases] == [Phase.SIMULATION]
    assert _verdict(result, Phase.SIMULATION, "1") is Verdict.FAIL
    assert _in_emulator(local_runs, "poor") == []


@pytest.mark.asyncio(loop_scope="session")
async def test_equal_seeds_make_equal_checkpoints_and_silence_spends_nothing(local_runs: LocalRuns) -> None:
    """Seed 7 under two names gives one digest, seed 8 another; without approval each ends with 3 and no campaign."""
    seeds = {"seven": "seed=7", "seven-again": "seed=7", "eight": "seed=8"}
    runs = [asyncio.to_thread(local_runs.start, name, seed, SOON) for name, seed in seeds.items()]
    ended = dict(zip(seeds, await asyncio.gather(*runs), strict=True))
    digests = {name: run_result(ran).checkpoint_digest for name, ran in ended.items()}
    assert digests["seven"] == digests["seven-again"] not in (None, digests["eight"])
    for name, ran in ended.items():
        assert (ran.code, "silence is a refusal" in ran.json["reason"]) == (3, True), ran.output
        assert _in_emulator(local_runs, name) == []


def test_equal_seeds_learn_the_same_with_one_compute_process_and_with_two(local_runs: LocalRuns) -> None:
    """The same checkpoint by digest, however many processes share the batches and however they are put together."""
    wide = ("simulation.batches_per_round=6", "simulation.rounds=3", SOON, "seed=7")
    digests = []
    try:
        for processes in (1, 2):
            local_runs.stack.compute_processes = processes
            local_runs.stack.restart("compute")
            digests.append(run_result(local_runs.start(f"processes-{processes}", *wide)).checkpoint_digest)
    finally:
        local_runs.stack.compute_processes = None
        local_runs.stack.restart("compute")
    assert digests[0] == digests[1] is not None


@pytest.mark.asyncio(loop_scope="session")
async def test_a_third_of_the_conversions_does_not_pass(
    local_runs: LocalRuns, client: Client, undisturbed: Undisturbed
) -> None:
    """With conversions divided by three the live test ends the run, its campaigns paused and settled."""
    assert _verdict(undisturbed.result, Phase.LIVE_TEST, "8") is not Verdict.FAIL
    account = local_runs.open_account("hard", *WORLD)
    settings = (*SETTINGS, "live_test.campaigns=6", "live_test.streak=5", f"account={account}")
    with _conversions(local_runs, 1 / 3):
        async with local_runs.approving(client, "hard"):
            ended = await asyncio.to_thread(local_runs.start, "hard", *settings)
    result = run_result(ended)
    assert (ended.code, result.outcome) == (3, Outcome.NOT_GRADUATED), ended.output
    assert [phase.phase for phase in result.phases] == [Phase.SIMULATION, Phase.HISTORICAL, Phase.LIVE_TEST]
    assert _verdict(result, Phase.LIVE_TEST, "8") is Verdict.FAIL
    assert local_runs.on_platform("hard", account) != []
    assert local_runs.leftovers("hard", account) == []


@pytest.mark.asyncio(loop_scope="session")
async def test_a_read_only_ledger_launches_nothing(local_runs: LocalRuns, client: Client) -> None:
    """With the ledger read-only commands refuse in a sentence and an approval launches nothing; mended, it goes on."""
    account, run = local_runs.open_account("locked"), "locked"
    start = local_runs.run_input(run, f"account={account}")
    handle = await client.start_workflow(
        "TrainingRun", start, id=run, task_queue=Queue.WORKFLOWS, result_type=RunResult
    )
    decision = await until(lambda: local_runs.signed(run, Phase.LIVE_TEST), "the live test asks for approval")
    phase = client.get_workflow_handle(phase_id(run, Phase.LIVE_TEST))
    with _read_only(local_runs.stack.home / "ledger.db"):
        for arguments in (("approve", run), ("start", "--experiment-name", "never", "--set", f"account={account}")):
            refused = await asyncio.to_thread(local_runs.starter, *arguments)
            assert (refused.code, refused.out) == (1, ""), refused.output
            assert "ledger.db is read-only: make it writable" in refused.err
            assert len(refused.err.splitlines()) == 1, refused.output
        await phase.signal("approve", decision.model_dump())
        await _fails(client, phase_id(run, Phase.LIVE_TEST), "is read-only")
        assert _in_emulator(local_runs, run) == []
    async with local_runs.approving(client, run):
        result = await handle.result()
    assert result.outcome is Outcome.GRADUATED_UNPROVEN, result.reason
    assert local_runs.leftovers(run, account) == []


async def _fails(client: Client, workflow: str, message: str) -> None:
    """Wait until a pending activity of the workflow has failed with that message at least twice."""
    async with asyncio.timeout(30):
        while True:
            description = await client.get_workflow_handle(workflow).describe()
            pending = description.raw_description.pending_activities
            if any(each.attempt > 2 and message in each.last_failure.message for each in pending):
                return
            await asyncio.sleep(0.05)


def _verdict(result: RunResult, phase: Phase, criterion: str) -> Verdict:
    gate = next(p.gate for p in result.phases if p.phase is phase)
    assert gate is not None
    return next(c.verdict for c in gate.criteria if c.id == criterion)


def _in_emulator(local_runs: LocalRuns, run: str) -> list[str]:
    """The run's campaigns in the emulator's database file, past every client and server of ours."""
    with closing(sqlite3.connect(f"file:{local_runs.stack.home / 'emulator.db'}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT external_name FROM campaigns WHERE external_name LIKE ?", (f"{run}/%",))
        return [name for (name,) in rows]


@contextmanager
def _conversions(local_runs: LocalRuns, factor: float) -> Iterator[None]:
    local_runs.control("PUT", "/conversion-factor", json={"factor": factor})
    try:
        yield
    finally:
        local_runs.control("PUT", "/conversion-factor", json={"factor": 1.0})


@contextmanager
def _read_only(ledger: Path) -> Iterator[None]:
    """As `chmod a-w` would do; for root, whom the system would let write, the ledger looks at the mode itself."""
    files = [path for path in ledger.parent.glob("ledger.db*") if path.is_file()]
    modes = {path: path.stat().st_mode for path in files}
    for path in files:
        path.chmod(0o444)
    try:
        yield
    finally:
        for path, mode in modes.items():
            if path.exists():
                path.chmod(mode)
