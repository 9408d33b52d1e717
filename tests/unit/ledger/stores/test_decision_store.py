"""Decisions on approval requests: whatever a signal carries, only a standing person's signature counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaelp.domain.ad_accounts import AccountKind
from gaelp.domain.spending.approval_requests import ApprovalOutcome, ApprovalRequest
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import FenceRaised, LedgerConflict, RunStopped, UnknownRequest
from gaelp.ledger.stores import account_store, journal
from gaelp.messages.pausing import RefusedSignals
from tests.support import ledgers as kit
from tests.support.ledgers import KEY, NOW, UNIT

ID = "run-a/live-test#1"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An account, its approver Ada, and one open request."""
    opened = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    opened.put_account(kit.account())
    opened.put_approver(kit.approver())
    opened.register_run("run-a", "acme", NOW)
    opened.open_request(kit.request(), "the table", NOW)
    yield opened
    opened.close()


def signed(request: ApprovalRequest | None = None, decision: str = "approve", **changes: Any) -> dict[str, Any]:
    return {**signatures.sign(KEY.pem, request or kit.request(), decision).model_dump(), **changes}


def decide(ledger: Ledger, payload: Any, submission: str = "s1", **changes: Any) -> ApprovalOutcome:
    return ledger.decide(changes.get("request_id", ID), submission, payload, changes.get("now", NOW))


def test_a_signed_approval_is_accepted_and_stands(ledger: Ledger) -> None:
    """Ada's signature approves the request under her name, and it no longer waits."""
    assert [card.text for card in ledger.open_requests("run-a")] == ["the table"]
    outcome = decide(ledger, signed(reason="looks right"))
    assert (outcome.accepted, outcome.decision, outcome.approver) == (True, "approve", "Ada")
    assert (ledger.open_requests("run-a"), ledger.request_state(ID)) == ((), "approved")


def test_a_signed_rejection_is_accepted_and_authorises_nothing(ledger: Ledger) -> None:
    """A rejection needs a valid signature as well, and ends the request."""
    outcome = decide(ledger, signed(decision="reject", reason="too much"))
    assert (outcome.accepted, outcome.decision, outcome.reason) == (True, "reject", "too much")
    assert ledger.request_state(ID) == "rejected"


@pytest.mark.parametrize(
    "payload",
    [
        None,
        7,
        "approve",
        True,
        [],
        [{"decision": "approve"}],
        {},
        {"decision": "approve"},
        signed(decision_by="Ada"),
        signed(signature=None),
        signed(key_id="'; drop table approvers; --"),
        signed(key_id="\x00" * 16),
        {**signed(), "decision": "approve\n"},
        {**signed(), "decision": "yes"},
        {**signed(), "\ud800": 1},
        {**signed(), "reason": {"deep": [[[]]]}},
    ],
)
def test_a_malformed_decision_is_refused_and_journaled(ledger: Ledger, payload: Any) -> None:
    """Anything that is not a signed decision is refused as malformed, and the refusal is visible."""
    outcome = decide(ledger, payload)
    assert not outcome.accepted and outcome.reason.startswith("malformed: ")
    assert ledger.journal()[-1].kind == "refuse"
    assert ledger.request_state(ID) == "open"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_no_json_whatever_is_accepted_or_raises(ledger: Ledger, payload: Any) -> None:
    """Arbitrary JSON is refused with a reason and never an exception."""
    outcome = decide(ledger, payload, submission=repr(payload))
    assert not outcome.accepted and outcome.reason


def test_every_changed_part_of_a_signed_decision_is_refused(ledger: Ledger) -> None:
    """Another request, another digest, a flipped decision, a changed or foreign signature: each has its own reason."""
    stranger = signatures.new_key()
    by_stranger = signatures.sign(stranger.pem, kit.request(), "approve").model_dump()
    flipped = "A" if signed()["signature"][0] != "A" else "B"
    cases: list[tuple[dict[str, Any], str]] = [
        (signed(request_id="run-a/scaled#1"), "wrong request"),
        (signed(kit.request(total_cap_micros=299 * UNIT)), "digest differs"),
        (signed(kit.request(checkpoint_digest="0" * 64)), "digest differs"),
        (by_stranger, "unknown key"),
        ({**by_stranger, "key_id": KEY.key_id}, "bad signature"),
        ({**signed(decision="reject"), "decision": "approve"}, "bad signature"),
        ({**signed(), "signature": flipped + signed()["signature"][1:]}, "bad signature"),
        ({**signed(), "signature": ""}, "bad signature"),
        ({**signed(), "signature": "não é base64"}, "bad signature"),
    ]
    for number, (payload, reason) in enumerate(cases):
        outcome = decide(ledger, payload, submission=f"case {number}")
        assert not outcome.accepted and outcome.reason.startswith(("the request's", reason)), outcome.reason
        assert reason in outcome.reason
    assert ledger.request_state(ID) == "open"
    assert decide(ledger, signed(), submission="the true one").accepted


def test_a_rejection_without_a_valid_signature_is_refused(ledger: Ledger) -> None:
    """Nobody can end a request by writing "reject"."""
    assert "bad signature" in decide(ledger, {**signed(), "decision": "reject"}).reason


def test_silence_until_the_deadline_is_a_refusal(ledger: Ledger) -> None:
    """At its expiry a request can still be signed; after it no longer."""
    at = kit.request().expires_at
    assert "expired" in decide(ledger, signed(), now=at + timedelta(seconds=1)).reason
    assert decide(ledger, signed(), submission="s2", now=at).accepted


def test_over_the_approvers_limit_is_refused(ledger: Ledger) -> None:
    """A person may approve up to her limit and no more, but may always reject."""
    ledger.put_approver(kit.approver(limit_micros=300 * UNIT - 1))
    assert "over the approver's limit" in decide(ledger, signed()).reason
    assert decide(ledger, signed(decision="reject"), submission="s2").accepted


def test_a_demo_key_counts_on_an_emulator_only(ledger: Ledger, tmp_path: Path) -> None:
    """Accepted on an emulator's account; on a real one refused, even if the owner's table were to hold it."""
    ledger.put_approver(kit.approver(demo=True))
    assert decide(ledger, signed()).accepted
    real = Ledger.open(f"sqlite:///{tmp_path / 'real.db'}")
    real.put_account(kit.account())
    real.put_approver(kit.approver(demo=True))
    real.put_account(kit.account(kind=AccountKind.REAL))
    real.register_run("run-a", "acme", NOW)
    real.open_request(kit.request(), "", NOW)
    assert "demo key" in decide(real, signed()).reason
    real.close()


def test_a_request_is_decided_once(ledger: Ledger) -> None:
    """A second use of the same signature, or another decision after the first, is refused."""
    assert decide(ledger, signed()).accepted
    for number, payload in enumerate((signed(), signed(decision="reject"))):
        assert "already decided" in decide(ledger, payload, submission=f"later {number}").reason
    assert ledger.request_state(ID) == "approved"


def test_the_same_submission_again_gets_the_same_outcome(ledger: Ledger) -> None:
    """A retried activity neither consumes a nonce twice nor sees its own acceptance as "already decided"."""
    refused = decide(ledger, 7)
    assert decide(ledger, 7) == refused
    accepted = decide(ledger, signed(), submission="s2")
    entries = len(ledger.journal())
    assert decide(ledger, signed(), submission="s2") == accepted and accepted.accepted
    assert len(ledger.journal()) == entries


def test_a_nonce_is_consumed_once(ledger: Ledger) -> None:
    """A request opened later under a used nonce cannot be approved."""
    assert decide(ledger, signed()).accepted
    second = kit.request(request_id="run-a/live-test#2", nonce=kit.request().nonce)
    ledger.open_request(second, "", NOW)
    outcome = decide(ledger, signed(second), submission="s2", request_id=second.request_id)
    assert "nonce" in outcome.reason and not outcome.accepted


def test_a_newer_request_supersedes_the_open_one(ledger: Ledger) -> None:
    """A signature on the older request is refused; the newer one can be approved."""
    second = kit.request(request_id="run-a/live-test#2")
    ledger.open_request(second, "", NOW)
    assert "superseded" in decide(ledger, signed()).reason
    assert [card.request for card in ledger.open_requests("run-a")] == [second]
    assert decide(ledger, signed(second), submission="s2", request_id=second.request_id).accepted


def test_a_raised_fence_voids_an_open_request(ledger: Ledger) -> None:
    """What was asked before a stop cannot be approved after it, but can still be rejected."""
    ledger.raise_fence("acme", "stop", "Ada", NOW)
    assert "fence" in decide(ledger, signed()).reason
    assert decide(ledger, signed(decision="reject"), submission="s2").accepted


def test_a_stop_closes_what_is_asked_on_its_account_and_only_a_new_request_waits(ledger: Ledger) -> None:
    """The fence's own journal row names the voided requests; the phase still waits, and asks anew under the fence."""
    ledger.put_account(kit.account(account="other"))
    elsewhere = kit.request(account="other", run="run-b", request_id="run-b/live-test#1")
    ledger.register_run("run-b", "other", NOW)
    ledger.open_request(elsewhere, "", NOW)
    fence = ledger.raise_fence("acme", "stop", "Ada", NOW)
    assert (ledger.request_state(ID), ledger.open_requests("run-a")) == ("void", ())
    assert [stored.state for stored in ledger.undecided_requests("run-a")] == ["void"]
    assert (ledger.waiting_phases("acme"), ledger.waiting_phases("other")) == (
        ("run-a/live-test",),
        ("run-b/live-test",),
    )
    assert ledger.request_state(elsewhere.request_id) == "open"
    (entry,) = ledger.journal(kinds=("fence",))
    assert json.loads(entry.detail)["voided"] == [ID]
    anew = kit.request(request_id="run-a/live-test#2", nonce="2" * 64, fence=fence)
    ledger.open_request(anew, "", NOW)
    assert [stored.request for stored in ledger.undecided_requests("run-a")] == [anew]
    assert decide(ledger, signed(anew), submission="s2", request_id=anew.request_id).accepted
    assert ledger.waiting_phases("acme") == ()


def test_a_request_made_before_a_stop_is_not_opened_after_it(ledger: Ledger) -> None:
    """It could never be approved: whoever makes it is told to make it anew, and nothing is opened."""
    ledger.raise_fence("acme", "stop", "Ada", NOW)
    with pytest.raises(FenceRaised, match="ask again"):
        ledger.open_request(kit.request(request_id="run-a/live-test#2"), "", NOW)
    assert ledger.open_requests("run-a") == ()


@pytest.mark.parametrize("void", [False, True])
def test_a_stopped_run_asks_for_nothing_any_more(ledger: Ledger, void: bool) -> None:
    """What it asked, also what another stop had voided, is withdrawn for good; a new request is refused."""
    ledger.register_run("run-a", "acme", NOW)
    if void:
        ledger.raise_fence("acme", "stop", "Ada", NOW)
    assert ledger.judge_run("run-a").granted
    ledger.stop_run("run-a", "enough", "Ada", NOW)
    assert ledger.request_state(ID) == "withdrawn"
    assert not ledger.judge_run("run-a").granted
    for decision in ("approve", "reject"):
        assert "withdrawn" in decide(ledger, signed(decision=decision), submission=decision).reason
    with pytest.raises(RunStopped, match="start another"):
        ledger.open_request(kit.request(request_id="run-a/live-test#2", fence=ledger.fence("acme")), "", NOW)
    assert (ledger.undecided_requests("run-a"), ledger.waiting_phases("acme")) == ((), ())
    assert [entry.key for entry in ledger.journal(kinds=("withdraw",))] == [ID]


@pytest.mark.parametrize(("decision", "state"), [("approve", "withdrawn"), ("reject", "rejected")])
def test_the_end_of_a_run_ends_its_approvals_and_no_rejection(ledger: Ledger, decision: str, state: str) -> None:
    """A stop of the account leaves both as they were decided; what was rejected stays so after the run, too."""
    assert decide(ledger, signed(decision=decision)).accepted
    before, stored = ledger.request_state(ID), ledger.request(ID)
    ledger.raise_fence("acme", "stop", "Ada", NOW)
    assert ledger.request_state(ID) == before
    ledger.end_run("run-a", NOW)
    assert ledger.request_state(ID) == state
    ledger.open_request(stored.request, stored.text, NOW)  # a retry finds what it opened
    with pytest.raises(RunStopped, match="ended at"):
        ledger.open_request(kit.request(request_id="run-a/live-test#2", fence=1), "", NOW)


def test_refused_signals_are_noted_once_for_their_key(ledger: Ledger) -> None:
    """A retry writes no second row; the row counts what came since the last one and has the reasons of these."""
    first = RefusedSignals(number=1, last=("a",))
    ledger.note_refused_signals("run-a/live-test", "k1", first, NOW)
    ledger.note_refused_signals("run-a/live-test", "k1", first, NOW)
    ledger.note_refused_signals("run-a/live-test", "k2", RefusedSignals(number=3, last=("a", "b", "c"), noted=1), NOW)
    rows = ledger.journal(kinds=("refuse-signal",))
    assert [(row.run, row.key, json.loads(row.detail)) for row in rows] == [
        ("run-a", "run-a/live-test", {"signals": 1, "reasons": ["a"]}),
        ("run-a", "run-a/live-test", {"signals": 2, "reasons": ["b", "c"]}),
    ]


def test_a_removed_approver_no_longer_counts(ledger: Ledger) -> None:
    """A key that the owner took away is unknown."""
    ledger.remove_approver("acme", KEY.key_id)
    assert "unknown key" in decide(ledger, signed()).reason


def test_an_approver_of_another_account_is_unknown_on_this_one(ledger: Ledger) -> None:
    """Her limit there is no right here, however high it is."""
    key = signatures.new_key()
    ledger.put_account(kit.account(account="other"))
    ledger.put_approver(kit.approver(account="other", key_id=key.key_id, public_key=key.public_key, name="Bo"))
    payload = signatures.sign(key.pem, kit.request(), "approve").model_dump()
    assert "unknown key" in decide(ledger, payload).reason
    assert ledger.request_state(ID) == "open"


def test_a_decision_on_no_request_is_refused(ledger: Ledger) -> None:
    """A request id that was never opened is refused, and reading it says so."""
    assert "no request" in decide(ledger, signed(), request_id="run-z/live-test#1").reason
    with pytest.raises(UnknownRequest):
        ledger.request("run-z/live-test#1")


def test_a_request_is_opened_once(ledger: Ledger) -> None:
    """The same again is harmless, even after a stop; other content under its id, or another currency, is refused."""
    assert ledger.open_request(kit.request(), "another text", NOW).text == "the table"
    assert ledger.open_request(kit.request(fence=1, nonce="n"), "", NOW).request.fence == 0
    with pytest.raises(LedgerConflict, match="other content"):
        ledger.open_request(kit.request(total_cap_micros=1), "", NOW)
    with pytest.raises(LedgerConflict, match="currency"):
        ledger.open_request(kit.request(request_id="run-a/live-test#2", currency="EUR"), "", NOW)


class TestKeys:
    def test_a_key_file_is_private_and_never_overwritten(self, tmp_path: Path) -> None:
        """Written with mode 0600, read back, refused when others may read it or a file is there."""
        path = tmp_path / "keys" / "ada.pem"
        signatures.write_key(path, KEY.pem)
        assert path.stat().st_mode & 0o777 == 0o600
        assert signatures.public_of(signatures.read_key(path)) == (KEY.public_key, KEY.key_id)
        with pytest.raises(signatures.BadKey, match="not overwritten"):
            signatures.write_key(path, KEY.pem)
        path.chmod(0o644)
        with pytest.raises(signatures.BadKey, match="chmod 600"):
            signatures.read_key(path)

    def test_what_is_no_key_is_refused_with_the_remedy(self, tmp_path: Path) -> None:
        """An absent file, garbage, and a short public key each say what to do."""
        with pytest.raises(signatures.BadKey, match="--key"):
            signatures.read_key(tmp_path / "none.pem")
        with pytest.raises(signatures.BadKey, match=r"starter\.py keys"):
            signatures.sign(b"garbage", kit.request(), "approve")
        with pytest.raises(signatures.BadKey, match="32 bytes"):
            signatures.key_id_of("abcd")

    def test_only_approve_and_reject_can_be_signed(self) -> None:
        """There is no third decision."""
        with pytest.raises(ValueError, match="approve or reject"):
            signatures.sign(KEY.pem, kit.request(), "perhaps")


@pytest.mark.parametrize("end", ["end_run", "stop_run"])
def test_accounts_are_locked_in_one_order_before_the_journal(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Two runs that ask on the same two accounts, in another order each, never wait for each other for ever."""
    ledger.put_account(kit.account(account="aaa"))
    ledger.open_request(kit.request(account="aaa", request_id="run-a/scaled#1", phase="scaled", nonce="aaa"), "", NOW)
    steps: list[str] = []
    lock, write = account_store.lock, journal.write
    monkeypatch.setattr(account_store, "lock", lambda c, name: (steps.append(name), lock(c, name))[1])
    monkeypatch.setattr(journal, "write", lambda *args, **named: (steps.append("journal"), write(*args, **named))[1])
    if end == "stop_run":
        ledger.stop_run("run-a", "the test says so", "Ada", NOW)
    else:
        ledger.end_run("run-a", NOW)
    first = steps.index("journal")
    assert steps[:first] == ["aaa", "acme"]
    assert set(steps[first:]) <= {"journal", "aaa", "acme"}, "another account is locked after the journal"
    assert {ledger.request_state(name) for name in (ID, "run-a/scaled#1")} == {"withdrawn"}
