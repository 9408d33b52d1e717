"""The numbers of the announced block of episodes: collapses, spread, the lowest rolling mean, trend and shift.

Sources: Mann, Econometrica 1945, and Kendall for the trend (variance with ties); Page 1954 and Hinkley 1971 for the
shift; the robust coefficient of variation is 1.4826 MAD / median. What they mean is in gaelp/domain/gates.

Touch this only together with docs/gates.md, criterion 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from gaelp.arrays import F8, I8
from gaelp.domain.gates.measurements import COLLAPSED_BELOW

ROLLING = 10
NORMAL_MAD = 1.4826  # makes the median absolute deviation the standard deviation of a normal distribution


@dataclass(frozen=True)
class BlockNumbers:
    """Of each block of N rewards, arrays [...]."""

    collapses: I8
    spread: F8  # robust coefficient of variation; infinite where the median is 0
    lowest: F8  # rolling mean of ten
    fall_p: F8  # one-sided p-value of Mann and Kendall for a fall
    shift: F8  # Page's and Hinkley's statistic for a fall, in standard deviations times sqrt(N)


def block_numbers(rewards: F8) -> BlockNumbers:
    """The numbers of blocks f8[..., N] of rewards in [0, 1], in the order in which they were played, N >= 10."""
    median = np.median(rewards, axis=-1)
    mad = np.median(np.abs(rewards - median[..., None]), axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(median > 0, NORMAL_MAD * mad / median, np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(rewards, ROLLING, axis=-1)
    return BlockNumbers(
        collapses=(rewards < COLLAPSED_BELOW).sum(axis=-1),
        spread=spread,
        lowest=windows.mean(axis=-1).min(axis=-1),
        fall_p=_fall_p(rewards),
        shift=_shift(rewards),
    )


def _fall_p(rewards: F8) -> F8:
    """P(S <= observed) by the normal approximation with continuity correction; 1 where all rewards are equal."""
    n = rewards.shape[-1]
    later = np.triu(np.ones((n, n), bool), 1)
    signs = np.sign(rewards[..., None, :] - rewards[..., :, None])
    s = np.where(later, signs, 0.0).sum(axis=(-2, -1))
    ties = (signs == 0).sum(axis=-1)  # how many rewards equal each one, itself included
    variance = (n * (n - 1) * (2 * n + 5) - ((ties - 1) * (2 * ties + 5)).sum(axis=-1)) / 18
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(variance > 0, (s + 1) / np.sqrt(variance), np.inf)
    return np.asarray(norm.cdf(z))


def _shift(rewards: F8) -> F8:
    """The deepest fall of the cumulated, standardised rewards below an earlier value; 0 where all are equal."""
    n, spread = rewards.shape[-1], rewards.std(axis=-1, keepdims=True)
    varies = np.ptp(rewards, axis=-1, keepdims=True) > 0  # the mean of equal rewards is rounded: their spread is not 0
    z = np.where(varies, (rewards - rewards.mean(axis=-1, keepdims=True)) / np.where(varies, spread, 1), 0.0)
    path = np.concatenate((np.zeros((*z.shape[:-1], 1)), np.cumsum(z, axis=-1)), axis=-1)
    return np.asarray((np.maximum.accumulate(path, axis=-1) - path).max(axis=-1) / np.sqrt(n))
