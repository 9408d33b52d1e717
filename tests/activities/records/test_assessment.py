"""What a gate of a spending phase is told by the ledger: violations, and the number of the attempt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from activities.records.assessment import Assessment
from activities.records.judged_terms import NotItsTerms
from activities.records.planning import Planning
from activities.records.senders import NotItsOwnWord
from gaelp.commands.watching.assess import look_at
from gaelp.configuration import loading
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.criteria_historical import AGREEING
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.gates.verdicts import GateVerdict, Verdict
from gaelp.domain.ids import reservation_key
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import CampaignResult, DecisionMade
from gaelp.domain.spending.ledger_records import NOT_THE_AGENTS, AttemptSeries, FoundExposure, Severity, Violation
from gaelp.ledger.booked_evidence import interruption_of, others_doing
from gaelp.ledger.stored_records import BegunTerms, KeptVerdict
from gaelp.ledger.stores import campaign_books_store, reservation_store
from gaelp.market.calibration.calibrate import calibrate
from gaelp.messages.episode_batch import BatchResult
from gaelp.messages.historical_validation import AssessHistorical
from gaelp.messages.log_replay import Estimate, LogEvidence
from gaelp.messages.run_context import RunContext
from gaelp.messages.simulation_training import AssessSimulation, BeginExam
from gaelp.messages.spending_phase import AssessCampaigns, ReviewCampaigns
from tests.support.activity_senders import as_phase, as_workflow
from tests.support.campaign_fixture import RUN, START, UNIT, CampaignFixture

WEIGHTS = {"row_ess": 900.0, "click_ess": 90.0, "largest_weight_share": 0.01, "mean_weight": 1.0}


def campaign(fixture: CampaignFixture) -> CampaignResult:
    """The campaign as it ended, with nothing to be said against it."""
    known = {"campaign": fixture.campaign.name, "index": 0, "product": "product-a", "arm": "candidate"}
    return CampaignResult.model_validate(known | {"state": EpisodeState.SETTLED, "actions": ACTIONS, "near_misses": 0})


ACTIONS = 400
HALF = np.array(0.5)


def keep_decisions(fixture: CampaignFixture, name: str) -> None:
    """As many decisions of the campaign as its result says that it made."""
    known = {"campaign": name, "day": START.date(), "daily_budget_micros": UNIT, "applied": True, "near_miss": False}
    with fixture.ledger._database.writing() as connection:
        for tick in range(ACTIONS):
            made = DecisionMade.model_validate(known | {"tick": tick})
            campaign_books_store.keep_decision(connection, made, name.rpartition("/")[0], START)


def reserve(fixture: CampaignFixture, context: RunContext, name: str) -> None:
    """One day of a campaign, whatever was signed."""
    day = FoundExposure(
        key=reservation_key(name, 0), account=context.account, run=context.run, phase=context.phase, campaign=name,
        day=START.date(), worst_case_micros=UNIT, request_id=fixture.campaign.order.request_id, at=START,
    )  # fmt: skip
    with fixture.ledger._database.writing() as connection:
        reservation_store.count_found(connection, day)


def verdict(fixture: CampaignFixture, *, decided: bool = True, **changes: Any) -> GateVerdict:
    """The gate of the live test; `changes` are the run context's."""
    context = fixture.campaign.context.model_copy(update=changes)
    if fixture.ledger.run(context.run) is None:
        fixture.ledger.register_run(context.run, context.account, START)
        fixture.ledger.begin_run(context.run, BegunTerms(context.account, context.agent, context.config_digest), START)
    phase = f"{context.run}/{context.phase}"
    name = f"{phase}/campaign-00"
    if not fixture.ledger.reservations(campaign=name):
        reserve(fixture, context, name)
    fixture.ledger.keep_result(campaign(fixture).model_copy(update={"campaign": name}), START)
    if decided:
        keep_decisions(fixture, name)
    asked = AssessCampaigns(context=context)
    assessment = Assessment(fixture.ledger, fixture.inputs)
    return as_workflow(phase).run(assessment.assess_campaigns, asked).gate


def criterion_10(fixture: CampaignFixture) -> Verdict:
    (judged,) = (c for c in verdict(fixture).criteria if c.id == "10")
    return judged.verdict


def test_actions_that_only_a_result_knows_do_not_count(fixture: CampaignFixture) -> None:
    """Whoever answers for an activity can invent them, and nothing was ever applied: criterion 10 does not pass."""
    (judged,) = (c for c in verdict(fixture, decided=False).criteria if c.id == "10")
    assert (judged.verdict, judged.n) == (Verdict.INCONCLUSIVE, 0)


def overspend(fixture: CampaignFixture) -> Violation:
    """A day on which the platform reports more than was reserved, as the ledger records it."""
    (day,) = fixture.ledger.reservations(fixture.account)
    fixture.ledger.post(day.key, 51 * UNIT, 51 * UNIT, fixture.at(1))
    (violation,) = fixture.ledger.violations(fixture.campaign.context.run)
    assert violation.severity is Severity.CRITICAL
    return violation


def test_a_violation_in_the_ledger_fails_criterion_10_until_a_person_clears_it(fixture: CampaignFixture) -> None:
    """What a campaign says of itself does not count: here it reports no violation, and the ledger has one."""
    assert fixture.launch().launched
    assert criterion_10(fixture) is Verdict.PASS
    violation = overspend(fixture)
    assert criterion_10(fixture) is Verdict.FAIL
    fixture.ledger.resolve_alert(violation.run, violation.id, "Ada", "the platform credited it", fixture.at(2))
    assert criterion_10(fixture) is Verdict.PASS


@pytest.mark.parametrize(
    ("severity", "judged"),
    [
        (Severity.CRITICAL, Verdict.FAIL),
        (Severity.HIGH, Verdict.FAIL),
        (Severity.MEDIUM, Verdict.PASS),
        (Severity.LOW, Verdict.PASS),
    ],
)
def test_the_grave_violations_of_a_run_count_whatever_campaign_they_name(
    fixture: CampaignFixture, severity: Severity, judged: Verdict
) -> None:
    """Critical and high ones fail the gate, also where their campaign is of another phase; milder ones do not."""
    context = fixture.campaign.context
    fixture.ledger.record_violation(
        Violation(
            id="v", account=context.account, run=context.run, phase=Phase.SCALED, campaign="run-a/scaled/other",
            kind="over-reservation", severity=severity, evidence="more than was reserved", at=fixture.at(),
        )
    )  # fmt: skip
    assert criterion_10(fixture) is judged


@pytest.mark.parametrize("kind", sorted(NOT_THE_AGENTS))
def test_what_somebody_else_has_done_does_not_fail_the_agent(fixture: CampaignFixture, kind: str) -> None:
    """A grave violation that is a person's or the platform's doing is none of the agent's, and is named instead."""
    context = fixture.campaign.context
    violation = Violation(
        id="v", account=context.account, run=context.run, phase=Phase.LIVE_TEST, campaign=fixture.campaign.name,
        kind=kind, severity=Severity.HIGH, evidence="name: we wrote a, and the platform reads b", at=fixture.at(),
    )  # fmt: skip
    fixture.ledger.record_violation(violation)
    assert criterion_10(fixture) is Verdict.PASS
    named = others_doing(fixture.ledger.violations(context.run))
    assert kind in named and fixture.campaign.name in named and violation.evidence in named
    fixture.ledger.resolve_alert(context.run, "v", "Ada", "it was renamed back", fixture.at(1))
    assert others_doing(fixture.ledger.violations(context.run)) == ""


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("run", "never-registered", "was ever registered"),
        ("account", "other", "was registered for account"),
        ("agent", "online-lp", "has begun with another agent or configuration"),
        ("config_digest", "lax", "has begun with another agent or configuration"),
        ("checkpoint_digest", "a" * 64, "approved for another checkpoint_digest than is judged"),
        ("market_digest", "lax", "approved for another market_digest than is judged"),
    ],
)
def test_a_run_is_judged_on_its_own_terms_only(fixture: CampaignFixture, field: str, value: str, says: str) -> None:
    """A gate that is called by hand for other terms uses no attempt and leaves no verdict, whoever's name it bears."""
    assert fixture.launch().launched
    context = fixture.campaign.context
    lax = fixture.inputs.config(context.config_digest).model_copy(update={"seed": 99})
    others = {
        ("config_digest", "lax"): fixture.inputs.store.put_document(loading.canonical(lax)),
        ("market_digest", "lax"): fixture.inputs.store.put_arrays(calibrate([], lax).to_arrays() | {"margin": HALF}),
    }
    asked = context.model_copy(update={field: others.get((field, value), value)})
    fixture.ledger.put_account(fixture.ledger.account(context.account).model_copy(update={"account": "other"}))
    assessment = Assessment(fixture.ledger, fixture.inputs)
    with pytest.raises(NotItsTerms, match=says):
        as_workflow(f"{asked.run}/live-test").run(assessment.assess_campaigns, AssessCampaigns(context=asked))
    assert (fixture.ledger.verdicts(asked.run), fixture.ledger.attempts()) == ((), ())


def test_every_campaign_that_was_reserved_is_judged(fixture: CampaignFixture) -> None:
    """None is left out, also one that has not ended."""
    assert fixture.launch().launched
    name = fixture.campaign.name
    assessment, asked = (
        Assessment(fixture.ledger, fixture.inputs),
        AssessCampaigns(context=fixture.campaign.context),
    )
    without = as_workflow(f"{RUN}/live-test").run(assessment.assess_campaigns, asked).gate
    assert without.verdict is Verdict.INVALID, without.reason
    fixture.ledger.keep_result(campaign(fixture), START)
    keep_decisions(fixture, name)
    judged = as_workflow(f"{RUN}/live-test").run(assessment.assess_campaigns, asked).gate
    assert [c.n for c in judged.criteria if c.id == "10"] == [ACTIONS]


def test_a_look_says_what_the_gate_will_say_and_uses_no_attempt(fixture: CampaignFixture) -> None:
    """`assess` judges by the same ledger at the same level: a campaign that runs, one that has ended, a violation."""
    assert fixture.launch().launched
    ledger, store, name = fixture.ledger, fixture.inputs.store, fixture.campaign.name
    day = DayReport(
        day=START.date(), impressions=900, clicks=40, conversions=9, cost_micros=20 * UNIT, served_micros=20 * UNIT,
        revenue_micros=90 * UNIT, final=True, matured=True,
    )  # fmt: skip
    ledger.keep_days(fixture.account, name, (day,), fixture.at(1))
    keep_decisions(fixture, name)
    begun = ledger.run(RUN)
    assert begun is not None
    running = look_at(ledger, store, begun, ())
    assert running is not None and running.gate.verdict is not Verdict.INVALID
    assert [running.document()[key] for key in ("running", "ended", "days", "matured_days")] == [1, 0, 1, 1]
    overspend(fixture)
    ledger.keep_result(campaign(fixture), START)
    ended = look_at(ledger, store, begun, ())
    assert (ledger.verdicts(RUN), ledger.attempts()) == ((), ())
    asked = AssessCampaigns(context=fixture.campaign.context)
    gate = as_workflow(f"{RUN}/live-test").run(Assessment(ledger, fixture.inputs).assess_campaigns, asked).gate
    assert ended is not None and ended.gate.verdict is gate.verdict is Verdict.FAIL
    assert (ended.gate.criteria, ended.gate.attempt, ended.gate.alpha) == (gate.criteria, gate.attempt, gate.alpha)
    assert look_at(ledger, store, begun, ledger.verdicts(RUN)) is None  # the gate has judged


def test_a_phase_that_reserved_nothing_is_not_judged(fixture: CampaignFixture) -> None:
    """The run never came to it: whoever starts a workflow under its id uses no attempt and leaves no verdict."""
    assert fixture.launch().launched
    context = fixture.campaign.context.model_copy(update={"phase": Phase.SCALED})
    assessment = Assessment(fixture.ledger, fixture.inputs)
    with pytest.raises(NotItsTerms, match="has reserved no day"):
        as_workflow(f"{RUN}/scaled").run(assessment.assess_campaigns, AssessCampaigns(context=context))
    assert (fixture.ledger.verdicts(RUN), fixture.ledger.attempts()) == ((), ())


def test_nobody_ends_a_campaign_that_was_never_reserved(fixture: CampaignFixture) -> None:
    """Anybody can start a workflow under such an id and say how it ended: neither review nor gate hears it."""
    assert fixture.launch().launched
    fixture.ledger.keep_result(campaign(fixture), START)
    forged = campaign(fixture).model_copy(
        update={"campaign": f"{RUN}/live-test/campaign-07", "index": 7, "reason": "drawdown: all was lost"}
    )
    fixture.ledger.keep_result(forged, START)
    context = fixture.campaign.context
    planning = Planning(fixture.ledger, fixture.inputs)
    assert planning.review_campaigns(ReviewCampaigns(context=context)).go_on
    judged = Assessment(fixture.ledger, fixture.inputs)
    asked = AssessCampaigns(context=context)
    gate = as_workflow(f"{RUN}/live-test").run(judged.assess_campaigns, asked).gate
    stored = fixture.inputs.store.get_document(gate.evidence_digest)
    assert [each["campaign"] for each in stored["campaigns"]] == [fixture.campaign.name]


@pytest.mark.parametrize("reason", ["", "drawdown: Cumulated loss reached 99.00, the limit is 50.00."])
def test_a_gate_knows_from_the_ledger_whether_its_test_was_halted(fixture: CampaignFixture, reason: str) -> None:
    """A campaign that was broken off fails criterion 8, and no message says that one was, or that none was."""
    assert fixture.launch().launched
    fixture.ledger.keep_halt(fixture.campaign.name, reason, START)
    fixture.ledger.keep_result(campaign(fixture).model_copy(update={"reason": reason}), START)
    asked = AssessCampaigns(context=fixture.campaign.context)
    gate = as_workflow(f"{RUN}/live-test").run(Assessment(fixture.ledger, fixture.inputs).assess_campaigns, asked).gate
    (eight,) = (each for each in gate.criteria if each.id == "8")
    assert (eight.verdict is Verdict.FAIL, "drawdown" in eight.reason) == (bool(reason), bool(reason))


def test_a_halt_that_no_reading_has_kept_is_judged_by_no_gate(fixture: CampaignFixture) -> None:
    """Whoever answers in an observation's place can invent a loss: the phase is interrupted, and no attempt is used."""
    assert fixture.launch().launched
    fixture.ledger.keep_halt(fixture.campaign.name, "drawdown: another one", START)
    invented = campaign(fixture).model_copy(update={"reason": "drawdown: Cumulated loss reached 99.00"})
    for _ in range(2):
        fixture.ledger.keep_result(invented, START)
    (kept,) = fixture.ledger.campaign_results(f"{RUN}/live-test")
    assert "has kept its halt in the ledger" in interruption_of([kept])
    asked = AssessCampaigns(context=fixture.campaign.context)
    with pytest.raises(NotItsTerms, match="no verdict rests on what was interrupted"):
        as_workflow(f"{RUN}/live-test").run(Assessment(fixture.ledger, fixture.inputs).assess_campaigns, asked)
    assert (fixture.ledger.verdicts(RUN), fixture.ledger.attempts()) == ((), ())


def test_a_later_attempt_is_judged_at_its_own_level(fixture: CampaignFixture) -> None:
    """In every phase the measures are made at alpha_k: the fourth attempt needs a wealth of 526.4 and not of 32.9."""
    context, config = fixture.campaign.context, TrainingConfiguration()
    for gate in (Phase.SIMULATION, Phase.HISTORICAL, Phase.LIVE_TEST):
        series = AttemptSeries(account=context.account, product=config.product, agent=context.agent, gate=gate)
        for number in range(3):
            fixture.ledger.next_attempt(series, f"before-{number}/{gate}", START)
    (eight,) = (c for c in verdict(fixture).criteria if c.id == "8")
    assert eight.threshold == pytest.approx(1 / alpha_for(4))
    assessment = Assessment(fixture.ledger, fixture.inputs)
    known = {"index": 0, "purpose": "exam", "state": EpisodeState.SETTLED, "trajectory_digest": None, "episodes": 64}
    exam = BatchResult.model_validate(
        known
        | {"rewards": [0.8] * 64, "raw_rewards": [0.8] * 64, "successes": [True] * 64}
        | {"anchor_rewards": [0.1] * 64}
    )
    looked = AssessSimulation(context=context.model_copy(update={"phase": Phase.SIMULATION}), exams=(exam,))
    simulation = as_phase(f"{context.run}/simulation", assessment.assess_simulation, looked).gate
    assert "at level 0.0019" in simulation.criteria[1].reason
    points = [Estimate(estimator=e, policy="candidate", value=0.1, low=0, high=1, **WEIGHTS) for e in AGREEING]
    bet = points[0].model_copy(update={"estimator": "non-inferiority", "log_wealth": 1.0, "log_wealth_against": 0.0})
    log = LogEvidence(log="obd", kind="bandit", grade="A", rows=10, clicks=5, estimates=(*points, bet))
    replayed = AssessHistorical(context=context.model_copy(update={"phase": Phase.HISTORICAL}), logs=(log,))
    historical = as_phase(f"{context.run}/historical", assessment.assess_historical, replayed).gate
    (paired,) = (c for c in historical.criteria if c.id == "5b")
    assert paired.reason.endswith("of the 526.4 needed, more clicks are needed.")


@pytest.mark.parametrize(
    ("won", "lost", "said", "kept"),
    [(1e9, 0.0, Verdict.PASS, ""), (0.0, 1e9, Verdict.FAIL, f"{RUN}/historical"), (1.0, 1.0, Verdict.INCONCLUSIVE, "")],
)
def test_a_gate_takes_the_earlier_passes_of_the_state_that_it_refutes(
    fixture: CampaignFixture, won: float, lost: float, said: Verdict, kept: str
) -> None:
    """The mirrored bet at the level of the attempt takes them, of whatever run and account; the bet itself does not."""
    context = fixture.campaign.context.model_copy(update={"phase": Phase.HISTORICAL})
    fixture.ledger.put_account(fixture.ledger.account(context.account).model_copy(update={"account": "other"}))
    for run, checkpoint in (("before", context.checkpoint_digest), ("another-state", "a" * 64)):
        fixture.ledger.register_run(run, "other", START)
        fixture.ledger.begin_run(run, BegunTerms("other", context.agent, context.config_digest), START)
        passed = KeptVerdict(run, Phase.SIMULATION, checkpoint, "e" * 64, (), Verdict.PASS, True)
        fixture.ledger.keep_verdict("other", passed, START)
    points = [Estimate(estimator=e, policy="candidate", value=0.1, low=0, high=1, **WEIGHTS) for e in AGREEING]
    bet = points[0].model_copy(update={"estimator": "non-inferiority", "log_wealth": won, "log_wealth_against": lost})
    log = LogEvidence(log="obd", kind="bandit", grade="A", rows=10, clicks=5, estimates=(*points, bet))
    assessment = Assessment(fixture.ledger, fixture.inputs)
    asked = AssessHistorical(context=context, logs=(log,))
    gate = as_phase(f"{context.run}/historical", assessment.assess_historical, asked).gate
    assert next(each for each in gate.criteria if each.id == "5b").verdict is said
    assert [each.lost_to for run in ("before", "another-state") for each in fixture.ledger.verdicts(run)] == [kept, ""]
    assert [(e.account, e.run) for e in fixture.ledger.journal(kinds=("pass-lost",))] == [("other", "before")] * bool(
        kept
    )


def test_a_gate_is_judged_for_its_own_phase_only(fixture: CampaignFixture) -> None:
    """An assessment that somebody starts by hand uses no attempt, and leaves no verdict that counts."""
    context = fixture.campaign.context
    assessment = Assessment(fixture.ledger, fixture.inputs)
    asked = AssessHistorical(context=context.model_copy(update={"phase": Phase.HISTORICAL}), logs=())
    with pytest.raises(NotItsOwnWord, match="only its own workflow may"):
        as_phase("by-hand", assessment.assess_historical, asked)
    assert (fixture.ledger.verdicts(context.run), fixture.ledger.attempts()) == ((), ())


@pytest.mark.parametrize("parent", ["", "another-run"])
def test_a_phase_that_somebody_has_started_by_hand_uses_no_attempt(fixture: CampaignFixture, parent: str) -> None:
    """A workflow under the id of a phase that does not run has not the run for its parent: nothing is judged."""
    context = fixture.campaign.context
    historical = AssessHistorical(context=context.model_copy(update={"phase": Phase.HISTORICAL}), logs=())
    simulation = AssessSimulation(context=context.model_copy(update={"phase": Phase.SIMULATION}), exams=())
    exam = BeginExam(context=simulation.context, entry_checkpoint_digest="", entered_trained=False)
    judged, planning = Assessment(fixture.ledger, fixture.inputs), Planning(fixture.ledger, fixture.inputs)
    with pytest.raises(NotItsOwnWord, match="was started by hand"):
        as_phase(f"{RUN}/historical", judged.assess_historical, historical, parent)
    with pytest.raises(NotItsOwnWord, match="was started by hand"):
        as_phase(f"{RUN}/simulation", judged.assess_simulation, simulation, parent)
    with pytest.raises(NotItsOwnWord, match="was started by hand"):
        as_phase(f"{RUN}/simulation", planning.begin_exam, exam, parent)
    assert (fixture.ledger.verdicts(RUN), fixture.ledger.attempts()) == ((), ())
    assert as_phase(f"{RUN}/historical", judged.assess_historical, historical).gate.attempt == 1


def test_no_gate_judges_a_run_that_has_ended(fixture: CampaignFixture) -> None:
    """Once it has ended anybody can start workflows under its name, and phases as their children."""
    historical = fixture.campaign.context.model_copy(update={"phase": Phase.HISTORICAL})
    fixture.ledger.end_run(RUN, START)
    judged = Assessment(fixture.ledger, fixture.inputs)
    with pytest.raises(NotItsTerms, match="ended at 2026-01-05"):
        as_phase(f"{RUN}/historical", judged.assess_historical, AssessHistorical(context=historical, logs=()))
    assert fixture.ledger.attempts() == ()


@pytest.mark.parametrize("name", ["account", "product", "agent", "gate"])
def test_a_gate_counts_the_attempts_of_its_own_account_product_agent_and_gate(
    fixture: CampaignFixture, name: str
) -> None:
    """Two earlier attempts of the same series make this the third; of a series that differs in anything, none."""
    context = fixture.campaign.context
    product = TrainingConfiguration().product
    own = AttemptSeries(account=context.account, product=product, agent=context.agent, gate=Phase.LIVE_TEST)
    other = fixture.ledger.account(context.account).model_copy(update={"account": "other"})
    fixture.ledger.put_account(other)
    for number in range(2):
        differing = own.model_copy(update={name: "other"})
        fixture.ledger.next_attempt(differing, f"before-{number}/live-test", START)
    first = verdict(fixture, run="run-b")
    assert (first.attempt, first.alpha) == (1, alpha_for(1))
    for number in range(2):
        fixture.ledger.next_attempt(own, f"since-{number}/live-test", START)
    fourth = verdict(fixture, run="run-c")
    assert (fourth.attempt, fourth.alpha) == (4, alpha_for(4))
