"""Who counts as a second person. Touch with `judge_starter` and `judge_four_eyes` in gaelp/ledger/rules."""

from __future__ import annotations

import pytest

from gaelp.domain.ad_accounts import Approver
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.domain.spending.signed_starts import Starter
from gaelp.ledger import signatures
from gaelp.ledger.rules.decision_rules import is_alone, judge_four_eyes, judge_starter
from gaelp.ledger.rules.ruling import GRANTED, Ruling
from tests.support.ledgers import KEY, UNIT, account, approver, request

DIGEST = "a" * 64
SIGNED = signatures.sign_start(KEY.pem, DIGEST)
OWNED = account(four_eyes_above_micros=300 * UNIT)
BOB = Starter(key_id="b" * 16, name="Bob", agent="linear-thompson", config_digest="d" * 64)


def beside(number: int) -> ApprovalRequest:
    """Another run's request of 300 that one person alone has approved."""
    return request(request_id=f"run-{number}/live-test#1", run=f"run-{number}")


def judge(by: Approver, starter: Starter | None, *alone: ApprovalRequest) -> Ruling:
    return judge_four_eyes(by, request(), OWNED, starter, alone)


def test_a_start_counts_by_a_key_file_that_is_entered() -> None:
    """Its signature is checked against the key that the account's owner entered."""
    assert judge_starter(approver(), SIGNED, OWNED, DIGEST) == GRANTED


@pytest.mark.parametrize(
    ("by", "digest", "words"),
    [
        (None, DIGEST, "unknown key: no key file of id {key} is entered on account acme"),
        (approver(credential="x"), DIGEST, "unknown key: no key file of id {key} is entered on account acme"),
        (approver(), "b" * 64, "bad signature: it was not made with key {key} over this start in this ledger"),
    ],
)
def test_a_start_of_nobody_known_is_refused(by: Approver | None, digest: str, words: str) -> None:
    """An unknown key, a passkey, and a signature over another start prove nobody."""
    ruling = judge_starter(by, SIGNED, OWNED, digest)
    assert not ruling.granted and ruling.reason.startswith(words.format(key=KEY.key_id))


def test_keys_of_one_name_are_one_persons() -> None:
    """However the name is written; another name with another key is somebody else."""
    assert is_alone(approver(), None)
    assert is_alone(approver(name="Bob"), BOB.model_copy(update={"key_id": KEY.key_id}))
    assert is_alone(approver(name=" BOB "), BOB)
    assert not is_alone(approver(), BOB)


def test_one_person_approves_up_to_the_amount_and_two_above_it() -> None:
    """300 may one approve alone; with 300 of another run it is 600, and needs somebody else than the starter."""
    assert judge(approver(), None) == GRANTED
    assert judge(approver(), BOB, beside(1)) == GRANTED
    assert "nobody has signed the start of run run-a" in judge(approver(), None, beside(1)).reason
    assert judge(approver(name="Bob"), BOB, beside(1)).reason == (
        "four eyes: above 300.00 USD account acme needs two people (one person alone has approved 300.00 USD there in "
        "run-1/live-test#1, which is 600.00 USD with this), and Bob has started run run-a: "
        "somebody else must approve it"
    )


@pytest.mark.parametrize(
    ("number", "listed"),
    [
        (3, "900.00 USD there in run-0/live-test#1, run-1/live-test#1, run-2/live-test#1, which is 1,200.00 USD"),
        (5, "1,500.00 USD there in run-0/live-test#1, run-1/live-test#1, run-2/live-test#1 and 2 more, which is 1,800"),
    ],
)
def test_what_counts_together_is_named(number: int, listed: str) -> None:
    """The first three requests by name, and how many more there are."""
    assert listed in judge(approver(), None, *map(beside, range(number))).reason


def test_without_an_amount_one_person_may_approve_everything() -> None:
    """Four eyes is the owner's to switch on."""
    assert judge_four_eyes(approver(), request(), account(), None, [beside(1)]) == GRANTED
