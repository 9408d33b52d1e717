"""How the learning curve moves, in rows for the report. Touch this to show another figure of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gaelp.evidence.monitoring.learning_trend import change_points, window_trends
from gaelp.reports.report_facts import Batch

CLEAR = 0.05  # the p-value below which a trend is called one


@dataclass(frozen=True)
class LearningRow:
    """A window of the newest training episodes, worded."""

    episodes: int
    mean: str
    slope: str  # of the reward in 100 episodes, with its interval
    trend: str


def learning_rows(rewards: Sequence[float]) -> list[LearningRow]:
    """Of rewards in the order of their episodes; none where no window is full."""
    rows = []
    for trend in window_trends(rewards):
        slope, low, high = (100 * each for each in (trend.slope, trend.low, trend.high))
        clear = ("rises" if slope > 0 else "falls") if trend.p < CLEAR else "no trend beyond chance"
        words = f"{clear} (p = {trend.p:.2g})"
        rows.append(
            LearningRow(trend.episodes, f"{trend.mean:.3f}", f"{slope:+.3f} ({low:+.3f} to {high:+.3f})", words)
        )
    return rows


def level_changes(batches: Sequence[Batch]) -> str:
    """A sentence on where the training batches' reward changed its level; empty where there are too few of them."""
    training = [batch for batch in batches if not batch.exam]
    changes = change_points([batch.reward for batch in training])
    if not changes:
        return ""
    places = ", ".join(str(training[at].number + 1) for at in changes)
    return f"The mean reward of a batch has another level from batch {places} on."
