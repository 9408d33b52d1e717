"""What a task's batches came to, and what the exact test says of its exam. Touch this to measure mastery otherwise.

The test is that of criteria 2 and 4: counts at planned looks (sequential_counts.py), at the level of the task's exam.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaelp.domain.curriculum.standings import LookReading, Standing, TrainedTask
from gaelp.evidence.sequential_counts import PlannedLooks, critical_counts, crossed
from gaelp.messages.episode_batch import BatchResult


def trained(results: Sequence[BatchResult]) -> TrainedTask:
    """A task's training batches of one round, each with its episodes; a batch that failed has none."""
    rewards = [reward for result in results for reward in result.rewards]
    successes = [success for result in results for success in result.successes]
    return TrainedTask(
        batches=len(results),
        reward=sum(rewards) / len(rewards) if rewards else 0.0,
        success_rate=sum(successes) / len(successes) if successes else 0.0,
    )


def exam_look(
    standing: Standing, results: Sequence[BatchResult], episodes_per_batch: int, *, most: int, rate: float, alpha: float
) -> LookReading:
    """One more look at the task's exam. `most` looks are planned; `rate` is the success rate to be exceeded.

    A batch that failed counts as so many episodes without success.
    """
    successes = sum(sum(result.successes) for result in results)
    episodes = sum(len(result.successes) or episodes_per_batch for result in results)
    so_far = (*standing.successes, (standing.successes or (0,))[-1] + successes)
    played = (*standing.episodes, (standing.episodes or (0,))[-1] + episodes)
    looks = PlannedLooks(played, most)
    failures = np.array(played) - np.array(so_far)
    return LookReading(
        successes=so_far[-1],
        episodes=played[-1],
        passed=bool(crossed(np.array(so_far), critical_counts(looks, rate, alpha))),
        failed=bool(crossed(failures, critical_counts(looks, 1 - rate, alpha))),
    )
