"""The gates: every criterion passing and refusing, and INVALID on numbers that are none. See docs/gates.md."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.criteria_table import required_in
from gaelp.domain.gates.criterion import CriterionNumbers, Formula, criterion_verdict
from gaelp.domain.gates.judging import (
    GateAttempt,
    alpha_for,
    futility,
    gate,
    judge_historical,
    judge_live_test,
    judge_scaled,
    judge_simulation,
    validated_heads,
)
from gaelp.domain.gates.measurements import (
    Anchor,
    AnchorMeasure,
    BlockMeasure,
    CampaignMeasures,
    ConductMeasure,
    CountLook,
    CountMeasure,
    EfficiencyMeasure,
    HistoricalMeasures,
    ImprovementMeasure,
    LogMeasures,
    MeanMeasure,
    PointMeasure,
    PortfolioMeasure,
    ProfitMeasure,
    SimulationMeasures,
)
from gaelp.domain.gates.verdicts import CriterionVerdict, GateVerdict, Inconclusive, Verdict
from gaelp.domain.phases import Phase

PASS, FAIL, INCONCLUSIVE, INVALID = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.INVALID
CONFIG = TrainingConfiguration()
ADVISORY = CONFIG.model_copy(update={"mode": "advisory"})
ALPHA = alpha_for(1)
NEEDED = -math.log(ALPHA)
NAN, INF = math.nan, math.inf


def found(criteria: tuple[CriterionVerdict, ...], id: str) -> CriterionVerdict:
    return next(c for c in criteria if c.id == id)


# ------------------------------------------------------------ gate


def verdicts(*given: Verdict) -> list[CriterionVerdict]:
    numbers, ids = CriterionNumbers(), [each.id for each in required_in(Phase.LIVE_TEST)]
    return [criterion_verdict(id, (v, "Because."), Formula.COUNT, numbers) for id, v in zip(ids, given, strict=True)]


def attempt(mode: Any = "strict", number: int = 1) -> GateAttempt:
    return GateAttempt(mode, number, alpha_for(number), checkpoint_digest="c", evidence_digest="e")


def judged(*given: Verdict, mode: Any = "strict") -> GateVerdict:
    return gate(Phase.LIVE_TEST, verdicts(*given), attempt(mode))


@pytest.mark.parametrize(
    ("given", "verdict", "strict", "advisory"),
    [
        ((PASS, PASS, PASS), PASS, True, True),
        ((PASS, INCONCLUSIVE, PASS), INCONCLUSIVE, False, True),
        ((PASS, INVALID, INCONCLUSIVE), INVALID, False, False),
        ((FAIL, INVALID, PASS), FAIL, False, False),
        ((FAIL, INCONCLUSIVE, PASS), FAIL, False, False),
    ],
)
def test_all_must_pass_and_only_pass_promotes(
    given: tuple[Verdict, ...], verdict: Verdict, strict: bool, advisory: bool
):
    """Strict promotes on PASS alone; advisory goes on from INCONCLUSIVE, never proven; FAIL and INVALID stop both."""
    for mode, promote in (("strict", strict), ("advisory", advisory)):
        answer = judged(*given, mode=mode)
        assert (answer.verdict, answer.promote, answer.proven) == (verdict, promote, verdict == PASS)


def test_a_criterion_that_nobody_judged_is_listed_and_does_not_pass():
    """Leaving criteria out cannot promote: the gate lists them as not assessed."""
    for phase in Phase:
        answer = gate(phase, (), attempt())
        assert [c.id for c in answer.criteria] == [each.id for each in required_in(phase)]
        assert {c.formula for c in answer.criteria} == {"not-assessed"}
        assert answer.verdict == INCONCLUSIVE and not answer.promote


def test_a_pass_on_a_number_that_is_none_becomes_invalid():
    """No verdict stands on NaN, whoever gave it."""
    bad = CriterionVerdict(id="8", name="x", verdict=PASS, reason="", estimate=NAN)
    answer = gate(Phase.LIVE_TEST, [bad, *verdicts(PASS, PASS, PASS)[1:]], attempt("advisory"))
    assert answer.verdict == INVALID and not answer.promote and answer.criteria[0].estimate is None


def test_the_gate_carries_what_it_froze():
    """Attempt, level, digests and heads are in the verdict, and it survives JSON."""
    passed = criterion_verdict("5b", (PASS, "Because."), Formula.PAIRED, CriterionNumbers(), log="obd")
    answer = gate(Phase.HISTORICAL, (passed,), attempt(number=2))
    assert (answer.attempt, answer.alpha, answer.heads) == (2, alpha_for(2), ("creative_prob",))
    assert (answer.checkpoint_digest, answer.evidence_digest) == ("c", "e")
    assert GateVerdict.model_validate_json(answer.model_dump_json()) == answer


def test_attempts_share_the_level():
    """The levels are those of the table in docs/gates.md, and all of them together no more than alpha."""
    table = [0.0304, 0.0076, 0.0034, 0.0019]
    assert [alpha_for(k) for k in (1, 2, 3, 4)] == pytest.approx(table, abs=5e-5)
    assert [1 / alpha_for(k) for k in (1, 2, 3, 4)] == pytest.approx([32.9, 131.6, 296.1, 526.4], abs=0.05)
    assert sum(alpha_for(k) for k in range(1, 10_000)) <= 0.05
    with pytest.raises(ValueError, match="counted from 1"):
        alpha_for(0)


# ------------------------------------------------------------ simulation: 1 to 4


def mean(threshold: float, **changes: Any) -> MeanMeasure:
    known = {"n": 200, "mean": 0.9, "threshold": threshold, "alpha": ALPHA, "low": 0.85, "high": 0.95}
    return MeanMeasure.model_validate(known | {"log_wealth": 9.0, "log_wealth_against": -1.0} | changes)


def looked(*successes: int) -> tuple[CountLook, ...]:
    """Looks at 128, 256, ... of the default exam, with the counts that decide there at the first attempt."""
    passes, fails = (114, 220, 325, 429), (90, 189, 288, 389)
    return tuple(
        CountLook(n=128 * (place + 1), successes=count, passes_from=passes[place], fails_to=fails[place])
        for place, count in enumerate(successes)
    )


def count(*successes: int, **changes: Any) -> CountMeasure:
    known = {"looks": looked(*(successes or (115, 230))), "threshold": 0.8, "alpha": ALPHA, "low": 0.85, "high": 0.95}
    return CountMeasure.model_validate(known | changes)


def anchored(**changes: Any) -> AnchorMeasure:
    known = {"anchor": Anchor.ENTRY, "anchor_reward": 0.5, "improvement": 0.05, "absolute": False}
    difference = mean(0.0, mean=0.3, low=0.2, high=0.4, **changes.pop("difference", {}))
    return AnchorMeasure.model_validate(known | {"difference": difference} | changes)


def block(**changes: Any) -> BlockMeasure:
    known = {"episodes": 50, "announced": 50, "collapses": 0, "allowed": 1, "spread": 0.1, "lowest": 0.75}
    return BlockMeasure.model_validate(known | {"fall_p": 0.5, "shift": 1.0, "reward_threshold": 0.7} | changes)


def simulation(**changes: Any) -> SimulationMeasures:
    known = {"reward": mean(0.7), "success": count(), "cvar": 0.3, "cvar_high": 0.4, "replaced": 0, "seeds": 200}
    return SimulationMeasures.model_validate(known | {"against_anchor": anchored(), "block": block()} | changes)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, PASS),
        ({"reward": mean(0.7, log_wealth=NEEDED - 0.01)}, INCONCLUSIVE),
        ({"reward": mean(0.7, n=49)}, INCONCLUSIVE),
        ({"reward": mean(0.7, n=99)}, INCONCLUSIVE),  # no CVaR below 100 episodes
        ({"reward": mean(0.7, log_wealth=-3.0, log_wealth_against=NEEDED)}, FAIL),
        ({"reward": mean(0.7, log_wealth=-3.0, log_wealth_against=NEEDED, n=49)}, INCONCLUSIVE),
        ({"cvar": -0.26, "cvar_high": -0.2}, INCONCLUSIVE),
        ({"cvar": -0.5, "cvar_high": -0.3}, FAIL),
        ({"cvar": NAN}, INVALID),
        ({"reward": mean(0.7, mean=NAN)}, INVALID),
        ({"reward": mean(0.7, log_wealth=INF)}, INVALID),
        ({"replaced": 10}, PASS),
        ({"replaced": 11}, INVALID),
        ({"problems": ("exam batch 3 has a reward of 1.4",)}, INVALID),
    ],
)
def test_criterion_1(changes: dict[str, Any], verdict: Verdict):
    """Average reward: the bet and the worst tenth must both hold, on sound data and at most 5 % replaced seeds."""
    answer = found(judge_simulation(simulation(**changes)), "1")
    assert (answer.verdict, answer.threshold) == (verdict, 0.7)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, PASS),
        ({"success": count(113, 219)}, INCONCLUSIVE),
        ({"success": count(114, 200)}, PASS),
        ({"success": count(90, 230)}, FAIL),
        ({"success": count(91, 189)}, FAIL),
        ({"success": count(looks=())}, INCONCLUSIVE),
        ({"success": count(low=NAN)}, INVALID),
        ({"replaced": 50}, INVALID),
    ],
)
def test_criterion_2(changes: dict[str, Any], verdict: Verdict):
    """Success rate: the first look whose count decides, for or against; what crossed once stays."""
    assert found(judge_simulation(simulation(**changes)), "2").verdict == verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, PASS),
        ({"against_anchor": anchored(difference={"log_wealth": NEEDED - 0.01})}, INCONCLUSIVE),
        ({"against_anchor": anchored(difference={"log_wealth": -1.0, "log_wealth_against": NEEDED})}, FAIL),
        ({"against_anchor": anchored(difference={"log_wealth": NAN})}, INVALID),
        ({"against_anchor": anchored(difference={"n": 49})}, INCONCLUSIVE),
        ({"against_anchor": None}, INCONCLUSIVE),
        ({"replaced": 50}, INVALID),
    ],
)
def test_criterion_3(changes: dict[str, Any], verdict: Verdict):
    """Improvement: the paired difference with the anchor, beyond what was asked for."""
    assert found(judge_simulation(simulation(**changes)), "3").verdict == verdict


def test_criterion_3_is_waived_only_where_no_room_is_left():
    """A proven reward with a lower bound of 0.95 waives the improvement; less, or less proof, leaves it open."""
    full, nothing = mean(0.7, mean=0.99, low=0.96, high=1.0), {"against_anchor": None}
    assert found(judge_simulation(simulation(reward=full, **nothing)), "3").verdict == PASS
    assert found(judge_simulation(simulation(**nothing)), "3").verdict == INCONCLUSIVE
    early = full.model_copy(update={"n": 20})
    assert found(judge_simulation(simulation(reward=early, **nothing)), "3").verdict == INCONCLUSIVE
    assert found(judge_simulation(simulation(reward=full, replaced=100, **nothing)), "3").verdict == INCONCLUSIVE


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, PASS),
        ({"collapses": 1}, PASS),
        ({"collapses": 2}, FAIL),
        ({"spread": 0.25}, PASS),
        ({"spread": 0.251}, FAIL),
        ({"spread": INF}, FAIL),
        ({"lowest": 0.63}, PASS),
        ({"lowest": 0.629}, FAIL),
        ({"fall_p": 0.011}, PASS),
        ({"fall_p": 0.01}, FAIL),
        ({"shift": 1.9}, PASS),
        ({"shift": 1.91}, FAIL),
        *(({number: NAN}, INVALID) for number in ("lowest", "fall_p", "shift", "reward_threshold")),
        ({"problems": ("the block has 49 of the 50 announced episodes",)}, INVALID),
    ],
)
def test_criterion_4(changes: dict[str, Any], verdict: Verdict):
    """Consistency: the collapses decide, and each guard refuses by itself; all bounds belong to the passing side."""
    answer = found(judge_simulation(simulation(block=block(**changes))), "4")
    assert (answer.verdict, answer.threshold, answer.n) == (verdict, 1.0, 50)


def test_criterion_4_without_its_block_is_not_assessed():
    """What was not played is INCONCLUSIVE and named."""
    answer = found(judge_simulation(simulation(block=None)), "4")
    assert (answer.verdict, answer.formula, answer.label) == (
        INCONCLUSIVE,
        "not-assessed",
        "INCONCLUSIVE (not assessed)",
    )


def test_each_kind_of_inconclusive_is_named():
    """Undecided where more data can decide, unsupported where these never can, not assessed where nothing was judged;
    another verdict has no kind."""
    undecided = found(judge_simulation(simulation(success=count(113, 219))), "2")
    unsupported = found(history(log(kind="report")), "5b")
    open_bet = found(history(log(log_wealth=0.0)), "5b")
    grade = found(history(log(click_ess=3)), "5b")
    absent = found(history(), "6")
    arms = found(scaled(improvement=improvement(disjoint=False)), "11")
    kinds = [each.inconclusive for each in (undecided, open_bet, unsupported, grade, absent, arms)]
    assert kinds == ["undecided", "undecided", "unsupported", "unsupported", "not assessed", "unsupported"]
    passed = found(judge_simulation(simulation()), "2")
    assert (passed.inconclusive, passed.label) == (None, "PASS")


# ------------------------------------------------------------ history: 5 to 7


def log(**changes: Any) -> LogMeasures:
    points = [PointMeasure(estimator=e, value=0.005, low=0.004, high=0.006) for e in ("snips", "dr", "switch-dr")]
    known = {"log": "obd", "kind": "bandit", "grade": "A", "rows": 10**6, "clicks": 5000, "points": points}
    weights = {"row_ess": 9000, "click_ess": 90, "largest_weight_share": 0.001, "mean_weight": 1.01}
    bet = {"difference": 0.001, "difference_low": 0.0005, "log_wealth": 5.0, "log_wealth_against": -9.0}
    rest = {"state": EpisodeState.SETTLED, "mean_weight_error": 0.01, "logging": 0.004}
    return LogMeasures.model_validate(known | weights | bet | rest | changes)


def history(*logs: LogMeasures) -> tuple[CriterionVerdict, ...]:
    return judge_historical(HistoricalMeasures(logs=logs, alpha=ALPHA), CONFIG)


def apart(estimator: str) -> list[PointMeasure]:
    """The points of grade A, but for one estimator that says something else."""
    other = PointMeasure(estimator=estimator, value=0.009, low=0.004, high=0.01)
    return [other, *(point for point in log().points if point.estimator != estimator)]


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({}, PASS, "above 0"),
        ({"log_wealth": 1.0}, INCONCLUSIVE, "more clicks"),
        ({"log_wealth": -2.0, "log_wealth_against": NEEDED}, FAIL, "below 0"),
        ({"row_ess": 199}, INCONCLUSIVE, "effective rows 199"),
        ({"click_ess": 7.3}, INCONCLUSIVE, "effective clicks 7.3"),
        ({"largest_weight_share": 0.06}, INCONCLUSIVE, "6.0% of the weight"),
        ({"mean_weight": 1.05}, INCONCLUSIVE, "mean weight 1.050"),
        ({"mean_weight_error": 0.0, "mean_weight": 1.0005}, PASS, "above 0"),
        ({"randomised_p": 0.0009}, INCONCLUSIVE, "not shown as often as their propensities say"),
        ({"randomised_p": 0.001}, PASS, "above 0"),
        ({"points": apart("switch-dr")}, INCONCLUSIVE, "switch-dr outside snips's"),
        ({"points": []}, INCONCLUSIVE, "no estimate by snips, dr and switch-dr"),
        ({"grade": "C"}, INCONCLUSIVE, "its grade is C"),
        ({"kind": "report", "grade": "R"}, INCONCLUSIVE, "no counterfactual"),
        ({"difference": None}, INCONCLUSIVE, "not assessed yet"),
        ({"log_wealth": NAN}, INVALID, "missing or infinite"),
        ({"mean_weight_error": INF}, INVALID, "missing or infinite"),
        ({"state": EpisodeState.FAILED, "reason": "no such log"}, INVALID, "no such log"),
    ],
)
def test_criterion_5b(changes: dict[str, Any], verdict: Verdict, said: str):
    """Non-inferiority passes on grade-A evidence only, and names what it misses."""
    answer = found(history(log(**changes)), "5b")
    assert answer.verdict == verdict
    assert said in answer.reason


def test_every_log_must_show_it():
    """A log that says the opposite is not outvoted by another."""
    worse = log(log="other", log_wealth=-2.0, log_wealth_against=NEEDED)
    answers = [c for c in history(log(), worse) if c.id == "5b"]
    assert [c.verdict for c in answers] == [PASS, FAIL]
    assert [c.name.split()[-1] for c in answers] == ["obd", "other"]


def test_a_log_that_cannot_show_it_is_named_and_decides_nothing():
    """Beside a bandit log, a market log without bids and a report are named; alone each of them is listed."""
    others = log(log="auctions", kind="market", no_bids="the agent gives no bids"), log(log="days", kind="report")
    beside = [c for c in history(others[0], log(), others[1]) if c.id == "5b"]
    assert [c.verdict for c in beside] == [PASS]
    assert "Nothing of it is shown by market log auctions and report log days." in beside[0].reason
    alone = [c for c in history(*others) if c.id == "5b"]
    assert [(c.verdict, c.inconclusive) for c in alone] == [(INCONCLUSIVE, Inconclusive.UNSUPPORTED)] * 2
    assert "on auctions: the agent gives no bids." in alone[0].reason
    lost = log(log="lost", kind="", state=EpisodeState.FAILED)
    assert [c.verdict for c in history(log(), lost) if c.id == "5b"] == [PASS, INVALID]


def auctions(**changes: Any) -> LogMeasures:
    """A market log on which the agent's bids won more than the logger."""
    known = {"episodes": 500, "clicks": 200, "agent": 150, "beyond": 0, "logger": 100, "difference": 0.11}
    rest = {"difference_low": 0.05, "log_wealth": NEEDED, "log_wealth_against": -2.0}
    return log(log="auctions", kind="market", grade="B", bids=known | rest | changes)


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({}, PASS, "150 clicks and the logger 100 for the same money"),
        ({"log_wealth": NEEDED - 0.01}, INCONCLUSIVE, "more clicks are needed"),
        ({"log_wealth": -2.0, "log_wealth_against": NEEDED}, FAIL, "below 0 at level"),
        ({"clicks": 30}, PASS, "above 0"),
        ({"clicks": 29}, INCONCLUSIVE, "29 of the 30 needed clicks"),
        ({"clicks": 29, "log_wealth": -2.0, "log_wealth_against": NEEDED}, INCONCLUSIVE, "29 of the 30"),
        ({"beyond": 7}, PASS, "of which 7 above the logger's bids, which do not count for it,"),
        ({"log_wealth": NAN}, INVALID, "missing or infinite"),
        ({"difference_low": INF}, INVALID, "missing or infinite"),
    ],
)
def test_criterion_5b_on_a_market_log(changes: dict[str, Any], verdict: Verdict, said: str):
    """Clicks for the same money decide, from 30 on; a bandit log beside it must show its own."""
    answer = found(history(auctions(**changes)), "5b")
    assert (answer.verdict, answer.formula, answer.n) == (verdict, "betting/paired-replay", 500)
    assert said in answer.reason
    beside = [c.verdict for c in history(log(), auctions(**changes)) if c.id == "5b"]
    assert beside == [PASS, verdict]


def test_a_replay_of_bids_validates_no_head():
    """Creative shares are validated by the bandit log, whatever the market log says, and bids by none."""
    for changes in ({}, {"log_wealth": 0.0}):
        assert validated_heads(Phase.HISTORICAL, history(auctions(**changes))) == ()
        assert validated_heads(Phase.HISTORICAL, history(log(), auctions(**changes))) == ("creative_prob",)


def test_cells_that_a_log_does_not_support_are_named():
    """A bandit log supports neither fidelity nor direction, and this one's arms could not be ranked."""
    bandit = history(log())
    assert "not supported by bandit log obd" in found(bandit, "5a").reason
    assert "not supported by bandit log obd" in found(bandit, "6").reason
    assert "supports no ranks of arms" in found(bandit, "7").reason
    assert {found(bandit, id).verdict for id in ("5a", "6", "7")} == {INCONCLUSIVE}


def test_no_logs_are_said_to_be_none():
    """Without a log every criterion of history is INCONCLUSIVE and says why."""
    answers = history()
    assert [c.id for c in answers] == ["5a", "5b", "6", "7"]
    assert {c.verdict for c in answers} == {INCONCLUSIVE}
    assert all("No log was replayed" in c.reason for c in answers)


# ------------------------------------------------------------ live test: 8 to 10


def profit(**changes: Any) -> ProfitMeasure:
    known = {"days": 42, "wealth": 40.0, "h": 0.05, "roi": 0.8}
    rest = {"roi_high": 1.5, "drawdown_micros": 20_000_000, "streak": 5}
    return ProfitMeasure.model_validate(known | rest | {"counted": 6, "campaigns": 6} | changes)


def efficiency(**changes: Any) -> EfficiencyMeasure:
    known = {"planned_micros": 10**9, "cost_micros": 9 * 10**8, "use": 0.9, "waste": 0.0, "pacing": 0.98}
    rest = {"pacing_missing": False, "clicks": 4000, "value": 0.88, "low": 0.82, "high": 0.93, "campaigns": 6}
    return EfficiencyMeasure.model_validate(known | rest | changes)


def conduct(**changes: Any) -> ConductMeasure:
    return ConductMeasure.model_validate(
        {"actions": 1000, "violations": 0, "near_misses": 2, "oversized_raises": 0} | changes
    )


def campaigns(phase: Phase = Phase.LIVE_TEST, **changes: Any) -> CampaignMeasures:
    known = {"phase": phase, "alpha": ALPHA, "stopped": "", "conduct": conduct(), "profit": profit()}
    return CampaignMeasures.model_validate(known | {"efficiency": efficiency()} | changes)


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({}, PASS, "K = 40.00, 32.9 is needed"),
        ({"profit": profit(streak=4)}, INCONCLUSIVE, "4 campaigns with a profit in a row, 5 are needed"),
        ({"profit": profit(wealth=20.0)}, INCONCLUSIVE, "supports another test at the same budget"),
        ({"profit": profit(wealth=2.0)}, INCONCLUSIVE, "more matured days"),
        ({"profit": profit(drawdown_micros=150_000_000)}, FAIL, "Matured days have lost 150.00 USD in sum"),
        ({"profit": profit(roi_high=0.04)}, FAIL, "out of reach"),
        ({"profit": profit(roi_high=None, roi=None, days=0, wealth=1.0)}, INCONCLUSIVE, "unknown"),
        ({"stopped": "a person stopped the account."}, FAIL, "a person stopped the account"),
        ({"profit": profit(wealth=NAN)}, INVALID, "missing or infinite"),
        ({"profit": profit(roi=INF)}, INVALID, "missing or infinite"),
        ({"problems": ("campaign-00 reports a negative cost",)}, INVALID, "negative cost"),
    ],
)
def test_criterion_8(changes: dict[str, Any], verdict: Verdict, said: str):
    """Streak and e-process are both necessary; drawdown, futility and a stop are FAIL with their reason."""
    answer = found(judge_live_test(campaigns(**changes), CONFIG), "8")
    assert answer.verdict == verdict
    assert said in answer.reason


@pytest.mark.parametrize(
    ("changes", "formula"),
    [
        ({}, Formula.PROFIT),
        ({"profit": profit(drawdown_micros=150_000_000)}, Formula.HARD_LIMIT),
        ({"stopped": "its loss", "broken_off": True}, Formula.HARD_LIMIT),
        ({"stopped": "ROI is out of reach"}, Formula.PROFIT),
        ({"profit": profit(roi_high=0.04)}, Formula.PROFIT),
        ({"problems": ("negative cost",), "broken_off": True}, Formula.PROFIT),
    ],
)
def test_criterion_8_tells_a_hard_limit_from_a_low_roi(changes: dict[str, Any], formula: Formula):
    """A halted campaign and the loss that ends the test are no test of the ROI."""
    assert found(judge_live_test(campaigns(**changes), CONFIG), "8").formula == formula.value


def test_futility_is_silent_while_the_test_may_go_on():
    """Between two campaigns the same rule answers with nothing or with the reason."""
    assert futility(profit(), CONFIG) == ""
    assert "from 150.00 USD on nothing more is spent" in futility(profit(drawdown_micros=200_000_000), CONFIG)


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({}, PASS, "at least 0.82"),
        ({"low": 0.79}, INCONCLUSIVE, "not yet above"),
        ({"value": 0.99, "low": None, "high": None, "campaigns": 4}, INCONCLUSIVE, "too few for a bound"),
        ({"low": 0.5, "high": 0.7, "value": 0.6}, FAIL, "below 0.8"),
        ({"pacing": None, "clicks": 300}, PASS, "left out at 300 clicks"),
        ({"pacing": None, "pacing_missing": True}, INCONCLUSIVE, "no reference curve"),
        ({"planned_micros": 0, "value": None, "low": None, "high": None}, INVALID, "No budget was planned"),
        ({"value": NAN}, INVALID, "missing or infinite"),
    ],
)
def test_criterion_9(changes: dict[str, Any], verdict: Verdict, said: str):
    """Budget efficiency passes by its lower bound alone."""
    answer = found(judge_live_test(campaigns(efficiency=efficiency(**changes)), CONFIG), "9")
    assert answer.verdict == verdict
    assert said in answer.reason


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({}, PASS, "at most 0.0030 per action"),
        ({"violations": 1}, FAIL, "1 confirmed"),
        ({"violations": 1, "actions": 10}, FAIL, "1 confirmed"),
        ({"actions": 299}, INCONCLUSIVE, "2 attempts were blocked; 300 evaluated actions"),
        ({"actions": 0}, INCONCLUSIVE, "No action"),
        ({"near_misses": None}, INCONCLUSIVE, "not counted"),
        ({"near_misses": 6}, FAIL, "6 attempts were blocked"),
        ({"oversized_raises": 1}, FAIL, "larger than one step"),
    ],
)
def test_criterion_10(changes: dict[str, Any], verdict: Verdict, said: str):
    """Zero violations over enough actions, with the bound printed."""
    answer = found(judge_live_test(campaigns(conduct=conduct(**changes)), CONFIG), "10")
    assert answer.verdict == verdict
    assert said in answer.reason


# ------------------------------------------------------------ scaled: 11 to 13


def improvement(**changes: Any) -> ImprovementMeasure:
    known = {"weeks": 8, "gains": (0.3,) * 8, "longest_run": 8, "mean_log_gain": 0.26, "disjoint": True}
    bets = {"log_wealth": 1.0, "log_wealth_against": -3.0, "low": 0.1, "high": 0.4, "split_p": 0.6}
    return ImprovementMeasure.model_validate(known | bets | changes)


def portfolio(**changes: Any) -> PortfolioMeasure:
    known = {"campaigns": 120, "matured": 100, "successes": 98, "n_effective": 90.0, "low": 0.92, "high": 0.99}
    return PortfolioMeasure.model_validate(known | changes)


def scaled(**changes: Any) -> tuple[CriterionVerdict, ...]:
    config = changes.pop("config", CONFIG)
    known = {"improvement": improvement(), "portfolio": portfolio()} | changes
    return judge_scaled(campaigns(Phase.SCALED, **known), config)


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({}, PASS, "8 weeks running"),
        ({"low": None, "log_wealth": NEEDED}, PASS, "beyond chance"),
        ({"low": -0.1}, INCONCLUSIVE, "not yet"),
        ({"longest_run": 3}, INCONCLUSIVE, "not yet"),
        ({"weeks": 3, "gains": (0.3,) * 3, "longest_run": 3}, INCONCLUSIVE, "+30%, +30%, +30% (3 matured weeks); 4"),
        ({"disjoint": False}, INCONCLUSIVE, "not known to be disjoint"),
        ({"split_p": None}, INCONCLUSIVE, "not known to be disjoint"),
        ({"split_p": 1e-6}, INVALID, "not split as planned"),
        ({"low": -0.5, "high": -0.1}, FAIL, "harm"),
        ({"low": None, "high": None, "log_wealth_against": NEEDED}, FAIL, "harm"),
        ({"gains": (NAN,) * 8}, INVALID, "missing or infinite"),
    ],
)
def test_criterion_11(changes: dict[str, Any], verdict: Verdict, said: str):
    """Sustained improvement needs a concurrent control with its own audience, four weeks, and a bound above chance."""
    answer = found(scaled(improvement=improvement(**changes)), "11")
    assert answer.verdict == verdict
    assert said in answer.reason


@pytest.mark.parametrize(
    ("changes", "config", "verdict"),
    [
        ({}, CONFIG, PASS),
        ({"low": 0.8}, CONFIG, INCONCLUSIVE),
        ({"low": 0.8}, ADVISORY, PASS),
        ({"low": 0.69}, ADVISORY, INCONCLUSIVE),
        ({"successes": 89, "low": 0.8}, ADVISORY, INCONCLUSIVE),
        ({"n_effective": 19.9}, CONFIG, INCONCLUSIVE),
        ({"n_effective": 3.0, "high": 0.5}, CONFIG, INCONCLUSIVE),
        ({"successes": 50, "low": 0.4, "high": 0.6}, CONFIG, FAIL),
        ({"matured": 0, "successes": 0, "n_effective": 0.0, "low": 0.0, "high": 1.0}, CONFIG, INCONCLUSIVE),
        ({"low": NAN}, CONFIG, INVALID),
    ],
)
def test_criterion_12(changes: dict[str, Any], config: TrainingConfiguration, verdict: Verdict):
    """Multi-campaign success needs the point, the effective number and the lower bound; strict mode a higher one."""
    assert found(scaled(portfolio=portfolio(**changes), config=config), "12").verdict == verdict


def test_criterion_13_is_listed_as_not_assessed():
    """Transfer is not built yet and named."""
    assert found(scaled(), "13").formula == "not-assessed"


def test_scaled_lists_violations_again_where_there_are_some():
    """A violation, or a raise beyond the step, fails the scaled gate too; none adds no criterion."""
    assert [c.id for c in scaled()] == ["11", "12", "13"]
    for breach in (conduct(violations=1), conduct(oversized_raises=1)):
        assert found(scaled(conduct=breach), "10").verdict == FAIL


def test_a_stopped_scaled_phase_fails():
    """A stop is a FAIL with its reason, whatever the numbers say."""
    answers = scaled(stopped="the account's fence was raised")
    assert {found(answers, id).verdict for id in ("11", "12")} == {FAIL}
    assert "fence was raised" in found(answers, "11").reason


def test_no_reason_is_empty_and_none_holds_a_bare_nan():
    """Every criterion of every gate says something a person can read."""
    everything = (
        judge_simulation(simulation(cvar=NAN))
        + history(log(), log(kind="report", grade="R"))
        + judge_live_test(campaigns(profit=profit(wealth=NAN)), CONFIG)
        + scaled(portfolio=portfolio(low=NAN))
    )
    assert all(c.reason.endswith(".") and "nan" not in c.reason.lower() for c in everything)
    assert all(math.isfinite(x) for c in everything for x in (c.estimate, c.bound) if x is not None)
