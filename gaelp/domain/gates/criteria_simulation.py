"""Criteria 1 to 4, judged on the exam of the simulation phase. Touch this only together with docs/gates.md."""

from __future__ import annotations

from gaelp.domain.gates.criterion import (
    CriterionNumbers,
    Formula,
    Judgement,
    betting_verdict,
    criterion_verdict,
    finite,
    not_assessed,
)
from gaelp.domain.gates.measurements import BettingMeasure, SimulationMeasures
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict

MOST_REPLACED = 0.05
LEAST_CVAR = -0.25
FEWEST_FOR_CVAR = 100
WAIVED_FROM = 0.95


def judge_simulation(measures: SimulationMeasures) -> tuple[CriterionVerdict, ...]:
    """Average reward, success rate, improvement, consistency, at the level alpha of the measures."""
    return (_reward(measures), _success(measures), _improvement(measures), not_assessed("4"))


def _reward(measures: SimulationMeasures) -> CriterionVerdict:
    verdict, reason = _guarded(measures, *betting_verdict("1", measures.reward))
    judgement = verdict, f"{reason} {measures.ratings}".strip()
    return criterion_verdict(
        "1", judgement, Formula.BETTING_CVAR, _numbers(measures.reward, "share of the attainable profit")
    )


def _numbers(measure: BettingMeasure, unit: str) -> CriterionNumbers:
    return CriterionNumbers(measure.mean, measure.low, measure.threshold, unit, measure.n)


def _guarded(measures: SimulationMeasures, verdict: Verdict, reason: str) -> Judgement:
    """The judgement of the betting test, unless the data are broken or clipping hides disasters."""
    broken = _broken(measures)
    if broken:
        return Verdict.INVALID, broken
    if verdict in (Verdict.INVALID, Verdict.FAIL):
        return verdict, reason
    n, cvar, high = measures.reward.n, measures.cvar, measures.cvar_high
    if n < FEWEST_FOR_CVAR or cvar is None or high is None:
        return Verdict.INCONCLUSIVE, f"{reason} The worst tenth is judged from {FEWEST_FOR_CVAR} episodes on."
    worst = f"The worst tenth of {n} episodes averages {cvar:.2f} of the attainable profit"
    if high < LEAST_CVAR:
        return Verdict.FAIL, f"{worst}, at most {high:.2f}: below {LEAST_CVAR:g}. {reason}"
    if cvar < LEAST_CVAR:
        return Verdict.INCONCLUSIVE, f"{worst}: below {LEAST_CVAR:g}, though perhaps by chance. {reason}"
    return verdict, f"{reason} {worst}."


def _broken(measures: SimulationMeasures) -> str:
    if measures.problems:
        return f"The exam's data are broken: {measures.problems[0]}."
    if not finite(measures.cvar, measures.cvar_high):
        return "The worst tenth of the episodes could not be computed: a ratio is missing or infinite."
    if measures.replaced > MOST_REPLACED * measures.seeds:
        share = measures.replaced / max(measures.seeds, 1)
        return (
            f"{measures.replaced} of {measures.seeds} seeds ({share:.1%}) offered nothing to gain and were replaced, "
            f"more than {MOST_REPLACED:.0%}: the scenarios do not fit the budget."
        )
    return ""


def _success(measures: SimulationMeasures) -> CriterionVerdict:
    broken = _broken(measures)
    judgement = (Verdict.INVALID, broken) if broken else betting_verdict("2", measures.success)
    return criterion_verdict("2", judgement, Formula.BETTING, _numbers(measures.success, "share of episodes"))


def _improvement(measures: SimulationMeasures) -> CriterionVerdict:
    """Waived where there is no room left; the comparison with the entry checkpoint is not assessed yet."""
    verdict, _ = betting_verdict("1", measures.reward)
    low = measures.reward.low
    if verdict == Verdict.PASS and not _broken(measures) and low >= WAIVED_FROM:
        reason = f"Waived: the lower bound {low:.3f} of the average reward leaves no room for an improvement."
        numbers = CriterionNumbers(bound=low, threshold=WAIVED_FROM, n=measures.reward.n)
        return criterion_verdict("3", (Verdict.PASS, reason), Formula.WAIVED, numbers)
    return not_assessed("3", "The comparison with the checkpoint at entry is not assessed yet.")
