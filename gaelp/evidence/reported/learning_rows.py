"""How the learning curve moves, in rows for `status` and the report. Touch this to show another figure of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gaelp.evidence.monitoring.learning_trend import WindowTrend, change_points

CLEAR = 0.05  # the p-value below which a trend is called one


@dataclass(frozen=True)
class LearningRow:
    """A window of the newest training episodes, worded."""

    episodes: int
    mean: str
    slope: str  # of the reward in 100 episodes, with its interval
    trend: str


def learning_rows(trends: Sequence[WindowTrend]) -> list[LearningRow]:
    """A row for each window."""
    rows = []
    for trend in trends:
        slope, low, high = (100 * each for each in (trend.slope, trend.low, trend.high))
        clear = ("rises" if slope > 0 else "falls") if trend.p < CLEAR else "no trend beyond chance"
        words = f"{clear} (p = {trend.p:.2g})"
        rows.append(
            LearningRow(trend.episodes, f"{trend.mean:.3f}", f"{slope:+.3f} ({low:+.3f} to {high:+.3f})", words)
        )
    return rows


def level_changes(rewards: Sequence[float]) -> str:
    """A sentence on where the training batches' mean rewards changed their level; empty where they did not."""
    changes = change_points(rewards)
    if not changes:
        return ""
    places = ", ".join(str(at + 1) for at in changes)
    return f"The mean reward of a batch has another level from batch {places} on."
