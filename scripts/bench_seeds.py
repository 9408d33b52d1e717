"""`make bench-seeds`: the quick-test run with many root seeds, on real parts. Touch this to bench another outcome.

At least 49 of 50 seeds must end graduated or graduated-unproven; prints a table and writes it as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gaelp.commands import connections
from gaelp.configuration import loading
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Outcome
from gaelp.domain.temporal_names import Queue
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.local_stack import LocalStack, first_use
from gaelp.market.calibration.calibrate import calibrate
from gaelp.messages.training_run import RunInput, RunResult
from gaelp.records.logs.stored_logs import load_bandit
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from gaelp.settings import Settings
from tests.support.emulator_accounts import open_emulator_account

GOOD = (Outcome.GRADUATED, Outcome.GRADUATED_UNPROVEN)


async def run_seed(client: Any, settings: Settings, ledger: Ledger, seed: int, world: Any) -> dict[str, Any]:
    """One run from its start to its end, approved whenever it asks."""
    name, key = f"seed-{seed:03d}", signatures.new_key()
    open_emulator_account(settings, name, "bench", key, world)
    changes = [f"seed={seed}", f"account={name}"]
    config = loading.load("quick-test", environment={}, overrides=changes)
    ledger.register_run(name, name, datetime.now(UTC))
    start = RunInput(run=name, config=config, config_digest=loading.digest(config), agent=config.agent)
    begun = time.monotonic()
    handle = await client.start_workflow(
        "TrainingRun", start, id=name, task_queue=Queue.WORKFLOWS, result_type=RunResult
    )
    ending = asyncio.create_task(handle.result())
    while not (await asyncio.wait([ending], timeout=0.2))[0]:
        for card in ledger.open_requests(name):
            decision = signatures.sign(key.pem, card.request, "approve")
            phase = client.get_workflow_handle(phase_id(name, card.request.phase))
            await phase.signal("approve", decision.model_dump())
            await asyncio.sleep(0.5)  # until the ledger has it, a second signal would only be refused
    result: RunResult = ending.result()
    live = next((p for p in result.phases if p.phase == "live-test" and p.gate), None)
    nine = next((c for c in live.gate.criteria if c.id == "9"), None) if live and live.gate else None
    return {
        "seed": seed,
        "outcome": result.outcome,
        "seconds": round(time.monotonic() - begun, 1),
        "spend": result.spend_micros / 1e6,
        "efficiency": nine.estimate if nine else None,
        "reason": result.reason,
    }


async def bench(settings: Settings, seeds: list[int], output: Path) -> int:
    """All seeds one after another."""
    ledger = Ledger.open(settings.ledger)
    warehouse = open_warehouse(settings.warehouse)
    logs = [load_bandit(warehouse, name) for name in first_use.LOGS]
    base = loading.load("quick-test", environment={}, overrides=[])
    whole = base.historical.model_copy(update={"calibration_share": 1.0})
    world = calibrate(logs, base.model_copy(update={"historical": whole}))
    client = await connections.temporal(settings)
    rows = []
    for seed in seeds:
        row = await run_seed(client, settings, ledger, seed, world)
        rows.append(row)
        print(f"{seed:4} {row['outcome']:20} {row['seconds']:6.1f} s  {row['reason']}", flush=True)
        await asyncio.to_thread(output.write_text, json.dumps(rows, indent=1))
    good = sum(row["outcome"] in GOOD for row in rows)
    print(f"{good} of {len(rows)} seeds graduated (proven or not)")
    return 0 if good >= 0.98 * len(rows) else 1


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--home", type=Path, default=Path(".gaelp/bench"))
    parser.add_argument("--output", type=Path, default=Path(".gaelp/bench/seeds.json"))
    options = parser.parse_args()
    folder = first_use.fetch_logs(options.home.absolute())
    with LocalStack(options.home) as stack:
        os.environ.update(stack.environment())
        first_use.Ingestion(folder, stack.environment()).reports()
        return asyncio.run(
            bench(Settings(), list(range(options.first, options.first + options.seeds)), options.output.absolute())
        )


if __name__ == "__main__":
    sys.exit(main())
