"""What counts in a task's exam, and what the exact test says of it."""

from __future__ import annotations

import pytest

from gaelp.domain.curriculum.standings import Standing
from gaelp.domain.episodes import BatchPurpose, EpisodeState
from gaelp.evidence.mastery import MasteryRule, exam_look, trained
from gaelp.evidence.sequential_counts import PlannedLooks, critical_counts, crossing_chances
from gaelp.messages.episode_batch import BatchResult

RULE = MasteryRule(reward=0.7, rate=0.8, looks=2, alpha=0.03)


def batch(good: int, episodes: int, reward: float = 0.9) -> BatchResult:
    """A batch whose first `good` episodes are successes with that reward, and whose others are none."""
    return BatchResult(
        index=0, purpose=BatchPurpose.MASTERY, state=EpisodeState.SETTLED, trajectory_digest=None, episodes=episodes,
        rewards=(reward,) * good + (0.9,) * (episodes - good), successes=(True,) * good + (False,) * (episodes - good),
    )  # fmt: skip


FAILED = BatchResult(
    index=0, purpose=BatchPurpose.MASTERY, state=EpisodeState.FAILED, trajectory_digest=None, episodes=0
)


def test_a_look_passes_from_the_critical_count_on_and_not_below() -> None:
    """One success fewer is undecided; the mirrored count fails."""
    (critical,) = critical_counts(PlannedLooks((64,), 2), 0.8, 0.03)
    for good, expected in ((critical, (True, False)), (critical - 1, (False, False)), (30, (False, True))):
        reading = exam_look(Standing(name="a"), [batch(good, 64)], 64, RULE)
        assert (reading.passed, reading.failed) == expected, good


def test_a_task_below_the_rate_is_mastered_at_most_at_the_level() -> None:
    """The chance to pass at either look is at most alpha where the true share is the rate itself."""
    looks = PlannedLooks((64, 128), 2)
    chances = crossing_chances(looks, critical_counts(looks, RULE.rate, RULE.alpha), RULE.rate)
    assert 0.005 < chances[-1] <= RULE.alpha


@pytest.mark.parametrize(("reward", "counted"), [(0.7, 10), (0.69, 0)])
def test_an_episode_counts_by_its_reward_too(reward: float, counted: int) -> None:
    """A success of criterion 2 whose reward is below the task's does not count, in training and in the exam."""
    assert exam_look(Standing(name="a"), [batch(10, 16, reward)], 16, RULE).successes == counted
    assert trained([batch(10, 16, reward)], RULE.reward).success_rate == counted / 16


def test_a_failed_batch_counts_as_episodes_without_success() -> None:
    """A crash within an exam is no way out of it."""
    reading = exam_look(Standing(name="a"), [batch(16, 16), FAILED], 16, RULE)
    assert (reading.successes, reading.episodes) == (16, 32)
    assert trained([FAILED], RULE.reward).success_rate == 0.0


def test_a_second_look_adds_to_the_first() -> None:
    """Counts are those since the exam began."""
    standing = Standing(name="a", successes=(55,), episodes=(64,))
    reading = exam_look(standing, [batch(60, 64)], 64, RULE)
    assert (reading.successes, reading.episodes) == (115, 128)
