"""Criteria 1 to 4, judged on the exam of the simulation phase; 15 and 16 are in criteria_traps.py.

Touch this only together with docs/gates.md.
"""

from __future__ import annotations

import math

from gaelp.domain.gates.criteria_table import CRITERIA
from gaelp.domain.gates.criteria_traps import judge_audit, judge_traps
from gaelp.domain.gates.criterion import (
    CriterionNumbers,
    Formula,
    Judgement,
    criterion_verdict,
    finite,
    not_assessed,
)
from gaelp.domain.gates.measurements import (
    AnchorMeasure,
    BlockMeasure,
    CountLook,
    CountMeasure,
    MeanMeasure,
    SimulationMeasures,
)
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.domain.simple_rules import headroom_bar

FEWEST_EPISODES = 50  # before which no mean is judged
MOST_REPLACED = 0.05
LEAST_CVAR = -0.25
FEWEST_FOR_CVAR = 100
WAIVED_FROM = 0.95
LARGEST_SPREAD = 0.25
LEAST_ROLLING = 0.9  # of the threshold of criterion 1
LEAST_FALL_P = 0.01
LARGEST_SHIFT = 1.9  # fewer than 1 % of stationary blocks of 50 or 100 reach it


def judge_simulation(measures: SimulationMeasures) -> tuple[CriterionVerdict, ...]:
    """Average reward, success rate, improvement and consistency; traps and audit where they are played or required."""
    traps = () if measures.traps is None else (judge_traps(measures.traps),)
    audit = () if measures.audit is None else (judge_audit(measures.audit),)
    return (_reward(measures), _success(measures), _improvement(measures), _consistency(measures), *traps, *audit)


def _reward(measures: SimulationMeasures) -> CriterionVerdict:
    verdict, reason = _guarded(measures, *_of_mean(CRITERIA["1"].name, measures.reward))
    bar = ""
    if measures.incumbent is not None:
        bar = headroom_bar(measures.incumbent, measures.reward.mean, measures.best_rule)
    judgement = verdict, " ".join(part for part in (reason, bar, measures.ratings) if part)
    numbers = _numbers(measures.reward, "share of the attainable profit")
    return criterion_verdict("1", judgement, Formula.MEAN_CVAR, numbers)


def _of_mean(what: str, m: MeanMeasure) -> Judgement:
    """The judgement of the test of a mean, and the sentence that says so."""
    if not finite(m.mean, m.threshold, m.log_wealth, m.log_wealth_against, m.low, m.high):
        return Verdict.INVALID, f"The {what} could not be computed: a number is missing or infinite."
    needed = -math.log(m.alpha)
    result, level = f"{what} {m.mean:.3f} over {m.n} episodes", f"at level {m.alpha:.4f}"
    if m.n < FEWEST_EPISODES:
        return Verdict.INCONCLUSIVE, f"The {result}: {FEWEST_EPISODES} episodes are needed before anything is decided."
    if m.log_wealth >= needed:
        return Verdict.PASS, f"The {result}: its lower bound {m.low:.3f} lies above {m.threshold:g} {level}."
    if m.log_wealth_against >= needed:
        return Verdict.FAIL, f"The {result}: its upper bound {m.high:.3f} lies below {m.threshold:g} {level}."
    return (
        Verdict.INCONCLUSIVE,
        f"The {result} lies between {m.low:.3f} and {m.high:.3f} {level}: not yet above or below {m.threshold:g}"
        f"{_missing(m.more)}.",
    )


def _missing(more: int | None) -> str:
    return "" if more is None else f"; about {more:,} more episodes are needed at the present rate"


def _numbers(measure: MeanMeasure, unit: str) -> CriterionNumbers:
    return CriterionNumbers(measure.mean, measure.low, measure.threshold, unit, measure.n)


def _guarded(measures: SimulationMeasures, verdict: Verdict, reason: str) -> Judgement:
    """The judgement of the mean, unless the data are broken or clipping hides disasters."""
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
            f"{measures.replaced} of {measures.seeds} seeds ({share:.1%}) offered nothing to gain and were left out, "
            f"more than {MOST_REPLACED:.0%}: the scenarios do not fit the budget."
        )
    return ""


def _success(measures: SimulationMeasures) -> CriterionVerdict:
    broken, m = _broken(measures), measures.success
    last = m.looks[-1] if m.looks else CountLook(n=0, successes=0, passes_from=1, fails_to=-1)
    judgement = (Verdict.INVALID, broken) if broken else _of_count(m, last)
    estimate = last.successes / last.n if last.n else None
    numbers = CriterionNumbers(estimate, m.low, m.threshold, "share of episodes", last.n)
    return criterion_verdict("2", judgement, Formula.COUNTS, numbers)


def _of_count(m: CountMeasure, last: CountLook) -> Judgement:
    """The first look that decides; what is missing where none does."""
    if not finite(m.threshold, m.low, m.high):
        return Verdict.INVALID, "The success rate could not be computed: a number is missing or infinite."
    level = f"at level {m.alpha:.4f}"
    for look in m.looks:
        result = f"{look.successes:,} of {look.n:,} episodes succeeded"
        if look.successes >= look.passes_from:
            return Verdict.PASS, f"{result}, {look.passes_from:,} were needed: above {m.threshold:g} {level}."
        if look.successes <= look.fails_to:
            return (
                Verdict.FAIL,
                f"{result}; with {look.fails_to:,} or fewer the rate is surely below {m.threshold:g}, {level}.",
            )
    if not last.n:
        return Verdict.INCONCLUSIVE, "No episode has been examined."
    return (
        Verdict.INCONCLUSIVE,
        f"{last.successes:,} of {last.n:,} episodes succeeded, {last.passes_from:,} were needed at this look; the "
        f"success rate lies between {m.low:.3f} and {m.high:.3f} {level}{_missing(m.more)}.",
    )


def _improvement(measures: SimulationMeasures) -> CriterionVerdict:
    """Waived where there is no room left; else the paired comparison with the anchor."""
    verdict, _ = _of_mean(CRITERIA["1"].name, measures.reward)
    low, broken = measures.reward.low, _broken(measures)
    if verdict is Verdict.PASS and not broken and low >= WAIVED_FROM:
        reason = f"Waived: the lower bound {low:.3f} of the average reward leaves no room for an improvement."
        numbers = CriterionNumbers(bound=low, threshold=WAIVED_FROM, n=measures.reward.n)
        return criterion_verdict("3", (Verdict.PASS, reason), Formula.WAIVED, numbers)
    compared = measures.against_anchor
    if compared is None:
        return not_assessed("3", "The exam names nothing to compare the agent with.")
    judgement = (Verdict.INVALID, broken) if broken else _of_anchor(compared)
    unit = "share of the attainable profit above what was asked for"
    return criterion_verdict("3", judgement, Formula.ANCHORED, _numbers(compared.difference, unit))


def _of_anchor(compared: AnchorMeasure) -> Judgement:
    verdict, reason = _of_mean("difference", compared.difference)
    asked = f"{compared.improvement:g} more" if compared.absolute else f"{1 + compared.improvement:.0%} of it"
    earned = f"{compared.anchor_reward:.3f} on average, and {asked} was asked for"
    return verdict, f"{reason} On the same seeds as {compared.anchor}: {earned}."


def _consistency(measures: SimulationMeasures) -> CriterionVerdict:
    block = measures.block
    if block is None:
        return not_assessed("4", "The announced block has not been played.")
    numbers = CriterionNumbers(
        float(block.collapses), float(block.collapses), float(block.allowed), "collapses in the block", block.episodes
    )
    return criterion_verdict("4", _of_block(block), Formula.BLOCK, numbers)


def _of_block(block: BlockMeasure) -> Judgement:
    if block.problems:
        return Verdict.INVALID, f"The block's data are broken: {block.problems[0]}."
    if not finite(block.lowest, block.fall_p, block.shift, block.reward_threshold):
        return Verdict.INVALID, "The block could not be judged: a number is missing or infinite."
    result = f"{block.collapses} of the {block.announced} announced episodes collapsed, {block.allowed} may"
    if block.collapses > block.allowed:
        return Verdict.FAIL, f"{result}."
    refused = _guards(block)
    if refused:
        return Verdict.FAIL, f"{result}, and yet the block is not consistent: {'; '.join(refused)}."
    return Verdict.PASS, f"{result}; spread {block.spread:.2f}, lowest mean of ten {block.lowest:.2f}, no fall."


def _guards(block: BlockMeasure) -> list[str]:
    """What refuses a block that has few collapses, in words."""
    least = LEAST_ROLLING * block.reward_threshold
    refused = []
    if block.spread > LARGEST_SPREAD:
        refused.append(f"its spread {block.spread:.2f} is above {LARGEST_SPREAD:g}")
    if block.lowest < least:
        refused.append(f"ten episodes in a row average {block.lowest:.2f}, below {least:.2f}")
    if block.fall_p <= LEAST_FALL_P:
        refused.append(f"its rewards fall (p = {block.fall_p:.2g})")
    if block.shift > LARGEST_SHIFT:
        refused.append("its rewards drop at some point and stay low")
    return refused
