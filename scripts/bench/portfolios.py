"""Live ticks a second of a portfolio by its number of campaigns, from the approval to the settled end.

The services are real, and no time passes between ticks. Launching and settling are in the figures, because every
campaign does both; `steady` is the rate of the middle three fifths of the ticks alone. Processor time is that of all
processes: Temporal, Redis, the emulator, both workers, what they start, and the client. `--campaigns 1000 --days 30`
measures one portfolio, `--tick-hours 1` by the hour. Needs the test library: run it from the repository's root. Touch
this to measure another shape of a portfolio.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa
from temporalio.client import Client, WorkflowHandle

from gaelp.commands import connections
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.temporal_names import Queue
from gaelp.ledger.stores import tables
from gaelp.local_stack import LocalStack
from gaelp.messages.phase import PhaseResult
from gaelp.money import micros
from scripts.bench.stack_processes import memory_mib, processor_seconds
from scripts.bench.timing import Sizes
from tests.support.local_runs import LocalRuns, until
from tests.support.single_phase import begin_in_ledger, phase_input

PHASE = Phase.SCALED
A_DOLLAR = micros(Decimal(1))
WATCHED_EVERY = 5.0  # seconds


@dataclass(frozen=True)
class Portfolio:
    """One portfolio; memory is in MiB by service, at the approval, after half of the ticks, and at the end."""

    campaigns: int
    days: int
    tick_hours: int
    load: float  # the machine's, when it began
    load_at_end: float = 0.0
    seconds: float = 0.0
    ticks_a_second: float = 0.0
    steady: float = 0.0
    processor_ms_a_tick: float = 0.0
    processor_ms: str = ""  # the same by service
    events_a_tick: float = 0.0
    memory: str = ""
    note: str = ""


@dataclass(frozen=True)
class _Moment:
    """How far a portfolio was, and what it had used."""

    seconds: float
    days: int  # campaign-days that were reserved
    memory: dict[str, int]


def measured(sizes: Sizes) -> list[Portfolio]:
    """Every size on a stack of its own, so that no ledger and no history of an earlier one weighs on a later one."""
    shapes = [Portfolio(number, sizes.portfolio_days, sizes.tick_hours, 0.0) for number in sizes.portfolios]
    return [_measured(shape, sizes.portfolio_seconds) for shape in shapes]


def _measured(shape: Portfolio, seconds: float) -> Portfolio:
    shape = replace(shape, load=round(os.getloadavg()[0], 1))
    with tempfile.TemporaryDirectory() as home, LocalStack(Path(home)) as stack:
        runs = LocalRuns(stack)
        runs.prepare()
        try:
            found = asyncio.run(asyncio.wait_for(_run(runs, shape), seconds))
        except TimeoutError:
            found = replace(shape, note=f"did not end within {seconds:.0f} s")
    return replace(found, load_at_end=round(os.getloadavg()[0], 1))


async def _run(runs: LocalRuns, shape: Portfolio) -> Portfolio:
    client = await connections.temporal(runs.settings)
    run, account = f"portfolio-{shape.campaigns}", _account(runs, shape.campaigns, shape.days)
    with runs.ledger() as ledger:
        ledger.register_run(run, account, datetime.now(UTC))
    given = phase_input(runs, run, PHASE, account, *_settings(shape))
    begin_in_ledger(runs, given)
    phase: WorkflowHandle[object, PhaseResult] = await client.start_workflow(
        "ScaledDeployment", given, id=phase_id(run, PHASE), task_queue=Queue.WORKFLOWS, result_type=PhaseResult
    )
    await until(lambda: runs.signed(run, PHASE), "the portfolio asks for approval", 600)
    begun, used = time.perf_counter(), processor_seconds(runs.stack)
    await runs.approve(client, run, (PHASE,))
    ending = asyncio.create_task(phase.result())
    moments = [moment async for moment in _watched(runs, account, ending)]
    result, took = await ending, time.perf_counter() - begun
    ticks = shape.campaigns * shape.days * 24 // shape.tick_hours
    spent = {name: 1000 * (now - used[name]) / ticks for name, now in processor_seconds(runs.stack).items()}
    return replace(
        shape, seconds=round(took), ticks_a_second=round(ticks / took, 1),
        steady=round(_steady(moments) * 24 / shape.tick_hours, 1), processor_ms_a_tick=round(sum(spent.values()), 1),
        processor_ms=_listed({name: f"{each:.1f}" for name, each in spent.items()}),
        events_a_tick=round(await _events(client) / ticks, 1), memory=_memory(moments), note=result.reason[:120],
    )  # fmt: skip


async def _watched(runs: LocalRuns, account: str, ending: asyncio.Task[PhaseResult]) -> AsyncIterator[_Moment]:
    """A moment every few seconds until the portfolio has ended, each printed as it comes."""
    begun, counted = time.perf_counter(), sa.select(sa.func.count()).select_from(tables.reservations)
    database = sa.create_engine(runs.settings.ledger)
    while True:
        ended = ending.done()
        with database.connect() as connection:
            days = connection.execute(counted.where(tables.reservations.c.account == account)).scalar_one()
        moment = _Moment(time.perf_counter() - begun, days, memory_mib(runs.stack))
        load = os.getloadavg()[0]
        print(f"{moment.seconds:7.0f} s {days:7} days, load {load:.1f}, MiB {_listed(moment.memory)}", flush=True)
        yield moment
        if ended:
            return
        await asyncio.wait([ending], timeout=WATCHED_EVERY)


def _steady(moments: Sequence[_Moment]) -> float:
    """Campaign-days a second between the first and the last fifth; 0 where too few moments were seen."""
    last = moments[-1].days
    middle = [moment for moment in moments if last / 5 <= moment.days <= last * 4 / 5]
    if len(middle) < 2:
        return 0.0
    return (middle[-1].days - middle[0].days) / (middle[-1].seconds - middle[0].seconds)


def _memory(moments: Sequence[_Moment]) -> str:
    half = next(moment for moment in moments if moment.days >= moments[-1].days / 2)
    chosen = (moments[0], half, moments[-1])
    return _listed({name: "/".join(str(moment.memory[name]) for moment in chosen) for name in moments[0].memory})


def _listed(figures: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {figure}" for name, figure in figures.items())


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


def _settings(shape: Portfolio) -> tuple[str, ...]:
    campaigns = shape.campaigns
    products = [f"product-{index}" for index in range(campaigns // 2)]  # each has two arms
    return (
        f"scaled.products={products}", "scaled.daily_budget=1", f"scaled.daily_cap={4 * campaigns}",
        "scaled.periods=1", f"scaled.period_days={shape.days}", f"limits.daily={4 * campaigns + 50}",
        f"clock.tick_hours={shape.tick_hours}",
    )  # fmt: skip


async def _events(client: Client) -> int:
    """Events in the histories of all campaigns."""
    found = client.list_workflows("WorkflowType = 'LiveCampaign'")
    return sum([execution.history_length async for execution in found])
