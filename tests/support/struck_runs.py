"""Runs that are struck while they spend: a service killed, or a workflow cancelled or terminated from outside.

The emulator is the witness: what it has enabled must be covered by an open reservation under an approval that stands.
Touch this to strike in another way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from temporalio.client import Client
from temporalio.service import RPCError

from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.temporal_names import REAPER, Queue
from gaelp.messages.training_run import RunResult
from tests.support.local_runs import LocalRuns, until
from tests.support.single_phase import phase_input

# One draw kills one of these groups. Workers die most often: they are what dies most often.
VICTIMS: tuple[tuple[str, ...], ...] = (
    ("worker", "compute"),
    ("worker",),
    ("compute",),
    ("temporal",),
    ("emulator",),
    ("redis",),
    ("temporal", "redis", "emulator", "worker", "compute"),
)
KINDS = ("kill", "cancel", "terminate")
TARGETS = ("run", "phase", "campaign")
# Where no time passes a campaign of seven days is over within a second or two: with several, a strike still meets some.
LONG = ("seed=7", "live_test.days=7", "live_test.campaigns=8", "scaled.periods=6")
LONGEST_WAIT = 1.0  # seconds from the first enabled campaign to the strike
SPENDS_WITHIN = 240.0  # seconds
LOOKS_WITHIN = 120.0  # seconds: the longest that a look of the reaper is waited for


@dataclass(frozen=True)
class Strike:
    """What is done to a run, and when."""

    kind: str
    whom: tuple[str, ...]  # the services that are killed, or one of TARGETS
    phase: Phase  # in which
    wait: float  # seconds after its first campaign is enabled
    down: float = 0.0  # seconds until killed services are started again

    @property
    def text(self) -> str:
        """For a table."""
        return f"{self.kind} {'+'.join(self.whom) if len(self.whom) < len(VICTIMS[-1]) else 'all'} in {self.phase}"


@dataclass
class Struck:
    """What the witness saw of one run."""

    name: str
    strike: Strike
    enabled: int = 0  # campaigns, when it was struck
    seconds: float = 0.0  # from the strike to the end of a look of the reaper that began after it
    uncovered: list[str] = field(default_factory=list)  # after that look: enabled without an open, approved reservation
    failure: str = ""

    @property
    def bad(self) -> bool:
        """Whether something is wrong with it."""
        return bool(self.uncovered or self.failure)


def strikes(seed: int, kind: str, number: int) -> list[Strike]:
    """So many strikes of a kind, a pure function of the seed."""
    rng = np.random.Generator(np.random.Philox(key=[seed, KINDS.index(kind)]))
    drawn = []
    for index in range(number):
        whom = VICTIMS[int(rng.integers(len(VICTIMS)))] if kind == "kill" else (TARGETS[index % len(TARGETS)],)
        phase = (Phase.LIVE_TEST, Phase.SCALED)[int(rng.integers(2))]
        drawn.append(Strike(kind, whom, phase, float(rng.uniform(0, LONGEST_WAIT)), float(rng.uniform(0, 1))))
    return drawn


class StruckRuns:
    """Strikes runs of one stack, several at once; only one strike falls at a time.

    `calls_reaper`: the reaper is asked to look after each strike, where its own interval would be too long to wait.
    """

    def __init__(self, local_runs: LocalRuns, client: Client, *, calls_reaper: bool = False) -> None:
        self._runs, self._client, self._calls_reaper = local_runs, client, calls_reaper
        self._no_other = asyncio.Lock()  # strike falls meanwhile

    async def all(
        self, strikes: Sequence[Strike], at_once: int, show: Callable[[Struck], None] = lambda _: None
    ) -> list[Struck]:
        """Every strike on a run of its own; each is shown when its witness has looked."""
        free = asyncio.Semaphore(at_once)

        async def one(number: int, strike: Strike) -> Struck:
            async with free:
                run = await self._strike(Struck(f"{strike.kind}-{number:02d}", strike))
                show(run)
                return run

        return list(await asyncio.gather(*(one(number, strike) for number, strike in enumerate(strikes))))

    async def _strike(self, run: Struck) -> Struck:
        async with self._no_other:
            approving = await self._start(run)
        try:
            await self._spends(run.name)
            await asyncio.sleep(run.strike.wait)  # a moment at random
            enabled = await self._spends(run.name)
            async with self._no_other:
                enabled = await asyncio.to_thread(self._enabled, run.name) or enabled
                run.enabled = len(enabled)
                await self._fall(run.strike, run.name, enabled[0])
                struck = datetime.now(UTC)
            begun = time.monotonic()
            await self._look_after(struck)
            run.seconds = time.monotonic() - begun
            async with self._no_other:
                run.uncovered = await asyncio.to_thread(self.uncovered, run.name)
        except (AssertionError, TimeoutError) as error:  # of `until`, and of a look that was waited for in vain
            run.failure = str(error) or "the reaper did not look in time"
        finally:
            approving.cancel()
            await asyncio.gather(approving, return_exceptions=True)
        return run

    async def _spends(self, name: str) -> list[str]:
        """The campaigns of the run that are enabled, once there are some."""
        enabled: list[str] = await until(lambda: self._enabled(name), f"{name} spends", SPENDS_WITHIN)
        return enabled

    async def _start(self, run: Struck) -> asyncio.Task[None]:
        """A run that begins with the phase, from an untrained checkpoint; a person approves what it asks for."""
        account = await asyncio.to_thread(self._runs.open_account, run.name)
        phase, changes = run.strike.phase, (*LONG, f"account={account}")
        put = await asyncio.to_thread(phase_input, self._runs, run.name, phase, account, *changes)
        checkpoint = put.context.checkpoint_digest
        start = self._runs.run_input(run.name, *changes, from_phase=phase, from_checkpoint=checkpoint)
        while True:
            try:
                await self._client.start_workflow(
                    "TrainingRun", start, id=run.name, task_queue=Queue.WORKFLOWS, result_type=RunResult
                )
                break
            except RPCError:
                await asyncio.sleep(0.2)
        return asyncio.create_task(self._approve(run.name, run.strike.phase))

    async def _approve(self, name: str, phase: Phase) -> None:
        """The phase and, where it is passed before the strike falls, the one after it."""
        while True:
            try:
                await self._runs.approve(self._client, name, (phase, Phase.SCALED))
                return
            except RPCError:  # the server was killed by another strike
                await asyncio.sleep(0.2)

    async def _fall(self, strike: Strike, name: str, campaign: str) -> None:
        if strike.kind == "kill":
            await asyncio.to_thread(self._kill, strike)
            return
        ids = {"run": name, "phase": phase_id(name, strike.phase), "campaign": campaign}
        arguments = ("workflow", strike.kind, "--workflow-id", ids[strike.whom[0]])
        done = await asyncio.to_thread(self._runs.temporal, *arguments)
        # A campaign of a moment ago may have ended by itself: then the strike falls on nobody, and changes nothing.
        assert done.code == 0 or "already completed" in done.err, done.output

    def _kill(self, strike: Strike) -> None:
        with self._runs.without(*strike.whom):
            time.sleep(strike.down)

    async def _look_after(self, struck: datetime) -> None:
        """Wait until a look of the reaper that began after the strike has ended."""
        called = not self._calls_reaper
        reaper = self._client.get_schedule_handle(REAPER)
        async with asyncio.timeout(LOOKS_WITHIN):
            while True:
                try:
                    if not called:
                        await reaper.trigger()
                        called = True
                    info = (await reaper.describe()).info
                    under_way = [look.workflow_id for look in info.running_actions]
                    began = [look.action.workflow_id for look in info.recent_actions if look.started_at > struck]
                    if any(workflow_id not in under_way for workflow_id in began):
                        return
                except RPCError:  # killed by another strike, or not there yet
                    pass
                await asyncio.sleep(0.2)

    # ------------------------------------------------------------ the witness

    def _enabled(self, account: str) -> list[str]:
        try:
            return [c.external_name for c in self._runs.on_platform(account, account) if c.enabled]
        except Exception:  # the emulator was killed by another strike
            return []

    def uncovered(self, account: str) -> list[str]:
        """What the emulator has enabled, less what has an open reservation under an approval that stands."""
        enabled = [c.external_name for c in self._runs.on_platform(account, account) if c.enabled]
        with self._runs.ledger() as ledger:
            fence = ledger.fence(account)
            open_days = [r for r in ledger.reservations(account) if r.state == "open"]
            # A day is reserved only under a request that was approved; a stop raises the fence above it.
            covered = {day.campaign for day in open_days if ledger.request(day.request_id).request.fence == fence}
        return sorted(set(enabled) - covered)
