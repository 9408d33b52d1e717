"""Four eyes: above an amount that the account's owner sets, another person approves than has signed the run's start."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_requests import ApprovalOutcome
from gaelp.domain.spending.signed_starts import ProvenStart, start_digest
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerConflict
from gaelp.ledger.stored_records import BegunTerms
from tests.support import ledgers as kit
from tests.support.ledgers import KEY, NOW, UNIT

BOBS, ADAS_SECOND = signatures.new_key(), signatures.new_key()
TERMS = BegunTerms("acme", "linear-thompson", "d" * 64)
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


def proof(ledger: Ledger, key: signatures.NewKey, run: str = "run-a", account: str = "acme") -> ProvenStart:
    """The start of a run, signed for this ledger."""
    digest = start_digest(ledger.identity(), run, account, TERMS.agent, TERMS.config_digest)
    return ProvenStart(signatures.sign_start(key.pem, digest), TERMS.agent, TERMS.config_digest)


def start(ledger: Ledger, key: signatures.NewKey) -> None:
    ledger.register_run("run-a", "acme", NOW, proof(ledger, key))


def asks(ledger: Ledger, run: str, total: int, phase: Phase = Phase.LIVE_TEST, hours: int = 0) -> ApprovalOutcome:
    """Ada answers a request of that run, of that many hours later, for so many hundredths."""
    request_id = f"{run}/{phase}#1"
    wanted = kit.request(
        request_id=request_id, run=run, phase=phase, total_cap_micros=total * 10_000, nonce=request_id, campaign_count=0
    )
    request = ledger.open_request(wanted, "the table", NOW).request
    payload = signatures.sign(KEY.pem, request, "approve").model_dump()
    return ledger.decide(request_id, request_id, payload, NOW + timedelta(hours=hours))


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
    ledger.register_run("run-a", "sandbox", NOW, proof(ledger, BOBS, account="sandbox"))
    outcome = approved(ledger, KEY)
    assert not outcome.accepted and "nobody has signed the start of run run-a on this account" in outcome.reason


def test_a_start_counts_no_more_when_its_key_was_removed(ledger: Ledger) -> None:
    """The owner has taken Bob's key away: what it has signed proves nobody."""
    start(ledger, BOBS)
    ledger.remove_approver("acme", BOBS.key_id)
    outcome = approved(ledger, KEY)
    assert not outcome.accepted and "a key that is entered" in outcome.reason


def test_a_start_counts_no_more_when_its_key_is_somebody_elses(ledger: Ledger) -> None:
    """Ada's key is entered again under Bob's name: his other key would be one person's second."""
    start(ledger, KEY)
    ledger.put_approver(kit.approver(name="Bob"))
    outcome = approved(ledger, BOBS)
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
    other = proof(ledger, KEY, run="run-b")
    decision = signatures.sign(KEY.pem, kit.request(), "approve")
    forged = other._replace(signed=other.signed.model_copy(update={"signature": decision.signature}))
    unknown, own = proof(ledger, foreign), proof(ledger, KEY)
    for start_of, words in (
        (unknown, "unknown key"),
        (other, "bad signature"),
        (forged, "bad signature"),
        (own._replace(agent="online-lp"), "bad signature"),
        (own._replace(config_digest="9" * 64), "bad signature"),
    ):
        with pytest.raises(LedgerConflict, match=words):
            ledger.register_run("run-a", "acme", NOW, start_of)
    assert ledger.run("run-a") is None


def test_a_start_that_was_signed_for_another_ledger_proves_nobody_here(ledger: Ledger, tmp_path: Path) -> None:
    """The test environment has the same account, key and run name; each ledger draws an identity when it is made."""
    elsewhere = Ledger.open(f"sqlite:///{tmp_path / 'test-environment.db'}")
    elsewhere.put_account(kit.account())
    elsewhere.put_approver(kit.approver(key_id=BOBS.key_id, public_key=BOBS.public_key, name="Bob"))
    replayed = proof(elsewhere, BOBS)
    elsewhere.register_run("run-a", "acme", NOW, replayed)
    with pytest.raises(LedgerConflict, match="over this start in this ledger"):
        ledger.register_run("run-a", "acme", NOW, replayed)
    assert ledger.run("run-a") is None and ledger.identity() != elsewhere.identity()
    elsewhere.close()


def test_a_backup_of_a_ledger_has_its_identity(ledger: Ledger, tmp_path: Path) -> None:
    """Opening it again draws none, and a copy of its file is the same ledger."""
    ledger.close()
    copy = tmp_path / "backup.db"
    copy.write_bytes((tmp_path / "ledger.db").read_bytes())
    identities = []
    for file in (tmp_path / "ledger.db", copy):
        again = Ledger.open(f"sqlite:///{file}")
        identities.append(again.identity())
        again.close()
    assert identities[0] == identities[1] and len(identities[0]) == 32


@pytest.mark.parametrize(("run", "phase"), [("run-a", Phase.SCALED), ("run-b", Phase.LIVE_TEST)], ids=["phase", "run"])
def test_what_one_person_alone_has_approved_counts_together(ledger: Ledger, run: str, phase: Phase) -> None:
    """299.00 and 0.99 are 299.99, and 299.00 twice needs two: neither another phase nor another run splits it."""
    for name in ("run-a", "run-b"):
        ledger.register_run(name, "acme", NOW)
    assert asks(ledger, "run-a", 29_900).accepted
    refused = asks(ledger, run, 29_900, phase)
    assert not refused.accepted
    assert refused.reason.startswith(
        "four eyes: above 299.99 USD account acme needs two people (one person alone has approved 299.00 USD there in "
        f"run-a/live-test#1, which is 598.00 USD with this), and nobody has signed the start of run {run}"
    )
    ledger.register_run("run-c", "acme", NOW)
    assert asks(ledger, "run-c", 99).accepted


def test_what_two_people_have_approved_does_not_count_for_one_alone(ledger: Ledger) -> None:
    """Bob approves 300.00 of the run that Ada has started; 299.99 of another run are still one person's to approve."""
    start(ledger, KEY)
    assert approved(ledger, BOBS).accepted and ledger.approved_alone("acme", NOW) == ()
    ledger.register_run("run-b", "acme", NOW)
    assert asks(ledger, "run-b", 29_999).accepted
    assert [each.request_id for each in ledger.approved_alone("acme", NOW)] == ["run-b/live-test#1"]


@pytest.mark.parametrize(("hours", "accepted"), [(23, False), (25, True)])
def test_a_run_that_has_ended_counts_for_a_day(ledger: Ledger, hours: int, accepted: bool) -> None:
    """Nobody approves 299.00, ends the run and approves as much again on the same day."""
    for name in ("run-a", "run-b"):
        ledger.register_run(name, "acme", NOW)
    assert asks(ledger, "run-a", 29_900).accepted
    ledger.end_run("run-a", NOW)
    assert asks(ledger, "run-b", 29_900, hours=hours).accepted is accepted


def test_what_stands_counts_however_old_it_is(ledger: Ledger) -> None:
    """Days later the first run still may spend what one person has approved."""
    for name in ("run-a", "run-b"):
        ledger.register_run(name, "acme", NOW)
    assert asks(ledger, "run-a", 29_900).accepted
    assert not asks(ledger, "run-b", 29_900, hours=100).accepted


def test_a_rejection_and_another_account_count_nothing(ledger: Ledger) -> None:
    """A no spends nothing, and each account has a limit of its own."""
    for name in ("run-a", "run-b"):
        ledger.register_run(name, "acme", NOW)
    ledger.put_account(kit.account(account="other"))
    assert approved(ledger, KEY, "reject", total_cap_micros=29_900 * 10_000).accepted
    assert asks(ledger, "run-b", 29_900).accepted
    assert ledger.approved_alone("other", NOW) == ()


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
