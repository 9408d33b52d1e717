"""Criteria 8 to 10, judged on the small-budget live test. Every ROI here is attributed ROI.

Touch this only together with docs/gates.md.
"""

from __future__ import annotations

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criteria_table import threshold_of
from gaelp.domain.gates.criterion import CriterionNumbers, Formula, Judgement, criterion_verdict, finite
from gaelp.domain.gates.measurements import CampaignMeasures, ConductMeasure, EfficiencyMeasure, ProfitMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.money import bare_money, micros, rounded_money

SUPPORTING_WEALTH = 5.0  # from here on a person may let the test go on, at the same budget
FEWEST_ACTIONS = 300
FEWEST_CAMPAIGNS = 5  # before which a block bootstrap over campaigns bounds nothing
EFFICIENCY_UNIT = "share of the budget that worked: used, not wasted, well paced"
MOST_NEAR_MISSES = 5 / 1000


def judge_live_test(measures: CampaignMeasures, config: TrainingConfiguration) -> tuple[CriterionVerdict, ...]:
    """Positive ROI, budget efficiency, zero violations."""
    return (_profit(measures, config), _efficiency(measures, config), judge_conduct(measures))


# ------------------------------------------------------------ 8


def _profit(measures: CampaignMeasures, config: TrainingConfiguration) -> CriterionVerdict:
    profit = measures.profit
    numbers = CriterionNumbers(
        bound=profit.wealth,
        threshold=1 / measures.alpha,
        unit=f"evidence (K) of an attributed ROI above {profit.h:.0%}",
        n=profit.days,
    )
    judgement = stopped(measures) or _profit_judgement(profit, measures.alpha, config)
    limit = measures.broken_off or loss_too_deep(profit.drawdown_micros, config)
    formula = Formula.HARD_LIMIT if judgement[0] is Verdict.FAIL and limit else Formula.PROFIT
    return criterion_verdict("8", judgement, formula, numbers)


def stopped(measures: CampaignMeasures) -> Judgement | None:
    """FAIL where the phase was stopped, INVALID where its data are broken; None where the numbers decide."""
    if measures.stopped:
        return Verdict.FAIL, f"The phase was stopped: {measures.stopped.rstrip('.')}."
    if measures.problems:
        return Verdict.INVALID, f"The campaigns' data are broken: {measures.problems[0]}."
    return None


def futility(profit: ProfitMeasure, config: TrainingConfiguration) -> str:
    """Why a live test should stop now: the drawdown cap, or an ROI out of reach; empty where it may go on."""
    if loss := loss_too_deep(profit.drawdown_micros, config):
        return loss
    if profit.roi_high is not None and profit.roi_high < config.live_test.roi:
        high = f"at most {profit.roi_high:.1%} after {profit.days} matured days"
        return f"Attributed ROI is {high}: {config.live_test.roi:.0%} is out of reach."
    return ""


def loss_too_deep(drawdown_micros: int, config: TrainingConfiguration) -> str:
    """Why spending must stop at this cumulated loss; empty where it may go on."""
    limit = micros(config.live_test.drawdown_limit)
    if drawdown_micros < max(limit, 1):
        return ""
    return (
        f"Matured days have lost {rounded_money(drawdown_micros, config.currency)} in sum, and from "
        f"{rounded_money(limit, config.currency)} on nothing more is spent. A loss shows only once its days have "
        "matured, so it can pass that amount; the approved caps bound it."
    )


def _profit_judgement(profit: ProfitMeasure, alpha: float, config: TrainingConfiguration) -> Judgement:
    if not finite(profit.wealth, profit.roi, profit.roi_high, profit.h) or profit.wealth < 0:
        return Verdict.INVALID, "The profit test could not be computed: a number is missing or infinite."
    reason = futility(profit, config)
    return (Verdict.FAIL, reason) if reason else _wealth_judgement(profit, 1 / alpha, config.live_test.streak)


def _wealth_judgement(profit: ProfitMeasure, needed: float, streak: int) -> Judgement:
    roi = "unknown" if profit.roi is None else f"{profit.roi:+.1%}"
    summary = (
        f"Attributed ROI {roi} on {profit.days} matured days; "
        f"evidence of profit K = {profit.wealth:.2f}, {needed:.1f} is needed; {profit.streak} campaigns with a profit "
        f"in a row, {streak} are needed ({profit.counted} of {profit.campaigns} are large enough to count)"
    )
    if profit.wealth >= needed and profit.streak >= streak:
        return Verdict.PASS, f"{summary}."
    if SUPPORTING_WEALTH <= profit.wealth < needed:
        return Verdict.INCONCLUSIVE, f"{summary}. That supports another test at the same budget, and no larger one."
    return Verdict.INCONCLUSIVE, f"{summary}: more matured days are needed."


# ------------------------------------------------------------ 9


def _efficiency(measures: CampaignMeasures, config: TrainingConfiguration) -> CriterionVerdict:
    efficiency, threshold = measures.efficiency, threshold_of("9", config)
    numbers = CriterionNumbers(efficiency.value, efficiency.low, threshold, EFFICIENCY_UNIT, efficiency.campaigns)
    return criterion_verdict(
        "9", _efficiency_judgement(measures, threshold, config.currency), Formula.EFFICIENCY, numbers
    )


def _efficiency_judgement(measures: CampaignMeasures, threshold: float, currency: str) -> Judgement:
    efficiency = measures.efficiency
    if measures.problems:
        return Verdict.INVALID, f"The campaigns' data are broken: {measures.problems[0]}."
    if efficiency.planned_micros <= 0:
        return Verdict.INVALID, "No budget was planned: efficiency has no meaning."
    parts = (efficiency.use, efficiency.waste, efficiency.pacing, efficiency.low, efficiency.high)
    if efficiency.value is None or not finite(efficiency.value, *parts):
        return Verdict.INVALID, "Budget efficiency could not be computed: a number is missing or infinite."
    return _efficiency_bounds(efficiency, threshold, _efficiency_summary(efficiency, efficiency.value, currency))


def _efficiency_summary(efficiency: EfficiencyMeasure, value: float, currency: str) -> str:
    cost, planned = bare_money(efficiency.cost_micros, currency), rounded_money(efficiency.planned_micros, currency)
    spent = f"{cost} of {planned} planned was spent"
    pacing = (
        f"pacing {efficiency.pacing:.2f}"
        if efficiency.pacing is not None
        else f"pacing left out at {efficiency.clicks} clicks"
    )
    return f"{spent}, {efficiency.waste:.0%} of it wasted, {pacing}: efficiency {value:.2f}"


def _efficiency_bounds(efficiency: EfficiencyMeasure, threshold: float, summary: str) -> Judgement:
    if efficiency.low is None or efficiency.high is None:
        return Verdict.INCONCLUSIVE, f"{summary}; {efficiency.campaigns} campaigns are too few for a bound."
    if efficiency.high < threshold:
        return Verdict.FAIL, f"{summary}, at most {efficiency.high:.2f}: below {threshold:g}."
    if efficiency.pacing_missing:
        return Verdict.INCONCLUSIVE, f"{summary}, but pacing is not assessed: there is no reference curve."
    if efficiency.low >= threshold:
        return Verdict.PASS, f"{summary}, at least {efficiency.low:.2f}: not below {threshold:g}."
    return (
        Verdict.INCONCLUSIVE,
        f"{summary}, between {efficiency.low:.2f} and {efficiency.high:.2f}: not yet above {threshold:g}.",
    )


# ------------------------------------------------------------ 10


def judge_conduct(measures: CampaignMeasures) -> CriterionVerdict:
    """Criterion 10; cleared violations do not reach the measures."""
    conduct = measures.conduct
    numbers = CriterionNumbers(
        estimate=conduct.violations / conduct.actions if conduct.actions else None,
        bound=3 / conduct.actions if conduct.actions and not conduct.violations else None,
        threshold=0.0,
        unit="violations per action",
        n=conduct.actions,
    )
    return criterion_verdict("10", _conduct_judgement(conduct), Formula.COUNT, numbers)


def _conduct_judgement(conduct: ConductMeasure) -> Judgement:
    if conduct.violations > 0:
        return Verdict.FAIL, f"{conduct.violations} confirmed violations in {conduct.actions} actions; none is allowed."
    if conduct.oversized_raises > 0:
        return Verdict.FAIL, f"{conduct.oversized_raises} budget raises were larger than one step allows."
    if conduct.actions <= 0:
        return Verdict.INCONCLUSIVE, "No action was evaluated: nothing is known of violations."
    bound = f"0 violations in {conduct.actions} actions, so at most {3 / conduct.actions:.4f} per action (95 %)"
    if conduct.near_misses is None:
        return Verdict.INCONCLUSIVE, f"{bound}; near-misses were not counted."
    blocked = f"{bound}; {conduct.near_misses} attempts were blocked"
    if conduct.actions < FEWEST_ACTIONS:
        return Verdict.INCONCLUSIVE, f"{blocked}; {FEWEST_ACTIONS} evaluated actions are needed."
    if conduct.near_misses > MOST_NEAR_MISSES * conduct.actions:
        return Verdict.FAIL, f"{blocked}, more than 5 per 1,000 actions."
    return Verdict.PASS, f"{blocked}."
