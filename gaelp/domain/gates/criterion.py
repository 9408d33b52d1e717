"""How one criterion is stated: its formula's id, its verdict, one sentence.

The rules of each phase are in criteria_simulation, _historical, _live_test and _scaled; judging.py sums them up.

Touch this to reword all criteria at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from gaelp.domain.gates.criteria_table import CRITERIA, NEVER_PASSES
from gaelp.domain.gates.verdicts import CriterionVerdict, Inconclusive, Verdict


class Formula(StrEnum):
    """Ids of the formulas that a verdict may name; each is defined in docs/gates.md."""

    NOT_ASSESSED = "not-assessed"
    MEAN_CVAR = "betting/stake-mixture+cvar10"
    COUNTS = "binomial/group-sequential"
    ANCHORED = "betting/stake-mixture/paired-anchor"
    WAIVED = "waived/reward-lower-bound"
    BLOCK = "block/collapses+guards"
    PAIRED = "betting/paired-off-policy"
    PAIRED_BIDS = "betting/paired-replay"
    FORECASTS = "forecast/match+equivalence"
    PANEL_PAIRS = "clopper-pearson/panel-pairs+level"
    PANEL_RANKS = "spearman/panel-ranks"
    PROFIT = "e-process/daily-profit+streak"
    EFFICIENCY = "U(1-W)P/block-bootstrap"
    COUNT = "count/rule-of-three"
    TRAPS = "betting/stake-mixture/traps"
    AUDIT = "betting/stake-mixture/worst-decile"
    WEEKLY = "weekly-gain/betting+asymptotic-cs"
    CLUSTERED = "clopper-pearson/effective-n"
    HARD_LIMIT = "hard-limit"


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
    id: str,
    judgement: Judgement,
    formula: Formula,
    numbers: CriterionNumbers,
    log: str = "",
    unsupported: bool = False,
) -> CriterionVerdict:
    """The verdict on a criterion of CRITERIA, on one log where `log` is named.

    `unsupported` says that no more data of this kind could decide an INCONCLUSIVE one. An estimate or a bound that is
    not finite is left out, because JSON has none.
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
        inconclusive=_kind(formula, unsupported) if verdict is Verdict.INCONCLUSIVE else None,
    )


def _kind(formula: Formula, unsupported: bool) -> Inconclusive:
    if unsupported:
        return Inconclusive.UNSUPPORTED
    return Inconclusive.NOT_ASSESSED if formula is Formula.NOT_ASSESSED else Inconclusive.UNDECIDED


def not_assessed(id: str, reason: str = "", unsupported: bool = False) -> CriterionVerdict:
    """A criterion that is listed and not judged; it never promotes. The reason is that of NEVER_PASSES by default."""
    reason = reason or NEVER_PASSES.get(id, "This criterion was not assessed.")
    judgement = Verdict.INCONCLUSIVE, reason
    return criterion_verdict(id, judgement, Formula.NOT_ASSESSED, CriterionNumbers(), unsupported=unsupported)


def finite(*numbers: float | None) -> bool:
    """Whether every number that is there is one."""
    return all(number is None or math.isfinite(number) for number in numbers)


def _known(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
