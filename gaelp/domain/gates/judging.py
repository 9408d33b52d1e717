"""The gates: from the measures of a phase to one verdict. Touch only with gates.md; the criteria are in criteria_*.py.

All criteria of a gate must pass (intersection-union: no correction across criteria). Attempts are corrected by
`alpha_for`. Everything here is pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from gaelp.domain.gates.criteria_historical import NAMES as HISTORICAL_NAMES
from gaelp.domain.gates.criteria_historical import judge_historical
from gaelp.domain.gates.criteria_live_test import CONDUCT, EFFICIENCY, STREAK, futility, judge_live_test
from gaelp.domain.gates.criteria_scaled import IMPROVEMENT as SUSTAINED
from gaelp.domain.gates.criteria_scaled import PORTFOLIO as MULTI_CAMPAIGN
from gaelp.domain.gates.criteria_scaled import TRANSFER, judge_scaled
from gaelp.domain.gates.criteria_simulation import CONSISTENCY, IMPROVEMENT, REWARD, SUCCESS, judge_simulation
from gaelp.domain.gates.criterion import Formula, not_assessed
from gaelp.domain.gates.verdicts import CriterionVerdict, GateVerdict, Verdict
from gaelp.domain.phases import Phase

__all__ = [
    "REQUIRED",
    "Formula",
    "alpha_for",
    "futility",
    "gate",
    "judge_historical",
    "judge_live_test",
    "judge_scaled",
    "judge_simulation",
    "validated_heads",
]

REQUIRED: dict[Phase, dict[str, str]] = {
    Phase.SIMULATION: {"1": REWARD, "2": SUCCESS, "3": IMPROVEMENT, "4": CONSISTENCY},
    Phase.HISTORICAL: HISTORICAL_NAMES,
    Phase.LIVE_TEST: {"8": STREAK, "9": EFFICIENCY, "10": CONDUCT},
    Phase.SCALED: {"11": SUSTAINED, "12": MULTI_CAMPAIGN, "13": TRANSFER},
}


def alpha_for(attempt: int, alpha: float = 0.05) -> float:
    """Level of the k-th attempt, 6 alpha/(pi^2 k^2): over all attempts they sum to alpha. Raises ValueError below 1."""
    if attempt < 1:
        raise ValueError(f"attempt {attempt} does not exist: attempts are counted from 1")
    return 6 * alpha / (math.pi**2 * attempt**2)


def gate(
    phase: Phase,
    criteria: Sequence[CriterionVerdict],
    *,
    mode: Literal["advisory", "strict"],
    attempt: int,
    alpha: float,
    checkpoint_digest: str,
    evidence_digest: str,
    heads: Sequence[str] = (),
) -> GateVerdict:
    """The verdict of a phase. `alpha` is the level of this attempt, `alpha_for(attempt)`.

    A criterion that the phase requires and nobody judged is listed as INCONCLUSIVE. `promote` and `proven` are the two
    flags that decide: only PASS promotes, but in advisory mode INCONCLUSIVE goes on, unproven.
    """
    listed = _complete(phase, tuple(map(_checked, criteria)))
    verdict = _overall([criterion.verdict for criterion in listed])
    proven = verdict == Verdict.PASS
    return GateVerdict(
        phase=phase,
        verdict=verdict,
        criteria=listed,
        attempt=attempt,
        alpha=alpha,
        checkpoint_digest=checkpoint_digest,
        evidence_digest=evidence_digest,
        promote=proven or (mode == "advisory" and verdict == Verdict.INCONCLUSIVE),
        proven=proven,
        heads=tuple(heads),
        reason=_reason(verdict, listed),
    )


def validated_heads(phase: Phase, criteria: Sequence[CriterionVerdict]) -> tuple[str, ...]:
    """The decision heads that a phase's evidence validates: creative shares, where every log's 5b passes."""
    if phase is not Phase.HISTORICAL:
        return ()
    logs = [criterion.verdict for criterion in criteria if criterion.id == "5b"]
    return ("creative_prob",) if logs and all(verdict is Verdict.PASS for verdict in logs) else ()


def _overall(verdicts: Sequence[Verdict]) -> Verdict:
    for worst in (Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE):
        if worst in verdicts:
            return worst
    return Verdict.PASS


def _complete(phase: Phase, criteria: tuple[CriterionVerdict, ...]) -> tuple[CriterionVerdict, ...]:
    """Never left out: what the phase requires is listed, whether it was judged or not."""
    judged = {criterion.id for criterion in criteria}
    return criteria + tuple(not_assessed(id, name) for id, name in REQUIRED[phase].items() if id not in judged)


def _checked(criterion: CriterionVerdict) -> CriterionVerdict:
    """No verdict stands on a number that is not one."""
    numbers = (criterion.estimate, criterion.bound, criterion.threshold)
    if all(number is None or math.isfinite(number) for number in numbers):
        return criterion
    reason = f"A number of {criterion.name} is not finite."
    return criterion.model_copy(
        update={"verdict": Verdict.INVALID, "reason": reason, "estimate": None, "bound": None, "threshold": None}
    )


def _reason(verdict: Verdict, criteria: Sequence[CriterionVerdict]) -> str:
    """The criteria that decided, by number and name."""
    if verdict == Verdict.PASS:
        return f"All {len(criteria)} criteria pass."
    deciding = [criterion for criterion in criteria if criterion.verdict == verdict]
    if verdict == Verdict.INCONCLUSIVE:
        return f"Not decided: {', '.join(f'{c.id} {c.name}' for c in deciding)}."
    return " ".join(f"{c.id} {c.name}: {c.reason}" for c in deciding)
