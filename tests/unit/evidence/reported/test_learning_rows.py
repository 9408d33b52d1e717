"""How the report words a learning curve."""

from __future__ import annotations

import numpy as np

from gaelp.evidence.monitoring.learning_trend import window_trends
from gaelp.evidence.reported.learning_rows import learning_rows, level_changes


def test_a_curve_that_rises_is_said_to_rise() -> None:
    """The slope is that of 100 episodes, with its interval and p-value; a flat curve has no trend beyond chance."""
    noise = np.random.default_rng(1).normal(0.0, 0.01, 60)
    curves = (0.2 + 0.005 * np.arange(60) + noise).tolist(), [0.5] * 60
    rising, flat = (learning_rows(window_trends(rewards)) for rewards in curves)
    assert [row.episodes for row in rising] == [10, 50]
    assert rising[1].trend.startswith("rises (p = ")
    assert rising[1].slope.startswith(("+0.49", "+0.50", "+0.51"))
    assert flat[1].trend == "no trend beyond chance (p = 1)"
    assert learning_rows(()) == []


def test_the_batch_with_which_a_level_begins_is_named() -> None:
    """Batches are counted from 1, and a curve without a change has no sentence."""
    rewards = [0.2] * 10 + [0.6] * 10
    noise = np.random.default_rng(2).normal(0.0, 0.01, 20)
    training = (np.array(rewards) + noise).tolist()
    assert level_changes(training) == "The mean reward of a batch has another level from batch 11 on."
    assert level_changes(training[:10]) == ""
