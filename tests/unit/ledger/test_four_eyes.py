"""Four eyes: above an amount that the account's owner sets, another person approves than has signed the run's start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gaelp.domain.spending.approval_requests import ApprovalOutcome
from gaelp.domain.spending.signed_starts import start_digest
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerConflict
from gaelp.ledger.stored_records import BegunTerms
from tests.support import ledgers as kit
from tests.support.ledgers import KEY, NOW, UNIT

BOBS, ADAS_SECOND = signatures.new_key(), signatures.new_key()
TERMS = BegunTerms("acme", "linear-thompson", "d" * 64)
DIGEST = start_digest("run-a", TERMS.account, TERMS.agent, TERMS.config_digest)
ID = "run-a/live-test#1"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An account on which Ada, who has two keys, and Bob may approve; above 299.99 it needs two people."""
    opened = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    opened.put_account(kit.account(four_eyes_above_micros=299_990_000))
    for key, name in ((KEY, "Ada"), (ADAS_SECOND, " ada"), (BOBS, "Bob")):
        opened.put_approver(kit.approver(key_id=key.key_id, public_key=key.public_key, name=name))
    yield opened
    opened.close()


def approved(
    ledger: Ledger, key: signatures.NewKey, decision: str = "approve", **changes: int | str
) -> ApprovalOutcome:
    """What becomes of the run's request for 300.00, signed with the key."""
    request = ledger.open_request(kit.request(**changes), "the table", NOW).request
    payload = signatures.sign(key.pem, request, decision).model_dump()
    return ledger.decide(ID, f"{key.key_id} {decision}", payload, NOW)


def start(ledger: Ledger, key: signatures.NewKey) -> None:
    ledger.register_run("run-a", "acme", NOW, (signatures.sign_start(key.pem, DIGEST), DIGEST))


def test_who_has_started_a_run_does_not_approve_it_and_somebody_else_does(ledger: Ledger) -> None:
    """Neither with the key of the start nor with another key of the same name; nothing is approved by the refusals."""
    start(ledger, KEY)
    for own in (KEY, ADAS_SECOND):
        outcome = approved(ledger, own)
        assert not outcome.accepted
        assert outcome.reason == (
            "four eyes: above 299.99 USD account acme needs two people, and Ada has started run run-a: somebody else "
            "must approve it"
        )
    assert ledger.request_state(ID) == "open"
    assert approved(ledger, BOBS).accepted and ledger.request_state(ID) == "approved"


@pytest.mark.parametrize(("one", "other"), [("Zo\u00eb Li", "Zoe\u0308 li"), ("Ada Li", "ada  Li")])
def test_a_name_that_is_entered_in_two_ways_is_one_persons(ledger: Ledger, one: str, other: str) -> None:
    """An accent in one character or two, and a second space: the two keys are no two people."""
    for key, name in ((KEY, one), (BOBS, other)):
        ledger.put_approver(kit.approver(key_id=key.key_id, public_key=key.public_key, name=name))
    start(ledger, KEY)
    assert "somebody else must approve it" in approved(ledger, BOBS).reason


def test_a_run_whose_start_nobody_signed_is_approved_by_nobody(ledger: Ledger) -> None:
    """Who has started it is not known, so anybody may be the same person; a rejection counts all the same."""
    ledger.register_run("run-a", "acme", NOW)
    outcome = approved(ledger, BOBS)
    assert not outcome.accepted and "nobody has signed the start of run run-a" in outcome.reason
    assert approved(ledger, BOBS, "reject").accepted


@pytest.mark.parametrize("changes", [{"agent": "online-lp"}, {"config_digest": "9" * 64}], ids=["agent", "config"])
def test_a_start_counts_for_no_request_of_another_agent_or_configuration(
    ledger: Ledger, changes: dict[str, str]
) -> None:
    """Bob has signed a start, and Ada asks by hand in the run's name for something else: alone she does not approve."""
    start(ledger, BOBS)
    outcome = approved(ledger, KEY, **changes)
    assert not outcome.accepted
    assert (
        "nobody has signed the start of run run-a on this account, with this agent and configuration" in outcome.reason
    )
    assert ledger.request_state(ID) == "open"


def test_a_start_on_one_account_counts_for_no_request_on_another(ledger: Ledger) -> None:
    """Who may sign starts on an account where keys are had easily is nobody's second person on another one."""
    ledger.put_account(kit.account(account="sandbox"))
    ledger.put_approver(kit.approver(account="sandbox", key_id=BOBS.key_id, public_key=BOBS.public_key, name="Bob"))
    digest = start_digest("run-a", "sandbox", TERMS.agent, TERMS.config_digest)
    ledger.register_run("run-a", "sandbox", NOW, (signatures.sign_start(BOBS.pem, digest), digest))
    outcome = approved(ledger, KEY)
    assert not outcome.accepted and "nobody has signed the start of run run-a on this account" in outcome.reason


def test_a_start_counts_no_more_when_its_key_was_removed(ledger: Ledger) -> None:
    """The owner has taken Bob's key away: what it has signed proves nobody."""
    start(ledger, BOBS)
    ledger.remove_approver("acme", BOBS.key_id)
    outcome = approved(ledger, KEY)
    assert not outcome.accepted and "a key that is entered" in outcome.reason


def test_up_to_the_amount_one_person_is_enough(ledger: Ledger) -> None:
    """A request for exactly the owner's amount needs no second person, and without an amount none does."""
    ledger.register_run("run-a", "acme", NOW)
    assert approved(ledger, KEY, total_cap_micros=299_990_000).accepted


def test_without_an_amount_no_request_needs_two(ledger: Ledger) -> None:
    """It is off by default."""
    ledger.put_account(kit.account())
    start(ledger, KEY)
    assert approved(ledger, KEY).accepted


def test_a_start_proves_nobody_by_a_key_that_is_not_entered_or_did_not_sign_it(ledger: Ledger) -> None:
    """A foreign key, a signature over another start, and a decision's signature: the run is not registered."""
    foreign = signatures.new_key()
    other = signatures.sign_start(KEY.pem, start_digest("run-b", "acme", TERMS.agent, TERMS.config_digest))
    decision = signatures.sign(KEY.pem, kit.request(), "approve")
    forged = other.model_copy(update={"signature": decision.signature})
    unknown = signatures.sign_start(foreign.pem, DIGEST)
    for signed, words in ((unknown, "unknown key"), (other, "bad signature"), (forged, "bad signature")):
        with pytest.raises(LedgerConflict, match=words):
            ledger.register_run("run-a", "acme", NOW, (signed, DIGEST))
    assert ledger.run("run-a") is None


def test_a_signed_start_is_for_its_own_agent_and_configuration_only(ledger: Ledger) -> None:
    """Whoever starts another agent under the signed name does not begin, and the signed terms do."""
    start(ledger, KEY)
    other = ledger.begin_run("run-a", BegunTerms("acme", "online-lp", TERMS.config_digest), NOW)
    assert not other.granted and "was signed for another agent or configuration" in other.reason
    assert ledger.begin_run("run-a", TERMS, NOW).granted
    known = ledger.run("run-a")
    assert known is not None and known.starter is not None and known.starter.name == "Ada"


def test_the_owners_amount_is_kept(ledger: Ledger) -> None:
    """It is part of the account's envelope, and 0 asks two people for every approval."""
    ledger.put_account(kit.account(four_eyes_above_micros=0))
    assert ledger.account("acme").four_eyes_above_micros == 0
    start(ledger, KEY)
    assert not approved(ledger, KEY, total_cap_micros=UNIT).accepted
