"""Many exams of an agent whose distributions are stated, judged by the very gate: what it passes, and how often.

Only the world is replaced. Wealth, counts and block come from the modules that measure a real exam, and each trial is
judged by gaelp/domain/gates. The mirrored tests are left out: a FAIL that comes first would only make passes rarer.

Touch this to judge trials by more than the four criteria; what may be stated is in stated_agents.py beside this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import B1, F8, I8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import together
from gaelp.domain.gates.criteria_simulation import FEWEST_EPISODES, judge_simulation
from gaelp.domain.gates.criteria_table import threshold_of
from gaelp.domain.gates.exam_rules import allowed_collapses, block_episodes
from gaelp.domain.gates.measurements import (
    Anchor,
    AnchorMeasure,
    BlockMeasure,
    CountLook,
    CountMeasure,
    MeanMeasure,
    SimulationMeasures,
)
from gaelp.domain.gates.verdicts import Verdict
from gaelp.evidence.certification.stated_agents import (
    StatedAgent,
    Stretch,
    drawn_anchors,
    drawn_rewards,
    drawn_successes,
)
from gaelp.evidence.consistency_block import block_numbers
from gaelp.evidence.exam_measurements import scaled_difference, worst_tenth
from gaelp.evidence.sequential_counts import PlannedLooks, critical_counts
from gaelp.evidence.stake_mixture import best_log_wealth

CHUNK = 500  # trials in memory at once
CRITERIA = 4


@dataclass(frozen=True)
class ExamPlan:
    """The looks of an exam, its level, and what the configuration asks for."""

    looks: PlannedLooks
    alpha: float
    config: TrainingConfiguration


@dataclass(frozen=True)
class ExamTrials:
    """T exams of one agent: rewards, anchors f8[T or 1, N], successes after each look i8[T, L], block f8[T or 1, B]."""

    rewards: F8
    anchors: F8
    successes: I8
    block: F8


Gate = Callable[[ExamTrials, ExamPlan], B1]
"""Which criteria each trial passes, bool[T, 4]."""


def exam_plan(config: TrainingConfiguration, alpha: float, batches: int | None = None) -> ExamPlan:
    """The looks that the configuration plans, or those of `batches` in each look."""
    simulation = config.simulation
    size = (batches or simulation.exam_batches) * (simulation.campaigns_per_batch // together(config))
    looks = tuple(size * number for number in range(1, simulation.exam_looks + 1))
    return ExamPlan(PlannedLooks(looks, simulation.exam_looks), alpha, config)


def passes(agent: StatedAgent, plan: ExamPlan, trials: int, rng: np.random.Generator, gate: Gate | None = None) -> B1:
    """Which criteria each of T exams of the agent passes, bool[T, 4]; `gate` is the real one by default."""
    judge = gate or real_gate
    return np.concatenate([judge(chunk, plan) for chunk in _drawn(agent, plan, trials, rng)])


def real_gate(trials: ExamTrials, plan: ExamPlan) -> B1:
    """The gate of the simulation phase, trial by trial."""
    measures = _measures(trials, plan)
    return np.array([[each.verdict is Verdict.PASS for each in judge_simulation(m)] for m in measures])


def _drawn(agent: StatedAgent, plan: ExamPlan, trials: int, rng: np.random.Generator) -> Iterator[ExamTrials]:
    last = plan.looks.episodes[-1]
    looks, block = Stretch(0, last, last), block_episodes(plan.config.simulation.consistency_episodes, plan.alpha)
    for first in range(0, trials, CHUNK):
        number = min(CHUNK, trials - first)
        successes = drawn_successes(agent, looks, number, rng)
        yield ExamTrials(
            rewards=drawn_rewards(agent, looks, number, rng),
            anchors=drawn_anchors(agent, last, number, rng),
            successes=successes.cumsum(axis=1)[:, np.array(plan.looks.episodes) - 1],
            block=drawn_rewards(agent.without_luck(), Stretch(0, block, block), number, rng),
        )


def _measures(trials: ExamTrials, plan: ExamPlan) -> Iterator[SimulationMeasures]:
    """One record for each trial."""
    config, alpha, looks = plan.config, plan.alpha, plan.looks
    number = len(trials.successes)
    success, reward = threshold_of("2", config), threshold_of("1", config)
    needed = critical_counts(looks, success, alpha)
    worst = np.broadcast_to(worst_tenth(trials.rewards), number)
    blocks = _blocks(trials.block, plan, number)
    averages = zip(_means(trials.rewards, reward, plan, number), _compared(trials, plan, number), strict=True)
    for at, (mean, compared) in enumerate(averages):
        counted = zip(looks.episodes, trials.successes[at], needed, strict=True)
        found = tuple(CountLook(n=n, successes=int(c), passes_from=least, fails_to=-1) for n, c, least in counted)
        yield SimulationMeasures(
            reward=mean,
            success=CountMeasure(looks=found, threshold=success, alpha=alpha, low=0.0, high=1.0),
            cvar=float(worst[at]),
            cvar_high=float(worst[at]),
            replaced=0,
            seeds=looks.episodes[-1],
            against_anchor=compared,
            block=blocks[at],
        )


def _means(values: F8, threshold: float, plan: ExamPlan, number: int) -> list[MeanMeasure]:
    """Without bounds, which decide nothing: 0 and 1 are shown in their place."""
    judged = [n for n in plan.looks.episodes if n >= FEWEST_EPISODES]
    wealth = np.broadcast_to(best_log_wealth(values, threshold, judged), number)
    means = np.broadcast_to(values.mean(axis=1), number)
    known = {"n": values.shape[1], "threshold": threshold, "alpha": plan.alpha, "log_wealth_against": 0.0}
    return [
        MeanMeasure(**known, mean=float(mean), log_wealth=float(log), low=0.0, high=1.0)
        for mean, log in zip(means, wealth, strict=True)
    ]


def _compared(trials: ExamTrials, plan: ExamPlan, number: int) -> list[AnchorMeasure]:
    improvement = threshold_of("3", plan.config)
    values, null, _ = scaled_difference(trials.rewards, trials.anchors, improvement, False)
    known = {"anchor": Anchor.ENTRY, "anchor_reward": 0.0, "improvement": improvement, "absolute": False}
    return [AnchorMeasure(**known, difference=mean) for mean in _means(values, null, plan, number)]


def _blocks(rewards: F8, plan: ExamPlan, number: int) -> list[BlockMeasure]:
    episodes, numbers = rewards.shape[1], block_numbers(rewards)
    columns = {name: np.broadcast_to(values, number) for name, values in vars(numbers).items()}
    allowed, threshold = allowed_collapses(episodes, plan.alpha), threshold_of("1", plan.config)
    return [
        BlockMeasure(
            episodes=episodes,
            announced=episodes,
            allowed=allowed,
            reward_threshold=threshold,
            collapses=int(columns["collapses"][at]),
            **{name: float(columns[name][at]) for name in ("spread", "lowest", "fall_p", "shift")},
        )
        for at in range(number)
    ]
