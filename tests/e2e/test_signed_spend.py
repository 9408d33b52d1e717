"""What was signed is all that can be spent, and a stop is a stop: seen from outside, with the emulator as a witness.

Each test was a way to spend more than was signed in an older version (commit e791190), on which each fails.
"""

from __future__ import annotations

import base64
import json
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.black_box import Product, becomes
from tests.support.made_logs import write_log

LOG = "made-log"
SMALL = (
    f"historical.logs=['{LOG}']",
    "simulation.rounds=4",
    "simulation.batches_per_round=2",
    "simulation.campaigns_per_batch=8",
    "simulation.exam_batches=1",
    "simulation.exam_looks=1",
)
ONE_CAMPAIGN = ("live_test.campaigns=1", "live_test.streak=1")
LONG = (*ONE_CAMPAIGN, "live_test.days=60")


class Signer:
    """A person who opens accounts, starts runs and approves them."""

    def __init__(self, product: Product, key: Path) -> None:
        self._product, self._key, self._checkpoint = product, key, ""

    def account(self, name: str, total_cap: float = 20_000.0) -> str:
        """An emulator account with its world and an approver."""
        caps = ["--daily-cap", "500", "--total-cap", str(total_cap), "--world-from", LOG]
        self._product.done("accounts", "add", name, "--kind", "emulator", "--platform", "emulator", *caps)
        limit = ["--limit", "20000", "--demo"]
        self._product.done("keys", "add", "--account", name, "--key", str(self._key), "--name", "Ada", *limit)
        return name

    def asked(self, run: str, account: str, *settings: str, agent: str = "") -> dict[str, Any]:
        """Start a run and wait until it asks for the spend of its live test: the request.

        Later runs of the first one's agent begin at the live test, with that one's checkpoint.
        """
        words = [word for each in (*SMALL, f"account={account}", *settings) for word in ("--set", each)]
        if agent:
            words += ["--agent", agent]
        elif self._checkpoint:
            words += ["--from-phase", "live-test", "--from-checkpoint", self._checkpoint]
        self._product.done("start", "--experiment-name", run, *words)
        query = "SELECT body FROM approval_requests WHERE run = ? AND state = 'open'"
        rows = becomes(lambda: self._product.ledger(query, run), 120)
        assert rows, self._product.starter("status", run)
        request: dict[str, Any] = json.loads(rows[0][0])
        if not agent:
            self._checkpoint = request["checkpoint_digest"]
        return request

    def approved(self, run: str, account: str, *settings: str) -> dict[str, Any]:
        """The same, and approve it."""
        request = self.asked(run, account, *settings)
        self._product.done("approve", run, "--key", str(self._key))
        return request

    def spending(self, run: str, account: str) -> str:
        """A long campaign, enabled on a platform whose reports take a while; its name."""
        self._product.platform.misbehave(account, "slow-reports", 0.5)
        self.approved(run, account, *LONG)
        (name,) = becomes(lambda: self._product.enabled(f"{run}/"))
        return str(name)


@pytest.fixture(scope="module")
def signer(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """A log in the warehouse, and somebody with a key."""
    folder = tmp_path_factory.mktemp("signer")
    log, key = write_log(folder, seed=1), folder / "ada.pem"
    product.done("ingest", str(log), "--kind", "bandit", "--name", LOG)
    product.done("keys", "new", "Ada", "--out", str(key))
    return Signer(product, key)


@pytest.fixture(scope="module")
def shared(signer: Signer) -> str:
    """An account for the tests that stop nothing and fill no cap."""
    return signer.account("shared")


def test_a_platform_that_finds_no_campaign_by_name_is_not_paid_more_than_the_cap(
    product: Product, signer: Signer
) -> None:
    """Three runs share a cap of 100.00: what the emulator bills stays within it, is in the ledger, and has an end."""
    account = signer.account("lost", total_cap=100)
    product.platform.misbehave(account, "hide")
    for run in ("lost-0", "lost-1", "lost-2"):
        signer.approved(run, account, *ONE_CAMPAIGN, "live_test.days=2")
        becomes(lambda name=run: not product.is_open(name), 30, every=0.5)
    product.platform.emulator("POST", "/control/advance", {"at": "2026-01-20T00:00:00Z"})
    billed = product.billed("lost-")
    ((counted,),) = product.ledger("SELECT sum(counted_micros) FROM reservations WHERE account = ?", account)
    spent = sum(amount for _, amount in billed.values())
    report = f"billed {billed}, counted {counted / 1e6}"
    assert 0 < spent <= 100, report
    assert spent <= counted / 1e6, report
    assert product.enabled("lost-") == [], report


def test_a_signal_with_two_inputs_does_not_deafen_a_run_to_a_pause(
    product: Product, signer: Signer, shared: str
) -> None:
    """`approve` and `proceed` with two inputs each: the pause that follows still holds the campaign on the platform."""
    campaign = signer.spending("deafened", shared)
    for workflow, name in (("deafened/live-test", "approve"), (campaign, "proceed")):
        product.temporal("workflow", "signal", "-w", workflow, "--name", name, "--input", '"a"', "--input", '"b"')
    product.done("pause", "deafened")
    assert becomes(lambda: product.enabled("deafened/") == [], 20), product.billed("deafened/")
    assert becomes(lambda: _status(product, campaign) == "paused", 60), "the campaign has heard it too"
    before = product.billed("deafened/")
    product.platform.emulator("POST", "/control/advance", {"at": "2027-03-01T00:00:00Z"})
    assert product.billed("deafened/") == before, "a paused campaign delivers nothing, however much time passes"
    product.temporal("workflow", "cancel", "-w", "deafened")


def test_a_campaign_that_is_started_by_hand_spends_nothing_that_was_not_signed(
    product: Product, signer: Signer, shared: str
) -> None:
    """An approved request, but another agent, checkpoint, configuration, dates and name: it never bills."""
    campaign = signer.spending("signed", shared)
    other = signer.asked("unsigned", shared, "live_test.days=9", agent="online-lp")
    history = product.temporal("workflow", "show", "-w", campaign, "-o", "json").json
    (payload,) = history["events"][0]["workflowExecutionStartedEventAttributes"]["input"]["payloads"]
    started = json.loads(base64.b64decode(payload["data"]))
    forged = f"{campaign[:-2]}07"
    changes = {
        "agent": other["agent"],
        "checkpoint_digest": other["checkpoint_digest"],
        "config_digest": other["config_digest"],
        "start": "2026-03-02T00:00:00Z",
        "campaign": forged,
        "index": 7,
    }
    altered = json.dumps(_altered(started, changes))
    kind = ("--type", "LiveCampaign", "--task-queue", "gaelp")
    product.temporal("workflow", "start", *kind, "-w", forged, "--input", altered)
    becomes(lambda: not product.is_open(forged), 20, every=0.5)
    assert product.billed(forged) in ({}, {forged: (False, 0.0)})
    product.temporal("workflow", "cancel", "-w", "signed")


def _status(product: Product, workflow: str) -> str:
    """GaelpStatus, as Temporal describes the workflow."""
    found = product.described(workflow)["workflowExecutionInfo"]["searchAttributes"]["indexedFields"]["GaelpStatus"]
    return str(json.loads(base64.b64decode(found["data"])))


def _altered(value: Any, changes: dict[str, Any]) -> Any:
    """The same JSON with other values under these names, wherever they stand."""
    if isinstance(value, dict):
        return {name: changes.get(name, _altered(each, changes)) for name, each in value.items()}
    return [_altered(each, changes) for each in value] if isinstance(value, list) else value


def test_a_forged_ending_neither_ends_a_phase_nor_is_judged(product: Product, signer: Signer, shared: str) -> None:
    """`settled` with invented days: the phase goes on with its real campaign, and no gate has judged."""
    campaign = signer.spending("forged", shared)
    signal = ("workflow", "signal", "-w", "forged/live-test", "--name", "settled")
    product.temporal(*signal, "--input", json.dumps(_invented(campaign)))
    ended = becomes(lambda: not product.is_open("forged/live-test"), 8, every=0.5)
    phases = product.done("status", "forged", "--json").json["phases"]
    (report,) = [phase for phase in phases if phase["phase"] == "live-test"]
    assert not ended and report["verdict"] == "", f"{report}, enabled: {product.enabled('forged/')}"
    assert product.enabled("forged/") == [campaign]
    product.temporal("workflow", "cancel", "-w", "forged")


def _invented(campaign: str) -> dict[str, Any]:
    """The best campaign there ever was."""
    amounts = {"impressions": 100_000, "clicks": 5000, "conversions": 500, "revenue_micros": 10**9}
    cost = {"cost_micros": 25_000_000, "served_micros": 25_000_000, "final": True, "matured": True}
    days = [{"day": str(date(2026, 1, 5) + timedelta(days=n)), **amounts, **cost} for n in range(14)]
    return {
        "campaign": campaign, "index": 0, "product": "product-a", "arm": "candidate", "state": "settled", "days": days,
        "planned_micros": 350_000_000, "spend_micros": 350_000_000, "actions": 14, "near_misses": 0,
    }  # fmt: skip


def test_what_a_person_changes_on_the_platform_is_not_held_against_the_agent(product: Product, signer: Signer) -> None:
    """A person renames a campaign that runs: no gate judges the agent for it, and no attempt is used."""
    account = signer.account("renamed")
    product.platform.misbehave(account, "slow-reports", 0.5)
    signer.approved("renamed", account, *ONE_CAMPAIGN, "live_test.days=15")  # within the campaign's own limit
    (campaign,) = becomes(lambda: product.enabled("renamed/"))
    product.platform.misbehave(account, "")
    (truth,) = (
        each for each in product.platform.emulator("GET", "/control/campaigns")
        if each["state"]["external_name"] == campaign
    )  # fmt: skip
    place = f"/control/accounts/{account}/campaigns/{truth['state']['platform_id']}/name"
    product.platform.emulator("PUT", place, {"name": "spring sale"})
    assert becomes(lambda: not product.is_open("renamed"), 60, every=0.5)
    shown = product.starter("status", "renamed").out
    assert "interrupted" in shown and "changed-outside" in shown, shown
    assert product.ledger("SELECT gate FROM attempts WHERE account = ? AND gate = 'live-test'", account) == []


def test_an_enable_that_is_carried_out_after_a_stop_is_paused(product: Product, signer: Signer) -> None:
    """Answered with 500 and carried out 25 s later, a stop in between: what it enabled is paused by itself."""
    account = signer.account("belated")
    product.platform.misbehave(account, "late-enable", 25)
    signer.approved("belated", account, *LONG)
    open_enable = "SELECT key FROM claims WHERE account = ? AND intent = 'enable' AND state = 'open'"
    assert becomes(lambda: product.ledger(open_enable, account)), "nothing was enabled"
    assert product.done("stop", "--account", account, "--json").json["stopped"]
    assert not product.platform.late.is_set(), "the stop came too late"
    assert product.platform.late.wait(60)
    assert becomes(lambda: product.enabled("belated/") == [], 60), product.billed("belated/")


def test_a_stop_pauses_on_a_platform_whose_every_answer_takes_long(product: Product, signer: Signer) -> None:
    """4.5 seconds for each answer, a reading included: when the stop ends, nothing is enabled on the platform."""
    account = signer.account("sluggish")
    signer.spending("sluggish", account)
    product.platform.misbehave(account, "slow", 4.5)
    began = time.monotonic()
    stopped = product.starter("stop", "--account", account, "--json")
    seconds = time.monotonic() - began
    assert product.enabled("sluggish/") == [], f"after {seconds:.0f} s: {stopped}"
    assert (stopped.code, stopped.json["stopped"]) == (0, True), f"after {seconds:.0f} s: {stopped}"
