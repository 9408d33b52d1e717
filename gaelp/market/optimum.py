"""The best expected profit that the realised traffic allowed: U of gates.md 1. Touch this when worlds gain constraints.

With one budget a day and prices that no action moves, the best creative of a segment is the one of most value per
impression, and buying at bid b costs N P(win) E[price | win]. On a grid of bids the steps of (cost, value) have
falling value per cost (in a second-price auction the marginal price at bid b is b), so the linear program
max value - cost, cost <= budget, is a fractional knapsack: take steps in order of value per cost until it is used up.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gaelp.market.auctions import PER_MILLE, Market, price_moments, win_rate
from gaelp.market.calibration import conversion_value_micros

I8 = npt.NDArray[np.int64]
F8 = npt.NDArray[np.float64]

GRID = 256


def impression_value_micros(market: Market) -> F8:
    """Expected contribution f8[S, K] of one impression: CTR x CVR x value of a conversion."""
    return np.asarray(market["ctr"], np.float64) * np.asarray(market["cvr"]) * conversion_value_micros(market)


def steps(market: Market) -> tuple[F8, F8]:
    """Cost and value f8[S, GRID] micros per auction of each step up the bid grid, cheapest first.

    The grid ends at the value of a thousand impressions: the step beyond it would lose.
    """
    best = impression_value_micros(market).max(axis=1)
    fraction = np.linspace(0.0, 1.0, GRID + 1)[1:, None]
    bids = np.maximum(fraction * best * PER_MILLE, 1e-9)
    won = win_rate(market, bids)
    mean, _ = price_moments(market, bids)
    cost = np.diff(won * mean / PER_MILLE, axis=0, prepend=0.0).T
    value = np.diff(won * best, axis=0, prepend=0.0).T
    return np.maximum(cost, 0.0), np.maximum(value, 0.0)


def best_profit_micros(market: Market, auctions: I8, budget_micros: F8) -> F8:
    """Optimal expected profit f8[...] given realised auctions i8[..., S] and a budget f8[...] for them."""
    cost, value = (array.ravel() for array in steps(market))
    order = np.argsort(-value / np.maximum(cost, 1e-300), kind="stable")
    segment = np.repeat(np.arange(auctions.shape[-1]), GRID)[order]
    count = auctions[..., segment].astype(np.float64)
    spent = count * cost[order]
    left = np.maximum(np.asarray(budget_micros)[..., None] - (np.cumsum(spent, axis=-1) - spent), 0.0)
    share = np.minimum(1.0, left / np.maximum(spent, 1e-300))
    profit = count * np.maximum(value - cost, 0.0)[order]
    return np.asarray((share * profit).sum(axis=-1))
