"""Sequential tests by betting, and the Clopper-Pearson bound for a single look.

Source: Waudby-Smith & Ramdas, Estimating means of bounded random variables by betting, arXiv 2010.09686. H0: mean <= m
for values in [0, 1]; K_t = prod(1 + lambda_i (r_i - m)); lambda_i by aGRAPA from the values before i, with prior mean
1/2 and prior variance 1/4, clipped to [0, 0.75/m]. By Ville's inequality K ever reaches 1/alpha with probability at
most alpha under H0, however often it is looked at.

Touch this to change how a mean is tested.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from gaelp.arrays import F8

PRIOR_MEAN = 0.5
PRIOR_VARIANCE = 0.25
LARGEST_STAKE = 0.75  # share of the wealth that one value may cost
GRID = 1001
_CELLS = 2_000_000  # values x grid points in memory at once: 16 MB an array


@dataclass(frozen=True)
class Bet:
    """What the betting test says of one sample; logarithms are natural."""

    n: int
    mean: float
    log_wealth: float  # against H0: mean <= m
    log_wealth_against: float  # against H0: mean >= m (the mirrored test)
    low: float  # one-sided, each at level alpha
    high: float


def log_wealth_path(values: F8, m: float) -> F8:
    """log K_t after each of the values f8[N] in [0, 1], in their order; f8[N]."""
    _check(values)
    mean, variance = _moments(values)
    return np.cumsum(_log_factors(values, mean, variance, np.array([m]))[:, 0])


def log_wealth(values: F8, m: float) -> float:
    """log K_n of all the values f8[N]; 0 for none."""
    return float(log_wealth_path(values, m)[-1]) if values.size else 0.0


def lower_bound(values: F8, alpha: float) -> float:
    """The largest grid point below which every mean is refused at level alpha; 0 where none is."""
    if not values.size:
        return 0.0
    grid = np.linspace(0.0, 1.0, GRID)
    first_kept = int(np.argmin(_log_wealths(values, grid) >= -math.log(alpha)))  # a mean of 1 is always kept
    return float(grid[max(first_kept - 1, 0)])


def upper_bound(values: F8, alpha: float) -> float:
    """The mirror of `lower_bound`."""
    return 1.0 - lower_bound(1.0 - values, alpha)


def bet(values: F8, m: float, alpha: float) -> Bet:
    """Test the mean of values f8[N] in [0, 1] against m both ways, with one-sided bounds at level alpha.

    NaN goes through to the result, which the gate then judges as INVALID. Raises ValueError for values outside [0, 1].
    """
    _check(values)
    return Bet(
        n=values.size,
        mean=float(values.mean()) if values.size else math.nan,
        log_wealth=log_wealth(values, m),
        log_wealth_against=log_wealth(1.0 - values, 1.0 - m),
        low=lower_bound(values, alpha),
        high=upper_bound(values, alpha),
    )


def clopper_pearson(successes: float, n: float, alpha: float) -> tuple[float, float]:
    """Exact one-sided bounds, each at level alpha; one look, n fixed beforehand. Real-valued n serve as effective n.

    Without any trial the bounds are 0 and 1.
    """
    low = 0.0 if successes <= 0 else float(beta.ppf(alpha, successes, n - successes + 1))
    high = 1.0 if successes >= n else float(beta.ppf(1 - alpha, successes + 1, n - successes))
    return low, high


def _check(values: F8) -> None:
    outside = (values < 0) | (values > 1)
    if outside.any():
        place = int(np.flatnonzero(outside)[0])
        raise ValueError(f"value {place} of a betting test is {values[place]}: rescale the values to [0, 1]")


def _moments(values: F8) -> tuple[F8, F8]:
    """Mean and variance before each value, both with one pseudo-observation from the prior."""
    count = np.arange(1, values.size + 1)
    mean = (PRIOR_MEAN + np.cumsum(values)) / (count + 1)
    variance = (PRIOR_VARIANCE + np.cumsum((values - mean) ** 2)) / (count + 1)
    before_mean = np.concatenate(([PRIOR_MEAN], mean[:-1]))
    before_variance = np.concatenate(([PRIOR_VARIANCE], variance[:-1]))
    return before_mean, before_variance


def _log_factors(values: F8, mean: F8, variance: F8, grid: F8) -> F8:
    """log(1 + lambda (r - m)), f8[N, G]."""
    edge = mean[:, None] - grid
    largest = LARGEST_STAKE / np.maximum(grid, np.finfo(np.float64).tiny)
    stake = np.clip(edge / (variance[:, None] + edge**2), 0.0, largest)
    return np.log1p(stake * (values[:, None] - grid))


def _log_wealths(values: F8, grid: F8) -> F8:
    """log K_n for each m of the grid, f8[G]."""
    mean, variance = _moments(values)
    step = max(1, _CELLS // values.size)
    parts = [_log_factors(values, mean, variance, grid[i : i + step]).sum(axis=0) for i in range(0, grid.size, step)]
    return np.concatenate(parts)
