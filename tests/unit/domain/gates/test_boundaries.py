"""Where each criterion turns, to the last unit, and which numbers stand beside its verdict."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gaelp.domain.gates.criteria_historical import AGREEING, grade_a_missed
from gaelp.domain.gates.criteria_table import CRITERIA, threshold_of
from gaelp.domain.gates.judging import futility, judge_live_test, judge_simulation, validated_heads
from gaelp.domain.gates.measurements import Anchor, ConductMeasure, PointMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.domain.phases import Phase
from tests.unit.domain.gates.test_judging import (
    ADVISORY,
    ALPHA,
    CONFIG,
    NEEDED,
    anchored,
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

PASS, FAIL, INCONCLUSIVE, INVALID = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.INVALID


def numbers(verdict: CriterionVerdict) -> tuple[object, ...]:
    return (verdict.estimate, verdict.bound, verdict.threshold, verdict.unit, verdict.n, verdict.formula)


def live(id: str, **changes: Any) -> CriterionVerdict:
    return found(judge_live_test(campaigns(**changes), CONFIG), id)


# ------------------------------------------------------------ the numbers beside a verdict


def test_the_numbers_beside_the_criteria_of_the_simulation() -> None:
    """Estimate, lower bound, threshold and episodes of what decides; a waiver shows the bound that waives."""
    plain = judge_simulation(simulation())
    assert numbers(found(plain, "1")) == (
        0.9, 0.85, 0.7, "share of the attainable profit", 200, "betting/stake-mixture+cvar10",
    )  # fmt: skip
    assert numbers(found(plain, "2")) == (230 / 256, 0.85, 0.8, "share of episodes", 256, "binomial/group-sequential")
    unit = "share of the attainable profit above what was asked for"
    assert numbers(found(plain, "3")) == (0.3, 0.2, 0.0, unit, 200, "betting/stake-mixture/paired-anchor")
    unit = "collapses in the block"
    assert numbers(found(plain, "4")) == (0.0, 0.0, 1.0, unit, 50, "block/collapses+guards")
    waived = judge_simulation(simulation(reward=mean(0.7, mean=0.99, low=0.95, high=1.0)))
    assert numbers(found(waived, "3")) == (None, 0.95, 0.95, "", 200, "waived/reward-lower-bound")
    assert [each.name for each in plain] == ["average reward", "success rate", "improvement", "consistency"]


def test_the_numbers_beside_a_log() -> None:
    """Difference, its lower bound, 0, and the rows; a log that was not compared has no threshold."""
    compared, not_compared = found(history(log()), "5b"), found(history(log(difference=None)), "5b")
    unit = "clicks per impression above 95 % of the logging policy"
    assert numbers(compared) == (0.001, 0.0005, 0.0, unit, 10**6, "betting/paired-off-policy")
    assert numbers(not_compared) == (None, 0.0005, None, "", 10**6, "not-assessed")
    assert compared.name == "historical match: non-inferiority on obd"


def test_the_numbers_beside_the_criteria_of_the_live_test() -> None:
    """The wealth that is needed is 1/alpha, efficiency is decided by its lower bound, and 3/n bounds violations."""
    unit = "evidence (K) of an attributed ROI above 5%"
    assert numbers(live("8")) == (None, 40.0, 1 / ALPHA, unit, 42, "e-process/daily-profit+streak")
    unit = "share of the budget that worked: used, not wasted, well paced"
    assert numbers(live("9")) == (0.88, 0.82, 0.8, unit, 6, "U(1-W)P/block-bootstrap")
    unit = "violations per action"
    assert numbers(live("10")) == (0.0, 0.003, 0.0, unit, 1000, "count/rule-of-three")
    none, two = live("10", conduct=conduct(actions=0)), live("10", conduct=conduct(violations=2))
    assert (none.estimate, none.bound) == (None, None)
    assert (two.estimate, two.bound) == (0.002, None)  # three in n is the bound of a count of 0


def test_the_numbers_beside_the_criteria_of_scaled_deployment() -> None:
    """The gain is shown as a ratio and not as its logarithm, success as a share of the matured campaigns."""
    unit = "gain in revenue x margin / cost over the control"
    eleven = found(scaled(), "11")
    assert numbers(eleven) == (
        math.expm1(0.26), math.expm1(0.1), 0.15, unit, 8, "weekly-gain/betting+asymptotic-cs",
    )  # fmt: skip
    assert found(scaled(improvement=improvement(mean_log_gain=None, low=None)), "11").bound is None
    unit = "share of matured campaigns with positive attributed ROI"
    assert numbers(found(scaled(), "12")) == (0.98, 0.92, 0.9, unit, 100, "clopper-pearson/effective-n")
    none = found(scaled(portfolio=portfolio(matured=0, successes=0, n_effective=0.0)), "12")
    assert none.estimate is None


def test_each_threshold_is_the_one_that_the_configuration_sets() -> None:
    """A criterion without a setting has no threshold to read."""
    settings = {id: each.setting for id, each in CRITERIA.items() if each.setting}
    for id, setting in settings.items():
        section, _, name = setting.partition(".")
        assert threshold_of(id, CONFIG) == float(getattr(getattr(CONFIG, section), name))
    for id in CRITERIA.keys() - settings.keys():
        with pytest.raises(ValueError, match=f"criterion {id} has no setting: its threshold is fixed in the code"):
            threshold_of(id, CONFIG)


def test_a_criterion_of_another_phase_is_listed_and_says_so() -> None:
    """What scaled deployment alone measures is named and not assessed elsewhere."""
    listed = scaled(improvement=None, portfolio=None)
    for id, name in (("11", "sustained improvement"), ("12", "multi-campaign success")):
        each = found(listed, id)
        assert (each.name, each.verdict, each.formula) == (name, INCONCLUSIVE, "not-assessed")
        assert each.reason == "Not measured in phase scaled."


# ------------------------------------------------------------ where a verdict turns


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"reward": mean(0.7, n=100)}, PASS),
        ({"reward": mean(0.7, log_wealth=NEEDED)}, PASS),
        ({"reward": mean(0.7, log_wealth=0.0, log_wealth_against=NEEDED - 1e-9)}, INCONCLUSIVE),
        ({"cvar": -0.25, "cvar_high": -0.25}, PASS),
        ({"cvar": -0.3, "cvar_high": -0.25}, INCONCLUSIVE),
        ({"cvar": -0.2501, "cvar_high": -0.25}, INCONCLUSIVE),
        ({"cvar": -0.3, "cvar_high": -0.2501}, FAIL),
        ({"replaced": 5000, "seeds": 100_000}, PASS),
        ({"replaced": 5001, "seeds": 100_000}, INVALID),
        ({"cvar": None}, INCONCLUSIVE),
        ({"cvar_high": None}, INCONCLUSIVE),
        ({"cvar_high": math.nan}, INVALID),
        ({"reward": mean(math.inf)}, INVALID),
        ({"replaced": 0, "seeds": 0}, PASS),
    ],
)
def test_where_criterion_1_turns(changes: dict[str, Any], verdict: Verdict) -> None:
    """The bet needs 1/alpha, the worst tenth 100 episodes and -0.25; both bounds belong to the passing side."""
    assert found(judge_simulation(simulation(**changes)), "1").verdict is verdict


@pytest.mark.parametrize("number", ["mean", "threshold", "log_wealth", "log_wealth_against", "low", "high"])
def test_no_mean_is_judged_with_a_number_missing(number: str) -> None:
    """Whichever number of the test is not finite, criteria 1 and 3 are INVALID and the waiver is not given."""
    waiving = mean(0.7, mean=0.99, low=0.96, high=1.0)
    broken = waiving.model_copy(update={number: math.nan})
    compared = anchored().model_copy(update={"difference": broken})
    judged = judge_simulation(simulation(reward=broken, against_anchor=compared))
    assert [found(judged, id).verdict for id in ("1", "2", "3", "4")] == [INVALID, PASS, INVALID, PASS]


@pytest.mark.parametrize("number", ["threshold", "low", "high"])
def test_no_count_is_judged_with_a_number_missing(number: str) -> None:
    """Whichever number of the exact test is not finite, criterion 2 is INVALID."""
    assert found(judge_simulation(simulation(success=count(**{number: math.nan}))), "2").verdict is INVALID


def test_fifty_episodes_are_enough_to_decide() -> None:
    """At 49 no mean is decided, at 50 the test decides, for and against."""
    for n, expected in ((49, INCONCLUSIVE), (50, PASS)):
        compared = anchored(difference={"n": n})
        assert found(judge_simulation(simulation(against_anchor=compared)), "3").verdict is expected
    lost = anchored(difference={"n": 50, "log_wealth": -2.0, "log_wealth_against": NEEDED})
    assert found(judge_simulation(simulation(against_anchor=lost)), "3").verdict is FAIL


def test_the_kind_of_anchor_changes_nothing_but_the_sentence() -> None:
    """The verdict is the test's, whatever the agent was compared with."""
    for anchor in Anchor:
        assert found(judge_simulation(simulation(against_anchor=anchored(anchor=anchor))), "3").verdict is PASS
    assert found(judge_simulation(simulation(block=block(problems=("x",)))), "4").verdict is INVALID


def test_the_improvement_is_waived_from_a_lower_bound_of_95_hundredths_on() -> None:
    """One thousandth less leaves room for an improvement."""
    for low, verdict in ((0.95, PASS), (0.949, INCONCLUSIVE)):
        reward = mean(0.7, mean=0.99, low=low, high=1.0)
        assert found(judge_simulation(simulation(reward=reward, against_anchor=None)), "3").verdict is verdict


@pytest.mark.parametrize(
    "just_enough",
    [
        {"row_ess": 200},
        {"click_ess": 30},
        {"largest_weight_share": 0.05},
        {"mean_weight": 1.03, "mean_weight_error": 0.01},
        {"mean_weight": 0.97, "mean_weight_error": 0.01},
        {"mean_weight": 1.00099, "mean_weight_error": 0.0},
        {"points": [PointMeasure(estimator=e, value=0.005, low=0.005, high=0.006) for e in AGREEING]},
        {"points": [PointMeasure(estimator=e, value=0.005, low=0.004, high=0.005) for e in AGREEING]},
    ],
)
def test_what_just_fits_grade_a_is_grade_a(just_enough: dict[str, Any]) -> None:
    """Each limit belongs to the side that passes."""
    assert grade_a_missed(log(**just_enough)) == []


@pytest.mark.parametrize("number", ["value", "low", "high"])
def test_no_log_is_judged_with_an_estimate_missing(number: str) -> None:
    """An estimator that returns no number makes the log INVALID, not merely one that disagrees."""
    broken = PointMeasure.model_validate({"estimator": "dr", "value": 1, "low": 1, "high": 1} | {number: math.inf})
    assert found(history(log(points=[*log().points, broken])), "5b").verdict is INVALID


@pytest.mark.parametrize("number", ["difference", "log_wealth", "log_wealth_against"])
def test_a_comparison_without_all_of_its_numbers_is_not_assessed(number: str) -> None:
    """The difference and both bets are needed; one that was not made leaves the criterion open."""
    assert found(history(log(**{number: None})), "5b").reason == (
        "The comparison with the logging policy of obd is not assessed yet."
    )


def test_where_criterion_5b_turns() -> None:
    """Wealth of 1/alpha is enough on either side, and a hair less is not."""
    for wealth, against, verdict in (
        (NEEDED, -9.0, PASS),
        (NEEDED - 1e-9, -9.0, INCONCLUSIVE),
        (-2.0, NEEDED, FAIL),
        (-2.0, NEEDED - 1e-9, INCONCLUSIVE),
    ):
        assert found(history(log(log_wealth=wealth, log_wealth_against=against)), "5b").verdict is verdict


def test_a_log_of_unknown_kind_supports_nothing() -> None:
    """It is named as unreadable, and no criterion is estimated on it."""
    unknown = history(log(kind=""))
    assert found(unknown, "7").reason == "Correlation is not supported by unreadable log obd."
    assert found(unknown, "5b").verdict is INCONCLUSIVE


@pytest.mark.parametrize(
    "just_too_little",
    [
        {"row_ess": 199.9},
        {"click_ess": 29.9},
        {"largest_weight_share": 0.0501},
        {"mean_weight": 1.00101, "mean_weight_error": 0.0},
        {"mean_weight": 0.9689, "mean_weight_error": 0.01},
    ],
)
def test_what_just_misses_grade_a_is_not_grade_a(just_too_little: dict[str, Any]) -> None:
    """A hair beyond each limit is one thing missed."""
    assert len(grade_a_missed(log(**just_too_little))) == 1


@pytest.mark.parametrize("mean", [0.95, 1.05])
def test_a_mean_weight_on_either_side_of_one_is_missed(mean: float) -> None:
    """Weights that sum to too little are as wrong as weights that sum to too much."""
    assert grade_a_missed(log(mean_weight=mean)) == [f"mean weight {mean:.3f} is further than 3 x 0.010 from 1"]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"wealth": 1 / ALPHA}, PASS),
        ({"wealth": 1 / ALPHA - 1e-9}, INCONCLUSIVE),
        ({"streak": 5}, PASS),
        ({"drawdown_micros": 149_999_999}, PASS),
        ({"drawdown_micros": 150_000_000}, FAIL),
        ({"roi_high": 0.05}, PASS),
        ({"roi_high": 0.0499}, FAIL),
        ({"wealth": -0.1}, INVALID),
        ({"wealth": 0.0}, INCONCLUSIVE),
        ({"h": math.nan}, INVALID),
        ({"roi_high": math.inf}, INVALID),
    ],
)
def test_where_criterion_8_turns(changes: dict[str, Any], verdict: Verdict) -> None:
    """Wealth and streak pass at their limit, the drawdown stops at its own, and an ROI of the hurdle is in reach."""
    assert live("8", profit=profit(**changes)).verdict is verdict


def test_the_limited_rung_begins_at_a_wealth_of_five() -> None:
    """From there on a person may let the test go on at the same budget."""
    assert "supports another test at the same budget" in live("8", profit=profit(wealth=5.0)).reason
    assert "more matured days" in live("8", profit=profit(wealth=4.99)).reason
    assert "more matured days" in live("8", profit=profit(streak=4)).reason  # wealth alone is not what is missing


def test_a_drawdown_limit_of_nothing_stops_at_the_first_loss() -> None:
    """Without any loss there is nothing to stop, and the first micro that is lost is too much."""
    live_test = CONFIG.live_test.model_copy(update={"drawdown_limit": CONFIG.live_test.drawdown_limit * 0})
    strict = CONFIG.model_copy(update={"live_test": live_test})
    assert futility(profit(drawdown_micros=0), strict) == ""
    assert futility(profit(drawdown_micros=1), strict).startswith("Matured days have lost")


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"low": 0.8}, PASS),
        ({"low": 0.7999}, INCONCLUSIVE),
        ({"low": 0.5, "high": 0.8}, INCONCLUSIVE),
        ({"low": 0.5, "high": 0.7999}, FAIL),
        ({"low": None}, INCONCLUSIVE),
        ({"high": None}, INCONCLUSIVE),
        ({"planned_micros": 1}, PASS),
        ({"low": 0.5, "high": 0.7, "pacing": None, "pacing_missing": True}, FAIL),
        *(({name: math.nan}, INVALID) for name in ("use", "waste", "pacing", "low", "high")),
    ],
)
def test_where_criterion_9_turns(changes: dict[str, Any], verdict: Verdict) -> None:
    """The lower bound passes at the threshold, the upper one fails below it, and no number may be missing."""
    assert live("9", efficiency=efficiency(**changes)).verdict is verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"actions": 300, "near_misses": 1}, PASS),
        ({"actions": 1000, "near_misses": 5}, PASS),
        ({"actions": 100_000, "near_misses": 500}, PASS),
        ({"actions": 100_000, "near_misses": 501}, FAIL),
        ({"actions": 1, "near_misses": 0}, INCONCLUSIVE),
        ({"actions": 0, "violations": 1}, FAIL),
        ({"actions": 0, "oversized_raises": 1}, FAIL),
    ],
)
def test_where_criterion_10_turns(changes: dict[str, Any], verdict: Verdict) -> None:
    """300 actions are enough, 5 blocked attempts per 1,000 are allowed, and a violation fails without any action."""
    known = {"actions": 1000, "violations": 0, "near_misses": 0, "oversized_raises": 0}
    assert live("10", conduct=ConductMeasure.model_validate(known | changes)).verdict is verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"weeks": 4, "gains": (0.3,) * 4, "longest_run": 4}, PASS),
        ({"low": 0.0}, INCONCLUSIVE),
        ({"low": 0.0, "log_wealth": NEEDED}, PASS),
        ({"low": -0.1, "high": 0.0}, INCONCLUSIVE),
        ({"split_p": 0.001}, PASS),
        ({"split_p": 0.0009}, INVALID),
        ({"split_p": math.nan}, INVALID),
        *(({name: math.inf}, INVALID) for name in ("mean_log_gain", "log_wealth", "log_wealth_against", "low", "high")),
    ],
)
def test_where_criterion_11_turns(changes: dict[str, Any], verdict: Verdict) -> None:
    """Four weeks, a bound above 0 or a bet of 1/alpha, and a split that chance explains once in a thousand."""
    assert found(scaled(improvement=improvement(**changes)), "11").verdict is verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"n_effective": 20.0}, PASS),
        ({"n_effective": 19.9}, INCONCLUSIVE),
        ({"low": 0.7}, PASS),
        ({"low": 0.69}, INCONCLUSIVE),
        ({"successes": 90, "low": 0.8}, PASS),
        ({"successes": 89, "low": 0.8}, INCONCLUSIVE),
        ({"successes": 80, "low": 0.7, "high": 0.9}, INCONCLUSIVE),
        ({"successes": 80, "low": 0.7, "high": 0.899}, FAIL),
        *(({name: math.nan}, INVALID) for name in ("n_effective", "low", "high")),
    ],
)
def test_where_criterion_12_turns(changes: dict[str, Any], verdict: Verdict) -> None:
    """A share of 0.9 over at least 20 effective campaigns, with a lower bound of 0.7 in advisory mode."""
    assert found(scaled(config=ADVISORY, portfolio=portfolio(**changes)), "12").verdict is verdict


def test_strict_mode_asks_the_lower_bound_for_the_threshold_itself() -> None:
    """0.89 is enough in advisory mode and not in strict mode, where 0.9 is."""
    strict = CONFIG.model_copy(update={"mode": "strict"})
    for low, verdict in ((0.89, INCONCLUSIVE), (0.9, PASS)):
        assert found(scaled(config=strict, portfolio=portfolio(low=low)), "12").verdict is verdict
        assert found(scaled(config=ADVISORY, portfolio=portfolio(low=low)), "12").verdict is PASS


@pytest.mark.parametrize("breach", [{"violations": 1}, {"oversized_raises": 1}, {"near_misses": 6}, {}, {"actions": 1}])
def test_scaled_deployment_lists_criterion_10_where_it_fails(breach: dict[str, int]) -> None:
    """A violation, an oversized raise or too many blocked attempts fail the phase; otherwise it is the live test's."""
    listed = [each.id for each in scaled(conduct=conduct(**breach))]
    assert listed == ["11", "12", "13", *(["10"] if breach and "actions" not in breach else [])]


def test_heads_are_validated_by_history_alone() -> None:
    """Every log must pass, at least one must have been there, and no other phase validates a head."""
    passed, open_ = found(history(log()), "5b"), found(history(log(difference=None)), "5b")
    assert validated_heads(Phase.HISTORICAL, (passed,)) == ("creative_prob",)
    assert validated_heads(Phase.HISTORICAL, (passed, open_)) == ()
    assert validated_heads(Phase.HISTORICAL, ()) == ()
    assert validated_heads(Phase.LIVE_TEST, (passed,)) == ()
