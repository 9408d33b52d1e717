"""Criteria 11 to 13, judged on scaled deployment. Every ROI here is attributed ROI.

Touch this only together with docs/gates.md.
"""

from __future__ import annotations

import math

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criteria_live_test import judge_conduct, stopped
from gaelp.domain.gates.criteria_table import threshold_of
from gaelp.domain.gates.criterion import CriterionNumbers, Formula, Judgement, criterion_verdict, finite, not_assessed
from gaelp.domain.gates.measurements import CampaignMeasures, ImprovementMeasure, PortfolioMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict

WEEKS = 4
SPLIT_P = 0.001
FEWEST_EFFECTIVE = 20
LOWER_SUCCESS = 0.7  # advisory; in strict mode the lower bound must reach the threshold itself


def judge_scaled(measures: CampaignMeasures, config: TrainingConfiguration) -> tuple[CriterionVerdict, ...]:
    """Sustained improvement, multi-campaign success, transfer, and zero violations again where that fails."""
    criteria = (_improvement(measures, config), _portfolio(measures, config), not_assessed("13"))
    conduct = judge_conduct(measures)
    return (*criteria, conduct) if conduct.verdict is Verdict.FAIL else criteria


def _improvement(measures: CampaignMeasures, config: TrainingConfiguration) -> CriterionVerdict:
    gain, threshold = measures.improvement, threshold_of("11", config)
    if gain is None:
        return not_assessed("11", _elsewhere(measures))
    numbers = CriterionNumbers(
        estimate=None if gain.mean_log_gain is None else math.expm1(gain.mean_log_gain),
        bound=None if gain.low is None else math.expm1(gain.low),
        threshold=threshold,
        unit="gain in revenue x margin / cost over the control",
        n=gain.weeks,
    )
    judgement = stopped(measures) or _improvement_judgement(gain, measures.alpha, threshold)
    unsupported = not gain.disjoint or gain.split_p is None
    return criterion_verdict("11", judgement, Formula.WEEKLY, numbers, unsupported=unsupported)


def _improvement_judgement(gain: ImprovementMeasure, alpha: float, threshold: float) -> Judgement:
    if not finite(*gain.gains, gain.mean_log_gain, gain.log_wealth, gain.log_wealth_against, gain.low, gain.high):
        return Verdict.INVALID, "The weekly gain over the control is missing or infinite."
    if not finite(gain.split_p):
        return Verdict.INVALID, "The sample-ratio check could not be computed."
    if gain.split_p is not None and gain.split_p < SPLIT_P:
        return Verdict.INVALID, f"The audience was not split as planned (sample-ratio check p = {gain.split_p:.1g})."
    gains = ", ".join(f"{weekly:+.0%}" for weekly in gain.gains) or "none"
    summary = f"Weekly gains over the concurrent control: {gains} ({gain.weeks} matured weeks)"
    if not gain.disjoint or gain.split_p is None:
        return (
            Verdict.INCONCLUSIVE,
            f"{summary}; the audiences of its arms are not known to be disjoint, so this proves nothing.",
        )
    if gain.weeks < WEEKS:
        return Verdict.INCONCLUSIVE, f"{summary}; {WEEKS} are needed."
    return _sustained(gain, -math.log(alpha), threshold, summary)


def _sustained(gain: ImprovementMeasure, needed: float, threshold: float, summary: str) -> Judgement:
    better = gain.log_wealth >= needed or (gain.low is not None and gain.low > 0)
    worse = gain.log_wealth_against >= needed or (gain.high is not None and gain.high < 0)
    if worse:
        return Verdict.FAIL, f"{summary}: harm, the candidate does worse than the control."
    if better and gain.longest_run >= WEEKS:
        return Verdict.PASS, f"{summary}: {gain.longest_run} weeks running at {threshold:+.0%} or more, beyond chance."
    return Verdict.INCONCLUSIVE, f"{summary}: not yet {WEEKS} weeks running at {threshold:+.0%} or more beyond chance."


def _portfolio(measures: CampaignMeasures, config: TrainingConfiguration) -> CriterionVerdict:
    portfolio, threshold = measures.portfolio, threshold_of("12", config)
    if portfolio is None:
        return not_assessed("12", _elsewhere(measures))
    numbers = CriterionNumbers(
        estimate=portfolio.successes / portfolio.matured if portfolio.matured else None,
        bound=portfolio.low,
        threshold=threshold,
        unit="share of matured campaigns with positive attributed ROI",
        n=portfolio.matured,
    )
    lower = threshold if config.mode == "strict" else LOWER_SUCCESS
    judgement = stopped(measures) or _portfolio_judgement(portfolio, threshold, lower)
    return criterion_verdict("12", judgement, Formula.CLUSTERED, numbers)


def _portfolio_judgement(portfolio: PortfolioMeasure, threshold: float, lower: float) -> Judgement:
    if not finite(portfolio.n_effective, portfolio.low, portfolio.high):
        return Verdict.INVALID, "The share of successful campaigns could not be computed."
    summary = f"{portfolio.successes} of {portfolio.matured} matured campaigns succeeded ({portfolio.campaigns} ran)"
    summary += f"; they count as {portfolio.n_effective:.1f} independent ones"
    if portfolio.n_effective < FEWEST_EFFECTIVE:
        return Verdict.INCONCLUSIVE, f"{summary}, {FEWEST_EFFECTIVE} are needed."
    if portfolio.high < threshold:
        return Verdict.FAIL, f"{summary}: at most {portfolio.high:.2f}, below {threshold:g}."
    if portfolio.successes >= threshold * portfolio.matured and portfolio.low >= lower:
        return Verdict.PASS, f"{summary}: at least {portfolio.low:.2f}, {lower:g} is needed."
    return (
        Verdict.INCONCLUSIVE,
        f"{summary}: at least {portfolio.low:.2f}, {lower:g} and a share of {threshold:g} are needed.",
    )


def _elsewhere(measures: CampaignMeasures) -> str:
    return f"Not measured in phase {measures.phase}."
