"""What the won auctions of a market log say of prices: the share won at a bid, mean, median and spread.

Prices are whole numbers in the log's unit and are not smeared: the share that a bid of 5 wins lies between the share of
prices below 5 and that of prices not above it, because a tie may be lost. A price of 0 is a price. All is said of the
auctions that the logger won; what cost more than it bid is not in its log. Intervals are block bootstraps, as those of
the off-policy estimates. Touch this to fit prices otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.evidence.history import bandit_rows
from gaelp.evidence.history.off_policy import TAIL, Interval

DRAWS = 200
POINTS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)  # shares of the prices at which the win curve is told
ONE_SIGMA = (0.158655, 0.841345)  # quantiles of a normal variable one standard deviation from its mean


@dataclass(frozen=True)
class WinShare:
    """What a bid wins of the auctions that the logger won."""

    bid: int
    below: float  # share of prices below the bid: it wins them
    not_above: float  # and with those that equal it
    low: float  # lower end of the interval of `below`
    high: float  # upper end of the interval of `not_above`
    ties: int  # prices that equal the bid


@dataclass(frozen=True)
class PriceFit:
    """Prices in the log's unit; `spread` is half the log ratio of the two ONE_SIGMA quantiles, None where one is 0."""

    mean: Interval
    median: Interval
    spread: Interval | None
    wins: tuple[WinShare, ...]
    histogram: Mapping[int, int]  # price: auctions


def fit_prices(prices: I8, rng: np.random.Generator) -> PriceFit:
    """The fit of prices i8[N], none negative, in the log's order; N is at least 1."""
    blocks = len(bandit_rows.block_edges(len(prices))) - 1
    times = np.vstack([np.ones(blocks), rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=DRAWS)])
    order = np.argsort(prices, kind="stable")
    ranked, block = prices[order], _block_of(len(prices))[order]
    first = np.searchsorted(ranked, bids := np.unique(_at(ranked, np.arange(1, len(ranked) + 1.0), POINTS)))
    after = np.searchsorted(ranked, bids, side="right")
    found = np.array([_one(ranked, weight[block], first, after) for weight in times])
    drawn = np.sort(found[1:], axis=0)  # no interpolation: a spread may be infinite
    low, high = drawn[int(TAIL * DRAWS)], drawn[int((1 - TAIL) * DRAWS)]
    mean, median, spread = ((float(found[0, i]), float(low[i]), float(high[i])) for i in range(3))
    side = 3 + len(bids)
    wins = tuple(
        WinShare(int(bid), float(found[0, 3 + i]), float(found[0, side + i]), float(low[3 + i]),
                 float(high[side + i]), int(after[i] - first[i]))
        for i, bid in enumerate(bids)
    )  # fmt: skip
    values, counts = np.unique(prices, return_counts=True)
    histogram = dict(zip(values.tolist(), counts.tolist(), strict=True))
    return PriceFit(mean, median, spread if np.isfinite(spread).all() else None, wins, histogram)


def _block_of(n: int) -> I8:
    edges = np.asarray(bandit_rows.block_edges(n))
    return np.repeat(np.arange(len(edges) - 1), np.diff(edges))


def _one(ranked: I8, weight: F8, first: I8, after: I8) -> F8:
    """Mean, median, spread, then the shares below and not above each bid, where each row counts by its weight."""
    total = np.concatenate([[0.0], np.cumsum(weight)])
    lower, median, upper = _at(ranked, total[1:], (ONE_SIGMA[0], 0.5, ONE_SIGMA[1])).astype(np.float64)
    spread = np.log(upper / lower) / 2 if lower > 0 else np.inf
    mean = weight @ ranked / total[-1]
    return np.concatenate([[mean, median, spread], total[first] / total[-1], total[after] / total[-1]])


def _at(ranked: I8, total: F8, shares: tuple[float, ...]) -> I8:
    """The lowest price that at least each share of the rows does not exceed."""
    return np.asarray(ranked[np.searchsorted(total, np.array(shares) * total[-1] * (1 - 1e-12))])
