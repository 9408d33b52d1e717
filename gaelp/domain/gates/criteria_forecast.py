"""Criterion 5a on one report or market log: do forecasts one day ahead match what came.

Touch this only together with docs/gates.md.
"""

from __future__ import annotations

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.criterion import CriterionNumbers, Formula, Judgement, criterion_verdict, finite
from gaelp.domain.gates.measurements import ForecastMeasure, LogMeasures
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict

REQUIRED = {"report": ("cost", "conversions"), "market": ("clicks",)}
"""What must match, by the kind of log; a market log's clicks are those given what was won."""
EQUIVALENT = (0.95, 1.05)
FEWEST_EVENTS = 2000
FEWEST_WEEKS = 4

_UNKNOWN = "it does not know them, or has too few days"
_WORST_FIRST = (Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.PASS)


def fidelity(log: LogMeasures, threshold: float) -> CriterionVerdict:
    """Every quantity of the report must match; the one that decides stands in the verdict's numbers."""
    if log.state != EpisodeState.SETTLED:
        reason = f"Log {log.log} was not replayed ({log.state}): {log.reason or 'no reason was given'}."
        return criterion_verdict("5a", (Verdict.INVALID, reason), Formula.FORECASTS, CriterionNumbers(), log.log)
    known = {each.quantity for each in log.forecasts}
    if missing := [name for name in REQUIRED[log.kind] if name not in known]:
        why = log.no_forecast or _UNKNOWN
        reason = f"{log.kind.capitalize()} log {log.log} supports no forecast of {' and '.join(missing)}: {why}."
        none = Verdict.INCONCLUSIVE, reason
        return criterion_verdict("5a", none, Formula.FORECASTS, CriterionNumbers(), log.log, unsupported=True)
    judged = [(_judged(each, log.log, threshold), each) for each in log.forecasts]
    (verdict, _), deciding = min(judged, key=lambda each: _WORST_FIRST.index(each[0][0]))
    reason = " ".join(sentence for (_, sentence), _ in judged)
    numbers = CriterionNumbers(
        deciding.match, deciding.match_low, threshold, f"match of {deciding.quantity}", deciding.cells
    )
    unsupported = verdict is Verdict.INCONCLUSIVE and deciding.reachable < threshold
    return criterion_verdict("5a", (verdict, reason), Formula.FORECASTS, numbers, log.log, unsupported)


def _judged(each: ForecastMeasure, log: str, threshold: float) -> Judgement:
    name = f"{each.quantity.capitalize()} of {log}"
    if not finite(each.match, each.ratio, each.ratio_low, each.ratio_high, each.reachable):
        return Verdict.INVALID, f"{name} are no numbers, or 0 on every day."
    result = (
        f"{name} match at {each.match:.3f} ({each.match_low:.3f} to {each.match_high:.3f}) over {each.cells:,} days of "
        f"campaigns; forecast over reported is {each.ratio:.3f} ({each.ratio_low:.3f} to {each.ratio_high:.3f})"
    )
    lowest, highest = EQUIVALENT
    if each.events < FEWEST_EVENTS or each.weeks < FEWEST_WEEKS:
        return Verdict.INCONCLUSIVE, (
            f"{result}: it rests on {each.events:,.0f} events in {each.weeks} weeks, and {FEWEST_EVENTS:,} in "
            f"{FEWEST_WEEKS} are needed."
        )
    if each.ratio_low > highest or each.ratio_high < lowest:
        return Verdict.FAIL, f"{result}, outside {lowest} to {highest}."
    if each.reachable < threshold:
        return Verdict.INCONCLUSIVE, (
            f"{result}: with so few events a day even a perfect model matches at {each.reachable:.3f} only; report "
            "fewer and larger campaigns."
        )
    if each.match_high < threshold:
        return Verdict.FAIL, f"{result}: below {threshold:g}."
    if each.match_low >= threshold and each.ratio_low >= lowest and each.ratio_high <= highest:
        return Verdict.PASS, f"{result}: at least {threshold:g}, within {lowest} to {highest}."
    return Verdict.INCONCLUSIVE, f"{result}: a bound of {threshold:g}, and {lowest} to {highest}, are needed."
