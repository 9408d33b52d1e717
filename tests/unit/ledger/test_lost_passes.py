"""What rests on a pass that another run has taken opens no money: no approval of it counts, and no day is reserved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_requests import ApprovalOutcome
from gaelp.domain.spending.ledger_records import PassedGate, Reserve, Reserved
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stored_records import BegunTerms, KeptVerdict
from tests.support import ledgers as kit
from tests.support.ledgers import DAY, KEY, NOW, booking

TOMORROW = DAY + timedelta(days=1)
REASON = "run-a/live-test may spend nothing anew: its pass of historical counts no more: rival/live-test failed"
TERMS = BegunTerms("acme", "linear-thompson", "d" * 64)


@pytest.fixture(params=["run-a", "earlier"])
def passed(request: pytest.FixtureRequest) -> PassedGate:
    """The pass that lets the live test of run-a in: of the run itself, or of another where it has skipped the phase."""
    return PassedGate(run=request.param, account="acme", phase=Phase.HISTORICAL, config_digest="d" * 64)


@pytest.fixture
def ledger(tmp_path: Path, passed: PassedGate) -> Iterator[Ledger]:
    """A ledger with that pass, and an approval of the live test of run-a (50 a day, 300 in all)."""
    opened = kit.prepared(Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}"))
    for run in ("earlier", "rival", "again"):
        opened.register_run(run, "acme", NOW)
    for run in ("run-a", "earlier", "rival", "again"):
        terms = replace(TERMS, rests_on_passes=run == "run-a" != passed.run)
        assert opened.begin_run(run, terms, NOW).granted
    _judge(opened, passed.run, Phase.HISTORICAL, Verdict.PASS)
    yield opened
    opened.close()


def _judge(ledger: Ledger, run: str, phase: Phase, verdict: Verdict, lost: tuple[PassedGate, ...] = ()) -> None:
    kept = KeptVerdict(run, phase, "c" * 64, "e" * 64, (), verdict, verdict is Verdict.PASS)
    ledger.keep_verdict("acme", kept, NOW, lost)


def _lose(ledger: Ledger, passed: PassedGate) -> None:
    _judge(ledger, "rival", Phase.LIVE_TEST, Verdict.FAIL, (passed,))


def _decide(ledger: Ledger, decision: str) -> ApprovalOutcome:
    """Ada's word on a second request of the phase."""
    asked = kit.request(request_id="run-a/live-test#2")
    opened = ledger.open_request(asked, "the table", NOW).request
    return ledger.decide(
        opened.request_id, f"s-{decision}", signatures.sign(KEY.pem, opened, decision).model_dump(), NOW
    )


def test_an_approval_that_rests_on_a_lost_pass_does_not_count(ledger: Ledger, passed: PassedGate) -> None:
    """It is refused with the reason, and the request may still be rejected, because that spends nothing."""
    _lose(ledger, passed)
    refused = _decide(ledger, "approve")
    assert not refused.accepted and refused.reason.startswith(REASON)
    assert ledger.request_state("run-a/live-test#2") == "open"
    assert _decide(ledger, "reject").accepted


def test_an_approval_counts_while_the_pass_stands(ledger: Ledger) -> None:
    """Nothing has taken the pass."""
    assert _decide(ledger, "approve").accepted


def test_a_day_that_is_reserved_may_end_and_no_other_begins(ledger: Ledger, passed: PassedGate) -> None:
    """After the loss today's reservation is confirmed as it is, and neither a raise nor another day is booked."""
    today, raised, tomorrow = booking(20), booking(30), booking(20, day=TOMORROW)
    assert _reserve(ledger, today).granted
    _lose(ledger, passed)
    assert _reserve(ledger, today).granted
    for refused in (_reserve(ledger, raised), _reserve(ledger, tomorrow), _reserve(ledger, booking(20, campaign=1))):
        assert not refused.granted and refused.reason.startswith(REASON)
    assert [each.worst_case_micros for each in ledger.reservations("acme")] == [today.worst_case_micros]
    campaign = today.campaign
    assert ledger.judge_enabled("acme", [campaign])[campaign].granted  # the reaper does not pause what may end its day


def test_a_state_that_has_passed_again_may_spend_where_the_phase_was_skipped(
    ledger: Ledger, passed: PassedGate
) -> None:
    """Another run has passed the whole gate with it since; a run whose own pass was lost stays without."""
    _lose(ledger, passed)
    _judge(ledger, "again", Phase.HISTORICAL, Verdict.PASS)
    assert _reserve(ledger, booking(20)).granted is _decide(ledger, "approve").accepted is (passed.run == "earlier")


def test_another_agents_loss_of_an_equal_state_voids_nothing(ledger: Ledger) -> None:
    """Rules that learn nothing have equal states, and pass and lose for themselves only."""
    ledger.register_run("other", "acme", NOW)
    assert ledger.begin_run("other", BegunTerms("acme", "uniform", "d" * 64), NOW).granted
    _judge(ledger, "other", Phase.SIMULATION, Verdict.PASS)
    other = PassedGate(run="other", account="acme", phase=Phase.SIMULATION, config_digest="d" * 64)
    _lose(ledger, other)
    assert _reserve(ledger, booking(20)).granted


def _reserve(ledger: Ledger, wanted: Reserve) -> Reserved:
    return ledger.reserve(wanted)
