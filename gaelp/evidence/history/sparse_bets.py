"""Bets on the mean of values of which most are zero, as clicks are: the interval of IPS, and the paired bet of
docs/gates.md, criterion 5b.

Source: Waudby-Smith & Ramdas, Estimating means of bounded random variables by betting, arXiv 2010.09686. H0: mean <= m
for values >= -floor in their order; K = prod(1 + lambda_i (x_i - m)). The stake is aGRAPA of the rows before the row's
block (bandit_rows.py), with prior mean 0 and prior variance 1/4, limited by 0.75/(m + floor); it is thus known before
the row, and by Ville's inequality K reaches 1/alpha with probability at most alpha under H0. As the stake is the same
for a block, the zeros of a block need one logarithm and not one each.

The paired bet asks whether a policy is more than 95 % as good as the one that logged: D_i = (w_i - 0.95) r_i has mean
(policy's value) - 0.95 (logging policy's value) and D_i >= -0.95 whatever w_i is. The mirrored bets, on -D_i and on
-w_i r_i, need the largest weight that there can be. On a market log a value is what an episode's clicks differ by
(paired_bids.py), and the bet is the same one.

Touch this only together with docs/gates.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.evidence.history.bandit_rows import block_edges

MARGIN = 0.95
PRIOR_VARIANCE = 0.25
LARGEST_STAKE = 0.75  # share of the wealth that one value may cost
_HALVINGS = 24


@dataclass(frozen=True)
class SparseValues:
    """Values of `rows` rows by time: f8[M] at the places i8[M], which rise, and 0 everywhere else."""

    rows: int
    place: I8
    value: F8

    @property
    def mean(self) -> float:
        """Of all rows."""
        return float(self.value.sum()) / self.rows

    def mirrored(self) -> SparseValues:
        """The same with the other sign."""
        return SparseValues(self.rows, self.place, -self.value)

    def log_wealth(self, m: float, floor: float) -> float:
        """log K of all rows against H0: mean <= m, for values >= -floor and m > -floor."""
        edges = block_edges(self.rows)
        block = np.searchsorted(edges, self.place, side="right") - 1
        count, weight = edges[:-1], np.stack([self.value, self.value**2])
        sums = np.stack([np.bincount(block, each, minlength=count.size) for each in weight])
        before = (np.cumsum(sums, axis=1) - sums + [[0.0], [PRIOR_VARIANCE]]) / (count + 1)
        edge = before[0] - m
        variance = before[1] - before[0] ** 2
        stake = np.clip(edge / (variance + edge**2), 0.0, LARGEST_STAKE / (m + floor))
        zeros = np.diff(edges) - np.bincount(block, minlength=count.size)
        return float((zeros * np.log1p(-stake * m)).sum() + np.log1p(stake[block] * (self.value - m)).sum())

    def lower_bound(self, floor: float, alpha: float) -> float:
        """The largest mean refused at level alpha, by halving between -floor and the mean; the wealth falls in m."""
        if self.mean <= -floor:
            return 0.0 - floor  # no value could have been less, and nothing is left to halve
        refused, kept = -floor, self.mean
        for _ in range(_HALVINGS):
            middle = (refused + kept) / 2
            if self.log_wealth(middle, floor) >= -math.log(alpha):
                refused = middle
            else:
                kept = middle
        return refused


@dataclass(frozen=True)
class PairedBet:
    """Value of the difference, one-sided bounds, and the log wealth against H0: E[D] <= 0 and against E[D] >= 0."""

    value: float
    low: float
    high: float
    log_wealth: float
    log_wealth_against: float


def interval(clicked: SparseValues, weight_bound: float, alpha: float) -> tuple[float, float, float]:
    """Mean of w r and its bounds, each at level alpha; `clicked` has w of the clicks, all in [0, weight_bound]."""
    above = clicked.mirrored().lower_bound(weight_bound, alpha)
    return clicked.mean, clicked.lower_bound(0.0, alpha), -above


def non_inferiority(clicked: SparseValues, weight_bound: float, alpha: float) -> PairedBet:
    """Bet on E[(w - 0.95) r] > 0 and < 0; `clicked` has w of the clicks, all in [0, weight_bound]."""
    difference = SparseValues(clicked.rows, clicked.place, clicked.value - MARGIN)
    return paired_bet(difference, difference, (MARGIN, max(weight_bound - MARGIN, MARGIN)), alpha)


def paired_bet(least: SparseValues, most: SparseValues, bounds: tuple[float, float], alpha: float) -> PairedBet:
    """Bet on E[D] > 0 where D is at least `least`, and on E[D] < 0 where it is at most `most`; else they are equal.

    No D is below minus the first of `bounds`, or above the second.
    """
    above, below = bounds
    against = most.mirrored()
    return PairedBet(
        value=least.mean,
        low=least.lower_bound(above, alpha),
        high=-against.lower_bound(below, alpha),
        log_wealth=least.log_wealth(0.0, above),
        log_wealth_against=against.log_wealth(0.0, below),
    )
