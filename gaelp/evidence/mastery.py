"""What a task's batches came to, and what the exact test says of its exam. Touch this to measure mastery otherwise.

The test is that of criteria 2 and 4: counts at planned looks (sequential_counts.py), at the level of the task's exam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaelp.domain.curriculum.standings import LookReading, Standing, TrainedTask
from gaelp.evidence.sequential_counts import PlannedLooks, critical_counts, crossed
from gaelp.messages.episode_batch import BatchResult


@dataclass(frozen=True)
class MasteryRule:
    """When an episode counts, and which share of them must be exceeded at which level."""

    reward: float  # that an episode needs, beside being a success of criterion 2
    rate: float
    looks: int  # at the most
    alpha: float


def trained(results: Sequence[BatchResult], reward: float) -> TrainedTask:
    """A task's training batches of one round, each with its episodes; a batch that failed has none."""
    rewards = [each for result in results for each in result.rewards]
    counted = [each for result in results for each in _counted(result, reward)]
    return TrainedTask(
        batches=len(results),
        reward=sum(rewards) / len(rewards) if rewards else 0.0,
        success_rate=sum(counted) / len(counted) if counted else 0.0,
    )


def exam_look(
    standing: Standing, results: Sequence[BatchResult], episodes_per_batch: int, rule: MasteryRule
) -> LookReading:
    """One more look at the task's exam. A batch that failed counts as so many episodes that do not count."""
    successes = sum(sum(_counted(result, rule.reward)) for result in results)
    episodes = sum(len(result.successes) or episodes_per_batch for result in results)
    so_far = (*standing.successes, (standing.successes or (0,))[-1] + successes)
    played = (*standing.episodes, (standing.episodes or (0,))[-1] + episodes)
    looks = PlannedLooks(played, rule.looks)
    failures = np.array(played) - np.array(so_far)
    return LookReading(
        successes=so_far[-1],
        episodes=played[-1],
        passed=bool(crossed(np.array(so_far), critical_counts(looks, rule.rate, rule.alpha))),
        failed=bool(crossed(failures, critical_counts(looks, 1 - rule.rate, rule.alpha))),
    )


def _counted(result: BatchResult, reward: float) -> list[bool]:
    """Whether each episode is a success of its task."""
    pairs = zip(result.successes, result.rewards, strict=True)
    return [success and earned >= reward for success, earned in pairs]
