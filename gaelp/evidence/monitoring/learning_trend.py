"""How a learning curve moves over its newest 10, 50 and 200 episodes, and where it changed.

The slope is Theil's and Sen's, the median of the slopes of all pairs, with its interval (Sen, Estimates of the
regression coefficient based on Kendall's tau, JASA 1968), and the trend is tested by Mann and Kendall: Kendall's tau of
the values and their order. Change points are those of the least penalised sum of squared deviations, each costing
3 log n variances (the number of changes is Yao's criterion, 1988, with a stricter constant), found by dynamic
programming over groups of episodes. Neighbouring episodes of one batch share an agent, so p-values describe and no gate
reads them. Touch this to describe a curve otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8

WINDOWS = (10, 50, 200)  # episodes
LEVEL = 0.9  # of the slope's interval
PENALTY = 3.0
SHORTEST = 3  # values between two changes
MOST_VALUES = 200  # into which a curve is grouped before its changes are looked for


@dataclass(frozen=True)
class WindowTrend:
    """The newest `episodes` of a curve: the mean, and the slope for each episode with its interval and test."""

    episodes: int
    mean: float
    slope: float
    low: float
    high: float
    p: float  # of Mann and Kendall's test of no trend, two-sided


def window_trends(rewards: Sequence[float]) -> tuple[WindowTrend, ...]:
    """Of each window that is full; rewards in the order of their episodes."""
    return tuple(_trend(np.array(rewards[-size:], np.float64)) for size in WINDOWS if len(rewards) >= size)


def _trend(values: F8) -> WindowTrend:
    from scipy.stats import kendalltau, theilslopes  # half a second, for which a report without a curve does not wait

    slope = theilslopes(values, alpha=LEVEL)
    p = float(kendalltau(np.arange(len(values)), values).pvalue)
    return WindowTrend(
        episodes=len(values),
        mean=float(values.mean()),
        slope=float(slope.slope),
        low=float(slope.low_slope),
        high=float(slope.high_slope),
        p=1.0 if math.isnan(p) else p,  # all values are equal
    )


def change_points(rewards: Sequence[float]) -> tuple[int, ...]:
    """The numbers of the episodes, from 0, with which another level begins."""
    width = max(1, math.ceil(len(rewards) / MOST_VALUES))
    whole = len(rewards) // width * width
    values = np.array(rewards[:whole], np.float64).reshape(-1, width).mean(axis=1)
    if len(values) < 2 * SHORTEST:
        return ()
    variance = float(np.mean(np.diff(values) ** 2)) / 2  # von Neumann's, which few changes hardly raise
    return tuple(at * width for at in _cheapest(values, max(PENALTY * variance * math.log(len(values)), 1e-9)))


def _cheapest(values: F8, penalty: float) -> list[int]:
    """The changes of the cheapest division: optimal partitioning (Jackson and others, 2005)."""
    sums, squares = (np.concatenate(([0.0], part.cumsum())) for part in (values, values**2))
    best, last = np.full(len(values) + 1, np.inf), np.zeros(len(values) + 1, np.int64)
    best[0] = -penalty
    for end in range(SHORTEST, len(values) + 1):
        starts = np.arange(0, end - SHORTEST + 1)
        costs = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / (end - starts)
        totals = best[starts] + costs + penalty
        chosen = int(np.argmin(totals))
        best[end], last[end] = totals[chosen], chosen
    changes, end = [], len(values)
    while last[end] > 0:
        end = int(last[end])
        changes.append(end)
    return changes[::-1]
