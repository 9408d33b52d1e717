"""Agents whose episodes are draws of stated distributions: what a gate is certified with, in place of a world.

Touch this to state another kind of distribution. Where they are judged: simulated_exams.py beside this by
the gate alone, activities/compute/stated_worlds.py in whole runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gaelp.arrays import B1, F8, I8

COLLAPSED_REWARD = 0.2
LUCKY_REWARD = 0.95


@dataclass(frozen=True)
class StatedAgent:
    """An agent whose episodes are independent draws of rewards with this mean and deviation.

    They are beta distributed, so that the mean is exact; or normal and clipped to [0, 1], which has thinner tails.
    """

    name: str
    reward: float = 0.85  # mean, where the episode does not collapse
    spread: float = 0.0  # standard deviation; 0: every reward is the mean
    success: float = 1.0  # true rate
    anchor: float = 0.2  # mean reward of the anchor, with the same deviation
    collapse: float = 0.0  # share of episodes whose reward is COLLAPSED_REWARD
    normal: bool = False
    lucky: int = 0  # so many first episodes of the looks succeed with LUCKY_REWARD
    fall: float = 0.0  # of the mean reward from the first episode of the looks, or of the block, to the last

    def without_luck(self) -> StatedAgent:
        """As it plays the block."""
        return replace(self, lucky=0)


@dataclass(frozen=True)
class Stretch:
    """Episodes of an exam that are drawn together: `number` of them after the first `first`, of `total` in all."""

    first: int
    number: int
    total: int

    @property
    def numbers(self) -> I8:
        """Their numbers from 0."""
        return np.arange(self.first, self.first + self.number)


def drawn_rewards(agent: StatedAgent, stretch: Stretch, trials: int, rng: np.random.Generator) -> F8:
    """Rewards f8[T, N]; f8[1, N] for all trials where nothing is drawn."""
    mean = agent.reward - agent.fall * stretch.numbers / max(1, stretch.total - 1)
    rewards = _values(np.where(stretch.numbers < agent.lucky, LUCKY_REWARD, mean), agent, trials, rng)
    if agent.collapse:
        rewards = np.where(rng.random((trials, stretch.number)) < agent.collapse, COLLAPSED_REWARD, rewards)
    return rewards


def drawn_anchors(agent: StatedAgent, number: int, trials: int, rng: np.random.Generator) -> F8:
    """What the anchor earns, f8[T or 1, N]."""
    return _values(np.full(number, agent.anchor), agent, trials, rng)


def drawn_successes(agent: StatedAgent, stretch: Stretch, trials: int, rng: np.random.Generator) -> B1:
    """Which episodes succeed, bool[T, N]."""
    return np.asarray((rng.random((trials, stretch.number)) < agent.success) | (stretch.numbers < agent.lucky))


def _values(mean: F8, agent: StatedAgent, trials: int, rng: np.random.Generator) -> F8:
    """Values of 0 and 1 where no beta has that deviation."""
    spread, shape = agent.spread, (trials, mean.size)
    if not spread:
        return mean[None, :]
    if agent.normal:
        return np.clip(rng.normal(mean, spread, shape), 0.0, 1.0)
    size = mean * (1 - mean) / spread**2 - 1
    if (size <= 0).any():
        return (rng.random(shape) < mean).astype(np.float64)
    return rng.beta(mean * size, (1 - mean) * size, shape)
