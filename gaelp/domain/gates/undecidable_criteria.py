"""Which criteria a run can never pass, by its logs and its settings: the numbers are those that the gates judge by.

A strict run is refused where a phase that it asks for has one (gaelp/domain/config/start_conditions.py says it to
people). Touch this when a criterion gets another condition that logs or settings can make impossible.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import together
from gaelp.domain.gates.criteria_historical import (
    FORECAST_KINDS,
    LEAST_ROW_ESS,
    PAIRED_KINDS,
    PANEL_KINDS,
    RANKED_KINDS,
)
from gaelp.domain.gates.criteria_live_test import FEWEST_ACTIONS, FEWEST_CAMPAIGNS
from gaelp.domain.gates.criteria_scaled import FEWEST_EFFECTIVE
from gaelp.domain.gates.criteria_simulation import FEWEST_EPISODES, FEWEST_FOR_CVAR
from gaelp.domain.gates.criteria_table import CRITERIA, NEVER_PASSES, required_in, threshold_of
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.log_evidence import LEAST_CLICK_ESS, LogKind
from gaelp.domain.phases import Phase


@dataclass(frozen=True)
class JudgedLog:
    """A log as a gate will see it: the rows and clicks that are later than all that calibrates the market."""

    name: str
    kind: str  # a value of LogKind
    rows: int
    clicks: int


@dataclass(frozen=True)
class Undecidable:
    """A criterion that a run can never pass, and why, in one sentence."""

    id: str
    reason: str


Logs = Sequence[JudgedLog] | None
"""The logs of a run in their order; None where nothing is known of them yet."""


def undecidable_in(phase: Phase, config: TrainingConfiguration, logs: Logs) -> tuple[Undecidable, ...]:
    """The criteria of a phase's gate that a run of this configuration on these logs can never pass."""
    return tuple(
        Undecidable(each.id, reason) for each in required_in(phase) if (reason := _why_never(each.id, config, logs))
    )


def passable(phases: Sequence[Phase], config: TrainingConfiguration, logs: Logs) -> tuple[Phase, ...]:
    """The first of `phases`, up to the one before the first whose gate can never pass."""
    able = [not undecidable_in(phase, config, logs) for phase in phases]
    return tuple(phases[: able.index(False)] if False in able else phases)


def _why_never(id: str, config: TrainingConfiguration, logs: Logs) -> str:
    if id in NEVER_PASSES:
        return NEVER_PASSES[id]
    rule = _RULES.get(id)
    return next(rule(config, logs), "") if rule else ""


def _average_reward(config: TrainingConfiguration, _: Logs) -> Iterator[str]:
    yield from _too_few_episodes(config, FEWEST_FOR_CVAR)
    yield from _out_of_reach("1", threshold_of("1", config))


def _success_rate(config: TrainingConfiguration, _: Logs) -> Iterator[str]:
    threshold = threshold_of("2", config)
    if threshold >= 1:
        yield from _out_of_reach("2", threshold)
        return
    # All of n episodes succeed with the probability threshold^n where the rate is the threshold.
    yield from _too_few_episodes(config, math.ceil(math.log(alpha_for(1)) / math.log(threshold)) if threshold else 1)


def _improvement(config: TrainingConfiguration, _: Logs) -> Iterator[str]:
    yield from _too_few_episodes(config, FEWEST_EPISODES)


def _too_few_episodes(config: TrainingConfiguration, fewest: int) -> Iterator[str]:
    simulation = config.simulation
    most = simulation.exam_batches * simulation.exam_looks * (simulation.campaigns_per_batch // together(config))
    if most < fewest:
        yield f"It is judged from {fewest} episodes on, and the exam has {most} at the most."


def _out_of_reach(id: str, threshold: float) -> Iterator[str]:
    if threshold >= 1:
        yield f"The lower bound of a share cannot lie above {CRITERIA[id].setting}, which is {threshold:g}."


def _non_inferiority(config: TrainingConfiguration, logs: Logs) -> Iterator[str]:
    if not config.historical.logs:
        yield "historical.logs is empty, and without a log history says nothing."
    paired = [log for log in logs or () if log.kind in PAIRED_KINDS]
    for log in logs or ():
        if not paired:
            yield f"{log.name} is a {log.kind} log, which cannot show it: name a bandit or a market log beside it."
    judged = [log for log in paired if log.kind == LogKind.BANDIT] or paired
    for log in judged:
        if log.rows < LEAST_ROW_ESS or log.clicks < LEAST_CLICK_ESS:
            yield (
                f"{log.name} has {log.rows:,} rows and {log.clicks:,} clicks after those that calibrate the market, "
                f"and at least {LEAST_ROW_ESS} rows and {LEAST_CLICK_ESS} clicks are needed."
            )


def _without(kinds: Sequence[str], what: str, config: TrainingConfiguration, logs: Logs) -> Iterator[str]:
    if not config.historical.logs or (logs is not None and not any(log.kind in kinds for log in logs)):
        yield f"historical.logs names no {' or '.join(kinds)} log, on which alone {what}."


def _fidelity(config: TrainingConfiguration, logs: Logs) -> Iterator[str]:
    yield from _out_of_reach("5a", threshold_of("5a", config))
    yield from _without(FORECAST_KINDS, "forecasts are compared", config, logs)


def _prediction_accuracy(config: TrainingConfiguration, logs: Logs) -> Iterator[str]:
    yield from _out_of_reach("6", threshold_of("6", config))
    yield from _without(PANEL_KINDS, "policies are compared", config, logs)


def _rank_correlation(config: TrainingConfiguration, logs: Logs) -> Iterator[str]:
    yield from _without(RANKED_KINDS, "arms or policies are ranked", config, logs)


def _efficiency(config: TrainingConfiguration, _: Logs) -> Iterator[str]:
    if config.live_test.campaigns < FEWEST_CAMPAIGNS:
        yield f"It needs {FEWEST_CAMPAIGNS} campaigns, and live_test.campaigns is {config.live_test.campaigns}."


def _violations(config: TrainingConfiguration, _: Logs) -> Iterator[str]:
    live = config.live_test
    most = live.campaigns * live.days * (24 // config.clock.tick_hours)
    if most < FEWEST_ACTIONS:
        yield (
            f"It needs {FEWEST_ACTIONS} actions, and live_test.campaigns, live_test.days and clock.tick_hours allow "
            f"{most}."
        )


def _portfolio(config: TrainingConfiguration, _: Logs) -> Iterator[str]:
    threshold, products = threshold_of("12", config), len(config.scaled.products)
    if threshold >= 1:
        yield from _out_of_reach("12", threshold)
        return
    # Clopper and Pearson's lower bound of n successes in n is alpha^(1/n); each product has one candidate campaign.
    needed = math.ceil(math.log(alpha_for(1)) / math.log(threshold)) if threshold > 0 else 0
    if products < (fewest := max(FEWEST_EFFECTIVE, needed)):
        yield f"It needs {fewest} products, and scaled.products names {products}."


Rule = Callable[[TrainingConfiguration, Logs], Iterator[str]]

_RULES: Mapping[str, Rule] = {
    "1": _average_reward,
    "2": _success_rate,
    "3": _improvement,
    "5b": _non_inferiority,
    "5a": _fidelity,
    "6": _prediction_accuracy,
    "7": _rank_correlation,
    "9": _efficiency,
    "10": _violations,
    "12": _portfolio,
}
