"""The command line against a real Temporal server: what it starts, shows, signals, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from gaelp.commands.console import Refused
from gaelp.commands.watching.snapshot import RunView, view
from gaelp.domain.ad_accounts import Account, AccountKind, Approver
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_card import card_digest
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.domain.temporal_names import Attribute, Queue
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger

sys.path.insert(0, str(Path(__file__).parent))
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

    starter: Callable[..., Awaitable[Ran]]
    ledger: Ledger
    client: Client

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


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """One of each."""
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

    async def starter(*words: str) -> Ran:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / "starter.py"), *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "GAELP_HOME": str(home),
                "GAELP_TEMPORAL_ADDRESS": environment.client.service_client.config.target_host,
                "GAELP_EMULATOR_URL": "http://127.0.0.1:1",
            },
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert b"Traceback" not in out + err, err.decode()
        return Ran(process.returncode or 0, out.decode(), err.decode())

    with ThreadPoolExecutor(2) as threads:
        async with Worker(
            environment.client,
            task_queue=Queue.WORKFLOWS,
            workflows=[StubRun, StubLiveTest],
            activities=[judge],
            activity_executor=threads,
        ):
            yield Stage(starter, ledger, environment.client)
    await environment.shutdown()


CARD = "### the card"


def _request(number: int = 1) -> ApprovalRequest:
    return ApprovalRequest(
        request_id=f"d/live-test#{number}", nonce=f"{number}" * 64, account="emulator", run="d", phase=Phase.LIVE_TEST,
        purpose="spend", currency="USD", daily_cap_micros=50_000_000, total_cap_micros=2_100_000_000,
        agent="linear-bid", checkpoint_digest="c" * 64, config_digest="d" * 64, market_digest="m" * 64,
        evidence_digest="e" * 64, exposure_digest="f" * 64, card_digest=card_digest(CARD), fence=0,
        expires_at=datetime.now(UTC) + timedelta(days=3),
    )  # fmt: skip


async def test_a_run_is_started_shown_and_waited_for(stage: Stage) -> None:
    """Exit codes 0, 3 and 1 of --wait; a name is taken for ever; status and list show what there was."""
    good, poor, broken = await asyncio.gather(
        stage.starter("--config", "quick-test", *ALONE, "--experiment-name", "a", "--wait", "--json"),
        stage.starter("start", *ALONE, "--experiment-name", "b", "--agent", "uniform", "--wait"),
        stage.starter("start", *ALONE, "--experiment-name", "c", "--agent", "fixed-bid", "--json"),
    )
    assert (good.code, good.document["outcome"], good.document["exit_code"]) == (0, "graduated-unproven", 0)
    assert good.document["web"].endswith("/namespaces/default/workflows/a")
    assert (poor.code, "b: not-graduated, as told" in poor.out) == (3, True)
    assert (broken.code, broken.document["run"]) == (0, "c")
    again, status, listed = await asyncio.gather(
        stage.starter("start", *ALONE, "--experiment-name", "a"),
        stage.starter("status", "a", "--json"),
        stage.starter("list", "--json"),
    )
    assert (again.code, "'a' was taken" in again.err) == (1, True)
    assert status.code == 0 and status.document["outcome"] == status.document["state"] == "graduated-unproven"
    assert status.document["memo"]["config_digest"] == good.document.get(
        "config_digest", status.document["memo"]["config_digest"]
    )
    for state in ("state", "outcome"):
        said = {each["run"]: each[state] for each in listed.document["runs"]}
        assert (said["a"], said["b"]) == ("graduated-unproven", "not-graduated")
    assert {run.run for run in stage.ledger.runs()} == {"a", "b", "c"}


async def test_a_run_is_paused_resumed_and_cancelled(stage: Stage) -> None:
    """Signals reach the run and status shows it without delay; cancelled is exit code 3 for who waits."""
    waiting = asyncio.create_task(
        stage.starter("start", *ALONE, "--experiment-name", "e", "--agent", "best-creative", "--wait", "--json")
    )
    await stage.reaches("e", "running")
    assert (await stage.starter("pause", "e")).code == 0
    await stage.reaches("e", "paused")
    assert (await stage.starter("resume", "e")).code == 0
    await stage.reaches("e", "running")
    assert (await stage.starter("cancel", "e")).code == 0
    ended = await waiting
    assert (ended.code, ended.document["error"]) == (3, "e was cancelled")
    late = await stage.starter("pause", "e")
    assert (late.code, "has ended" in late.err) == (1, True)
    nobody = await stage.starter("status", "nobody")
    assert (nobody.code, "there is no run 'nobody'" in nobody.err) == (1, True)


async def test_an_approval_is_sent_judged_and_reported(stage: Stage, tmp_path: Path) -> None:
    """A refusal of the ledger is exit code 1 with its reason; an accepted approval is 0, and the run goes on."""
    assert (await stage.starter("start", *ALONE, "--experiment-name", "d", "--agent", "linear-bid")).code == 0
    stage.ledger.open_request(_request(), CARD, datetime.now(UTC))
    stranger = tmp_path / "bob.pem"
    signatures.write_key(stranger, signatures.new_key().pem)
    waiting = await stage.reaches("d", "awaiting-approval")
    assert [each.phase for each in waiting.phases] == [Phase.LIVE_TEST]
    assert "waits for `starter.py approve d`" in (await stage.starter("status", "d")).out
    refused = await stage.starter("approve", "d", "--key", str(stranger), "--json")
    assert (refused.code, refused.document["accepted"]) == (1, False)
    assert "unknown key" in refused.document["reason"]
    accepted = await stage.starter("approve", "d", "--json")
    assert (accepted.code, accepted.document["state"]) == (0, "approved"), accepted.err
    assert (await stage.starter("approve", "d")).code == 1
    await stage.reaches("d", "stopped")


async def test_a_stop_tells_the_run_though_it_cannot_reach_the_platform(stage: Stage) -> None:
    """Without the platform a stop is no stop (exit 1), and the run is told to end; an ended one is refused."""
    assert (await stage.starter("start", *ALONE, "--experiment-name", "f", "--agent", "best-creative")).code == 0
    stopped = await stage.starter("stop", "f", "--json")
    assert (stopped.code, stopped.document["stopped"], stopped.document["runs_told"]) == (1, False, ["f"])
    assert stopped.document["no_reaper"] == "its schedule was never made"
    run = stage.ledger.run("f")
    assert run is not None and run.stopped_at is not None
    assert stage.ledger.fence("emulator") == 0, "the account's other runs go on"
    await stage.reaches("f", "stopped")
    again = await stage.starter("stop", "f")
    assert (again.code, again.err) == (1, "the run 'f' has ended: there is nothing to stop\n")


async def test_a_stop_of_an_account_says_before_which_runs_end(stage: Stage) -> None:
    """The open runs of the account are named, and then told."""
    assert (await stage.starter("start", *ALONE, "--experiment-name", "g", "--agent", "best-creative")).code == 0
    stopped = await stage.starter("stop", "--account", "emulator")
    assert stopped.err.splitlines()[0] == "these runs on emulator will end: g"
    assert stopped.out.splitlines()[-1].endswith("runs told: g")
    assert stage.ledger.fence("emulator") == 1
    await stage.reaches("g", "stopped")


async def test_a_stop_of_an_account_ends_no_run_that_waits_for_an_approval(stage: Stage) -> None:
    """It spends nothing: the stop says before that it will ask anew, tells its phase so, and its request is void."""
    assert (await stage.starter("start", *ALONE, "--experiment-name", "d", "--agent", "linear-bid")).code == 0
    stage.ledger.open_request(_request(), CARD, datetime.now(UTC))
    await stage.reaches("d", "awaiting-approval")
    stopped = await stage.starter("stop", "--account", "emulator", "--json")
    assert stopped.document["runs_told"] == [] and stopped.document["asked_anew"] == ["d/live-test"], stopped.err
    assert "these runs on emulator wait for an approval and will ask for it anew: d" in stopped.err
    assert "will end" not in stopped.err
    status, approve = await asyncio.gather(stage.starter("status", "d", "--json"), stage.starter("approve", "d"))
    (asked,) = status.document["asked"]
    assert asked["void"] and "void since a stop" in asked["sentence"]
    assert (approve.code, "waits for approval" in approve.err) == (1, True)
    assert (await stage.reaches("d", "awaiting-approval")).ended is None
