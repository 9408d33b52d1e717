"""Criteria 1 to 4: the simulation's exam. Touch only with gates.md."""

from __future__ import annotations

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criterion import Formula, betting_verdict, criterion, finite, not_assessed
from gaelp.domain.gates.measurements import SimulationMeasures
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict

MOST_REPLACED = 0.05
LEAST_CVAR = -0.25
FEWEST_FOR_CVAR = 100
WAIVED_FROM = 0.95

REWARD, SUCCESS, IMPROVEMENT, CONSISTENCY = "average reward", "success rate", "improvement", "consistency"


def judge_simulation(measures: SimulationMeasures, config: TrainingConfiguration) -> tuple[CriterionVerdict, ...]:
    """Average reward, success rate, improvement, consistency. The level is the measures' own."""
    return (_reward(measures), _success(measures), _improvement(measures), _consistency(config))


def _reward(measures: SimulationMeasures) -> CriterionVerdict:
    verdict, reason = _guarded(measures, *betting_verdict(measures.reward, "average reward"))
    return criterion(
        "1",
        REWARD,
        verdict,
        f"{reason} {measures.ratings}".strip(),
        Formula.BETTING_CVAR,
        estimate=measures.reward.mean,
        bound=measures.reward.low,
        threshold=measures.reward.threshold,
        unit="share of the attainable profit",
        n=measures.reward.n,
    )


def _guarded(measures: SimulationMeasures, verdict: Verdict, reason: str) -> tuple[Verdict, str]:
    """The betting test's answer, unless the data are broken or clipping hides disasters."""
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
    verdict, reason = betting_verdict(measures.success, "success rate")
    broken = _broken(measures)
    return criterion(
        "2",
        SUCCESS,
        Verdict.INVALID if broken else verdict,
        broken or reason,
        Formula.BETTING,
        estimate=measures.success.mean,
        bound=measures.success.low,
        threshold=measures.success.threshold,
        unit="share of episodes",
        n=measures.success.n,
    )


def _improvement(measures: SimulationMeasures) -> CriterionVerdict:
    """Waived where there is no room left; the comparison with the entry checkpoint is not assessed yet."""
    verdict, _ = betting_verdict(measures.reward, REWARD)
    low = measures.reward.low
    if verdict == Verdict.PASS and not _broken(measures) and low >= WAIVED_FROM:
        reason = f"Waived: the lower bound {low:.3f} of the average reward leaves no room for an improvement."
        return criterion(
            "3",
            IMPROVEMENT,
            Verdict.PASS,
            reason,
            Formula.WAIVED,
            bound=low,
            threshold=WAIVED_FROM,
            n=measures.reward.n,
        )
    return not_assessed("3", IMPROVEMENT, "The comparison with the checkpoint at entry is not assessed yet.")


def _consistency(config: TrainingConfiguration) -> CriterionVerdict:
    episodes = config.simulation.consistency_episodes
    return not_assessed("4", CONSISTENCY, f"The announced block of {episodes} episodes is not assessed yet.")
