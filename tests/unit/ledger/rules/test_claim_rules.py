"""Who may make a call that can spend, and how its outcome may be recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import Claim, Severity, Violation
from gaelp.ledger.rules.claim_rules import (
    OUTCOMES,
    claims_before_stop,
    judge_claim,
    judge_enabling,
    judge_resolution,
    only_reduces_spend,
    state_after,
)
from gaelp.ledger.rules.ruling import GRANTED
from gaelp.ledger.stored_records import StoredClaim
from tests.support.ledgers import NOW, account, claim

REDUCING = [claim("pause", fence=0), claim("end", fence=0, shortens=True)]


def stored(intent: str = "create", **changes: Any) -> StoredClaim:
    call = claim(intent)
    values = {"key": call.key, "account": call.account, "run": call.run, "campaign": call.campaign, "intent": intent}
    return StoredClaim(**{**values, "fence": 0, "state": "open", "detail": "", "at": NOW, **changes})


@pytest.mark.parametrize("fence", [None, 2])
def test_a_first_claim_under_the_accounts_fence_is_granted(fence: int | None) -> None:
    """A caller that names no fence believes in the account's own."""
    ruling = judge_claim(claim(fence=fence), None, account(fence=2))
    assert (ruling.granted, ruling.fence, ruling.reason) == (True, 2, "")


@pytest.mark.parametrize("fence", [1, 3])
def test_a_claim_under_another_fence_is_refused(fence: int) -> None:
    """A stop came between the approval and the call."""
    ruling = judge_claim(claim(fence=fence), None, account(fence=2))
    assert (ruling.granted, ruling.done, ruling.unknown) == (False, False, False)
    assert ruling.reason == f"the fence of account acme is 2 and the caller's is {fence}: a stop came between"


def test_a_call_that_was_made_is_not_made_again() -> None:
    """The caller learns that it is done and what was recorded."""
    ruling = judge_claim(claim(), stored(state="done", detail="id 7"), account())
    assert (ruling.granted, ruling.done, ruling.detail) == (False, True, "id 7")


def test_an_open_claim_is_an_unknown_outcome() -> None:
    """The call may have happened, so the platform is read back first."""
    ruling = judge_claim(claim(), stored(detail="timed out"), account())
    assert (ruling.granted, ruling.unknown, ruling.detail) == (False, True, "timed out")
    assert ruling.reason.startswith("outcome unknown: ") and "is open since 2026-11-22T12:00:00" in ruling.reason


@pytest.mark.parametrize("intent", ["create", "enable", "budget", "apply", "end"])
def test_only_a_create_may_be_repeated_while_its_outcome_is_unknown(intent: str) -> None:
    """It leaves one campaign of its name; any other call waits until the platform was read, whoever asks."""
    ruling = judge_claim(claim(intent, repeats=True), stored(intent), account())
    assert ruling.granted is (intent == "create") and ruling.unknown is (intent != "create")
    assert not judge_claim(claim(intent, repeats=False), stored(intent), account()).granted


def test_a_call_that_failed_may_be_claimed_again_under_the_fence_of_now() -> None:
    """What surely did not happen may be tried again, unless a stop came between."""
    failed = stored(state="failed")
    assert judge_claim(claim(fence=0), failed, account()).granted
    assert not judge_claim(claim(fence=0), failed, account(fence=1)).granted


@pytest.mark.parametrize(
    ("call", "existing"),
    [
        (claim(), None),
        (claim("pause"), None),
        (claim(), stored(state="done")),
        (claim(), stored()),
        (claim(fence=1), None),
        (claim(), stored(account="other")),
    ],
    ids=["granted", "a pause", "done", "unknown", "another fence", "another's key"],
)
def test_every_answer_carries_the_fence_of_the_account(call: Claim, existing: StoredClaim | None) -> None:
    """Whatever is answered, the caller learns under which fence it now stands."""
    assert judge_claim(call, existing, account(fence=2)).fence == 2


@pytest.mark.parametrize("name", ["account", "run", "campaign", "intent"])
def test_a_key_serves_one_call_only(name: str) -> None:
    """A claim of another account, run, campaign or intent under the same key is refused, a pause too."""
    ruling = judge_claim(claim("pause"), replace(stored("pause"), **{name: "other"}), account())
    assert not ruling.granted and "is someone else's: use a key of its own" in ruling.reason


@pytest.mark.parametrize("call", REDUCING, ids=lambda call: call.intent)
@pytest.mark.parametrize("state", [None, "open", "done", "failed"])
def test_what_can_only_reduce_spend_is_always_granted(call: Any, state: str | None) -> None:
    """Neither the fence nor an earlier claim keeps anyone from pausing, or from ending a campaign earlier."""
    existing = None if state is None else stored(call.intent, state=state)
    assert only_reduces_spend(call) and judge_claim(call, existing, account(fence=9)).granted


@pytest.mark.parametrize("call", [claim("end"), claim("enable", shortens=True), claim("budget")])
def test_a_later_end_and_every_other_call_may_spend(call: Any) -> None:
    """`shortens` is believed of an end only."""
    assert not only_reduces_spend(call)


def test_a_campaign_that_somebody_else_has_paused_is_not_enabled() -> None:
    """The refusal names campaign and instant, and what clears it; a campaign that nobody has paused may be enabled."""
    paused = Violation(
        id="v-7", account="acme", run="run-a", phase=Phase.LIVE_TEST, campaign="run-a/live-test/campaign-00",
        kind="paused-outside", severity=Severity.MEDIUM, evidence="e", at=NOW,
    )  # fmt: skip
    ruling = judge_enabling(paused)
    assert not ruling.granted
    for words in (paused.campaign, NOW.isoformat(), "'v-7'", "`starter.py resolve`"):
        assert words in ruling.reason
    assert judge_enabling(None) == GRANTED


def test_each_outcome_leaves_its_state() -> None:
    """A claim of unknown outcome stays open, and an unheard-of outcome is an error."""
    assert [state_after(outcome) for outcome in OUTCOMES] == ["done", "failed", "open"]
    with pytest.raises(ValueError, match="one of done, failed, unknown"):
        state_after("perhaps")


@pytest.mark.parametrize(
    ("state", "outcome", "words"),
    [
        ("open", "done", ""),
        ("open", "failed", ""),
        ("open", "unknown", ""),
        ("failed", "done", ""),
        ("failed", "failed", ""),
        ("done", "done", ""),
        ("done", "failed", "stays done: failed would allow it twice"),
        ("done", "unknown", "stays done: unknown would allow it twice"),
        ("failed", "unknown", "claim it again before calling"),
    ],
)
def test_what_was_done_stays_done(state: str, outcome: str, words: str) -> None:
    """No resolution may lead to a second call; a failed call that turns out to have happened may become done."""
    ruling = judge_resolution(stored(state=state), outcome)
    assert ruling.granted is (words == "") and words in ruling.reason


def test_a_stop_waits_for_calls_claimed_under_an_older_fence() -> None:
    """Not for pauses, and not for what was claimed under the new fence; for all where the fence is not known."""
    claims = [claim("create", fence=1), claim("enable", fence=2), claim("pause", fence=0), claim("budget")]
    older = [claims[0].key, claims[3].key]
    assert claims_before_stop(claims, 2) == tuple(older)
    assert claims_before_stop(claims, None) == (claims[0].key, claims[1].key, claims[3].key)


def test_a_call_claimed_under_no_fence_is_older_than_every_stop() -> None:
    """Where the claim names no fence, nothing says that its caller knew of the first stop."""
    assert claims_before_stop([claim("create")], 1) == (claim("create").key,)
