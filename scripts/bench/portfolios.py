"""Live ticks a second of a portfolio by its number of campaigns, from the approval to the settled end.

The services are real, each campaign has daily ticks, and no time passes between them. Launching and settling are in the
figures, because every campaign does both. Processor time is that of all processes: Temporal, Redis, the emulator, both
workers, what they start, and the client. Needs the test library: run it from the repository's root. Touch this to
measure another shape of a portfolio.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from temporalio.client import Client, WorkflowHandle

from gaelp.commands import connections
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.temporal_names import Queue
from gaelp.local_stack import LocalStack
from gaelp.messages.phase import PhaseResult
from gaelp.money import micros
from scripts.bench.batch_program import processor_seconds_of_all
from scripts.bench.timing import Sizes
from tests.support.local_runs import LocalRuns, until
from tests.support.single_phase import phase_input

PHASE = Phase.SCALED
A_DOLLAR = micros(Decimal(1))


@dataclass(frozen=True)
class Portfolio:
    """One portfolio; a tick is a campaign's day."""

    campaigns: int
    days: int
    load: float  # the machine's, when it began
    ticks_a_second: float = 0.0
    processor_ms_a_tick: float = 0.0
    events_a_tick: float = 0.0
    note: str = ""


def measured(sizes: Sizes) -> list[Portfolio]:
    """Every size on a stack of its own, so that no ledger and no history of an earlier one weighs on a later one."""
    return [_measured(campaigns, sizes.portfolio_days, sizes.portfolio_seconds) for campaigns in sizes.portfolios]


def _measured(campaigns: int, days: int, seconds: float) -> Portfolio:
    load = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory() as home, LocalStack(Path(home)) as stack:
        runs = LocalRuns(stack)
        runs.prepare()
        try:
            return asyncio.run(asyncio.wait_for(_run(runs, campaigns, days, load), seconds))
        except TimeoutError:
            return Portfolio(campaigns, days, load, note=f"did not end within {seconds:.0f} s")


async def _run(runs: LocalRuns, campaigns: int, days: int, load: float) -> Portfolio:
    client = await connections.temporal(runs.settings)
    run, account = f"portfolio-{campaigns}", _account(runs, campaigns, days)
    with runs.ledger() as ledger:
        ledger.register_run(run, account, datetime.now(UTC))
    given = phase_input(runs, run, PHASE, account, *_settings(campaigns, days))
    phase: WorkflowHandle[object, PhaseResult] = await client.start_workflow(
        "ScaledDeployment", given, id=phase_id(run, PHASE), task_queue=Queue.WORKFLOWS, result_type=PhaseResult
    )
    await until(lambda: runs.signed(run, PHASE), "the portfolio asks for approval", 600)
    begun, used = time.perf_counter(), processor_seconds_of_all(os.getpid())
    await runs.approve(client, run, (PHASE,))
    result = await phase.result()
    took, used = time.perf_counter() - begun, processor_seconds_of_all(os.getpid()) - used
    ticks = campaigns * days
    events = await _events(client) / ticks
    return Portfolio(
        campaigns, days, load, round(ticks / took, 1), round(1000 * used / ticks), round(events, 1), result.reason[:120]
    )


def _account(runs: LocalRuns, campaigns: int, days: int) -> str:
    """An account with room for a dollar a day of each campaign, and Ada may approve it all."""
    name = runs.open_account("portfolio")
    daily, total = (4 * campaigns + 50) * A_DOLLAR, 4 * campaigns * (days + 31) * A_DOLLAR
    with runs.ledger() as ledger:
        account = ledger.account(name)
        ledger.put_account(account.model_copy(update={"daily_cap_micros": daily, "total_cap_micros": total}))
        (ada,) = ledger.approvers(name)
        ledger.put_approver(ada.model_copy(update={"limit_micros": total}))
    return name


def _settings(campaigns: int, days: int) -> tuple[str, ...]:
    products = [f"product-{index}" for index in range(campaigns // 2)]  # each has two arms
    return (
        f"scaled.products={products}", "scaled.daily_budget=1", f"scaled.daily_cap={4 * campaigns}",
        "scaled.periods=1", f"scaled.period_days={days}", f"limits.daily={4 * campaigns + 50}",
    )  # fmt: skip


async def _events(client: Client) -> int:
    """Events in the histories of all campaigns."""
    found = client.list_workflows("WorkflowType = 'LiveCampaign'")
    return sum([execution.history_length async for execution in found])
