"""Whole runs of `certify`: the real workflows, gate and attempts on services of their own; only the world is replaced.

Touch this to change how the trials are run; which agents there are is in
gaelp/evidence/certification/gate_certification.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.commands.console import Refused
from gaelp.configuration.loading import digest
from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.ids import checked_name
from gaelp.domain.phases import Outcome, Phase
from gaelp.domain.temporal_names import Queue
from gaelp.evidence.certification.certified_names import HARVESTER, slug, trial_name
from gaelp.evidence.certification.gate_certification import (
    ALL,
    ATTEMPTS_ALPHA,
    Certified,
    that_should_not_pass,
    that_should_pass,
)
from gaelp.messages.training_run import RunInput, RunResult
from gaelp.money import micros
from gaelp.settings import Settings

if TYPE_CHECKING:
    from temporalio.client import Client

    from gaelp.ledger.ledger import Ledger

ACCOUNT = "certify"
AT_ONCE = 8  # runs in flight
ORGANIC_SHARE = 0.7  # of the attributed conversions in the harvester's market
SERVICES = ("temporal", "redis", "worker", "certify")


@dataclass(frozen=True)
class CertifiedKind:
    """A kind of agent whose trials are whole runs."""

    name: str  # for people
    kind: str  # a part of names
    config: TrainingConfiguration
    limit: float | None  # the most that may graduate; None: it should


def kinds(config: TrainingConfiguration) -> tuple[CertifiedKind, ...]:
    """The agents that should not graduate, then those that should."""
    drawn, harvested = _drawn(config), _harvested(config)
    bad = tuple(CertifiedKind(each.agent.name, slug(each.agent), drawn, ATTEMPTS_ALPHA)
                for each in that_should_not_pass(config))  # fmt: skip
    good = tuple(CertifiedKind(each.agent.name, slug(each.agent), drawn, None) for each in that_should_pass())
    return (*bad, CertifiedKind("organic harvester, real market", HARVESTER, harvested, ATTEMPTS_ALPHA), *good)


def certified_runs(certified: Sequence[CertifiedKind], trials: int, note: Callable[[str], None]) -> Iterator[Certified]:
    """So many runs of each kind, on services that end with the last one. Raises Refused where a run breaks."""
    from gaelp.local_stack import LocalStack

    with TemporaryDirectory(prefix="gaelp-certify-") as home, LocalStack(Path(home), names=SERVICES) as stack:
        settings = Settings.named_by(stack.environment())
        for each in certified:
            begun = time.monotonic()
            found = asyncio.run(_certified(settings, each, trials))
            seconds = time.monotonic() - begun
            high = found.bounds[1]
            note(f"{each.name}: {found.passed} of {trials} runs graduated, at most {high:.4f}; {seconds:.0f} s")
            yield found


def _drawn(config: TrainingConfiguration) -> TrainingConfiguration:
    """The same looks in one batch each, and one round of learning, which the draws do not depend on."""
    simulation = config.simulation
    sizes = {
        "rounds": 1,
        "batches_per_round": 1,
        "campaigns_per_batch": simulation.campaigns_per_batch * simulation.exam_batches,
        "exam_batches": 1,
    }
    return _changed(config, simulation=simulation.model_copy(update=sizes))


def _harvested(config: TrainingConfiguration) -> TrainingConfiguration:
    """The real market, in which most conversions would have come without the ad that counts them."""
    return _changed(config, market=config.market.model_copy(update={"organic_share": ORGANIC_SHARE}))


def _changed(config: TrainingConfiguration, **sections: object) -> TrainingConfiguration:
    without_logs = config.historical.model_copy(update={"logs": ()})
    return config.model_copy(update={"mode": "strict", "account": ACCOUNT, "historical": without_logs, **sections})


async def _certified(settings: Settings, kind: CertifiedKind, trials: int) -> Certified:
    """All trials of a kind, some at the same time."""
    client, ledger = await connections.temporal(settings), connections.open_ledger(settings)
    ledger.put_account(_account())
    places = asyncio.Semaphore(AT_ONCE)

    async def one(trial: int) -> bool:
        async with places:
            return await _graduates(client, ledger, kind, trial)

    try:
        passed = await asyncio.gather(*(one(trial) for trial in range(trials)))
    finally:
        ledger.close()
    return Certified(kind.name, ALL, trials, sum(passed), kind.limit, runs=True)


def _account() -> Account:
    return Account(
        account=ACCOUNT,
        kind=AccountKind.EMULATOR,
        platform="emulator",
        currency="USD",
        daily_cap_micros=micros(Decimal(1_000)),
        total_cap_micros=micros(Decimal(1_000)),
    )


async def _graduates(client: Client, ledger: Ledger, kind: CertifiedKind, trial: int) -> bool:
    """Whether the gate let one run through. What ended for another reason is no trial: it is refused."""
    agent = checked_name(trial_name(kind.kind, trial), "the agent's name")
    ledger.register_run(agent, ACCOUNT, connections.now())
    order = RunInput(
        run=agent, config=kind.config, config_digest=digest(kind.config), agent=agent, until=Phase.SIMULATION
    )
    result: RunResult = await client.execute_workflow(
        "TrainingRun", order, id=agent, task_queue=Queue.WORKFLOWS, result_type=RunResult
    )
    gate = result.phases[-1].gate if result.phases else None
    if gate is None or result.outcome not in (Outcome.PROMOTED, Outcome.NOT_GRADUATED):
        raise Refused(f"the run {agent} was not judged: it ended {result.outcome}: {result.reason}")
    return result.outcome is Outcome.PROMOTED
