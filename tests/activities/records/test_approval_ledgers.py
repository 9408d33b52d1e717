"""A request is one of its own ledger: no other one takes its signature."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from activities.records.approvals import Approvals
from gaelp.domain.ad_accounts import AccountKind
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_requests import ApprovalPurpose, RequestApproval
from gaelp.domain.spending.card_facts import RunTerms
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.messages.spending_phase import SubmitDecision
from tests.support import ledgers as kit

ASKED = RequestApproval(
    run="run-a",
    phase=Phase.LIVE_TEST,
    config_digest="d" * 64,
    market_digest="a" * 64,
    account="acme",
    agent="linear-thompson",
    checkpoint_digest="c" * 64,
    purpose=ApprovalPurpose.SPEND,
    sequence=1,
    daily_cap_micros=50 * kit.UNIT,
    total_cap_micros=300 * kit.UNIT,
    campaigns_digest=kit.CAMPAIGNS_DIGEST,
    deadline=kit.NOW + timedelta(days=3),
    expires_at=kit.NOW.replace(year=2027),
    now=kit.NOW,
)


def measured(_config: str, _market: str) -> RunTerms:
    """A market that logs calibrate."""
    return RunTerms(TrainingConfiguration(), synthetic_market=False, creatives=80)


def _ledger(folder: Path, name: str, **account: object) -> Ledger:
    """A ledger with account, key, run and campaigns of the same names as every other one."""
    ledger = Ledger.open(f"sqlite:///{folder / name}")
    ledger.put_account(kit.account(**account), at=kit.NOW)
    ledger.put_approver(kit.approver(), at=kit.NOW)
    ledger.register_run("run-a", "acme", kit.NOW)
    ledger.keep_campaigns(kit.CAMPAIGNS)
    return ledger


def test_an_approval_of_one_ledger_is_none_in_another(tmp_path: Path) -> None:
    """What a person signed for an emulator's account is no signature for a real account of the same name."""
    play = _ledger(tmp_path, "play.db")
    real = _ledger(tmp_path, "real.db", kind=AccountKind.REAL, platform="google-ads")
    cards = [Approvals(ledger, measured).request_approval(ASKED).card for ledger in (play, real)]
    assert cards[0] is not None and cards[1] is not None
    signed = signatures.sign(kit.KEY.pem, cards[0].request, "approve").model_dump()
    outcome = real.decide(cards[1].request.request_id, "replayed", signed, kit.NOW)
    assert not outcome.accepted and "digest differs" in outcome.reason
    assert play.decide(cards[0].request.request_id, "meant", signed, kit.NOW).accepted


def test_a_request_that_is_opened_again_is_the_one_that_was_opened(tmp_path: Path) -> None:
    """A retry of the activity draws another nonce, and the first one stays: the card that a person has is true."""
    approvals = Approvals(_ledger(tmp_path, "ledger.db"), measured)
    assert approvals.request_approval(ASKED).card == approvals.request_approval(ASKED).card


@pytest.mark.parametrize(("late", "accepted"), [(timedelta(0), True), (timedelta(seconds=1), False)])
def test_a_signature_that_comes_late_does_not_count_whatever_its_message_says(
    tmp_path: Path, late: timedelta, accepted: bool
) -> None:
    """Anybody can write a message that names an earlier instant: the activity's own clock is read too."""
    ledger = _ledger(tmp_path, "ledger.db")
    approvals = Approvals(ledger, measured, lambda: ASKED.expires_at + late)
    card = approvals.request_approval(ASKED).card
    assert card is not None
    signed = signatures.sign(kit.KEY.pem, card.request, "approve").model_dump()
    asked = {"request_id": card.request.request_id, "submission": "meant", "signal": "approve", "now": kit.NOW}
    outcome = approvals.submit_decision(SubmitDecision(**asked, payload=signed))
    assert outcome.accepted is accepted, outcome.reason
    assert accepted or "silence is a refusal" in outcome.reason
