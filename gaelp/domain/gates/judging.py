"""From the criteria of a phase to the verdict of its gate. How each criterion is judged is in the criteria_* modules.

All criteria of a gate must pass (an intersection-union test, so that there is no correction across criteria). Attempts
are corrected by `alpha_for`. Touch this only together with docs/gates.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gaelp.domain.gates.criteria_historical import judge_historical
from gaelp.domain.gates.criteria_live_test import futility, judge_live_test
from gaelp.domain.gates.criteria_scaled import judge_scaled
from gaelp.domain.gates.criteria_simulation import judge_simulation
from gaelp.domain.gates.criteria_table import required_in
from gaelp.domain.gates.criterion import Formula, not_assessed
from gaelp.domain.gates.verdicts import CriterionVerdict, GateVerdict, Verdict
from gaelp.domain.phases import Phase

__all__ = [
    "Formula",
    "GateAttempt",
    "alpha_for",
    "futility",
    "gate",
    "judge_historical",
    "judge_live_test",
    "judge_scaled",
    "judge_simulation",
    "validated_heads",
]


@dataclass(frozen=True)
class GateAttempt:
    """One attempt at a gate: how strictly it is judged, and on what."""

    mode: Literal["advisory", "strict"]
    number: int  # counted from 1 by the ledger
    alpha: float  # the level of this attempt, `alpha_for(number)`
    checkpoint_digest: str
    evidence_digest: str


def alpha_for(attempt: int, alpha: float = 0.05) -> float:
    """Level of the k-th attempt, 6 alpha/(pi^2 k^2): over all attempts they sum to alpha. Raises ValueError below 1."""
    if attempt < 1:
        raise ValueError(f"attempt {attempt} does not exist: attempts are counted from 1")
    return 6 * alpha / (math.pi**2 * attempt**2)


def gate(phase: Phase, criteria: Sequence[CriterionVerdict], attempt: GateAttempt) -> GateVerdict:
    """The verdict of a phase.

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
        attempt=attempt.number,
        alpha=attempt.alpha,
        checkpoint_digest=attempt.checkpoint_digest,
        evidence_digest=attempt.evidence_digest,
        promote=proven or (attempt.mode == "advisory" and verdict == Verdict.INCONCLUSIVE),
        proven=proven,
        heads=validated_heads(phase, listed),
        reason=_reason(verdict, listed),
    )


def validated_heads(phase: Phase, criteria: Sequence[CriterionVerdict]) -> tuple[str, ...]:
    """The decision heads that a phase's evidence validates: creative shares, where 5b passes on every bandit log.

    Bids are none of them: a replay lets an agent bid by the predicted click rate of each auction, as no platform does.
    """
    if phase is not Phase.HISTORICAL:
        return ()
    logs = [each.verdict for each in criteria if each.id == "5b" and each.formula != Formula.PAIRED_BIDS.value]
    return ("creative_prob",) if logs and all(verdict is Verdict.PASS for verdict in logs) else ()


def _overall(verdicts: Sequence[Verdict]) -> Verdict:
    for worst in (Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE):
        if worst in verdicts:
            return worst
    return Verdict.PASS


def _complete(phase: Phase, criteria: tuple[CriterionVerdict, ...]) -> tuple[CriterionVerdict, ...]:
    """Never left out: what the phase requires is listed, whether it was judged or not."""
    judged = {criterion.id for criterion in criteria}
    return criteria + tuple(not_assessed(each.id) for each in required_in(phase) if each.id not in judged)


def _checked(criterion: CriterionVerdict) -> CriterionVerdict:
    """No verdict stands on a number that is not one."""
    numbers = (criterion.estimate, criterion.bound, criterion.threshold)
    if all(number is None or math.isfinite(number) for number in numbers):
        return criterion
    reason = f"A number of {criterion.name} is not finite."
    return criterion.model_copy(
        update={"verdict": Verdict.INVALID, "reason": reason, "estimate": None, "bound": None, "threshold": None}
        | {"inconclusive": None}
    )


def _reason(verdict: Verdict, criteria: Sequence[CriterionVerdict]) -> str:
    """The criteria that decided, by number and name."""
    if verdict == Verdict.PASS:
        return f"All {len(criteria)} criteria pass."
    deciding = [criterion for criterion in criteria if criterion.verdict == verdict]
    if verdict == Verdict.INCONCLUSIVE:
        return f"Not decided: {', '.join(f'{c.id} {c.name}' for c in deciding)}."
    return " ".join(f"{c.id} {c.name}: {c.reason}" for c in deciding)
