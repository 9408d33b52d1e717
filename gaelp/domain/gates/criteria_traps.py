"""Criteria 15 and 16: which traps an agent fell into, and what is left of its gain where an assumption is moved.

Touch this only with docs/gates.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from gaelp.domain.exploit_audit import ASSUMPTIONS, LEAST_KEPT, MOVE, AuditMeasure
from gaelp.domain.gates.criterion import CriterionNumbers, Formula, Judgement, criterion_verdict, finite
from gaelp.domain.gates.measurements import TrapMeasure, TrapsMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.domain.trap_exams import TRAPS

NOTHING = 0.005
"""A smaller share of the gain is told as nothing lost."""


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
    if required:
        return [*said, f"Required here: {', '.join(required)}."]
    return [*said, "It passes all the same: this run requires none of them." if fallen else "This run requires none."]


def _fall(trap: TrapMeasure) -> str:
    return (
        f"Fell into {trap.name}, which cost {trap.loss:.0%} of the attainable profit, at least {trap.low:.0%}: "
        f"{TRAPS[trap.name].explanation}"
    )


def flattering_traps(reason: str) -> list[str]:
    """Of the traps that a reason of criterion 15 says the agent fell into, those in which attribution flatters."""
    return [each.name for each in TRAPS.values() if each.flatters and f"Fell into {each.name}," in reason]


def _named(traps: Sequence[TrapMeasure]) -> str:
    return ", ".join(f"{trap.name} ({max(trap.loss, 0.0):.0%})" for trap in traps)


def fell(trap: TrapMeasure) -> bool:
    """Whether the agent surely lost more than the trap's threshold."""
    return trap.low > trap.threshold


def avoided(trap: TrapMeasure) -> bool:
    """Whether the agent surely lost less than the trap's threshold."""
    return trap.high < trap.threshold


def judge_audit(measure: AuditMeasure) -> CriterionVerdict:
    """PASS where the worst decile of the markets surely keeps enough of the gain, or where that is only reported."""
    verdict, reason = _audited(measure)
    numbers = CriterionNumbers(
        estimate=measure.kept,
        bound=measure.low,
        threshold=LEAST_KEPT,
        unit="share of the gain kept in the worst decile of markets",
        n=measure.episodes,
    )
    return criterion_verdict("16", (verdict, reason), Formula.AUDIT, numbers, unsupported=True)


def _audited(measure: AuditMeasure) -> Judgement:
    if not measure.episodes:
        return Verdict.INCONCLUSIVE, "The exploit audit was not played, or no market of it offered anything to gain."
    markets = (market.gain for market in measure.markets)
    if not finite(measure.gain, measure.kept, measure.log_wealth, measure.log_wealth_against, *markets):
        return Verdict.INVALID, "The exploit audit could not be computed: a gain is missing or infinite."
    needed = -math.log(measure.alpha)
    if measure.log_wealth >= needed:
        found, said = Verdict.PASS, f"surely more than {LEAST_KEPT:.0%}"
    elif measure.log_wealth_against >= needed:
        found, said = Verdict.FAIL, f"surely less than {LEAST_KEPT:.0%}"
    else:
        found, said = Verdict.INCONCLUSIVE, f"not surely more or less than {LEAST_KEPT:.0%}"
    verdict = found if measure.required else Verdict.PASS
    sentences = _kept(measure, said), _by_assumption(measure), _requirement(measure)
    return verdict, " ".join(filter(None, sentences))


def _kept(measure: AuditMeasure, said: str) -> str:
    if measure.kept is None:
        return f"There is no gain over the incumbent to keep: it is {measure.gain:.0%} of the attainable profit."
    return (
        f"Of its gain over the incumbent, {measure.gain:.0%} of the attainable profit, the agent keeps "
        f"{measure.kept:.0%} in the worst {measure.worst} of {len(measure.markets)} markets, {said} at level "
        f"{measure.alpha:.4f}."
    )


def _by_assumption(measure: AuditMeasure) -> str:
    """How much of the gain each assumption costs in the worse of its ways, the dearest first."""
    if measure.gain <= 0:
        return ""
    worst = [
        min((m for m in measure.markets if m.assumption == assumption), key=lambda market: market.gain)
        for assumption in ASSUMPTIONS
    ]
    lost = sorted(((1.0 - market.gain / measure.gain, market) for market in worst), key=lambda each: -each[0])
    said = [f"{market.assumption} {market.way} {share:.0%}" for share, market in lost if share >= NOTHING]
    rest = [market.assumption for share, market in lost if share < NOTHING]
    said += [f"nothing by {', '.join(rest)}"] if rest else []
    return f"Lost of it where one assumption moves by {MOVE:.0%}, or the structure changes: {', '.join(said)}."


def _requirement(measure: AuditMeasure) -> str:
    return "It is required here." if measure.required else "It is not required here."
