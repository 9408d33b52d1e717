"""The command line against a real Temporal server: what it starts, shows, signals, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_card import card_digest
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.errors import GaelpError
from gaelp.ledger import signatures
from gaelp.settings import Settings
from starter import start_training
from tests.support.command_stage import ALONE, Stage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Server, worker, ledger and command line."""
    async with staged(tmp_path) as made:
        yield made


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


async def test_a_start_from_python_is_signed(stage: Stage, tmp_path: Path) -> None:
    """The ledger keeps whose key signed it; a key that nobody entered, or that is no key, starts nothing."""
    home = tmp_path / "home"
    at = Settings(home=home, temporal_address=stage.client.service_client.config.target_host)
    config = TrainingConfiguration.model_validate({"historical": {"logs": []}, "agent": "uniform", "mode": "advisory"})
    signatures.write_key(tmp_path / "stranger.pem", signatures.new_key().pem)
    for wrong in (tmp_path / "stranger.pem", tmp_path / "none.pem", ""):
        with pytest.raises(GaelpError, match="key"):
            await start_training(config, name="h", key=wrong, until="historical", settings=at, on_event=None)
    assert stage.ledger.run("h") is None
    key = home / "keys" / "ann.pem"
    await start_training(config, name="h", key=key, until="historical", settings=at, on_event=None)
    run = stage.ledger.run("h")
    assert run is not None and run.starter is not None and run.starter.name == "Ann"


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
