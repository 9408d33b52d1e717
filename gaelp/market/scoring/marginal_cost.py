"""What the next impression costs, per segment, as a bid rises.

Of all bids, mixed over a day as one likes, only the greatest convex minorant of spend over wins matters: along it the
marginal price of a win never falls. A second price lies on it by itself (the marginal price at bid b is b); a first
price, or a reserve, is brought onto it by isotonic regression of the marginal prices, weighted by the wins they buy
(pool adjacent violators: Barlow et al., Statistical Inference under Order Restrictions, 1972). Touch this when a new
kind of auction sells impressions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from gaelp.arrays import F8, I8
from gaelp.market.auctions.price_curves import PER_MILLE, PriceCurves

REFINE = 4  # bids per bin of the price histogram
SMALLEST_GAIN = 1e-9  # P(win) that a step of the bid must add to be one


@dataclass(frozen=True)
class Landscape:
    """Cumulated wins and spend per auction over P steps of rising marginal price, S segments. Prices are micros CPM."""

    slope: F8  # [S, P] marginal price of a win within the step, never falling; infinite beyond a segment's last step
    wins: F8  # [S, P + 1] P(win) before each step, and after the last
    spend: F8  # [S, P + 1] expected price paid in one auction, won or not

    @classmethod
    def of(cls, curves: PriceCurves) -> Landscape:
        """The landscape of price curves, on a grid of REFINE bids per bin and the reserve."""
        bids = _bids(curves)
        wins, spend = curves.win_rate(bids), curves.spend(bids)
        rows = [_minorant(wins[:, index], spend[:, index]) for index in range(bids.shape[1])]
        longest = max(1, *(len(slope) for slope, _, _ in rows))
        return cls(*(np.stack([_padded(row[part], longest, part) for row in rows]) for part in range(3)))

    @property
    def cheapest(self) -> F8:
        """Marginal price of the first win, f8[S]; infinite where nothing is for sale."""
        return self.slope[:, 0]

    @property
    def dearest(self) -> F8:
        """Marginal price of the last win, f8[S]; 0 where nothing is for sale."""
        return np.asarray(np.where(np.isfinite(self.slope), self.slope, 0.0).max(axis=1))

    def bought(self, limit: F8) -> tuple[F8, F8]:
        """P(win) and spend per auction, f8[..., S], where a thousand impressions may cost `limit` f8[..., S] at most.

        Every step is taken whose marginal price is no more than that: the maximum of wins x limit - spend.
        """
        wins, spend = np.empty(limit.shape), np.empty(limit.shape)
        for index, slope in enumerate(self.slope):
            at = np.searchsorted(slope, limit[..., index], side="right")
            wins[..., index], spend[..., index] = self.wins[index, at], self.spend[index, at]
        return wins, spend

    def spend_of(self, wins: F8) -> F8:
        """Least spend per auction f8[..., S] that wins the shares `wins` f8[..., S] of auctions."""
        return self._along(wins, self.wins, self.spend)

    def wins_of(self, spend: F8) -> F8:
        """Most P(win) f8[..., S] that a spend per auction f8[..., S] buys; more than everything costs buys no more."""
        return self._along(spend, self.spend, self.wins)

    def most_wins(self, spend_micros: I8 | F8, auctions: I8, price_level: F8) -> F8:
        """Most expected wins f8[C, D, S] for the money spent on each day and segment; `price_level` f8[C, D]."""
        each = spend_micros * PER_MILLE / np.maximum(auctions, 1) / price_level[..., None]
        return np.asarray(auctions * self.wins_of(each))

    def _along(self, at: F8, across: F8, up: F8) -> F8:
        values = np.empty(at.shape)
        for index in range(len(up)):
            values[..., index] = np.interp(at[..., index], across[index], up[index])
        return values


def _bids(curves: PriceCurves) -> F8:
    """Bids f8[n, S] at which the landscape is measured: rising, the reserve among them."""
    bins = curves.edges.shape[1] - 1
    grid = curves.low * np.exp(curves.step * np.arange(bins * REFINE + 1)[:, None] / REFINE)
    reserve = np.full((1, len(curves.low)), curves.reserve)
    return np.sort(np.concatenate([grid, curves.edges[:, -1:].T, reserve]), axis=0)


def _minorant(wins: F8, spend: F8) -> tuple[F8, F8, F8]:
    """Slopes, and cumulated wins and spend from 0, of one segment's greatest convex minorant."""
    keep = np.diff(wins, prepend=0.0) > SMALLEST_GAIN
    gain = np.diff(wins[keep], prepend=0.0)
    if not len(gain):
        return gain, np.zeros(1), np.zeros(1)
    slope = isotonic_regression(np.diff(spend[keep], prepend=0.0) / gain, weights=gain).x
    return slope, np.append(0.0, np.cumsum(gain)), np.append(0.0, np.cumsum(gain * slope))


def _padded(row: F8, longest: int, part: int) -> F8:
    """The row as long as the longest segment's: no further step can be bought, and none adds anything."""
    length = longest if part == 0 else longest + 1
    return np.append(row, np.full(length - len(row), np.inf if part == 0 else row[-1]))
