"""From the exam of the simulation phase to the raw numbers that its gate judges. Nothing is decided here.

Broken data become `problems` or NaN, which the gate judges as INVALID. Touch this when one of criteria 1 to 4 needs a
new number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from gaelp.arrays import F8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import together
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.criteria_simulation import FEWEST_EPISODES
from gaelp.domain.gates.criteria_table import threshold_of
from gaelp.domain.gates.exam_rules import allowed_collapses, block_episodes
from gaelp.domain.gates.measurements import (
    FAILED_RATIO,
    Anchor,
    AnchorMeasure,
    BlockMeasure,
    CountLook,
    CountMeasure,
    MeanMeasure,
    SimulationMeasures,
)
from gaelp.domain.simple_rules import RuleMeasure
from gaelp.evidence import sequential_counts, stake_mixture
from gaelp.evidence.consistency_block import ROLLING, block_numbers
from gaelp.evidence.sequential_counts import PlannedLooks, critical_counts
from gaelp.messages.episode_batch import BatchResult

WORST_SHARE = 0.1  # CVaR over the worst tenth
RESAMPLES = 1000
LITTLE_REWARD = 0.1  # an anchor below it is to be exceeded in reward, and not by a share of its own
NOT_WORSE = -0.05  # what an agent that had already passed the gate is asked for


@dataclass(frozen=True)
class ExamEvidence:
    """What an exam left behind: the batches of its looks and of its block, in any order, and what it compares with."""

    exams: Sequence[BatchResult]
    anchor: Anchor
    block: Sequence[BatchResult] = ()


def measure_simulation(evidence: ExamEvidence, config: TrainingConfiguration, alpha: float) -> SimulationMeasures:
    """The exam so far; a failed batch is a batch of failed episodes."""
    batches = sorted(evidence.exams, key=lambda batch: batch.index)
    problems = tuple(problem for batch in batches for problem in _broken(batch))
    sound = [] if problems else batches
    looks = _looks(sound, config)
    rewards, ratios, anchors = (_column(sound, name, config) for name in ("rewards", "raw_rewards", "anchor_rewards"))
    replaced = sum(batch.replaced for batch in batches)
    low, high = _cvar(ratios, alpha)
    return SimulationMeasures(
        reward=mean_measure(rewards, threshold_of("1", config), alpha, looks.episodes),
        success=count_measure(_column(sound, "successes", config), threshold_of("2", config), alpha, looks),
        cvar=low,
        cvar_high=high,
        replaced=replaced,
        seeds=rewards.size + replaced,
        incumbent=_incumbent(sound),
        best_rule=_best_rule(sound),
        problems=problems,
        against_anchor=_against_anchor(rewards, anchors, evidence.anchor, config, (alpha, looks.episodes)),
        block=_block(evidence.block, config, alpha) if evidence.block else None,
    )


def _incumbent(batches: Sequence[BatchResult]) -> float | None:
    """Mean reward of the incumbent on the worlds of the batches that settled; None where they do not tell it."""
    amounts = [batch.amounts for batch in batches if not _failed(batch)]
    profits = np.array([value for each in amounts for value in each.incumbent_profit_micros], dtype=np.float64)
    optimum = np.array([value for each in amounts for value in each.optimum_micros], dtype=np.float64)
    if not profits.size or profits.size != optimum.size or not (optimum > 0).all():
        return None
    return float(np.clip(profits / optimum, 0.0, 1.0).mean())


def _best_rule(batches: Sequence[BatchResult]) -> RuleMeasure | None:
    """The simple rule that earned most on the worlds of the batches that settled; None where a batch tells of none."""
    settled = [batch.rule_rewards for batch in batches if not _failed(batch)]
    names = set[str].intersection(*map(set, settled)) if settled else ()
    means = {
        name: float(np.mean(earned))
        for name in names
        if (earned := [reward for rewards in settled for reward in rewards[name]])
    }
    best = max(sorted(means), key=means.__getitem__, default=None)
    return None if best is None else RuleMeasure(name=best, reward=means[best])


def mean_measure(values: F8, threshold: float, alpha: float, looks: Sequence[int]) -> MeanMeasure:
    """The test of the mean of f8[N] in [0, 1] at the looks from FEWEST_EPISODES on."""
    judged = [n for n in looks if n >= FEWEST_EPISODES]
    wealth = float(stake_mixture.best_log_wealth(values, threshold, judged))
    against = float(stake_mixture.best_log_wealth(1.0 - values, 1.0 - threshold, judged))
    return MeanMeasure(
        n=values.size,
        mean=float(values.mean()) if values.size else 0.0,
        threshold=threshold,
        alpha=alpha,
        log_wealth=wealth,
        log_wealth_against=against,
        low=stake_mixture.lower_bound(values, judged, alpha, threshold),
        high=1.0 - stake_mixture.lower_bound(1.0 - values, judged, alpha, 1.0 - threshold),
        more=stake_mixture.more_values(wealth, values.size, alpha),
    )


def count_measure(successes: F8, threshold: float, alpha: float, looks: PlannedLooks) -> CountMeasure:
    """The exact test of the success rate of f8[N], 0 or 1 each."""
    counts = [int(successes[:n].sum()) for n in looks.episodes]
    failures = [n - count for n, count in zip(looks.episodes, counts, strict=True)]
    passes = critical_counts(looks, threshold, alpha)
    fails = critical_counts(looks, 1.0 - threshold, alpha)
    found = [
        CountLook(n=n, successes=count, passes_from=from_, fails_to=n - failing)
        for n, count, from_, failing in zip(looks.episodes, counts, passes, fails, strict=True)
    ]
    last = (counts[-1], looks.episodes[-1]) if counts else (0, 0)
    return CountMeasure(
        looks=tuple(found),
        threshold=threshold,
        alpha=alpha,
        low=sequential_counts.lower_bound(counts, looks, alpha, threshold),
        high=1.0 - sequential_counts.lower_bound(failures, looks, alpha, 1.0 - threshold),
        more=sequential_counts.more_episodes(*last, threshold, alpha),
    )


def scaled_difference(rewards: F8, anchors: F8, improvement: float, absolute: bool) -> tuple[F8, float, float]:
    """(values f8[...] in [0, 1], their mean under H0, width): D in [-lowest, ...] is values x width - lowest.

    D = R - (1 + t) R_anchor, or R - R_anchor - t where `absolute`, for the improvement t.
    """
    factor, shift = (1.0, improvement) if absolute else (1.0 + improvement, 0.0)
    lowest, width = factor + shift, 1.0 + factor
    difference = rewards - factor * anchors - shift
    return np.clip((difference + lowest) / width, 0.0, 1.0), lowest / width, width


def _against_anchor(
    rewards: F8, anchors: F8, anchor: Anchor, config: TrainingConfiguration, test: tuple[float, Sequence[int]]
) -> AnchorMeasure | None:
    """None where a batch does not say what its anchor earned."""
    if anchors.size != rewards.size or not rewards.size:
        return None
    alpha, looks = test
    improvement = NOT_WORSE if anchor is Anchor.GRADUATED_ENTRY else threshold_of("3", config)
    absolute = improvement > 0 and bool(anchors.mean() < LITTLE_REWARD)
    values, null, width = scaled_difference(rewards, anchors, improvement, absolute)
    measure = mean_measure(values, null, alpha, looks)

    def back(value: float) -> float:
        return (value - null) * width

    scaled = {name: back(getattr(measure, name)) for name in ("mean", "low", "high")}
    return AnchorMeasure(
        anchor=anchor,
        anchor_reward=float(anchors.mean()),
        improvement=improvement,
        absolute=absolute,
        difference=measure.model_copy(update=scaled | {"threshold": 0.0}),
    )


def _block(batches: Sequence[BatchResult], config: TrainingConfiguration, alpha: float) -> BlockMeasure:
    ordered = sorted(batches, key=lambda batch: batch.index)
    problems = [problem for batch in ordered for problem in _broken(batch)]
    announced = block_episodes(config.simulation.consistency_episodes, alpha)
    rewards = np.zeros(0) if problems else _column(ordered, "rewards", config)[:announced]
    if rewards.size < max(announced, ROLLING) and not problems:
        problems.append(f"the block has {rewards.size} of the {announced} announced episodes")
    return block_measure(np.zeros(ROLLING) if problems else rewards, config, alpha).model_copy(
        update={"announced": announced, "problems": tuple(problems)}
    )


def block_measure(rewards: F8, config: TrainingConfiguration, alpha: float) -> BlockMeasure:
    """A whole block of rewards f8[N] in the order in which they were played."""
    numbers = block_numbers(rewards)
    return BlockMeasure(
        episodes=rewards.size,
        announced=rewards.size,
        collapses=int(numbers.collapses),
        allowed=allowed_collapses(rewards.size, alpha),
        spread=float(numbers.spread),
        lowest=float(numbers.lowest),
        fall_p=float(numbers.fall_p),
        shift=float(numbers.shift),
        reward_threshold=threshold_of("1", config),
    )


def _looks(batches: Sequence[BatchResult], config: TrainingConfiguration) -> PlannedLooks:
    """The episodes after each look. Which of them were left out depends on their worlds and on no policy."""
    simulation = config.simulation
    sizes = [
        sum(_size(batch, config) for batch in look)
        for _, look in groupby(batches, lambda batch: batch.index // simulation.exam_batches)
    ]
    return PlannedLooks(tuple(np.cumsum(np.array(sizes, dtype=int)).tolist()), simulation.exam_looks)


def _failed(batch: BatchResult) -> bool:
    return batch.state != EpisodeState.SETTLED


def _size(batch: BatchResult, config: TrainingConfiguration) -> int:
    return batch.episodes if not _failed(batch) else config.simulation.campaigns_per_batch // together(config)


def _broken(batch: BatchResult) -> list[str]:
    if _failed(batch):
        return []
    sizes = {batch.episodes, *map(len, (batch.rewards, batch.raw_rewards, batch.successes, batch.anchor_rewards))}
    where = f"{batch.purpose} batch {batch.index}"
    broken = [f"{where} has {sorted(sizes)} measures for its episodes"] if len(sizes) > 1 else []
    rewards = (*batch.rewards, *batch.anchor_rewards)
    outside = [reward for reward in rewards if reward < 0 or reward > 1]
    broken += [f"{where} has a reward of {outside[0]}, outside [0, 1]"] if outside else []
    unknown = sum(not math.isfinite(value) for value in (*rewards, *batch.raw_rewards))
    return broken + ([f"{where} has {unknown} rewards that are not finite"] if unknown else [])


def _column(batches: Sequence[BatchResult], name: str, config: TrainingConfiguration) -> F8:
    """One number per episode. Of a failed batch nothing is known of the anchor either, which then earned all."""
    failed = {"raw_rewards": FAILED_RATIO, "anchor_rewards": 1.0}.get(name, 0.0)
    parts = [[failed] * _size(b, config) if _failed(b) else getattr(b, name) for b in batches]
    return np.array([value for part in parts for value in part], dtype=np.float64)


def _cvar(ratios: F8, alpha: float) -> tuple[float | None, float | None]:
    """Mean of the worst tenth, and its bootstrap upper bound; the resampling is seeded by the data's size alone."""
    if not ratios.size:
        return None, None
    rng = np.random.Generator(np.random.Philox(ratios.size))
    resampled = worst_tenth(rng.choice(ratios, size=(RESAMPLES, ratios.size)))
    return float(worst_tenth(ratios)), float(np.quantile(resampled, 1 - alpha))


def worst_tenth(ratios: F8) -> F8:
    """The mean of the worst tenth f8[...] of ratios f8[..., N]."""
    worst = max(1, math.ceil(WORST_SHARE * ratios.shape[-1]))
    return np.asarray(np.sort(ratios, axis=-1)[..., :worst].mean(axis=-1))
