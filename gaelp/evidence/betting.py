"""Sequential tests by betting, and the Clopper-Pearson bound for a single look.

Source: Waudby-Smith & Ramdas, Estimating means of bounded random variables by betting, arXiv 2010.09686. H0: mean <= m
for values in [0, 1]; K_t = prod(1 + lambda_i (r_i - m)); lambda_i by aGRAPA from the values before i, with prior mean
1/2 and prior variance 1/4, clipped to [0, 0.75/m]. By Ville's inequality K ever reaches 1/alpha with probability at
most alpha under H0, however often it is looked at.

Touch this to change how a mean is tested.
"""

from __future__ import annotations

import numpy as np

from gaelp.arrays import F8

PRIOR_MEAN = 0.5
PRIOR_VARIANCE = 0.25
LARGEST_STAKE = 0.75  # share of the wealth that one value may cost


def log_wealth_path(values: F8, m: float) -> F8:
    """log K_t after each of the values f8[N] in [0, 1], in their order; f8[N]."""
    _check(values)
    mean, variance = _moments(values)
    return np.cumsum(_log_factors(values, mean, variance, np.array([m]))[:, 0])


def log_wealth(values: F8, m: float) -> float:
    """log K_n of all the values f8[N]; 0 for none."""
    return float(log_wealth_path(values, m)[-1]) if values.size else 0.0


def clopper_pearson(successes: float, n: float, alpha: float) -> tuple[float, float]:
    """Exact one-sided bounds, each at level alpha; one look, n fixed beforehand. Real-valued n serve as effective n.

    Without any trial the bounds are 0 and 1.
    """
    from scipy.stats import beta  # half a second, for which a report that has no use of it does not wait

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
