"""When an approval request may be opened, and when an approval allows spend."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_requests import Evidence, RequestApproval
from gaelp.ledger.rules.approval_rules import judge_approval, judge_opening, judge_passes, passed_before
from gaelp.ledger.rules.ruling import GRANTED
from gaelp.ledger.stored_records import JudgedState, KeptVerdict, StoredRequest
from tests.support.ledgers import NOW, account, request, stored_request

EXPIRY = request().expires_at
MICROSECOND = timedelta(microseconds=1)


def test_a_new_request_in_the_accounts_currency_is_opened() -> None:
    """Nothing of that id stands, and the currencies agree."""
    assert judge_opening(request(), account(), None) == GRANTED


def test_a_request_in_another_currency_is_refused() -> None:
    """Amounts of two currencies cannot be compared."""
    ruling = judge_opening(request(currency="EUR"), account(), None)
    assert not ruling.granted and "is in EUR and account 'acme' is in USD" in ruling.reason


def test_the_same_request_again_is_granted_even_after_a_stop() -> None:
    """A retry of the caller may carry another fence and nonce: the request as opened stands."""
    stored = stored_request()
    assert judge_opening(request(), account(), stored) == GRANTED
    assert judge_opening(request(fence=1, nonce="another"), account(fence=1), stored) == GRANTED


@pytest.mark.parametrize("change", [{"total_cap_micros": 300_000_001}, {"agent": "uniform"}, {"expires_at": NOW}])
def test_other_content_under_the_same_id_is_refused(change: dict[str, object]) -> None:
    """An id that was shown to a person means what he was shown."""
    ruling = judge_opening(request(**change), account(), stored_request())
    assert not ruling.granted and "was opened with other content" in ruling.reason


@pytest.mark.parametrize("now", [NOW, EXPIRY])
def test_an_approved_request_allows_spend_until_it_expires(now: datetime) -> None:
    """The instant of expiry itself is still in time."""
    assert judge_approval(stored_request("approved"), account(), now) == GRANTED


def test_an_approval_is_void_one_microsecond_after_its_expiry() -> None:
    """Nothing is spent on an approval that nobody renewed."""
    ruling = judge_approval(stored_request("approved"), account(), EXPIRY + MICROSECOND)
    assert ruling.reason == f"approval run-a/live-test#1 expired at {EXPIRY.isoformat()}: ask for another"
    assert not ruling.granted


@pytest.mark.parametrize("state", ["open", "rejected", "superseded"])
def test_what_is_not_approved_allows_nothing(state: str) -> None:
    """Silence, a rejection and an overtaken request are no approvals."""
    ruling = judge_approval(stored_request(state), account(), NOW)
    assert (ruling.granted, ruling.reason) == (False, f"request run-a/live-test#1 is {state}, not approved")


@pytest.mark.parametrize(("fence", "granted"), [(1, True), (2, True), (3, False)])
def test_a_stop_after_the_approval_voids_it(fence: int, granted: bool) -> None:
    """An approval under fence 2 stands until the account's fence is 3."""
    stored: StoredRequest = stored_request("approved", fence=2)
    ruling = judge_approval(stored, account(fence=fence), NOW)
    assert ruling.granted is granted
    assert granted or "given under fence 2, and a stop has raised the fence of account acme to 3" in ruling.reason


def test_a_naive_instant_is_an_error() -> None:
    """Without a time zone nobody can say whether an approval has expired."""
    with pytest.raises(ValueError, match="no time zone"):
        judge_approval(stored_request("approved"), account(), datetime(2026, 11, 22))


def _kept(phase: Phase, **changes: Any) -> KeptVerdict:
    values = {
        "checkpoint_digest": "c" * 64,
        "evidence_digest": f"{phase} evidence",
        "heads": (),
        "verdict": Verdict.PASS,
    }
    return KeptVerdict(run="run-a", phase=phase, **{**values, "promote": True, **changes})


def _opening(phase: Phase) -> RequestApproval:
    asked = request().model_dump()
    values = {name: asked[name] for name in RequestApproval.model_fields if name in asked}
    return RequestApproval(**values | {"phase": phase, "sequence": 1, "deadline": NOW, "now": NOW})


def test_the_evidence_is_that_of_the_last_gate_that_this_checkpoint_has_passed() -> None:
    """Heads are validated by whichever gate did; neither the asking phase's own gate nor a later one counts."""
    verdicts = [
        _kept(Phase.SCALED),
        _kept(Phase.LIVE_TEST, heads=("bid_micros",)),
        _kept(Phase.HISTORICAL, heads=("creative_prob",)),
        _kept(Phase.SIMULATION),
    ]
    live = passed_before(_opening(Phase.LIVE_TEST), verdicts)
    assert (live.digest, live.validated_heads) == ("historical evidence", ("creative_prob",))
    scaled = passed_before(_opening(Phase.SCALED), verdicts)
    assert (scaled.digest, scaled.validated_heads) == ("live-test evidence", ("creative_prob", "bid_micros"))


@pytest.mark.parametrize("changes", [{"promote": False}, {"checkpoint_digest": "0" * 64}, {"lost_to": "b/scaled"}])
def test_a_gate_that_was_not_passed_by_this_checkpoint_is_no_evidence(changes: dict[str, Any]) -> None:
    """Neither a gate that it failed, nor one that another checkpoint passed, nor one whose pass was taken since."""
    verdicts = [_kept(Phase.HISTORICAL, heads=("creative_prob",), **changes)]
    assert passed_before(_opening(Phase.LIVE_TEST), verdicts) == Evidence()


def _judged(run: str, phase: Phase, lost_to: str = "", verdict: Verdict = Verdict.PASS) -> JudgedState:
    return JudgedState(run, phase, verdict, lost_to)


OWN_SIMULATION = _judged("run-a", Phase.SIMULATION)
LOST = _judged("b", Phase.HISTORICAL, lost_to="c/live-test")


@pytest.mark.parametrize(
    "judged",
    [
        [OWN_SIMULATION, _judged("run-a", Phase.HISTORICAL, lost_to="c/live-test")],
        [OWN_SIMULATION, _judged("run-a", Phase.HISTORICAL, lost_to="c/live-test"), _judged("b", Phase.HISTORICAL)],
        [LOST],
        [LOST, _judged("d", Phase.HISTORICAL, verdict=Verdict.INCONCLUSIVE), _judged("b", Phase.LIVE_TEST)],
        [_judged("b", Phase.SIMULATION, lost_to="c/live-test"), OWN_SIMULATION, LOST],
    ],
)
def test_what_rests_on_a_lost_pass_may_spend_nothing_anew(judged: list[JudgedState]) -> None:
    """Its own pass that was lost, whoever else holds one; or, of a phase that it skipped, the last pass of any run."""
    assert judge_passes(request(), judged, others=True).reason == (
        "run-a/live-test may spend nothing anew: its pass of historical counts no more: c/live-test failed with the "
        "same agent state, which must pass it again"
    )


@pytest.mark.parametrize(
    "judged",
    [
        [],
        [_judged("b", Phase.HISTORICAL, verdict=Verdict.FAIL)],
        [OWN_SIMULATION, _judged("run-a", Phase.HISTORICAL)],
        [OWN_SIMULATION, _judged("run-a", Phase.HISTORICAL), LOST],
        [LOST, _judged("d", Phase.HISTORICAL)],
        [LOST, _judged("run-a", Phase.HISTORICAL, verdict=Verdict.INCONCLUSIVE)],
        [_judged("run-a", Phase.LIVE_TEST, lost_to="c/scaled"), _judged("b", Phase.SCALED, lost_to="c/scaled")],
    ],
)
def test_what_rests_on_no_lost_pass_may_spend(judged: list[JudgedState]) -> None:
    """Nothing was passed, its own verdict stands, another run has passed again, or only a later phase was lost."""
    assert judge_passes(request(), judged, others=True) == GRANTED


def test_a_run_that_rests_on_nobodys_pass_is_not_held_to_another_runs() -> None:
    """An advisory run may begin with any phase, and the loss of another run's pass takes nothing from it."""
    assert judge_passes(request(), [LOST], others=False) == GRANTED
    own = _judged("run-a", Phase.HISTORICAL, lost_to="c/live-test")
    assert not judge_passes(request(), [own], others=False).granted
