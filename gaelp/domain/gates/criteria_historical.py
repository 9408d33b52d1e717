"""Criteria 5a to 7, judged on real logs.

SUPPORT below is the table of that page which says which kind of log supports which criterion.

Touch this only together with docs/gates.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.criteria_forecast import fidelity
from gaelp.domain.gates.criteria_panel import panel_accuracy, rank_correlation
from gaelp.domain.gates.criteria_table import CRITERIA, required_in, threshold_of
from gaelp.domain.gates.criterion import (
    CriterionNumbers,
    Formula,
    Judgement,
    criterion_verdict,
    finite,
    not_assessed,
)
from gaelp.domain.gates.measurements import HistoricalMeasures, LogMeasures, PointMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.domain.log_evidence import LEAST_CLICK_ESS, LEAST_RANDOMISED_P, LogKind
from gaelp.domain.phases import Phase
from gaelp.domain.policy_ranks import PairedBids

SUPPORT: dict[str, dict[str, str]] = {
    "bandit": {"5b": "", "7": "across arms"},
    "market": {"5a": "clicks given wins", "5b": "", "6": "over a panel of policies", "7": "over a panel of policies"},
    "report": {"5a": ""},
}

PAIRED_KINDS = ("bandit", "market")
"""Kinds of logs on which this version compares an agent with whoever logged (5b)."""

FORECAST_KINDS = ("report", "market")
"""Kinds of logs on which this version forecasts (5a)."""

PANEL_KINDS = ("market",)
"""Kinds of logs on which this version asks a panel of policies (6)."""

RANKED_KINDS = ("bandit", "market")
"""Kinds of logs on which this version ranks arms, or the policies of a panel (7)."""

LEAST_ROW_ESS = 200
LARGEST_WEIGHT = 0.05
WEIGHT_ERRORS = 3
WEIGHT_ROUNDING = 0.001  # propensities are printed with few digits; where all are equal the standard error is 0
AGREEING = ("snips", "dr", "switch-dr")


def judge_historical(measures: HistoricalMeasures, config: TrainingConfiguration) -> tuple[CriterionVerdict, ...]:
    """5a once for each report and market log, 5b and 7 for each bandit and market log, 6 for each market log."""
    logs = measures.logs
    if not logs:
        required = required_in(Phase.HISTORICAL)
        return tuple(not_assessed(each.id, "No log was replayed: history says nothing.") for each in required)
    paired = _paired_logs(logs, measures.alpha)
    asked = [log for log in logs if log.kind in PANEL_KINDS]
    accuracy = [panel_accuracy(log, threshold_of("6", config)) for log in asked] or [_by_support("6", logs)]
    ranked = [log for log in logs if log.kind in RANKED_KINDS]
    correlation = [rank_correlation(log, threshold_of("7", config)) for log in ranked] or [_by_support("7", logs)]
    days = [log for log in logs if log.kind in FORECAST_KINDS]
    forecast = [fidelity(log, threshold_of("5a", config)) for log in days] or [_by_support("5a", logs)]
    return (*forecast, *paired, *accuracy, *correlation)


def _paired_logs(logs: Sequence[LogMeasures], alpha: float) -> tuple[CriterionVerdict, ...]:
    """5b on the logs that can show it, and where none can on each; what another log cannot show is named."""
    able = [log for log in logs if log.kind == LogKind.BANDIT or log.bids or log.state != EpisodeState.SETTLED]
    first, *rest = (_non_inferiority(log, alpha) for log in able or logs)
    if able and (unable := [f"{log.kind} log {log.log}" for log in logs if log not in able]):
        first = first.model_copy(update={"reason": f"{first.reason} Nothing of it is shown by {_listed(unable)}."})
    return (first, *rest)


def _by_support(id: str, logs: Sequence[LogMeasures]) -> CriterionVerdict:
    """INCONCLUSIVE for every log: those that cannot support the criterion, and those whose numbers are not made yet."""
    unable = [f"{log.kind or 'unreadable'} log {log.log}" for log in logs if id not in SUPPORT.get(log.kind, {})]
    able = [log.log for log in logs if id in SUPPORT.get(log.kind, {})]
    reasons = [f"{CRITERIA[id].name.capitalize()} is not supported by {_listed(unable)}."] if unable else []
    reasons += [f"It is not assessed yet on {_listed(able)}."] if able else []
    return not_assessed(id, " ".join(reasons), unsupported=not able)


def _non_inferiority(log: LogMeasures, alpha: float) -> CriterionVerdict:
    if log.bids and log.state == EpisodeState.SETTLED:
        return _same_money(log, log.bids, alpha)
    assessed = log.difference is not None
    numbers = CriterionNumbers(
        estimate=log.difference,
        bound=log.difference_low,
        threshold=0.0 if assessed else None,
        unit="clicks per impression above 95 % of the logging policy" if assessed else "",
        n=log.rows,
    )
    formula = Formula.PAIRED if assessed else Formula.NOT_ASSESSED
    unsupported = log.kind != LogKind.BANDIT or bool(assessed and grade_a_missed(log))
    return criterion_verdict("5b", _paired(log, alpha), formula, numbers, log.log, unsupported)


def _paired(log: LogMeasures, alpha: float) -> Judgement:
    """INVALID, then what the log cannot say, then what it rests on, then the bet."""
    if log.state != EpisodeState.SETTLED:
        return Verdict.INVALID, f"Log {log.log} was not replayed ({log.state}): {log.reason or 'no reason was given'}."
    if not _sound(log):
        return Verdict.INVALID, f"An estimate on log {log.log} is missing or infinite."
    if "5b" not in SUPPORT.get(log.kind, {}):
        return Verdict.INCONCLUSIVE, f"A {log.kind} log as {log.log} has no counterfactual: it cannot show this."
    if log.kind == LogKind.MARKET:
        return (
            Verdict.INCONCLUSIVE,
            f"No bids were compared with the logger's on {log.log}: {log.no_bids or 'no reason'}.",
        )
    if log.difference is None or log.log_wealth is None or log.log_wealth_against is None:
        return Verdict.INCONCLUSIVE, f"The comparison with the logging policy of {log.log} is not assessed yet."
    missed = grade_a_missed(log)
    if missed:
        return Verdict.INCONCLUSIVE, f"Log {log.log} cannot carry grade-A evidence: {'; '.join(missed)}."
    return _bet(log, log.difference, log.log_wealth, log.log_wealth_against, alpha)


def _bet(log: LogMeasures, difference: float, wealth: float, against: float, alpha: float) -> Judgement:
    result = (
        f"On {log.log} ({log.rows:,} rows, {log.clicks} clicks) the candidate's click rate less 95 % of the logging "
        f"policy's is {difference:+.5f}"
    )
    return _decided(result, wealth, against, alpha)


def _same_money(log: LogMeasures, bids: PairedBids, alpha: float) -> CriterionVerdict:
    """5b on a market log: the agent's clicks beside those that the logger buys for the same money."""
    numbers = CriterionNumbers(
        bids.difference, bids.difference_low, 0.0, "clicks an episode above 95 % of the logger's", bids.episodes
    )
    return criterion_verdict("5b", _bids(log, bids, alpha), Formula.PAIRED_BIDS, numbers, log.log)


def _bids(log: LogMeasures, bids: PairedBids, alpha: float) -> Judgement:
    if not finite(bids.difference, bids.difference_low, bids.log_wealth, bids.log_wealth_against):
        return Verdict.INVALID, f"An estimate on log {log.log} is missing or infinite."
    beyond = f", of which {bids.beyond} above the logger's bids, which do not count for it," if bids.beyond else ""
    result = (
        f"On {log.log} ({log.rows:,} auctions, {bids.episodes} episodes) the candidate's bids won {bids.agent} clicks"
        f"{beyond} and the logger {bids.logger} for the same money; less 95 % of the logger's that is "
        f"{bids.difference:+.3f} an episode"
    )
    if bids.clicks < LEAST_CLICK_ESS:
        return Verdict.INCONCLUSIVE, f"{result}: {bids.clicks} of the {LEAST_CLICK_ESS} needed clicks were won."
    return _decided(result, bids.log_wealth, bids.log_wealth_against, alpha)


def _decided(result: str, wealth: float, against: float, alpha: float) -> Judgement:
    """What the two bets say."""
    needed = -math.log(alpha)
    if wealth >= needed:
        return Verdict.PASS, f"{result}: above 0 at level {alpha:.4f}."
    if against >= needed:
        return Verdict.FAIL, f"{result}: below 0 at level {alpha:.4f}."
    have, want = math.exp(min(wealth, needed)), 1 / alpha
    return Verdict.INCONCLUSIVE, f"{result}: evidence {have:.1f} of the {want:.1f} needed, more clicks are needed."


def grade_a_missed(log: LogMeasures) -> list[str]:
    """The requirements of grade A that a log misses, in words; empty where none."""
    missed = [] if log.grade == "A" else [f"its grade is {log.grade or 'none'}"]
    if log.row_ess < LEAST_ROW_ESS:
        missed.append(f"effective rows {log.row_ess:.0f} of the {LEAST_ROW_ESS} needed")
    if log.click_ess < LEAST_CLICK_ESS:
        missed.append(f"effective clicks {log.click_ess:.1f} of the {LEAST_CLICK_ESS} needed")
    if log.largest_weight_share > LARGEST_WEIGHT:
        missed.append(f"one row carries {log.largest_weight_share:.1%} of the weight, more than {LARGEST_WEIGHT:.0%}")
    if abs(log.mean_weight - 1) > WEIGHT_ERRORS * log.mean_weight_error + WEIGHT_ROUNDING:
        error = log.mean_weight_error
        missed.append(f"mean weight {log.mean_weight:.3f} is further than {WEIGHT_ERRORS} x {error:.3f} from 1")
    if log.randomised_p is not None and log.randomised_p < LEAST_RANDOMISED_P:
        missed.append(
            f"items were not shown as often as their propensities say (chi-square p = {log.randomised_p:.1g})"
        )
    return missed + _disagreements(log.points)


def _disagreements(points: Sequence[PointMeasure]) -> list[str]:
    """Estimators that are missing, or whose point lies outside another's 90 % interval."""
    by_estimator = {point.estimator: point for point in points}
    absent = [name for name in AGREEING if name not in by_estimator]
    if absent:
        return [f"no estimate by {_listed(absent)}"]
    compared = [by_estimator[name] for name in AGREEING]
    outside = [
        f"{a.estimator} outside {b.estimator}'s" for a in compared for b in compared if not b.low <= a.value <= b.high
    ]
    return [f"the estimators disagree ({', '.join(outside)} interval)"] if outside else []


def _sound(log: LogMeasures) -> bool:
    """A log wealth of minus infinity would be a lost bet; the stakes exclude it, so it is broken data."""
    numbers = [number for point in log.points for number in (point.value, point.low, point.high)]
    weights = (log.row_ess, log.click_ess, log.largest_weight_share, log.mean_weight, log.mean_weight_error)
    bets = (log.logging, log.difference, log.difference_low, log.log_wealth, log.log_wealth_against)
    return finite(*numbers, *weights, *bets, log.randomised_p)


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
