"""The approval page against a real Temporal server: what a passkey signs there reaches the waiting phase."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_card import card_digest
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.domain.spending.approved_campaigns import NO_CAMPAIGNS
from tests.support.command_stage import ALONE, Stage, staged
from tests.support.emulators import free_port
from tests.support.software_passkey import SoftwarePasskey

CARD = "- **Spend:** at most **2,100.00 USD**."
JSON = "application/json"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Server, worker, ledger and command line."""
    async with staged(tmp_path) as made:
        yield made


@asynccontextmanager
async def opened(process: asyncio.subprocess.Process, origin: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that has opened the link which the command printed."""
    assert process.stderr is not None
    found = None
    while not found:
        line = (await process.stderr.readline()).decode()
        assert line, "the command has ended without a link"
        found = re.search(rf"{origin}/open/\S+", line)
    async with httpx.AsyncClient(base_url=origin, headers={"origin": origin}) as browser:
        await browser.get(found[0])
        yield browser


async def page_of(browser: httpx.AsyncClient) -> dict[str, str]:
    """What a page's script reads from it."""
    html = (await browser.get("/")).text
    return {name: value for name, value in re.findall(r'data-(page|digest)="([^"]+)"', html)}


async def test_a_registered_passkey_approves_and_the_run_goes_on(stage: Stage) -> None:
    """Registered by the owner's command, signed on the page, judged by the ledger: the command ends with its state."""
    port = free_port()
    origin = f"http://localhost:{port}"
    passkey = SoftwarePasskey(origin)
    owner = await stage.begin(
        "keys", "add", "--account", "emulator", "--name", "Ada", "--limit", "5000", "--passkey", "--port", str(port)
    )
    async with opened(owner, origin) as browser:
        page = await page_of(browser)
        options = (await browser.post("/challenge", json=page)).json()
        made = await browser.post("/register", json={**page, "credential": passkey.create(options)})
        assert made.json() == {"state": "registered"}
    added = await stage.ended(owner)
    assert added.code == 0 and "Ada" in added.out

    assert (await stage.starter("start", *ALONE, "--experiment-name", "d", "--agent", "linear-bid")).code == 0
    stage.ledger.keep_campaigns(())
    request = ApprovalRequest(
        request_id="d/live-test#1", nonce="1" * 64, account="emulator", run="d", phase=Phase.LIVE_TEST,
        purpose="spend", currency="USD", daily_cap_micros=50_000_000, total_cap_micros=2_100_000_000,
        agent="linear-bid", checkpoint_digest="c" * 64, config_digest="d" * 64, market_digest="m" * 64,
        evidence_digest="e" * 64, exposure_digest="f" * 64, campaigns_digest=NO_CAMPAIGNS,
        card_digest=card_digest(CARD), fence=0, expires_at=datetime.now(UTC) + timedelta(days=3),
    )  # fmt: skip
    stage.ledger.open_request(request, CARD, datetime.now(UTC))
    await stage.reaches("d", "awaiting-approval")
    command = await stage.begin("approve", "d", "--page", "--port", str(port))
    async with opened(command, origin) as browser:
        page = {**await page_of(browser), "decision": "approve"}
        options = (await browser.post("/challenge", json=page)).json()
        said = await browser.post("/decide", json={**page, "credential": passkey.get(options)}, timeout=60)
        assert said.json() == {"state": "approved"}
    ended = await stage.ended(command)
    assert (ended.code, "accepted: request d/live-test#1 is approved" in ended.out) == (0, True), ended.err
    await stage.reaches("d", "stopped")
    (entry,) = stage.ledger.journal(kinds=["approve"])
    detail = json.loads(entry.detail)
    assert detail["approver"] == "Ada" and detail["passkey"].keys() == {"authenticator_data", "client_data"}
