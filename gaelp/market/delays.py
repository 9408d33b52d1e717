"""Conversion delay: when the conversions of a click arrive, if they arrive before the horizon.

Touch this for other lag distributions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

I8 = npt.NDArray[np.int64]
F8 = npt.NDArray[np.float64]


def lags(conversions: I8, lag_days: float, rng: np.random.Generator) -> tuple[I8, F8]:
    """One exponential lag per conversion.

    Returns the flat cell index i8[n] of each conversion in `conversions` (any shape) and its hours f8[n] since the
    click; n is the total count.
    """
    cells = np.repeat(np.arange(conversions.size), conversions.ravel())
    return cells, rng.exponential(24.0 * lag_days, cells.size)


def maturity(conversions: I8, period_hours: float, lag_days: float, rng: np.random.Generator) -> tuple[I8, I8]:
    """For each conversion its flat cell index and the period i8[n] in which it arrives, sparse.

    Period 0 is the one in which the clicks happened, uniformly within it.
    """
    cells, hours = lags(conversions, lag_days, rng)
    hours = hours + rng.uniform(0.0, period_hours, cells.size)
    return cells, np.floor(hours / period_hours).astype(np.int64)


def mature_counts(conversions: I8, periods: int, period_hours: float, lag_days: float, rng: np.random.Generator) -> I8:
    """Split conversions over the periods in which they mature: i8[periods, *conversions.shape].

    What would arrive after the last period is censored: it appears nowhere.
    """
    cells, period = maturity(conversions, period_hours, lag_days, rng)
    flat = (period * conversions.size + cells)[period < periods]
    return np.bincount(flat, minlength=periods * conversions.size).reshape(periods, *conversions.shape)


def matured_share(age_hours: F8, lag_days: float) -> F8:
    """Expected share of a click cohort's conversions that have arrived at `age_hours` (0 for negative ages)."""
    return np.asarray(-np.expm1(-np.maximum(age_hours, 0.0) / (24.0 * lag_days)))
