"""Events and memory of a long simulation phase: real workflows and services, and a world that is stated.

    PYTHONPATH=. python scripts/long_phase.py [--rounds N]

A round has 8 batches of 1,024 episodes, which a stated agent of `certify` draws in milliseconds, so that the phase's
own growth is seen and not the auctions; 1,221 rounds are ten million episodes. What a batch of auctions needs of memory
does not depend on the number of rounds. Touch this when a phase's history grows otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio.client import Client

from gaelp.commands import connections
from gaelp.configuration import loading
from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.domain.phases import Phase
from gaelp.domain.temporal_names import Queue
from gaelp.evidence.certification.certified_names import slug, trial_name
from gaelp.evidence.certification.gate_certification import that_should_pass
from gaelp.local_stack import LocalStack
from gaelp.messages.training_run import RunInput, RunResult
from gaelp.money import micros
from gaelp.settings import Settings
from scripts.bench.stack_processes import memory_mib

ACCOUNT = "long-phase"
BATCHES, CAMPAIGNS = 8, 1_024
SERVICES = ("temporal", "redis", "worker", "certify")


async def histories(client: Client, workflow: str) -> AsyncIterator[tuple[int, int]]:
    """Events and bytes of each run of a workflow that continues as new, the oldest first."""
    first = await client.get_workflow_handle(workflow).describe()
    info = first.raw_description.workflow_execution_info
    run = info.first_run_id
    while run:
        history = await client.get_workflow_handle(workflow, run_id=run).fetch_history()
        yield len(history.events), sum(event.ByteSize() for event in history.events)
        run = history.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id


async def measured(settings: Settings, rounds: int, stack: LocalStack) -> None:
    """Run the phase, and print its memory on the way and its histories at the end."""
    overrides = [
        "mode=strict", f"account={ACCOUNT}", "historical.logs=[]", f"simulation.rounds={rounds}",
        f"simulation.batches_per_round={BATCHES}", f"simulation.campaigns_per_batch={CAMPAIGNS}",
        "simulation.exam_batches=1", "simulation.exam_looks=1",
    ]  # fmt: skip
    config = loading.load("quick-test", environment={}, overrides=overrides)
    agent = trial_name(slug(list(that_should_pass())[-1].agent), 0)
    client, ledger = await connections.temporal(settings), connections.open_ledger(settings)
    cap = micros(Decimal(1_000))
    ledger.put_account(Account(
        account=ACCOUNT, kind=AccountKind.EMULATOR, platform="emulator", currency="USD", daily_cap_micros=cap,
        total_cap_micros=cap,
    ))  # fmt: skip
    ledger.register_run(agent, ACCOUNT, connections.now())
    order = RunInput(
        run=agent, config=config, config_digest=loading.digest(config), agent=agent, until=Phase.SIMULATION
    )
    running = asyncio.create_task(
        client.execute_workflow("TrainingRun", order, id=agent, task_queue=Queue.WORKFLOWS, result_type=RunResult)
    )
    while not running.done():
        print("memory, MiB:", memory_mib(stack, SERVICES), flush=True)
        await asyncio.wait({running}, timeout=20)
    result = await running
    ledger.close()
    print(f"{rounds} rounds, {result.phases[-1].episodes:,} episodes, ended {result.outcome}")
    async for events, size in histories(client, f"{agent}/{Phase.SIMULATION}"):
        print(f"{events:,} events, {size:,} bytes")


def main() -> None:
    """Print what the phase needed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=122)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="gaelp-long-") as home, LocalStack(Path(home), names=SERVICES) as stack:
        values = {name.removeprefix("GAELP_").lower(): value for name, value in stack.environment().items()
                  if name.startswith("GAELP_")}  # fmt: skip
        asyncio.run(measured(Settings(**values), options.rounds, stack))


if __name__ == "__main__":
    main()
