"""The verbs `approve` and `reject`: what is signed, printed and sent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio.service import RPCError, RPCStatusCode

from gaelp.commands import connections
from gaelp.commands.console import Refused
from gaelp.commands.people.decide import send
from gaelp.domain.ad_accounts import Approver
from gaelp.domain.spending.approval_requests import SignedDecision, request_digest
from gaelp.ledger.ledger import Ledger
from gaelp.settings import Settings
from tests.support.command_line import NOW, Finished, ledger_in, open_request


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_print_gives_a_decision_that_the_ledger_accepts(
    starter: Callable[..., Finished], in_process: Callable[..., Finished], tmp_path: Path, decision: str
) -> None:
    """--print puts exactly the signal's JSON on stdout, shows the card beside it, and the ledger accepts it."""
    ledger = ledger_in(tmp_path)
    request = open_request(ledger)
    key = tmp_path / "home" / "keys" / "ann.pem"
    made = json.loads(in_process("keys", "new", "ann", "--out", str(key), "--json").stdout)
    approver = Approver(
        account="shop", key_id=made["key_id"], name="Ann", public_key=made["public_key"], limit_micros=5_000_000_000
    )
    ledger.put_approver(approver)
    ran = starter(decision, "a", "--print", "--reason", "as agreed")
    assert ran.returncode == 0, ran.stderr
    assert "### what it may cost" in ran.stderr
    assert f"--workflow-id a/live-test --name {decision}" in ran.stderr
    payload = json.loads(ran.stdout)
    assert payload["request_digest"] == request_digest(request)
    outcome = ledger.decide(request.request_id, "by-hand", payload, NOW)
    assert (outcome.accepted, outcome.decision, outcome.approver) == (True, decision, "Ann"), outcome.reason
    after = in_process(decision, "a", "--print")
    assert after.returncode == 1
    assert "nothing of run 'a' waits for approval" in after.stderr


def test_a_decision_needs_one_key_and_a_temporal(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """Without a key, with several, or without Temporal nothing is sent, and the sentence says what to do."""
    request = open_request(ledger_in(tmp_path))
    assert "keys new NAME --out FILE" in in_process("approve", "a", "--yes").stderr
    keys = tmp_path / "home" / "keys"
    in_process("keys", "new", "ann", "--out", str(keys / "ann.pem"))
    assert "Temporal does not answer" in in_process("approve", "a", "--yes").stderr
    in_process("keys", "new", "bob", "--out", str(keys / "bob.pem"))
    several = in_process("approve", "a", "--request", request.request_id)
    assert (several.returncode, "name one with --key" in several.stderr) == (1, True)
    assert "is not open; open: a/live-test#1" in in_process("approve", "a", "--request", "a/live-test#9").stderr
    (keys / "ann.pem").chmod(0o644)
    assert "chmod 600" in in_process("approve", "a", "--key", str(keys / "ann.pem")).stderr


def test_the_newest_journal_entry_is_found(tmp_path: Path) -> None:
    """last_sequence finds the newest entry, of an empty journal and of a long one."""
    from gaelp.commands.people.decide import last_sequence

    empty = Ledger.open(f"sqlite:///{tmp_path}/empty.db")
    assert last_sequence(empty) == 0
    ledger = ledger_in(tmp_path)
    for number in range(1, 12):
        ledger.raise_fence("shop", "test", "test", NOW)
        assert last_sequence(ledger) == ledger.journal()[-1].sequence == number + 1


def test_a_card_that_was_changed_is_not_shown(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """Whoever can write to the ledger's file alone cannot have one amount read and another one signed."""
    ledger = ledger_in(tmp_path)
    open_request(ledger)
    key = tmp_path / "home" / "keys" / "ann.pem"
    in_process("keys", "new", "ann", "--out", str(key))
    with sqlite3.connect(tmp_path / "home" / "ledger.db") as database:
        database.execute("UPDATE approval_requests SET exposure_text = '### it costs nothing'")
    ran = in_process("approve", "a", "--print")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "the card of a/live-test#1 was changed after the request was opened" in ran.stderr
    assert "costs nothing" not in ran.stderr


def test_a_port_that_none_is_is_wrong_use(in_process: Callable[..., Finished]) -> None:
    """It is refused by the grammar, before a page is made."""
    ran = in_process("approve", "first", "--page", "--port", "70000")
    assert ran.returncode == 2 and "'70000' is not a port from 1 to 65535" in ran.stderr


@pytest.mark.parametrize("status", [each for each in RPCStatusCode if each is not RPCStatusCode.OK])
async def test_a_server_that_does_not_take_a_decision_is_one_sentence(
    status: RPCStatusCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever Temporal answers is a refusal of ours, which the page shows as such, and says how to learn the rest."""

    class Away:
        def get_workflow_handle(self, _: str) -> Away:
            return self

        async def signal(self, *_: object, **__: object) -> None:
            raise RPCError("unspeakable", status, b"")

    async def away(_: Settings) -> Away:
        return Away()

    monkeypatch.setattr(connections, "temporal", away)
    signed = SignedDecision(
        request_id="a/live-test#1", decision="approve", request_digest="d" * 64, key_id="k", signature="s"
    )
    with pytest.raises(Refused) as refusal:
        await send(Settings(), "a/live-test", "approve", signed)
    said = str(refusal.value)
    assert "unspeakable" not in said
    if status is RPCStatusCode.NOT_FOUND:
        assert said == "a/live-test is not running any more: nobody waits for this decision"
    else:
        assert f"Temporal answered {status.name}" in said and "`starter.py status a`" in said
