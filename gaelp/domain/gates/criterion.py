"""How one criterion is stated: its formula's id, its verdict, one sentence. Touch this to reword all criteria at once.

The rules of each phase are in criteria_simulation, _historical, _live_test and _scaled; gates.py sums them up.
"""

from __future__ import annotations

import math
from enum import StrEnum

from gaelp.domain.gates.measurements import BettingMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict

FEWEST_EPISODES = 50  # before which a betting test decides nothing (gates.md, common rules)


class Formula(StrEnum):
    """Ids of the formulas that a verdict may name; each is defined in gates.md."""

    NOT_ASSESSED = "not-assessed"
    BETTING = "betting/aGRAPA"
    BETTING_CVAR = "betting/aGRAPA+cvar10"
    WAIVED = "waived/reward-lower-bound"
    PAIRED = "betting/paired-off-policy"
    PROFIT = "e-process/daily-profit+streak"
    EFFICIENCY = "U(1-W)P/block-bootstrap"
    COUNT = "count/rule-of-three"
    WEEKLY = "weekly-gain/betting+asymptotic-cs"
    CLUSTERED = "clopper-pearson/effective-n"


def criterion(
    id: str,
    name: str,
    verdict: Verdict,
    reason: str,
    formula: Formula,
    *,
    estimate: float | None = None,
    bound: float | None = None,
    threshold: float | None = None,
    unit: str = "",
    n: int = 0,
) -> CriterionVerdict:
    """A criterion's verdict; numbers that are not finite are left out, because JSON has none."""
    return CriterionVerdict(
        id=id,
        name=name,
        verdict=verdict,
        reason=reason,
        estimate=_known(estimate),
        bound=_known(bound),
        threshold=threshold,
        unit=unit,
        n=n,
        formula=formula.value,
    )


def not_assessed(id: str, name: str, reason: str = "This criterion is not assessed yet.") -> CriterionVerdict:
    """A criterion that is listed and not judged; it never promotes."""
    return criterion(id, name, Verdict.INCONCLUSIVE, reason, Formula.NOT_ASSESSED)


def finite(*numbers: float | None) -> bool:
    """Whether every number that is there is one."""
    return all(number is None or math.isfinite(number) for number in numbers)


def betting_verdict(measure: BettingMeasure, what: str) -> tuple[Verdict, str]:
    """PASS, FAIL, INVALID or INCONCLUSIVE of a betting test, and the sentence that says so."""
    m = measure
    if not finite(m.mean, m.threshold, m.log_wealth, m.log_wealth_against, m.low, m.high):
        return Verdict.INVALID, f"The {what} could not be computed: a number is missing or infinite."
    needed = -math.log(m.alpha)
    said = f"{what} {m.mean:.3f} over {m.n} episodes"
    level = f"at level {m.alpha:.4f}"
    if m.n < FEWEST_EPISODES:
        return Verdict.INCONCLUSIVE, f"The {said}: {FEWEST_EPISODES} episodes are needed before anything is decided."
    if m.log_wealth >= needed:
        return Verdict.PASS, f"The {said}: its lower bound {m.low:.3f} lies above {m.threshold:g} {level}."
    if m.log_wealth_against >= needed:
        return Verdict.FAIL, f"The {said}: its upper bound {m.high:.3f} lies below {m.threshold:g} {level}."
    return (
        Verdict.INCONCLUSIVE,
        f"The {said} lies between {m.low:.3f} and {m.high:.3f} {level}: not yet above or below {m.threshold:g}.",
    )


def _known(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
