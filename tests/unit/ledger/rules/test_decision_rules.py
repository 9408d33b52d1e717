"""When a submitted decision counts. Every way of being wrong is a refusal with its sentence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gaelp.domain.ad_accounts import AccountKind, Approver
from gaelp.domain.spending.approval_requests import SignedDecision, request_digest
from gaelp.ledger import signatures
from gaelp.ledger.rules.decision_rules import judge_decision, judge_signal, read_decision, shown
from gaelp.ledger.rules.ruling import GRANTED, Ruling
from tests.support.ledgers import KEY, NOW, account, approver, request, stored_request

APPROVAL = signatures.sign(KEY.pem, request(), "approve")
REJECTION = signatures.sign(KEY.pem, request(), "reject")
ADA = approver()
EXPIRY = request().expires_at


def judge(signed: SignedDecision = APPROVAL, by: Approver | None = ADA, **changes: Any) -> Ruling:
    """`signed` on the standing request, with one fact of the case changed."""
    return judge_decision(
        signed,
        by,
        changes.get("stored", stored_request()),
        changes.get("account", account()),
        changes.get("now", NOW),
        nonce_used=changes.get("nonce_used", False),
    )


class TestReading:
    def test_a_well_formed_decision_is_read(self) -> None:
        """What a signal carries is the signed decision, field by field."""
        assert read_decision(APPROVAL.model_dump()) == APPROVAL

    @pytest.mark.parametrize(
        ("payload", "words"),
        [
            (None, "is a JSON null, and an object"),
            ([], "is a JSON array, and an object"),
            ("approve", "is a JSON string, and an object"),
            (True, "is a JSON boolean, and an object"),
            (7, "is a JSON number, and an object"),
            (7.5, "is a JSON number, and an object"),
            (NOW, "is a JSON datetime, and an object"),
            ({}, "malformed: 'request_id': Field required"),
            ({**APPROVAL.model_dump(), "extra": 1}, "malformed: 'extra': "),
            ({**APPROVAL.model_dump(), "signature": 7}, "malformed: 'signature': "),
            ({**APPROVAL.model_dump(), "reason": b"because"}, "malformed: 'reason': "),
            ({**APPROVAL.model_dump(), "x" * 99: 1}, "malformed: '" + "x" * 59 + ": "),
            ({**APPROVAL.model_dump(), "decision": "y" * 99}, "decision is '" + "y" * 40 + "', and"),
            ({**APPROVAL.model_dump(), "decision": "yes"}, "decision is 'yes', and must be approve or reject"),
            ({**APPROVAL.model_dump(), "key_id": "A" * 16}, "key_id is not 16 hexadecimal digits"),
            ({**APPROVAL.model_dump(), "key_id": "a" * 15}, "key_id is not 16 hexadecimal digits"),
        ],
    )
    def test_what_is_malformed_is_refused_with_its_place(self, payload: Any, words: str) -> None:
        """The sentence names the field and what is needed."""
        ruling = read_decision(payload)
        assert isinstance(ruling, Ruling) and not ruling.granted
        assert ruling.reason.startswith("malformed") and words in ruling.reason

    def test_what_is_nested_too_deeply_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where reading it would exhaust the interpreter's stack, the sender is told so."""

        def exhausted(*_: Any, **__: Any) -> SignedDecision:
            raise RecursionError

        monkeypatch.setattr(SignedDecision, "model_validate", exhausted)
        ruling = read_decision(APPROVAL.model_dump())
        assert isinstance(ruling, Ruling) and not ruling.granted
        assert ruling.reason.startswith("malformed: nested too deeply; an object with request_id, ")

    def test_a_refused_payload_is_kept_though_it_is_no_json(self) -> None:
        """What JSON has no form for is kept as Python shows it."""
        assert "datetime.datetime(2026, 11, 22" in shown({"at": NOW})

    def test_a_refused_payload_is_kept_as_far_as_it_is_short(self) -> None:
        """JSON is cut, and what is no JSON is named."""
        endless: list[Any] = []
        endless.append(endless)
        assert shown({"a": 1}) == '{"a": 1}' and len(shown("x" * 9999)) == 4000
        assert shown(endless) == "a array that is no JSON"


class TestSignal:
    def test_a_decision_is_what_its_signal_says(self) -> None:
        """A decision that no signal brought contradicts none."""
        assert judge_signal(APPROVAL, "approve") == judge_signal(APPROVAL, "") == GRANTED

    def test_a_decision_that_contradicts_its_signal_is_refused(self) -> None:
        """Who sends reject and signs approve meant one of them."""
        ruling = judge_signal(APPROVAL, "reject")
        assert ruling.reason == "contradiction: the signal is reject, and the decision in it is 'approve'"
        assert not ruling.granted

    def test_a_refusal_quotes_no_more_of_a_decision_than_it_must(self) -> None:
        """Twenty characters of a decision, two hundred of a request's name: the rest may be a megabyte."""
        long = APPROVAL.model_copy(update={"decision": "d" * 99, "request_id": "r" * 999})
        assert judge_signal(long, "approve").reason.endswith("the decision in it is '" + "d" * 20 + "'")
        assert "the decision names '" + "r" * 200 + "', and" in judge(long).reason


class TestDecision:
    def test_a_standing_approvers_signature_counts(self) -> None:
        """Approval and rejection alike, until the instant of expiry itself."""
        for signed in (APPROVAL, REJECTION):
            assert judge(signed) == judge(signed, now=EXPIRY) == GRANTED

    @pytest.mark.parametrize("signed", [APPROVAL, REJECTION], ids=["approve", "reject"])
    @pytest.mark.parametrize(
        ("case", "words"),
        [
            ({"stored": stored_request(request_id="other#1")}, "wrong request: the decision names 'run-a/live-test#1'"),
            ({"by": None}, "may not approve on account acme; its owner adds approvers"),
            ({"stored": stored_request(agent="uniform")}, "the request's digest differs"),
            ({"by": approver(public_key=signatures.new_key().public_key)}, "bad signature"),
            ({"by": approver(demo=True), "account": account(kind=AccountKind.REAL)}, "demo key"),
            ({"stored": stored_request("superseded")}, "was superseded by a newer one"),
            ({"stored": stored_request("withdrawn")}, "was withdrawn: its run was stopped or has ended"),
            ({"stored": stored_request("approved")}, "was already decided: it is approved"),
            ({"now": EXPIRY + timedelta(microseconds=1)}, "silence is a refusal"),
            ({"nonce_used": True}, "was used before: it is single use"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_is_not_the_standing_persons_decision_in_time_is_refused(
        self, signed: SignedDecision, case: dict[str, Any], words: str
    ) -> None:
        """Each fact that is wrong refuses approval and rejection, with its own sentence."""
        ruling = judge(signed, **case)
        assert not ruling.granted and words in ruling.reason

    def test_a_demo_key_counts_on_an_emulators_account(self) -> None:
        """Demo runs have approvers of their own."""
        assert judge(by=approver(demo=True)) == GRANTED

    def test_a_decision_changed_after_signing_is_refused(self) -> None:
        """A signed rejection cannot be turned into an approval."""
        assert "bad signature" in judge(REJECTION.model_copy(update={"decision": "approve"})).reason

    def test_an_approver_may_approve_up_to_his_limit(self) -> None:
        """At the limit the approval counts, one micro above it is refused, and a rejection needs no limit."""
        total = request().total_cap_micros
        assert judge(by=approver(limit_micros=total)) == GRANTED
        ruling = judge(by=approver(limit_micros=total - 1))
        assert ruling.reason == (
            "over the approver's limit: Ada may approve 299.999999 USD in all, and 300.00 USD is asked for"
        )
        assert not ruling.granted
        assert judge(REJECTION, by=approver(limit_micros=0)) == GRANTED

    @pytest.mark.parametrize("fence", [1, 3])
    def test_a_fence_that_changed_voids_an_approval_and_no_rejection(self, fence: int) -> None:
        """A stop came between the request and the signature."""
        stored = stored_request(fence=2)
        approval, rejection = (signatures.sign(KEY.pem, stored.request, word) for word in ("approve", "reject"))
        ruling = judge(approval, stored=stored, account=account(fence=fence))
        assert not ruling.granted and f"changed from 2 to {fence} since the request was opened" in ruling.reason
        assert judge(rejection, stored=stored, account=account(fence=fence)) == GRANTED
        assert judge(approval, stored=stored, account=account(fence=2)) == GRANTED

    def test_a_request_that_a_stop_has_closed_can_still_be_rejected(self) -> None:
        """A rejection spends nothing, so that it counts on a void request; an approval of it is refused."""
        closed, stopped = stored_request("void"), account(fence=1)
        assert judge(REJECTION, stored=closed, account=stopped) == GRANTED
        assert not judge(stored=closed, account=stopped).granted

    def test_the_digest_is_of_the_request_as_stored(self) -> None:
        """The fixture signs what the ledger keeps."""
        assert stored_request().digest == request_digest(request()) == APPROVAL.request_digest
