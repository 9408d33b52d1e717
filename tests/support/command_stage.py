"""The command line on a real Temporal server whose workflows are stubs. Touch this to give a command more to reach."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from gaelp.commands.console import Refused
from gaelp.commands.watching.snapshot import RunView, view
from gaelp.domain.ad_accounts import Account, AccountKind, Approver
from gaelp.domain.temporal_names import Attribute, Queue
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from tests.support.stub_runs import StubLiveTest, StubRun

ROOT = Path(__file__).parents[2]
TEMPORAL = shutil.which("temporal", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
# A run that needs neither a log nor the platform, so that it may start where neither is there.
ALONE = ("--set", "historical.logs=[]", "--until", "historical")


@dataclass
class Ran:
    """A finished process."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass
class Stage:
    """A server, a worker with stub workflows, a ledger, and starter.py against them."""

    begin: Callable[..., Awaitable[asyncio.subprocess.Process]]
    ledger: Ledger
    client: Client

    async def starter(self, *words: str) -> Ran:
        """Run a command line to its end."""
        return await self.ended(await self.begin(*words))

    async def ended(self, process: asyncio.subprocess.Process, said: str = "") -> Ran:
        """How a command line ends of which `said` was read from stderr before."""
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert b"Traceback" not in out + err, err.decode()
        return Ran(process.returncode or 0, out.decode(), said + err.decode())

    async def reaches(self, run: str, state: str) -> RunView:
        """Wait until a run's state or outcome is `state`."""
        while True:
            try:
                now = await view(self.client, run)
            except Refused:  # not started yet
                now = None
            if now and state in (now.state, now.outcome):
                return now
            await asyncio.sleep(0.05)


@asynccontextmanager
async def staged(tmp_path: Path) -> AsyncIterator[Stage]:
    """One of each; the account's one approver has the only key file of its home."""
    keyword, attributes = SearchAttributeKey.for_keyword, Attribute
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL,
        data_converter=pydantic_data_converter,
        search_attributes=[
            *(keyword(name) for name in (attributes.EXPERIMENT, attributes.PHASE, attributes.STATUS)),
            SearchAttributeKey.for_int(attributes.SPEND_MICROS),
            SearchAttributeKey.for_bool(attributes.AWAITING),
        ],
    )
    home = tmp_path / "home"
    home.mkdir()
    ledger = Ledger.open(f"sqlite:///{home}/ledger.db")
    ledger.put_account(
        Account(
            account="emulator", kind=AccountKind.EMULATOR, platform="emulator", currency="USD",
            daily_cap_micros=500_000_000, total_cap_micros=20_000_000_000,
        )
    )  # fmt: skip
    made = signatures.new_key()
    signatures.write_key(home / "keys" / "ann.pem", made.pem)
    ledger.put_approver(
        Approver(
            account="emulator", key_id=made.key_id, name="Ann", public_key=made.public_key, limit_micros=5_000_000_000
        )
    )

    @activity.defn
    def judge(payload: Any) -> bool:
        submission = f"{activity.info().workflow_id}/{activity.info().activity_id}"
        return ledger.decide("d/live-test#1", submission, payload, datetime.now(UTC)).accepted

    async def begin(*words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / "starter.py"), *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "GAELP_HOME": str(home),
                "GAELP_TEMPORAL_ADDRESS": environment.client.service_client.config.target_host,
                "GAELP_EMULATOR_URL": "http://127.0.0.1:1",
            },
        )  # fmt: skip

    with ThreadPoolExecutor(2) as threads:
        async with Worker(
            environment.client,
            task_queue=Queue.WORKFLOWS,
            workflows=[StubRun, StubLiveTest],
            activities=[judge],
            activity_executor=threads,
        ):
            yield Stage(begin, ledger, environment.client)
    await environment.shutdown()
