"""What the sentence of each verdict says: the numbers that decided, and what is missing."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gaelp.domain.gates.judging import futility, gate, judge_live_test, judge_simulation
from gaelp.domain.gates.measurements import Anchor, PointMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.domain.phases import Phase
from gaelp.domain.simple_rules import RuleMeasure
from tests.unit.domain.gates.test_judging import (
    ALPHA,
    CONFIG,
    NEEDED,
    anchored,
    attempt,
    block,
    campaigns,
    conduct,
    count,
    efficiency,
    found,
    history,
    improvement,
    log,
    mean,
    portfolio,
    profit,
    scaled,
    simulation,
)


def live(id: str, **changes: Any) -> CriterionVerdict:
    return found(judge_live_test(campaigns(**changes), CONFIG), id)


LEVEL = f"at level {ALPHA:.4f}"


def test_a_mean_says_what_it_rests_on() -> None:
    """Mean, episodes, bounds, level and threshold stand in the sentence of each outcome, and what is missing."""

    def said(**changes: Any) -> str:
        return found(judge_simulation(simulation(reward=mean(0.7, **changes), cvar=None)), "1").reason

    assert said().startswith(
        f"The average reward 0.900 over 200 episodes: its lower bound 0.850 lies above 0.7 {LEVEL}."
    )
    assert said(log_wealth=0.0, log_wealth_against=NEEDED) == (
        f"The average reward 0.900 over 200 episodes: its upper bound 0.950 lies below 0.7 {LEVEL}."
    )
    open_ = (
        f"The average reward 0.900 over 200 episodes lies between 0.850 and 0.950 {LEVEL}: not yet above or below 0.7"
    )
    assert said(log_wealth=0.0).startswith(f"{open_}. ")
    assert said(log_wealth=1.0, more=120).startswith(
        f"{open_}; about 120 more episodes are needed at the present rate. "
    )
    early = "The average reward 0.900 over 9 episodes: 50 episodes are needed before anything is decided."
    assert said(n=9).startswith(early)


def test_a_count_says_which_count_was_needed() -> None:
    """The look that decides with its count, and where none does the bounds and what is missing."""

    def said(*successes: int, **changes: Any) -> str:
        return found(judge_simulation(simulation(success=count(*successes, **changes))), "2").reason

    assert said(113, 220) == f"220 of 256 episodes succeeded, 220 were needed: above 0.8 {LEVEL}."
    assert said(100, 189) == f"189 of 256 episodes succeeded; with 189 or fewer the rate is surely below 0.8, {LEVEL}."
    assert said(113, 215, more=1200) == (
        "215 of 256 episodes succeeded, 220 were needed at this look; the success rate lies between 0.850 and 0.950 "
        f"{LEVEL}; about 1,200 more episodes are needed at the present rate."
    )
    assert said(looks=()) == "No episode has been examined."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "the checkpoint with which it entered the phase: 0.500 on average, and 105% of it was asked for."),
        (
            {"anchor": Anchor.INCUMBENT, "absolute": True, "anchor_reward": 0.02},
            "the incumbent: 0.020 on average, and 0.05 more was asked for.",
        ),
        (
            {"anchor": Anchor.GRADUATED_ENTRY, "improvement": -0.05},
            "the checkpoint with which it entered the phase, which had already passed this gate: 0.500 on average, and "
            "95% of it was asked for.",
        ),
    ],
)
def test_the_improvement_names_its_anchor_and_what_was_asked_for(changes: dict[str, Any], said: str) -> None:
    """Whether it passes or not, the sentence says what the agent was compared with."""
    for difference in ({}, {"log_wealth": 0.0}):
        measures = simulation(against_anchor=anchored(difference=difference, **changes))
        reason = found(judge_simulation(measures), "3").reason
        assert reason.endswith(f"On the same seeds as {said}")
        assert reason.startswith("The difference 0.300 over 200 episodes")


def test_the_block_says_what_refused_it() -> None:
    """Collapses against those that may be, and each guard that tripped."""

    def said(**changes: Any) -> str:
        return found(judge_simulation(simulation(block=block(**changes))), "4").reason

    result = "0 of the 50 announced episodes collapsed, 1 may"
    assert said() == f"{result}; spread 0.10, lowest mean of ten 0.75, no fall."
    assert said(collapses=3) == "3 of the 50 announced episodes collapsed, 1 may."
    assert said(spread=0.3, lowest=0.5, fall_p=0.002, shift=2.5) == (
        f"{result}, and yet the block is not consistent: its spread 0.30 is above 0.25; ten episodes in a row average "
        "0.50, below 0.63; its rewards fall (p = 0.002); its rewards drop at some point and stay low."
    )
    assert said(problems=("it burnt",)) == "The block's data are broken: it burnt."


def test_what_is_not_assessed_says_what_would_be() -> None:
    """The improvement names the comparison, consistency the announced block."""
    listed = judge_simulation(simulation(against_anchor=None, block=None))
    assert found(listed, "3").reason == "The exam names nothing to compare the agent with."
    assert found(listed, "4").reason == "The announced block has not been played."


def test_what_is_not_known_is_called_so() -> None:
    """An ROI without cost is unknown, no week has no gain, and no action has no bound."""
    assert live("8", profit=profit(roi=None)).reason.startswith("Attributed ROI unknown on 42 matured days")
    weeks = found(scaled(improvement=improvement(gains=(), weeks=0, longest_run=0)), "11").reason
    assert weeks.startswith("Weekly gains over the concurrent control: none (0 matured weeks)")
    assert live("10", conduct=conduct(actions=0)).reason == "No action was evaluated: nothing is known of violations."
    assert live("10", conduct=conduct(actions=1)).reason.startswith("0 violations in 1 actions, so at most 3.0000")


def test_a_stopped_phase_gives_the_reason_as_one_sentence() -> None:
    """The reason may end in a full stop or not; nothing else of it is cut off."""
    for reason in ("Ada stopped account X", "Ada stopped account X."):
        assert live("8", stopped=reason).reason == "The phase was stopped: Ada stopped account X."


def test_replaced_seeds_are_given_as_a_share_of_those_drawn() -> None:
    """11 of 200 are 5.5 %, and of none drawn there is no share to divide by."""
    assert "11 of 200 seeds (5.5%)" in found(judge_simulation(simulation(replaced=11)), "1").reason
    assert "1 of 0 seeds (100.0%)" in found(judge_simulation(simulation(replaced=1, seeds=0)), "1").reason


def test_a_gates_reason_names_the_criteria_that_decided_and_no_other() -> None:
    """Of one that fails, one that passes and one that is open, the failing one is the reason."""
    known = list(judge_live_test(campaigns(conduct=conduct(violations=1), profit=profit(wealth=2.0)), CONFIG))
    failed = gate(Phase.LIVE_TEST, known, attempt())
    assert failed.reason == "10 zero violations: 1 confirmed violations in 1000 actions; none is allowed."
    open_ = gate(Phase.LIVE_TEST, judge_live_test(campaigns(profit=profit(wealth=2.0)), CONFIG), attempt())
    assert open_.reason == "Not decided: 8 positive attributed ROI."
    passed = gate(Phase.LIVE_TEST, judge_live_test(campaigns(), CONFIG), attempt())
    assert passed.reason == "All 3 criteria pass."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "above 0 at level 0.0304."),
        ({"log_wealth": -2.0, "log_wealth_against": NEEDED}, "below 0 at level 0.0304."),
        ({"log_wealth": math.log(4)}, "evidence 4.0 of the 32.9 needed, more clicks are needed."),
    ],
)
def test_the_bet_on_a_log_says_what_was_compared_and_what_is_missing(changes: dict[str, Any], said: str) -> None:
    """Log, rows, clicks and difference stand in the sentence of each outcome, and evidence against 1/alpha."""
    compared = "On obd (1,000,000 rows, 5000 clicks) the candidate's click rate less 95 % of the logging policy's is"
    assert found(history(log(**changes)), "5b").reason == f"{compared} +0.00100: {said}"


def test_support_is_said_of_each_log_by_its_kind() -> None:
    """Logs that cannot support a criterion and logs that could are told apart, in one reason and in their order."""
    logs = [log(), log(log="ipinyou", kind="market"), log(log="meta", kind="report"), log(log="odd", kind="")]

    def said(id: str, *chosen: int) -> str:
        return found(history(*(logs[index] for index in chosen)), id).reason

    assert said("7", 0) == "Log obd supports no ranks of arms: it has none."
    assert said("6", 0) == "Prediction accuracy is not supported by bandit log obd."
    assert said("7", 1) == "Log ipinyou supports no ranks of policies: it has none."
    assert said("7", 2, 3) == "Correlation is not supported by report log meta and unreadable log odd."
    assert said("6", 2, 3) == "Prediction accuracy is not supported by report log meta and unreadable log odd."
    assert (
        said("6", 0, 1, 2) == "Log ipinyou supports no panel of policies: it has none."
    )  # the one that could is judged
    assert said("5a", 0, 3) == "Historical match: fidelity is not supported by bandit log obd and unreadable log odd."
    assert said("5a", 0, 1) == (
        "Market log ipinyou supports no forecast of clicks: it does not know them, or has too few days."
    )
    assert said("5a", 0, 2) == (
        "Report log meta supports no forecast of cost and conversions: it does not know them, or has too few days."
    )


def test_a_log_without_a_grade_and_with_two_faults_names_both() -> None:
    """What is missed of grade A is listed in full, so that nobody mends one thing and is refused for the next."""
    points = [PointMeasure(estimator="dr", value=0.005, low=0.004, high=0.006)]
    missed = found(history(log(grade="", row_ess=150, points=points)), "5b").reason
    assert missed == (
        "Log obd cannot carry grade-A evidence: its grade is none; effective rows 150 of the 200 needed; "
        "no estimate by snips and switch-dr."
    )


@pytest.mark.parametrize("worst", [{"cvar": -0.5, "cvar_high": -0.3}, {"cvar": -0.3, "cvar_high": -0.2}, {}])
def test_the_worst_tenth_stands_beside_the_average(worst: dict[str, float]) -> None:
    """Whatever it decides, its mean, the episodes and the sentence of the bet are given."""
    judged = found(judge_simulation(simulation(**worst)), "1").reason
    assert f"The worst tenth of 200 episodes averages {worst.get('cvar', 0.3):.2f} of the attainable profit" in judged
    assert "The average reward 0.900 over 200 episodes" in judged


def test_a_stop_for_futility_says_how_far_out_of_reach_the_return_is() -> None:
    """Bound, days and the return that is asked for."""
    assert futility(profit(roi_high=0.041), CONFIG) == (
        "Attributed ROI is at most 4.1% after 42 matured days: 5% is out of reach."
    )


def test_the_profit_test_says_how_far_it_is() -> None:
    """ROI, days, wealth, streak and the campaigns that count, and then what comes next."""
    shown = "Attributed ROI +80.0% on 42 matured days; evidence of profit K = {}, 32.9 is needed; {} campaigns with "
    shown += "a profit in a row, 5 are needed (6 of 6 are large enough to count)"
    assert live("8").reason == f"{shown.format('40.00', 5)}."
    assert live("8", profit=profit(wealth=20.0)).reason == (
        f"{shown.format('20.00', 5)}. That supports another test at the same budget, and no larger one."
    )
    short = profit(wealth=1 / ALPHA, streak=4)  # wealth that is enough supports no more than its streak does
    assert live("8", profit=short).reason == f"{shown.format('32.90', 4)}: more matured days are needed."


def test_a_summary_of_efficiency_shows_its_parts() -> None:
    """Spend, plan, waste and pacing as they were measured."""
    for waste, shown in ((0.25, "25%"), (0.0, "0%")):
        reason = live("9", efficiency=efficiency(waste=waste)).reason
        assert reason == (
            f"900.00 of 1,000.00 USD planned was spent, {shown} of it wasted, pacing 0.98: efficiency 0.88, "
            "at least 0.82: not below 0.8."
        )
    few = live("9", efficiency=efficiency(low=None, high=None, campaigns=4)).reason
    assert few.endswith("efficiency 0.88; 4 campaigns are too few for a bound.")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"low": -0.5, "high": -0.1}, "harm, the candidate does worse than the control."),
        ({}, "8 weeks running at +15% or more, beyond chance."),
        ({"low": -0.1}, "not yet 4 weeks running at +15% or more beyond chance."),
    ],
)
def test_the_weekly_gains_stand_in_every_answer(changes: dict[str, Any], said: str) -> None:
    """Whether they pass, fail or leave it open, each matured week is shown."""
    shown = "Weekly gains over the concurrent control: " + ", ".join(["+30%"] * 8) + " (8 matured weeks)"
    assert found(scaled(improvement=improvement(**changes)), "11").reason == f"{shown}: {said}"


def test_success_over_campaigns_says_how_many_there_were_and_what_they_count_as() -> None:
    """Successes, matured campaigns, campaigns in all, and the effective number."""
    shown = "98 of 100 matured campaigns succeeded (120 ran); they count as 90.0 independent ones"
    assert found(scaled(), "12").reason == f"{shown}: at least 0.92, 0.9 is needed."
    fewer = "3 of 4 matured campaigns succeeded (5 ran); they count as 4.0 independent ones, 20 are needed."
    few = portfolio(campaigns=5, matured=4, successes=3, n_effective=4.0)
    assert found(scaled(portfolio=few), "12").reason == fewer


def test_a_number_that_is_none_is_taken_out_and_named() -> None:
    """JSON has no NaN: estimate, bound and threshold go, and the reason says of which criterion."""
    numbers = {"estimate": math.nan, "bound": 1.0, "threshold": 2.0}
    bad = CriterionVerdict(id="8", name="positive attributed ROI", verdict=Verdict.PASS, reason="Good.", **numbers)
    checked = gate(Phase.LIVE_TEST, [bad], attempt()).criteria[0]
    assert (checked.verdict, checked.reason) == (Verdict.INVALID, "A number of positive attributed ROI is not finite.")
    assert (checked.estimate, checked.bound, checked.threshold) == (None, None, None)


@pytest.mark.parametrize(
    ("incumbent", "bar"),
    [
        (0.4, "[========++++++++++..] incumbent 0.40, agent 0.90, optimum 1."),
        (1.0, "[==================--] incumbent 1.00, agent 0.90, optimum 1."),
        (0.0, "[++++++++++++++++++..] incumbent 0.00, agent 0.90, optimum 1."),
    ],
)
def test_one_bar_shows_incumbent_agent_and_optimum(incumbent: float, bar: str) -> None:
    """What the agent earns beyond or below the incumbent, and what is left to the optimum, in the reason of 1."""
    measures = simulation().model_copy(update={"incumbent": incumbent})
    assert bar in found(judge_simulation(measures), "1").reason
    assert "optimum 1" not in found(judge_simulation(simulation()), "1").reason


@pytest.mark.parametrize(
    ("reward", "bar"),
    [
        (0.7, "[========++++++|++++..] incumbent 0.40, best simple rule 0.70 (online-lp), agent 0.90, optimum 1."),
        (0.95, "[========++++++++++.|.] incumbent 0.40, best simple rule 0.95 (online-lp), agent 0.90, optimum 1."),
        (0.0, "[|========++++++++++..] incumbent 0.40, best simple rule 0.00 (online-lp), agent 0.90, optimum 1."),
    ],
)
def test_the_bar_marks_where_the_best_simple_rule_ends(reward: float, bar: str) -> None:
    """A stroke stands at what the rule earned, below or above the agent, and its name and reward follow."""
    rule = RuleMeasure(name="online-lp", reward=reward)
    measures = simulation().model_copy(update={"incumbent": 0.4, "best_rule": rule})
    assert bar in found(judge_simulation(measures), "1").reason
