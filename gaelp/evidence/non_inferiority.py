"""The paired bet of docs/gates.md, criterion 5b: is the policy more than 95 % as good as the one that logged?

D_i = (w_i - 0.95) r_i has mean (policy's value) - 0.95 (logging policy's value), and D_i >= -0.95 whatever w_i is.
Rescaled from [-0.95, W - 0.95] to [0, 1] it is the test of betting.py; the stake in units of D is then limited by
0.75/(m + 0.95), in which the bound W no longer appears, so K_t = prod(1 + lambda_i (D_i - m)) needs none. lambda_i is
aGRAPA of the rows before i with prior mean 0 and prior variance 1/4 (a prior mean of W/2 would bet on the prior for
the first thousands of rows: clicks are rare). The mirrored bet is on -D_i >= -(W - 0.95) and does need W.

Touch this only together with docs/gates.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8

MARGIN = 0.95
PRIOR_VARIANCE = 0.25
LARGEST_STAKE = 0.75
_HALVINGS = 24


@dataclass(frozen=True)
class PairedBet:
    """Value of the difference, one-sided bounds, and the log wealth against H0: E[D] <= 0 and against E[D] >= 0."""

    value: float
    low: float
    high: float
    log_wealth: float
    log_wealth_against: float


def non_inferiority(weight: F8, click: F8, weight_bound: float, alpha: float) -> PairedBet:
    """Bet on E[(w - 0.95) r] > 0 and < 0: weight f8[N] in [0, weight_bound] and click f8[N] of 0 and 1, by time."""
    difference = (weight - MARGIN) * click
    above, below = MARGIN, max(weight_bound - MARGIN, MARGIN)
    return PairedBet(
        value=float(difference.mean()),
        low=_bound(difference, above, alpha),
        high=-_bound(-difference, below, alpha),
        log_wealth=wealth_above(difference, 0.0, above),
        log_wealth_against=wealth_above(-difference, 0.0, below),
    )


def wealth_above(values: F8, m: float, floor: float) -> float:
    """log K_n against H0: E[values] <= m, for values f8[N] >= -floor and m > -floor."""
    count = np.arange(1, values.size + 1)
    mean = np.cumsum(values) / (count + 1)
    variance = (PRIOR_VARIANCE + np.cumsum((values - mean) ** 2)) / (count + 1)
    before_mean, before_variance = np.append(0.0, mean[:-1]), np.append(PRIOR_VARIANCE, variance[:-1])
    edge = before_mean - m
    stake = np.clip(edge / (before_variance + edge**2), 0.0, LARGEST_STAKE / (m + floor))
    return float(np.log1p(stake * (values - m)).sum())


def _bound(values: F8, floor: float, alpha: float) -> float:
    """The largest m refused at level alpha, by halving between -floor and the mean; the wealth falls in m."""
    if values.max() <= -floor:
        return -floor  # no value could have been less, and nothing is left to halve
    refused, kept = -floor, float(values.mean())
    for _ in range(_HALVINGS):
        middle = (refused + kept) / 2
        if wealth_above(values, middle, floor) >= -math.log(alpha):
            refused = middle
        else:
            kept = middle
    return refused
