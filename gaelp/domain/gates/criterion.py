"""How one criterion is stated: its formula's id, its verdict, one sentence.

The rules of each phase are in criteria_simulation, _historical, _live_test and _scaled; judging.py sums them up.

Touch this to reword all criteria at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from gaelp.domain.gates.criteria_table import CRITERIA, NEVER_PASSES
from gaelp.domain.gates.measurements import BettingMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict

FEWEST_EPISODES = 50  # before which a betting test decides nothing (docs/gates.md, the betting test)


class Formula(StrEnum):
    """Ids of the formulas that a verdict may name; each is defined in docs/gates.md."""

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


Judgement = tuple[Verdict, str]
"""A verdict and the sentence that gives its reason."""


@dataclass(frozen=True)
class CriterionNumbers:
    """The numbers that a verdict shows; `bound` is the one that decides, and `n` what it rests on."""

    estimate: float | None = None
    bound: float | None = None
    threshold: float | None = None
    unit: str = ""
    n: int = 0


def criterion_verdict(
    id: str, judgement: Judgement, formula: Formula, numbers: CriterionNumbers, log: str = ""
) -> CriterionVerdict:
    """The verdict on a criterion of CRITERIA, on one log where `log` is named.

    An estimate or a bound that is not finite is left out, because JSON has none.
    """
    verdict, reason = judgement
    name = CRITERIA[id].name
    return CriterionVerdict(
        id=id,
        name=f"{name} on {log}" if log else name,
        verdict=verdict,
        reason=reason,
        estimate=_known(numbers.estimate),
        bound=_known(numbers.bound),
        threshold=numbers.threshold,
        unit=numbers.unit,
        n=numbers.n,
        formula=formula.value,
    )


def not_assessed(id: str, reason: str = "") -> CriterionVerdict:
    """A criterion that is listed and not judged; it never promotes. The reason is that of NEVER_PASSES by default."""
    reason = reason or NEVER_PASSES.get(id, "This criterion was not assessed.")
    return criterion_verdict(id, (Verdict.INCONCLUSIVE, reason), Formula.NOT_ASSESSED, CriterionNumbers())


def finite(*numbers: float | None) -> bool:
    """Whether every number that is there is one."""
    return all(number is None or math.isfinite(number) for number in numbers)


def betting_verdict(id: str, measure: BettingMeasure) -> Judgement:
    """PASS, FAIL, INVALID or INCONCLUSIVE of the betting test of a criterion, and the sentence that says so."""
    m, what = measure, CRITERIA[id].name
    if not finite(m.mean, m.threshold, m.log_wealth, m.log_wealth_against, m.low, m.high):
        return Verdict.INVALID, f"The {what} could not be computed: a number is missing or infinite."
    needed = -math.log(m.alpha)
    result = f"{what} {m.mean:.3f} over {m.n} episodes"
    level = f"at level {m.alpha:.4f}"
    if m.n < FEWEST_EPISODES:
        return Verdict.INCONCLUSIVE, f"The {result}: {FEWEST_EPISODES} episodes are needed before anything is decided."
    if m.log_wealth >= needed:
        return Verdict.PASS, f"The {result}: its lower bound {m.low:.3f} lies above {m.threshold:g} {level}."
    if m.log_wealth_against >= needed:
        return Verdict.FAIL, f"The {result}: its upper bound {m.high:.3f} lies below {m.threshold:g} {level}."
    return (
        Verdict.INCONCLUSIVE,
        f"The {result} lies between {m.low:.3f} and {m.high:.3f} {level}: not yet above or below {m.threshold:g}.",
    )


def _known(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
