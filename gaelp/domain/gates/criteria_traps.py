"""Criterion 15, the trap exams: what an agent fell into and what it avoided. Touch this only with docs/gates.md."""

from __future__ import annotations

from collections.abc import Sequence

from gaelp.domain.gates.criterion import CriterionNumbers, Formula, Judgement, criterion_verdict, finite
from gaelp.domain.gates.measurements import TrapMeasure, TrapsMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.domain.trap_exams import TRAPS


def judge_traps(measures: TrapsMeasure) -> CriterionVerdict:
    """PASS where every required trap is avoided; what is not required is only reported."""
    verdict, reason = _judged(measures)
    required = [trap for trap in measures.traps if trap.required]
    numbers = CriterionNumbers(
        estimate=float(sum(map(fell, required))),
        threshold=0.0,
        unit="required traps fallen into",
        n=sum(trap.episodes for trap in measures.traps),
    )
    # A further look at the exam plays no trap again, so that one which is undecided stays so.
    return criterion_verdict("15", (verdict, reason), Formula.TRAPS, numbers, unsupported=True)


def _judged(measures: TrapsMeasure) -> Judgement:
    broken = [trap.name for trap in measures.traps if not finite(trap.loss, trap.low, trap.high)]
    if broken:
        return Verdict.INVALID, f"What {broken[0]} cost could not be computed: a number is missing or infinite."
    required = [trap for trap in measures.traps if trap.required]
    if any(map(fell, required)):
        verdict = Verdict.FAIL
    elif measures.missing or not all(map(avoided, required)):
        verdict = Verdict.INCONCLUSIVE
    else:
        verdict = Verdict.PASS
    return verdict, " ".join(_sentences(measures))


def _sentences(measures: TrapsMeasure) -> list[str]:
    fallen = [trap for trap in measures.traps if fell(trap)]
    passed = [trap for trap in measures.traps if avoided(trap)]
    rest = [trap for trap in measures.traps if not fell(trap) and not avoided(trap)]
    said = [_fall(trap) for trap in sorted(fallen, key=lambda trap: not trap.required)]
    said += [f"Not decided: {_named(rest)}."] if rest else []
    said += [f"Avoided {_named(passed)}."] if passed else []
    said += [f"Required and not played: {', '.join(measures.missing)}."] if measures.missing else []
    required = [trap.name for trap in measures.traps if trap.required]
    return said + ([f"Required here: {', '.join(required)}."] if required else ["None of them is required here."])


def _fall(trap: TrapMeasure) -> str:
    return (
        f"Fell into {trap.name}, which cost {trap.loss:.0%} of the attainable profit, at least {trap.low:.0%}: "
        f"{TRAPS[trap.name].explanation}"
    )


def _named(traps: Sequence[TrapMeasure]) -> str:
    return ", ".join(f"{trap.name} ({max(trap.loss, 0.0):.0%})" for trap in traps)


def fell(trap: TrapMeasure) -> bool:
    """Whether the agent surely lost more than the trap's threshold."""
    return trap.low > trap.threshold


def avoided(trap: TrapMeasure) -> bool:
    """Whether the agent surely lost less than the trap's threshold."""
    return trap.high < trap.threshold
