"""The approval page in a real browser with a virtual authenticator: a passkey is registered, attacked, and signs.

Needs Chromium on the PATH and `pip install playwright`, which nothing else of ours uses. Writes the page's picture to
docs/images with --pictures. Run it after changing gaelp/commands/approval_page:
`PYTHONPATH=. python scripts/approve_in_browser.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import http.server
import json
import re
import shutil
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright, expect

from activities.records.approvals import Approvals
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_requests import ApprovalPurpose, RequestApproval
from gaelp.domain.spending.campaign_planning import PlanningRequest, campaigns_to_approve, plan_campaigns
from gaelp.domain.spending.card_facts import RunTerms
from tests.support.command_stage import ALONE, ROOT, Stage, staged
from tests.support.emulators import free_port

FLAGS = (
    "--no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip
EVIL = """<!doctype html><title>evil</title><body><iframe id="framed" src="{origin}/"></iframe><script>
fetch("{origin}/decide", {{method: "POST", mode: "no-cors", credentials: "include", body: "{{}}"}})
  .finally(() => document.title = "sent");
</script>"""


def asked(stage: Stage) -> None:
    """Open the request of run `d` by the code that a phase opens it by."""
    config, account, now = TrainingConfiguration(), stage.ledger.account("emulator"), datetime.now(UTC)
    wanted = PlanningRequest("d", Phase.LIVE_TEST, "linear-bid", config, account, now, None)
    plan = plan_campaigns(wanted)
    digest = stage.ledger.keep_campaigns(campaigns_to_approve(plan, wanted, 80))
    terms = RunTerms(config, synthetic_market=True, creatives=80)
    Approvals(stage.ledger, lambda *_: terms).request_approval(
        RequestApproval(
            run="d",
            phase=Phase.LIVE_TEST,
            config_digest="d" * 64,
            market_digest="a" * 64,
            account="emulator",
            agent="linear-bid",
            checkpoint_digest="c" * 64,
            purpose=ApprovalPurpose.SPEND,
            sequence=1,
            daily_cap_micros=plan.daily_cap_micros,
            total_cap_micros=plan.total_cap_micros,
            campaigns_digest=digest,
            deadline=plan.approval_deadline,
            expires_at=plan.approval_expires,
            now=now,
        )
    )


async def link_of(process: asyncio.subprocess.Process) -> str:
    """The one-time link that a command prints."""
    assert process.stderr is not None
    while line := (await process.stderr.readline()).decode():
        if found := re.search(r"https?://\S+/open/\S+", line):
            return found[0]
    raise RuntimeError("the command has ended without a link")


async def attack(page: Page, origin: str, folder: Path) -> None:
    """Another site frames the page and posts to it, in the browser that has the session's cookie."""
    (folder / "index.html").write_text(EVIL.format(origin=origin))
    port = free_port()
    serve = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), serve)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    await page.goto(f"http://127.0.0.1:{port}/index.html")
    await expect(page).to_have_title("sent")
    assert not [frame for frame in page.frames if frame.url == f"{origin}/" and await frame.title() != ""], "framed"
    server.shutdown()


def refusals(stage: Stage) -> list[str]:
    """What the journal has."""
    return [json.loads(entry.detail)["reason"] for entry in stage.ledger.journal(kinds=["refuse"])]


async def register(stage: Stage, page: Page, port: int) -> None:
    """The owner's command, and the approver's browser."""
    words = ("--account", "emulator", "--name", "Ada Lovelace", "--limit", "5000", "--passkey", "--port", str(port))
    owner = await stage.begin("keys", "add", *words)
    await page.goto(await link_of(owner))
    await page.click("#register")
    await expect(page.locator("#said")).to_have_text("Done: registered. You may close this page.")
    print((await stage.ended(owner)).out.strip())


async def decide(stage: Stage, page: Page, port: int, pictures: bool) -> None:
    """The card, the attacks, and a double click that is one approval."""
    origin = f"http://localhost:{port}"
    command = await stage.begin("approve", "d", "--page", "--port", str(port))
    link = await link_of(command)
    await page.goto(link)
    await expect(page.locator("h1")).to_have_text("May d spend in phase live-test?")
    if pictures:
        for name, width in (("approval-page.png", 900), ("approval-page-phone.png", 390)):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.screenshot(path=ROOT / "docs" / "images" / name, full_page=True)
    second = await page.context.new_page()
    await second.goto(link)
    assert "counts once" in await second.content()
    with tempfile.TemporaryDirectory() as folder:
        await attack(second, origin, Path(folder))
    print("refused:", *refusals(stage), sep="\n  ")
    await page.dblclick("button[data-decision=approve]")
    await expect(page.locator("#said")).to_have_text("Done: approved. You may close this page.", timeout=30_000)
    ended = await stage.ended(command)
    assert ended.code == 0, ended.err
    print(ended.out.strip())


async def main(pictures: bool) -> None:
    """From an account without a passkey to a run that goes on."""
    chromium: Any = shutil.which("chromium")
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        async with staged(Path(home)) as stage, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
            page = await (await browser.new_context()).new_page()
            devtools = await page.context.new_cdp_session(page)
            await devtools.send("WebAuthn.enable")
            await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
            await register(stage, page, port)
            await stage.starter("start", *ALONE, "--experiment-name", "d", "--agent", "linear-bid")
            await stage.reaches("d", "awaiting-approval")
            asked(stage)
            await decide(stage, page, port, pictures)
            await stage.reaches("d", "stopped")
            (entry,) = stage.ledger.journal(kinds=["approve"])
            print("the run has gone on;", entry.detail)
            await browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", action="store_true", help="write docs/images/approval-page*.png")
    asyncio.run(main(parser.parse_args().pictures))
