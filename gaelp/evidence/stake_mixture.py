"""The test of a mean at planned looks: a mixture over fixed stakes of betting processes.

H0: mean <= m for values in [0, 1]. K_n is the mean over the fractions f of a fixed grid of prod(1 + f (r_i / m - 1)),
that is of betting processes with the constant stakes lambda = f / m. By Ville's inequality K ever reaches 1/alpha with
probability at most alpha under H0. Source: Waudby-Smith and Ramdas, arXiv 2010.09686, section 4.4 (mixtures). K falls
as m rises, so that the bounds are found by bisection.

Touch this to change how a mean is tested at planned looks; gaelp/evidence/betting.py has the test for any moment.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import logsumexp

from gaelp.arrays import F8

FRACTIONS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])  # of the stake at which one value may cost it all
BOUND_STEPS = 14  # halvings of the interval in which a bound lies


def log_wealth_at(values: F8, m: float, looks: Sequence[int]) -> F8:
    """log K after `looks` l of the values f8[..., N] in [0, 1]; f8[..., l]. NaN goes through to the result."""
    if not looks:
        return np.zeros((*values.shape[:-1], 0))
    gain = values[..., : looks[-1]] / m - 1
    starts = (0, *looks[:-1])
    paths = [np.cumsum(_summed(np.log1p(fraction * gain), starts, looks), axis=-1) for fraction in FRACTIONS]
    return np.asarray(logsumexp(np.stack(paths), axis=0) - math.log(FRACTIONS.size))


def best_log_wealth(values: F8, m: float, looks: Sequence[int]) -> F8:
    """The largest log K over the looks, f8[...]; 0 without a look. A mean of 0 or less is refuted by any value."""
    if m <= 0:
        return np.full(values.shape[:-1], math.inf if looks else 0.0)
    wealth = log_wealth_at(values, m, looks)
    return np.asarray(wealth.max(axis=-1)) if looks else np.zeros(values.shape[:-1])


def lower_bound(values: F8, looks: Sequence[int], alpha: float, tested: float) -> float:
    """The largest mean of f8[N] that is refuted at level alpha with all below it; at least `tested` where that is."""
    if not looks or not np.isfinite(values).all():
        return 0.0

    def refuted(mean: float) -> bool:
        return bool(best_log_wealth(values, mean, looks) >= -math.log(alpha))

    low, high = (tested, 1.0) if refuted(tested) else (0.0, tested)
    for _ in range(BOUND_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def more_values(log_wealth: float, n: int, alpha: float) -> int | None:
    """How many more values at the present rate of growth reach 1/alpha, about; None where the wealth does not grow."""
    if not n or not log_wealth > 0:
        return None
    return max(1, math.ceil((-math.log(alpha) - log_wealth) * n / log_wealth))


def _summed(terms: F8, starts: Sequence[int], ends: Sequence[int]) -> F8:
    return np.stack([terms[..., a:b].sum(axis=-1) for a, b in zip(starts, ends, strict=True)], axis=-1)
