"""Criteria 11 to 13: scaled deployment. Touch only with gates.md. Everything called ROI is attributed."""

from __future__ import annotations

import math

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criteria_live_test import Answer, judge_conduct, stopped
from gaelp.domain.gates.criterion import Formula, criterion, finite, not_assessed
from gaelp.domain.gates.measurements import CampaignMeasures, ImprovementMeasure, PortfolioMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict

IMPROVEMENT, PORTFOLIO, TRANSFER = "sustained improvement", "multi-campaign success", "transfer effectiveness"

WEEKS = 4
SPLIT_P = 0.001
FEWEST_EFFECTIVE = 20
LOWER_SUCCESS = 0.7  # advisory; in strict mode the lower bound must reach the threshold itself


def judge_scaled(measures: CampaignMeasures, config: TrainingConfiguration) -> tuple[CriterionVerdict, ...]:
    """Sustained improvement, multi-campaign success, transfer, and zero violations again where there are some."""
    criteria = (_improvement(measures, config), _portfolio(measures, config), not_assessed("13", TRANSFER))
    breached = measures.conduct.violations or measures.conduct.oversized_raises
    return (*criteria, judge_conduct(measures)) if breached else criteria


def _improvement(measures: CampaignMeasures, config: TrainingConfiguration) -> CriterionVerdict:
    found, threshold = measures.improvement, config.scaled.improvement
    if found is None:
        return not_assessed("11", IMPROVEMENT, _elsewhere(measures))
    verdict, reason = stopped(measures) or _improvement_answer(found, measures.alpha, threshold)
    return criterion(
        "11",
        IMPROVEMENT,
        verdict,
        reason,
        Formula.WEEKLY,
        estimate=None if found.mean_log_gain is None else math.expm1(found.mean_log_gain),
        bound=None if found.low is None else math.expm1(found.low),
        threshold=threshold,
        unit="gain in revenue x margin / cost over the control",
        n=found.weeks,
    )


def _improvement_answer(found: ImprovementMeasure, alpha: float, threshold: float) -> Answer:
    if not finite(*found.gains, found.mean_log_gain, found.log_wealth, found.log_wealth_against, found.low, found.high):
        return Verdict.INVALID, "The weekly gain over the control is missing or infinite."
    if not finite(found.split_p):
        return Verdict.INVALID, "The sample-ratio check could not be computed."
    if found.split_p is not None and found.split_p < SPLIT_P:
        return Verdict.INVALID, f"The audience was not split as planned (sample-ratio check p = {found.split_p:.1g})."
    gains = ", ".join(f"{gain:+.0%}" for gain in found.gains) or "none"
    said = f"Weekly gains over the concurrent control: {gains} ({found.weeks} matured weeks)"
    if not found.disjoint or found.split_p is None:
        return Verdict.INCONCLUSIVE, f"{said}; the audiences are not known to be disjoint, so this proves nothing."
    if found.weeks < WEEKS:
        return Verdict.INCONCLUSIVE, f"{said}; {WEEKS} are needed."
    return _sustained(found, -math.log(alpha), threshold, said)


def _sustained(found: ImprovementMeasure, needed: float, threshold: float, said: str) -> Answer:
    better = found.log_wealth >= needed or (found.low is not None and found.low > 0)
    worse = found.log_wealth_against >= needed or (found.high is not None and found.high < 0)
    if worse:
        return Verdict.FAIL, f"{said}: harm, the candidate does worse than the control."
    if better and found.longest_run >= WEEKS:
        return Verdict.PASS, f"{said}: {found.longest_run} weeks running at {threshold:+.0%} or more, beyond chance."
    return Verdict.INCONCLUSIVE, f"{said}: not yet {WEEKS} weeks running at {threshold:+.0%} or more beyond chance."


def _portfolio(measures: CampaignMeasures, config: TrainingConfiguration) -> CriterionVerdict:
    found, threshold = measures.portfolio, config.scaled.success
    if found is None:
        return not_assessed("12", PORTFOLIO, _elsewhere(measures))
    strict = config.mode == "strict"
    verdict, reason = stopped(measures) or _portfolio_answer(found, threshold, threshold if strict else LOWER_SUCCESS)
    return criterion(
        "12",
        PORTFOLIO,
        verdict,
        reason,
        Formula.CLUSTERED,
        estimate=found.successes / found.matured if found.matured else None,
        bound=found.low,
        threshold=threshold,
        unit="share of matured campaigns with positive attributed ROI",
        n=found.matured,
    )


def _portfolio_answer(found: PortfolioMeasure, threshold: float, lower: float) -> Answer:
    if not finite(found.n_effective, found.low, found.high):
        return Verdict.INVALID, "The share of successful campaigns could not be computed."
    said = f"{found.successes} of {found.matured} matured campaigns succeeded ({found.campaigns} ran)"
    said += f"; they count as {found.n_effective:.1f} independent ones"
    if found.n_effective < FEWEST_EFFECTIVE:
        return Verdict.INCONCLUSIVE, f"{said}, {FEWEST_EFFECTIVE} are needed."
    if found.high < threshold:
        return Verdict.FAIL, f"{said}: at most {found.high:.2f}, below {threshold:g}."
    if found.successes >= threshold * found.matured and found.low >= lower:
        return Verdict.PASS, f"{said}: at least {found.low:.2f}, {lower:g} is needed."
    return Verdict.INCONCLUSIVE, f"{said}: at least {found.low:.2f}, {lower:g} and a share of {threshold:g} are needed."


def _elsewhere(measures: CampaignMeasures) -> str:
    return f"Not measured in phase {measures.phase}."
