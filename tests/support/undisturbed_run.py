"""One whole run as the README tells a person to make it. Touch this when the README's way changes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gaelp.domain.phases import Phase
from gaelp.messages.training_run import RunResult
from tests.support.local_runs import SAME_DAYS, CommandResult, LocalRuns, until

NAME = "undisturbed"
# Profitable, but not with a third of the conversions; and the same on every account.
WORLD = ("economics.conversion_rate=0.024", SAME_DAYS)
# Long enough that a phase can be interrupted in its middle.
SETTINGS = ("seed=7", "live_test.days=7", *WORLD)


@dataclass(frozen=True)
class Undisturbed:
    """A run and every command a person gave for it."""

    result: RunResult
    ended: CommandResult  # start --wait --json
    printed: CommandResult  # approve --print
    signalled: CommandResult  # temporal workflow signal
    approved: CommandResult  # approve
    footprint: dict[str, tuple[int, int]]  # as it was when the run ended: a later stop of the account writes too
    rows: dict[str, int]


async def follow_readme(local_runs: LocalRuns) -> Undisturbed:
    """Start, approve the live test by plain signal and the scaled deployment by command, wait for the end."""
    account = local_runs.open_account(NAME, *WORLD)
    waiting = asyncio.create_task(asyncio.to_thread(local_runs.start, NAME, *SETTINGS, f"account={account}"))
    await until(lambda: local_runs.signed(NAME, Phase.LIVE_TEST), "the live test asks for approval")
    printed = await asyncio.to_thread(local_runs.starter, "approve", NAME, "--print")
    decision = local_runs.stack.home / "decision.json"
    decision.write_text(printed.out)
    arguments = ("--workflow-id", f"{NAME}/live-test", "--name", "approve", "--input-file", str(decision))
    signalled = await asyncio.to_thread(local_runs.temporal, "workflow", "signal", *arguments)
    await until(lambda: local_runs.signed(NAME, Phase.SCALED), "the scaled deployment asks for approval")
    approved = await asyncio.to_thread(local_runs.starter, "approve", NAME, "--json")
    ended = await waiting
    return Undisturbed(
        run_result(ended), ended, printed, signalled, approved, local_runs.footprint(NAME), local_runs.rows(NAME)
    )


def run_result(ended: CommandResult) -> RunResult:
    """What `start --wait --json` printed, as the run returned it."""
    assert ended.code in (0, 3) and "error" not in ended.json, ended.output
    document = {name: value for name, value in ended.json.items() if name in RunResult.model_fields}
    return RunResult.model_validate(document)
