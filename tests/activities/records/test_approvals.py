"""What a person is asked to sign names its evidence from the ledger, and only a registered run may ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.records.approvals import Approvals
from activities.records.assessment import Assessment
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import LIVE_HEADS, Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.approval_card import ApprovalCard
from gaelp.domain.spending.approval_requests import RequestApproval
from gaelp.domain.spending.card_facts import RunTerms
from gaelp.domain.spending.ledger_records import PassedGate
from gaelp.ledger.ledger_errors import UnregisteredRun
from gaelp.ledger.stored_records import KeptVerdict
from gaelp.messages.historical_validation import AssessHistorical
from gaelp.messages.spending_phase import CheckRequest
from tests.support.activity_senders import as_phase
from tests.support.campaign_fixture import START, UNIT, CampaignFixture


def _terms(_config: str, _market: str) -> RunTerms:
    return RunTerms(TrainingConfiguration(), synthetic_market=False, creatives=80)


def _asked(fixture: CampaignFixture, **changes: Any) -> ApprovalCard | None:
    """The card of a request that somebody asks for by hand."""
    context = fixture.campaign.context
    digest = fixture.ledger.request(fixture.campaign.order.request_id).request.campaigns_digest
    asked = RequestApproval.model_validate(
        {
            **context.model_dump(), "purpose": "spend", "sequence": 7, "daily_cap_micros": 50 * UNIT,
            "total_cap_micros": 100 * UNIT, "campaigns_digest": digest, "deadline": START + timedelta(days=3),
            "expires_at": START + timedelta(days=9),
            "now": START, **changes,
        }
    )  # fmt: skip
    return ActivityEnvironment().run(Approvals(fixture.ledger, _terms).request_approval, asked).card


def test_a_request_by_hand_has_no_evidence_but_the_ledgers(fixture: CampaignFixture) -> None:
    """No gate has judged this run: the card says that the evidence is missing, and that no head is validated."""
    card = _asked(fixture)
    assert card is not None and "**The evidence is missing**" in card.text
    assert (card.request.evidence_digest, card.request.unvalidated_heads) == ("", LIVE_HEADS)


def test_what_a_gate_has_judged_is_the_evidence_of_the_next_request(fixture: CampaignFixture) -> None:
    """The activity that judges writes its verdict into the ledger, and the request reads it there."""
    context = fixture.campaign.context
    historical = context.model_copy(update={"phase": Phase.HISTORICAL})
    assessment = Assessment(fixture.ledger, fixture.inputs)
    asked = AssessHistorical(context=historical, logs=())
    gate = as_phase(f"{context.run}/historical", assessment.assess_historical, asked).gate
    (kept,) = fixture.ledger.verdicts(context.run)
    told = (context.run, Phase.HISTORICAL, context.checkpoint_digest, gate.evidence_digest, gate.heads)
    assert kept == KeptVerdict(*told, gate.verdict, gate.promote, gate.criteria)
    passed = KeptVerdict(*told[:4], ("creative_prob",), Verdict.PASS, True)
    fixture.ledger.keep_verdict(fixture.account, passed, START)
    assert fixture.ledger.verdicts(context.run) == (passed,)
    card = _asked(fixture)
    assert card is not None and card.request.evidence_digest == gate.evidence_digest
    assert card.request.unvalidated_heads == ("bid_micros",)


def test_what_rests_on_a_lost_pass_is_not_asked(fixture: CampaignFixture) -> None:
    """No request is opened, one that is open is no more to be approved, and both say which pass was lost."""
    context, approvals = fixture.campaign.context, Approvals(fixture.ledger, _terms)
    check = CheckRequest(request_id=fixture.campaign.order.request_id)
    assert ActivityEnvironment().run(approvals.look_at_request, check).pass_lost == ""
    for run, phase, verdict in ((context.run, Phase.SIMULATION, Verdict.PASS), ("b", Phase.HISTORICAL, Verdict.FAIL)):
        passes = () if verdict is Verdict.PASS else (_passed(fixture, context.run),)
        kept = KeptVerdict(run, phase, context.checkpoint_digest, "e" * 64, (), verdict, verdict is Verdict.PASS)
        fixture.ledger.keep_verdict(fixture.account, kept, START, passes)
    assert _asked(fixture) is None
    standing = ActivityEnvironment().run(approvals.look_at_request, check)
    assert "its pass of simulation counts no more: b/historical failed" in standing.pass_lost and not standing.void


def _passed(fixture: CampaignFixture, run: str) -> PassedGate:
    return PassedGate(run=run, account=fixture.account, phase=Phase.SIMULATION, config_digest="d" * 64)


def test_a_run_that_nobody_started_may_ask_for_nothing(fixture: CampaignFixture) -> None:
    """Its name is in no ledger: the request is refused in a sentence, and nobody is asked."""
    digest = fixture.ledger.keep_campaigns(())
    with pytest.raises(UnregisteredRun, match="no run of that name was ever started"):
        _asked(fixture, run="run-z", campaigns_digest=digest)
    assert fixture.ledger.undecided_requests("run-z") == ()


def test_the_card_has_what_the_ledger_knows_of_run_and_account(fixture: CampaignFixture) -> None:
    """Matured days of the run's campaigns, what stands approved, and what is on the account already."""
    campaign = fixture.campaign.order.plan.campaign
    days = tuple(
        DayReport(
            day=START.date() + timedelta(days=n), impressions=1000, clicks=20, conversions=1, cost_micros=20 * UNIT,
            served_micros=20 * UNIT, revenue_micros=(90 if n % 2 else 10) * UNIT, final=True, matured=n < 12,
        )
        for n in range(13)
    )  # fmt: skip
    fixture.ledger.keep_days(fixture.account, campaign, days, START)
    card = _asked(fixture)
    assert card is not None and card.is_as_signed
    assert "20.00 USD of cost" not in card.text and "after 240.00 USD of cost, on 12 days whose orders" in card.text
    assert "(at 95 % at least " in card.text and "1,000.00 USD in all and 50.00 USD a day (" in card.text
    assert "no campaign of ours may still be billed there" in card.text
    fixture.ledger.keep_days(fixture.account, campaign, days[:11], START + timedelta(hours=1))
    assert _asked(fixture) == card  # a retry shows the card that was opened, whatever it would compute now


def test_the_card_counts_what_the_ledger_knows_of_a_days_cost(fixture: CampaignFixture) -> None:
    """A day that was billed at 45 and is reported at 20 costs 45 on the card, as the gate will count it."""
    fixture.running()
    reserved = fixture.ledger.reservations(fixture.account)[0]
    fixture.ledger.post(reserved.key, 45 * UNIT, 45 * UNIT, fixture.at(12))
    day = DayReport(
        day=reserved.day, impressions=1000, clicks=20, conversions=1, cost_micros=20 * UNIT,
        served_micros=20 * UNIT, revenue_micros=90 * UNIT, final=True, matured=True,
    )  # fmt: skip
    fixture.ledger.keep_days(fixture.account, reserved.campaign, (day,), fixture.at(100))
    card = _asked(fixture)
    assert card is not None and "after 45.00 USD of cost, on 1 days whose orders" in card.text
