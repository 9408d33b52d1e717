"""What a person reads before signing: at most twelve lines, every number computed, the digests last."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gaelp.domain.ad_accounts import AccountKind
from gaelp.domain.billing.billing_rules import exposure_line
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criterion import CriterionNumbers, Formula, criterion_verdict, not_assessed
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_card import (
    MOST_LINES,
    SYNTHETIC_MARKET,
    ApprovalCard,
    card_digest,
    card_lines,
    card_text,
)
from gaelp.domain.spending.approval_requests import ApprovalRequest, asked_in_a_sentence, request_digest
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign, campaign_table
from gaelp.domain.spending.campaign_records import Arm
from gaelp.domain.spending.card_facts import AccountNow, CardFacts, EarnedSoFar, GateOnCard, RunTerms
from gaelp.domain.spending.signed_starts import Starter
from tests.support import ledgers as kit
from tests.support.ledgers import NOW, UNIT

LINE = exposure_line("run-a/live-test/campaign-00", "emulator", 25 * UNIT, 7, "USD")
CAMPAIGN = kit.CAMPAIGNS[0].model_copy(update={"ceiling": LINE})
TERMS = RunTerms(TrainingConfiguration(), synthetic_market=False, creatives=80)
UNDECIDED = criterion_verdict("5a", (Verdict.INCONCLUSIVE, "more data"), Formula.FORECASTS, CriterionNumbers())
PASSED = criterion_verdict("5b", (Verdict.PASS, "as good"), Formula.PAIRED, CriterionNumbers())


def facts(**changes: Any) -> CardFacts:
    values: dict[str, Any] = {
        "terms": TERMS,
        "now": AccountNow(kit.account(), counted_micros=0, campaigns=0, runs=0, budgets_micros=0, approved_alone=()),
        "gates": (GateOnCard(Phase.HISTORICAL, Verdict.INCONCLUSIVE, (PASSED, UNDECIDED, not_assessed("6"))),),
        "earned": None,
        "approved_before": (),
        "started_at": NOW,
        "starter": None,
        "deadline": NOW + timedelta(days=2),
    }
    return CardFacts(**{**values, **changes})


def lines_of(
    request: ApprovalRequest | None = None, campaigns: tuple[ApprovedCampaign, ...] = (CAMPAIGN,), **changes: Any
) -> dict[str, str]:
    """The card's lines by their labels."""
    text = card_text(request or kit.request(), campaigns, facts(**changes))
    pairs = (line.removeprefix("- **").split(":** ", 1) for line in text.splitlines())
    return {label: said for label, said in pairs}


def test_a_card_has_at_most_twelve_lines_whatever_it_tells() -> None:
    """A hundred campaigns of ten kinds, every doubt at once, and no line is added; the digests are the last line."""
    many = tuple(
        each.model_copy(update={"agent": f"agent-{n % 10}", "product": f"product-{n}"})
        for n, each in enumerate(kit.CAMPAIGNS)
    )
    worst = kit.request(evidence_digest="", unvalidated_heads=("bid_micros",), phase=Phase.SCALED)
    before = tuple(kit.request(request_id=f"run-a/live-test#{n}") for n in range(1, 4))
    terms = RunTerms(TrainingConfiguration(), synthetic_market=True, creatives=80)
    earned = EarnedSoFar(500 * UNIT, 60 * UNIT, 42, 0.12, -0.03)
    text = card_text(worst, many, facts(terms=terms, approved_before=before, earned=earned))
    lines = text.splitlines()
    assert len(lines) == MOST_LINES == 12 and len(text) < 6000
    assert all(line.startswith("- **") for line in lines)
    assert lines[-1].startswith("- **Bound:** checkpoint `")
    assert "7 more groups" in text and "product-2 (texts" in text and "and 97 more, each with 80 creatives" in text


def test_the_first_line_says_what_is_asked_beside_what_was_approved() -> None:
    """Both caps of both, with the earlier request's name; or that nothing was."""
    assert lines_of()["Spend for run-a, phase live-test"] == (
        "agent linear-thompson asks for at most **300.00 USD** in all and **50.00 USD** on any one day of account "
        "acme, an emulator's: no real money moves. Approved before in this run: nothing."
    )
    scaled = kit.request(phase=Phase.SCALED, request_id="run-a/scaled#1", total_cap_micros=4800 * UNIT)
    said = lines_of(scaled, approved_before=(kit.request(),))["Spend for run-a, phase scaled"]
    assert "**4,800.00 USD** in all" in said
    assert said.endswith("300.00 USD in all and 50.00 USD a day (run-a/live-test#1).")


@pytest.mark.parametrize(
    ("platform", "currency", "worst", "words"),
    [
        ("google-ads", "USD", "1,500.00 USD", "its monthly limit ends with the first change of the budget"),
        ("meta", "JPY", "1,320 JPY", "its weekly limit ends with the first change of the budget"),
    ],
)
def test_the_worst_case_is_summed_and_its_rule_is_named(platform: str, currency: str, worst: str, words: str) -> None:
    """Thirty days of 25.00 are 1,500.00 in dollars, and on Meta in yen thirty days of 44."""
    line = exposure_line("run-a/live-test/campaign-00", platform, 25 * UNIT, 30, currency)
    campaign = CAMPAIGN.model_copy(update={"ceiling": line})
    account = kit.account(currency=currency, platform=platform)
    said = lines_of(kit.request(currency=currency), (campaign,), now=AccountNow(account, 0, 0, 0, 0, ()))["Worst case"]
    assert f"on each of their days, {worst};" in said and words in said


def test_what_was_earned_stands_with_its_bound_and_the_verdicts() -> None:
    """ROI, its lower bound, profit and cost; without a matured day it says that nothing was earned."""
    assert lines_of()["Earned so far"] == (
        "nothing, because no day of a campaign of this run has matured. Verdicts: historical INCONCLUSIVE."
    )
    earned = EarnedSoFar(500 * UNIT, 60 * UNIT, 42, 0.12, -0.03)
    assert lines_of(earned=earned)["Earned so far"] == (
        "attributed ROI +12.0% (at 95 % at least -3.0%): 60.00 USD after 500.00 USD of cost, on 42 days whose "
        "orders have come in. Verdicts: historical INCONCLUSIVE."
    )
    few = lines_of(earned=EarnedSoFar(0, 0, 3, None, None), gates=())["Earned so far"]
    assert "ROI unknown (no bound below 10 matured days)" in few and few.endswith("no gate has judged this run.")


def test_what_is_not_proven_stands_with_its_kind() -> None:
    """Undecided and not assessed are told apart, what has passed is left out, and unvalidated heads are named."""
    assert lines_of()["Not proven"] == (
        "5a historical match: fidelity (undecided: more data can decide); 6 prediction accuracy (not assessed)."
    )
    bids = kit.request(unvalidated_heads=("bid_micros", "creative_prob"))
    assert "No log has validated its bids and its creative shares." in lines_of(bids)["Not proven"]
    assert lines_of(gates=())["Not proven"] == "Every criterion of the phases before has passed."


def test_missing_evidence_and_a_made_up_market_are_said() -> None:
    """A run that skipped its first phases, or that no log stands behind, says so, and only then."""
    terms = RunTerms(TrainingConfiguration(), synthetic_market=True, creatives=80)
    said = lines_of(kit.request(evidence_digest=""), terms=terms, gates=())["Not proven"]
    assert "**The evidence is missing**" in said and SYNTHETIC_MARKET in said
    assert not any("evidence is missing" in each or SYNTHETIC_MARKET in each for each in lines_of().values())


def test_campaigns_are_grouped_by_what_they_may_do() -> None:
    """Arms, agents and ceilings that are alike are one group with its number and dates."""
    control = CAMPAIGN.model_copy(update={"arm": Arm.CONTROL, "agent": "fixed-bid"})
    assert lines_of(campaigns=(CAMPAIGN, CAMPAIGN, control))["Campaigns"] == (
        "2 run by linear-thompson, the agent under test, each up to 25.00 USD a day for 7 days between 2025-11-22 and "
        "2036-11-19; 1 run by fixed-bid, the control that it is compared with, each up to 25.00 USD a day for 7 days "
        "between 2025-11-22 and 2036-11-19. Days are those of the emulator's own calendar, which is not today's. No "
        "other campaigns; more needs a new request."
    )


def test_days_of_campaigns_and_deadlines_name_their_clocks() -> None:
    """An emulator's days are not today's, a real account's are its time zone's, and deadlines are the wall clock's."""
    real = AccountNow(kit.account(kind=AccountKind.REAL, platform="google-ads"), 0, 0, 0, 0, ())
    for label in ("Campaigns", "Answer"):
        assert "the emulator's own calendar, which is not today's" in lines_of()[label]
        assert "the ad account's time zone" in lines_of(now=real)[label]
    assert lines_of()["Ends, and who asks"].startswith("by the wall clock, nothing is spent after 2026-12-22 12:00 UTC")


def test_more_than_the_live_test_supports_is_said_so() -> None:
    """Where criterion 8 is open or was never judged, only the live test's budget is supported, and the card says so of
    a request for more; not where it has passed, and not where no more is asked."""
    asked = kit.request(phase=Phase.SCALED, request_id="run-a/scaled#1", daily_cap_micros=264 * UNIT)
    open_profit = criterion_verdict("8", (Verdict.INCONCLUSIVE, "more days"), Formula.PROFIT, CriterionNumbers())
    proven = open_profit.model_copy(update={"verdict": Verdict.PASS, "inconclusive": None})
    said = "That supports the same budget at most, 50.00 USD a day; this asks for 5.3 times it."

    def first_line(request: ApprovalRequest, *criteria: CriterionVerdict) -> str:
        gates = (GateOnCard(Phase.LIVE_TEST, Verdict.INCONCLUSIVE, criteria),)
        return next(iter(lines_of(request, gates=gates, approved_before=(kit.request(),)).values()))

    assert said in first_line(asked, open_profit) and said in first_line(asked)
    assert "That supports" not in first_line(asked, proven)
    assert "That supports" not in first_line(asked.model_copy(update={"daily_cap_micros": 50 * UNIT}), open_profit)
    assert "That supports" not in first_line(kit.request(daily_cap_micros=264 * UNIT), open_profit)


def test_what_is_on_the_account_already_is_said() -> None:
    """Its campaigns with their budgets, and what its caps leave."""
    assert "no campaign of ours may still be billed there" in lines_of()["Displaces"]
    busy = AccountNow(
        kit.account(), counted_micros=400 * UNIT, campaigns=3, runs=2, budgets_micros=70 * UNIT, approved_alone=()
    )
    said = lines_of(now=busy)["Displaces"]
    assert "of ours 3 (of 2 runs) may still be billed there and keep their settings, with budgets of 70.00 USD" in said
    assert said.endswith("The account's caps leave 600.00 USD in all, of 1,000.00 USD.")


def test_the_stop_loss_says_what_may_be_billed_before_it_can_act() -> None:
    """As many worst days as a day takes to mature, and the day itself; never more than is asked for in all."""
    config = TrainingConfiguration.model_validate({"economics": {"lag_days": 1.0, "attribution_window_days": 30}})
    terms = RunTerms(config, synthetic_market=False, creatives=80)
    said = lines_of(kit.request(total_cap_micros=9000 * UNIT), terms=terms)["Stop-loss"]
    # The 90 % quantile of a mean lag of one day is 2.3 days: twice that, 111 hours and 72 hours are 8 days, and one.
    assert "lost 150.00 USD in sum; the phase ends between two campaigns once all have lost that" in said
    assert "A loss can pass that amount: a day matures within 9 days, so up to **450.00 USD** may be billed" in said
    assert "that sum leaves out later days, for 7 days or until somebody undoes that hold" in said
    assert "**300.00 USD** may be billed" in lines_of(terms=terms)["Stop-loss"]


def test_in_a_live_test_with_earlier_campaigns_the_stop_loss_counts_the_total_cap() -> None:
    """By hand: 9 days of at most 50.00 are 450.00. Where a campaign has lost before, the next one may lose as much anew
    before it is paused, so that nothing but the total of 9,000.00 bounds it."""
    config = TrainingConfiguration.model_validate({"economics": {"lag_days": 1.0, "attribution_window_days": 30}})
    terms = RunTerms(config, synthetic_market=False, creatives=80)
    lost = EarnedSoFar(cost_micros=100 * UNIT, profit_micros=-90 * UNIT, days=2, roi=-0.9, roi_low=None)
    said = lines_of(kit.request(total_cap_micros=9000 * UNIT), terms=terms, earned=lost)["Stop-loss"]
    assert "what earlier campaigns lost pauses no later one, so up to **9,000.00 USD** may be billed" in said
    scaled = kit.request(total_cap_micros=9000 * UNIT, phase=Phase.SCALED)
    assert "so up to **450.00 USD** may be billed" in lines_of(scaled, terms=terms, earned=lost)["Stop-loss"]


def test_in_scaled_the_stop_loss_is_each_campaigns_own() -> None:
    """No review ends that phase, so its card must not say that a loss over all campaigns does."""
    said = lines_of(kit.request(phase=Phase.SCALED))["Stop-loss"]
    assert "a campaign is paused once its matured days have lost 150.00 USD in sum" in said
    assert "all campaigns together have no such limit" in said


def test_the_answer_has_a_date_and_says_where_it_cannot_be_pass() -> None:
    """Two criteria of `scaled` never pass in this version, others by few campaigns; else `plan` tells the chance."""
    assert "`starter.py plan --gate live`" in lines_of()["Answer"]
    scaled = lines_of(kit.request(phase=Phase.SCALED))["Answer"]
    assert "it can be FAIL and, by these settings and this version, never PASS (11, 12, 13 can never be" in scaled
    few = RunTerms(TrainingConfiguration.model_validate({"live_test": {"campaigns": 4}}), False, 80)
    assert "never PASS (9 can never be decided)" in lines_of(terms=few)["Answer"]


def test_changes_without_asking_name_the_platforms_learning() -> None:
    """What is not known of a platform is said as not known."""
    said = lines_of()["Without asking again"]
    assert "budgets stay as they are" in said and "the emulator has no learning phase" in said
    assert "at most 20% up every 3 days" in lines_of(kit.request(phase=Phase.SCALED))["Without asking again"]
    meta = AccountNow(kit.account(platform="meta"), 0, 0, 0, 0, ())
    assert (
        "what restarts the learning of meta is not known: expect it of any change"
        in (lines_of(now=meta)["Without asking again"])
    )


def test_the_end_and_who_asks_are_said() -> None:
    """Both deadlines, and that starting a run proves nobody."""
    said = lines_of(started_at=None)["Ends, and who asks"]
    assert "no answer until 2026-11-24 12:00 UTC is a refusal" in said and "never registered" in said
    assert "12:00 UTC; nobody proved who started it (four eyes: off)." in lines_of()["Ends, and who asks"]


def test_the_card_says_whether_a_second_person_must_approve() -> None:
    """Above the owner's amount of 299.99 the request for 300.00 needs one, and not above 300.00 itself."""
    starter = Starter(key_id="1" * 16, name="Bob", agent="linear-thompson", config_digest="d" * 64)
    needed, not_needed = "so **somebody else than who started it must approve**", "so not needed"
    for above, words in ((299_990_000, needed), (300 * UNIT, not_needed)):
        now = AccountNow(kit.account(four_eyes_above_micros=above), 0, 0, 0, 0, ())
        said = lines_of(now=now, starter=starter)["Ends, and who asks"]
        assert f"Bob signed its start with key `{'1' * 16}` (four eyes: above " in said and words in said


def test_the_card_counts_what_one_person_alone_has_approved() -> None:
    """299.99 of another run stand on one person's word: under a limit of 500.00 the request for 300.00 needs two."""
    other = kit.request(request_id="run-b/live-test#1", run="run-b", total_cap_micros=299_990_000)
    now = AccountNow(kit.account(four_eyes_above_micros=500 * UNIT), 0, 0, 0, 0, (other,))
    assert (
        "four eyes: above 500.00 USD, one person alone has approved 299.99 USD there, with this 599.99 USD, "
        "so **somebody else than who started it must approve**"
    ) in lines_of(now=now)["Ends, and who asks"]


def test_a_card_that_was_changed_is_known_as_such() -> None:
    """Another text, another request, or a request that binds no card at all."""
    text = card_text(kit.request(), [CAMPAIGN], facts())
    request = kit.request(card_digest=card_digest(text))
    card = ApprovalCard(request=request, request_digest=request_digest(request), text=text)
    assert card.is_as_signed
    assert "fence 0 (a stop of the account raises it" in card.text
    assert card.shown.endswith(f"is void). Request `run-a/live-test#1`, digest `{request_digest(request)}`.")
    assert not card.model_copy(update={"text": text.replace("300.00", "3.00")}).is_as_signed
    assert not card.model_copy(update={"request": request.model_copy(update={"fence": 1})}).is_as_signed
    unbound = kit.request()
    assert not ApprovalCard(request=unbound, request_digest=request_digest(unbound), text=text).is_as_signed


def test_every_campaign_is_listed_on_demand() -> None:
    """A row for each, with its ceilings and dates."""
    headings, row = campaign_table([CAMPAIGN], "USD")
    assert dict(zip(headings, row, strict=True)) == {
        "campaign": "run-a/live-test/campaign-00", "agent": "linear-thompson",
        "advertises": "product-a (candidate), texts bbbbbbbbbbbb", "budget per day": "25.00 USD", "days": "7",
        "between": "2025-11-22 and 2036-11-19", "worst day": "50.00 USD", "worst in all": "350.00 USD",
    }  # fmt: skip


def test_what_is_asked_for_is_one_sentence_in_the_requests_currency() -> None:
    """Both caps stand in it, and that a stop has made it void."""
    request = kit.request(currency="JPY")
    sentence = "run-a/live-test#1 asks for at most 300 JPY in all, 50 JPY on any one day"
    assert asked_in_a_sentence(request, void=False) == sentence
    assert asked_in_a_sentence(request, void=True).startswith(f"{sentence} (void since a stop")


def test_a_card_is_text_and_never_markup() -> None:
    """Bold and code are parts of their own, so that a template can escape every one of them."""
    assert card_lines("- **A:** x **b** `c` <i>") == [
        ("A", [("plain", "x "), ("strong", "b"), ("plain", " "), ("code", "c"), ("plain", " <i>")])
    ]
    assert card_lines("<script>") == [("", [("plain", "<script>")])]
