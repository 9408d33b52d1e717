"""Garwood's exact bounds of the mean of a Poisson count (F. Garwood, Biometrika 28, 1936), for whoever shows a count.

Touch this to bound counts otherwise; counts that vary more than Poisson counts do are scaled in
gaelp/evidence/exports/noisy_counts.py.
"""

from __future__ import annotations


def poisson_bounds(count: float, tail: float) -> tuple[float, float]:
    """The bounds of the mean of a count, each of which leaves `tail` out; attribution may have divided the count."""
    from scipy.special import gammaincinv  # the quantile of chi squared; a report waits for what is imported above

    low = float(gammaincinv(count, tail)) if count > 0 else 0.0
    return low, float(gammaincinv(count + 1, 1 - tail))
