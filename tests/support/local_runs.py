"""Runs on local services, with an account, an approver and a log: what tests and scripts do as a person would.

Touch this to give tests another verb.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from gaelp.configuration import loading
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.ids import phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import CampaignState
from gaelp.domain.spending.approval_requests import SignedDecision
from gaelp.domain.temporal_names import Queue
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.local_stack import LocalStack
from gaelp.market.calibration.calibrate import calibrate
from gaelp.messages.training_run import RunInput, RunResult
from gaelp.platforms.emulator.client import EmulatorPlatform
from gaelp.records.content_store import ContentStore
from gaelp.records.logs.ingestion import LogSource, ingest
from gaelp.records.logs.stored_logs import load_bandit
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from gaelp.settings import Settings
from tests.support.emulator_accounts import open_emulator_account
from tests.support.made_logs import write_log
from tests.support.processes import kill9

ROOT = Path(__file__).parents[2]
LOG = "made-log"
ACCOUNT = "emulator"
# A run of a few seconds: every phase, none of its size.
SMALL = (
    f"historical.logs=['{LOG}']",
    "simulation.rounds=3",
    "simulation.batches_per_round=2",
    "simulation.campaigns_per_batch=16",
    "simulation.exam_batches=4",
    "simulation.exam_looks=3",
    "live_test.campaigns=2",
    "live_test.streak=2",
    "limits.campaign=100000",
    "limits.run=1000000",
    "live_test.days=3",
    "scaled.products=['product-a', 'product-c']",
    "scaled.periods=2",
    "scaled.period_days=2",
)
# The emulator's day shock is common to an account's campaigns, and differs between accounts.
SAME_DAYS = "market.day_shock=0"


@dataclass
class LocalRuns:
    """One stack of services, an account `emulator`, and the key of an approver; `prepare` makes log and account."""

    stack: LocalStack
    key: signatures.NewKey = field(default_factory=signatures.new_key)

    @property
    def settings(self) -> Settings:
        """Where this stack's services are."""
        e = self.stack.environment()
        return Settings(**{k.removeprefix("GAELP_").lower(): v for k, v in e.items()})  # type: ignore[arg-type]

    def prepare(self) -> None:
        """The log, the key as a file that `starter.py approve` finds, and the account `emulator`."""
        warehouse = open_warehouse(self.settings.warehouse)
        log = write_log(self.stack.home / "logs-made", seed=1)
        ingest(warehouse, LogSource(str(log), "bandit", LOG), datetime.now(UTC))
        warehouse.close()
        signatures.write_key(self.stack.home / "keys" / "ada.pem", self.key.pem)
        self.open_account(ACCOUNT)

    def open_account(self, name: str, *changes: str) -> str:
        """An account, Ada as its approver, and its hidden world around the log; returns its name.

        A test with an account of its own has its first attempt, its own fence and its own days. `changes` are the
        world's: with SAME_DAYS equal runs on two accounts are billed equally to the cent.
        """
        warehouse = open_warehouse(self.settings.warehouse)
        market = calibrate([load_bandit(warehouse, LOG)], self.config(*changes))
        warehouse.close()
        open_emulator_account(self.settings, name, "Ada", self.key, market)
        return name

    def config(self, *changes: str, small: bool = True) -> TrainingConfiguration:
        """quick-test, made small, with changes as `--set` takes them."""
        overrides = [*(SMALL if small else ()), *changes]
        return loading.load("quick-test", environment={}, overrides=overrides)

    def run_input(self, run: str, *changes: str, agent: str | None = None, **more: Any) -> RunInput:
        """What starter.py would start a run with, its name registered."""
        config = self.config(*changes)
        with self.ledger() as ledger:
            ledger.register_run(run, config.account, datetime.now(UTC))
        return RunInput(
            run=run,
            config=config,
            config_digest=loading.digest(config),
            agent=agent or config.agent,
            **more,
        )

    def ledger(self) -> _Closing:
        """The ledger, closed at the end of the block."""
        return _Closing(Ledger.open(self.settings.ledger))

    def store(self) -> ContentStore:
        """The content store."""
        return ContentStore(self.settings.store)

    def on_platform(self, run: str, account: str = ACCOUNT) -> list[CampaignState]:
        """The run's campaigns as the emulator has them."""
        with self._platform() as platform:
            return [c for c in platform.campaigns(account) if c.external_name.startswith(f"{run}/")]

    @contextmanager
    def _platform(self) -> Iterator[EmulatorPlatform]:
        platform = EmulatorPlatform(self.settings.emulator_url, self.settings.emulator_token)
        try:
            yield platform
        finally:
            platform.close()

    def control(self, method: str, path: str, **request: Any) -> Any:
        """The emulator's control endpoints."""
        headers = {"Authorization": f"Bearer {self.settings.emulator_token}"}
        url = f"{self.settings.emulator_url}/control{path}"
        answer = httpx.request(method, url, headers=headers, timeout=20, trust_env=False, **request)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def unsettled(self, run: str, account: str = ACCOUNT) -> list[str]:
        """Keys of the run's reservations that are not settled."""
        with self.ledger() as ledger:
            return [r.key for r in ledger.reservations(account, run) if r.state != "settled"]

    def leftovers(self, run: str, account: str = ACCOUNT) -> list[str]:
        """What a run that has ended must not leave: enabled or doubled campaigns, open reservations, open claims."""
        names = [c.external_name for c in self.on_platform(run, account)]
        with self.ledger() as ledger:
            claims = [c.key for c in ledger.unresolved_claims(account) if c.run == run]
        return [
            *(f"{c.external_name} is enabled" for c in self.on_platform(run, account) if c.enabled),
            *(f"{name} is there twice" for name in sorted(set(names)) if names.count(name) > 1),
            *(f"{key} is not settled" for key in self.unsettled(run, account)),
            *(f"{key} is an open claim" for key in claims),
        ]

    def footprint(self, run: str) -> dict[str, tuple[int, int]]:
        """What a run did on the platform: campaign without the run's name -> (settings written, micros it cost)."""
        campaigns = self.control("GET", "/campaigns")
        mine = [c for c in campaigns if c["state"]["external_name"].startswith(f"{run}/")]
        names = [c["state"]["external_name"].removeprefix(run) for c in mine]
        return {name: (c["writes"], c["cost_micros"]) for name, c in zip(names, mine, strict=True)}

    def rows(self, run: str) -> dict[str, int]:
        """How many rows the warehouse has of a run, by table; facts that a retry must not double."""
        warehouse = open_warehouse(self.settings.warehouse)
        try:
            counts = {t: f"SELECT COUNT(*) AS n FROM {t} WHERE run = @run" for t in ("runs", "episodes", "verdicts")}  # noqa: S608
            return {table: warehouse.query(sql, {"run": run})[0]["n"] for table, sql in counts.items()}
        finally:
            warehouse.close()

    @contextmanager
    def without(self, *names: str) -> Iterator[None]:
        """Within the block these services are dead, as kill -9 leaves them; after it they run again."""
        for name in names:
            kill9(self.stack, name)
        try:
            yield
        finally:
            for group in (("temporal", "redis", "emulator"), ("worker", "compute")):
                self.stack.restart(*(name for name in group if name in names))

    # ------------------------------------------------------------ a person's part

    def signed(self, run: str, phase: Phase, decision: str = "approve") -> SignedDecision | None:
        """A decision on the phase's open request; None where none is open."""
        with self.ledger() as ledger:
            cards = [c for c in ledger.open_requests(run) if c.request.phase is phase]
        return signatures.sign(self.key.pem, cards[0].request, decision) if cards else None

    async def approve(
        self, client: Client, run: str, phases: Sequence[Phase] = (Phase.LIVE_TEST, Phase.SCALED)
    ) -> None:
        """Approve each phase once its request is open; cancel the task to stop."""
        for phase in phases:
            while (decision := await asyncio.to_thread(self.signed, run, phase)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(phase_id(run, phase))
            await handle.signal("approve", decision.model_dump())

    @asynccontextmanager
    async def approving(self, client: Client, run: str) -> AsyncIterator[None]:
        """Within the block a person approves whatever the run asks for."""
        task = asyncio.create_task(self.approve(client, run))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, RPCError):
                await task

    async def train(self, client: Client, start: RunInput, approve: bool = True) -> RunResult:
        """Start a run, approve what it asks for, and return its result."""
        approving = asyncio.create_task(self.approve(client, start.run)) if approve else None
        try:
            result: RunResult = await client.execute_workflow(
                "TrainingRun", start, id=start.run, task_queue=Queue.WORKFLOWS, result_type=RunResult
            )
            return result
        finally:
            if approving is not None:
                approving.cancel()
                with suppress(asyncio.CancelledError, RPCError):
                    await approving

    def starter(
        self, *arguments: str, timeout: float = 120, environment: Mapping[str, str] | None = None
    ) -> CommandResult:
        """starter.py as a user runs it; `environment` on top of the stack's."""
        return _ran([sys.executable, str(ROOT / "starter.py"), *arguments], timeout, self._environment(environment))

    def start(self, run: str, *changes: str, agent: str | None = None, timeout: float = 120) -> CommandResult:
        """`starter.py start RUN --wait --json` with a small run, and changes as `--set` takes them."""
        settings = [word for each in (*SMALL, *changes) for word in ("--set", each)]
        named = ["--agent", agent] if agent else []
        arguments = ["--config", "quick-test", "--experiment-name", run, *named, *settings]
        return self.starter("start", *arguments, "--wait", "--json", timeout=timeout)

    def temporal(self, *arguments: str, timeout: float = 30) -> CommandResult:
        """The real `temporal` program, pointed at this stack's server."""
        program = str(Path(sys.executable).with_name("temporal"))
        return _ran([program, *arguments, "--address", self.settings.temporal_address], timeout, self._environment())

    def _environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**os.environ, **self.stack.environment(), **(more or {})}


def _ran(command: list[str], timeout: float, environment: Mapping[str, str]) -> CommandResult:
    ran = subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, timeout=timeout, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return CommandResult(ran.returncode, ran.stdout, ran.stderr)


@dataclass(frozen=True)
class CommandResult:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def output(self) -> str:
        """Both channels, for a failed assertion."""
        return f"code {self.code}\n{self.out}\n{self.err}"

    @property
    def json(self) -> Any:
        """Its one JSON document."""
        return json.loads(self.out)


class _Closing:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __enter__(self) -> Ledger:
        return self._ledger

    def __exit__(self, *_: object) -> None:
        self._ledger.close()


async def until(condition: Callable[[], Any], claim: str, seconds: float = 60) -> Any:
    """Poll in a thread until `condition` returns something true, and return that; fail naming `claim`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := await asyncio.to_thread(condition):
            return value
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {claim}")
