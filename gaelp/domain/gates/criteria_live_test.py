"""Criteria 8 to 10: the small-budget live test. Touch only with gates.md. Everything called ROI is attributed."""

from __future__ import annotations

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criterion import Formula, criterion, finite
from gaelp.domain.gates.measurements import CampaignMeasures, ConductMeasure, EfficiencyMeasure, ProfitMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.money import micros, rounded_money

STREAK, EFFICIENCY, CONDUCT = "positive attributed ROI", "budget efficiency", "zero violations"

LIMITED_RUNG = 5.0
FEWEST_ACTIONS = 300
MOST_NEAR_MISSES = 5 / 1000

Answer = tuple[Verdict, str]


def judge_live_test(measures: CampaignMeasures, config: TrainingConfiguration) -> tuple[CriterionVerdict, ...]:
    """Positive ROI, budget efficiency, zero violations."""
    return (_profit(measures, config), _efficiency(measures, config), judge_conduct(measures))


# ------------------------------------------------------------ 8


def _profit(measures: CampaignMeasures, config: TrainingConfiguration) -> CriterionVerdict:
    found = measures.profit
    verdict, reason = stopped(measures) or _profit_answer(found, measures.alpha, config)
    return criterion(
        "8",
        STREAK,
        verdict,
        reason,
        Formula.PROFIT,
        estimate=found.roi,
        bound=found.wealth,
        threshold=1 / measures.alpha,
        unit=f"wealth of the profit test (K) at ROI > {found.h:.0%}; the estimate is attributed ROI",
        n=found.days,
    )


def stopped(measures: CampaignMeasures) -> Answer | None:
    """What is decided before any number is read."""
    if measures.stopped:
        return Verdict.FAIL, f"The phase was stopped: {measures.stopped.rstrip('.')}."
    if measures.problems:
        return Verdict.INVALID, f"The campaigns' data are broken: {measures.problems[0]}."
    return None


def futility(found: ProfitMeasure, config: TrainingConfiguration) -> str:
    """Why a live test should stop now: the drawdown cap, or an ROI out of reach; empty where it may go on."""
    limit = micros(config.live_test.drawdown_limit)
    if found.drawdown_micros >= max(limit, 1):
        return f"Cumulated loss reached {rounded_money(found.drawdown_micros)}, the limit is {rounded_money(limit)}."
    if found.roi_high is not None and found.roi_high < config.live_test.roi:
        high = f"at most {found.roi_high:.1%} after {found.days} matured days"
        return f"Attributed ROI is {high}: {config.live_test.roi:.0%} is out of reach."
    return ""


def _profit_answer(found: ProfitMeasure, alpha: float, config: TrainingConfiguration) -> Answer:
    if not finite(found.wealth, found.roi, found.roi_high, found.h) or found.wealth < 0:
        return Verdict.INVALID, "The profit test could not be computed: a number is missing or infinite."
    hopeless = futility(found, config)
    return (Verdict.FAIL, hopeless) if hopeless else _wealth_answer(found, 1 / alpha, config.live_test.streak)


def _wealth_answer(found: ProfitMeasure, needed: float, streak: int) -> Answer:
    roi = "unknown" if found.roi is None else f"{found.roi:+.1%}"
    said = (
        f"Attributed ROI {roi} on {found.days} matured days; profit test K = {found.wealth:.2f} of {needed:.1f} needed"
    )
    said += f"; {found.streak} of {streak} consecutive positive campaigns ({found.counted} of {found.campaigns} count)"
    if found.wealth >= needed and found.streak >= streak:
        return Verdict.PASS, f"{said}."
    if LIMITED_RUNG <= found.wealth < needed:
        return Verdict.INCONCLUSIVE, f"{said}: the limited rung, a person may go on at the same budget."
    return Verdict.INCONCLUSIVE, f"{said}: more matured days are needed."


# ------------------------------------------------------------ 9


def _efficiency(measures: CampaignMeasures, config: TrainingConfiguration) -> CriterionVerdict:
    found, threshold = measures.efficiency, config.live_test.budget_efficiency
    return criterion(
        "9",
        EFFICIENCY,
        *_efficiency_answer(measures, threshold),
        Formula.EFFICIENCY,
        estimate=found.value,
        bound=found.low,
        threshold=threshold,
        unit="U(1-W)P",
        n=found.campaigns,
    )


def _efficiency_answer(measures: CampaignMeasures, threshold: float) -> Answer:
    found = measures.efficiency
    if measures.problems:
        return Verdict.INVALID, f"The campaigns' data are broken: {measures.problems[0]}."
    if found.planned_micros <= 0:
        return Verdict.INVALID, "No budget was planned: efficiency has no meaning."
    if not finite(found.use, found.waste, found.pacing, found.value, found.low, found.high):
        return Verdict.INVALID, "Budget efficiency could not be computed: a number is missing or infinite."
    return _efficiency_bounds(found, threshold, _efficiency_said(found))


def _efficiency_said(found: EfficiencyMeasure) -> str:
    spent = f"{rounded_money(found.cost_micros)} of {rounded_money(found.planned_micros)} planned was spent"
    pacing = f"pacing {found.pacing:.2f}" if found.pacing is not None else f"pacing left out at {found.clicks} clicks"
    return f"{spent}, {found.waste or 0:.0%} of it wasted, {pacing}: efficiency {found.value or 0:.2f}"


def _efficiency_bounds(found: EfficiencyMeasure, threshold: float, said: str) -> Answer:
    if found.low is None or found.high is None:
        return Verdict.INCONCLUSIVE, f"{said}; {found.campaigns} campaigns are too few for a bound."
    if found.high < threshold:
        return Verdict.FAIL, f"{said}, at most {found.high:.2f}: below {threshold:g}."
    if found.pacing_missing:
        return Verdict.INCONCLUSIVE, f"{said}, but pacing is not assessed: there is no reference curve."
    if found.low >= threshold:
        return Verdict.PASS, f"{said}, at least {found.low:.2f}: not below {threshold:g}."
    return Verdict.INCONCLUSIVE, f"{said}, between {found.low:.2f} and {found.high:.2f}: not yet above {threshold:g}."


# ------------------------------------------------------------ 10


def judge_conduct(measures: CampaignMeasures) -> CriterionVerdict:
    """Criterion 10; cleared violations do not reach the measures."""
    found = measures.conduct
    bound = 3 / found.actions if found.actions else None
    return criterion(
        "10",
        CONDUCT,
        *_conduct_answer(found),
        Formula.COUNT,
        estimate=float(found.violations),
        bound=bound,
        threshold=0.0,
        unit="violations; the bound is 3/n per action",
        n=found.actions,
    )


def _conduct_answer(found: ConductMeasure) -> Answer:
    if found.violations > 0:
        return Verdict.FAIL, f"{found.violations} confirmed violations in {found.actions} actions; none is allowed."
    if found.oversized_raises > 0:
        return Verdict.FAIL, f"{found.oversized_raises} budget raises were larger than one step allows."
    if found.actions <= 0:
        return Verdict.INCONCLUSIVE, "No action was evaluated: nothing is known of violations."
    bound = f"0 violations in {found.actions} actions bound the rate by 3/n = {3 / found.actions:.4f}"
    if found.near_misses is None:
        return Verdict.INCONCLUSIVE, f"{bound}; near-misses were not counted."
    if found.actions < FEWEST_ACTIONS:
        return Verdict.INCONCLUSIVE, f"{bound}; {FEWEST_ACTIONS} evaluated actions are needed."
    if found.near_misses > MOST_NEAR_MISSES * found.actions:
        return Verdict.FAIL, f"{bound}, but {found.near_misses} attempts were blocked, more than 5 per 1,000 actions."
    return Verdict.PASS, f"{bound}; {found.near_misses} attempts were blocked."
