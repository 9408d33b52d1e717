"""The best expected profit that the realised traffic allowed: U of gates.md 1. Touch this when worlds gain constraints.

A day's linear programme, max value - cost with cost within the budget over how much of each bid's wins to take, by its
dual: U = min over lambda >= 0 of lambda B + sum_s N_s max_b (F_s(b) v_s - (1 + lambda) G_s(b)) / 1000, where N are the
auctions, v the value of a thousand impressions, F the chance to win and G the expected price paid at bid b. The inner
maximum of a second-price auction is at b = v / (1 + lambda), which is how a bidder under a budget shades (Balseiro &
Gur, Learning in repeated auctions with budgets, 2019); any auction's is found on its landscape. There is no duality
gap, because bids may be mixed within a day. Where audiences tire, or are capped, see fatigue.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.market.auctions.price_curves import PER_MILLE, PriceCurves
from gaelp.market.parameters import MarketParameters
from gaelp.market.scoring.marginal_cost import Landscape

HALVINGS = 36  # of the bracket of log(1 + lambda), which spans about 20 at the most


@dataclass(frozen=True)
class Best:
    """The optimum of each campaign and day, f8[C, D], in micros."""

    profit: F8
    spend: F8
    shadow: F8  # profit that one more micro of budget would bring


def impression_value_micros(market: MarketParameters) -> F8:
    """Expected incremental contribution f8[S, K] of one impression: what the attributed one is, less the organic share.

    An organic conversion would have come without the ad; last-click attribution harvests it all the same.
    """
    return np.asarray(attributed_value_micros(market) * (1.0 - market.organic_share))


def attributed_value_micros(market: MarketParameters) -> F8:
    """Expected attributed contribution f8[S, K] of one impression: CTR x CVR x value of a conversion."""
    return np.asarray(market.ctr * market.cvr * market.conversion_value_micros)


def best_profit(curves: PriceCurves | Landscape, value_micros: F8, auctions: I8, price_level: F8, budget: F8) -> Best:
    """The optimum of each day on its own.

    value_micros f8[C, D, S]: micros that a thousand impressions of the segment's best creative are worth that day;
    auctions i8[C, D, S]; price_level f8[C, D] multiplies every price of the curves, the reserve too; budget f8[C, D]
    micros. The profit is the dual's value, which is the linear programme's also at steps of the spend.
    """
    days = _Days(_landscape(curves), value_micros, auctions, price_level)
    free = days.spend(np.ones(budget.shape))
    low, high = days.bracket(budget, np.ones(budget.shape))
    profit = np.minimum(days.dual(low, budget), days.dual(high, budget))
    binds = free > budget
    return Best(profit, np.where(binds, budget, free), np.where(binds, low - 1.0, 0.0))


def best_at_spend(curves: PriceCurves | Landscape, value_micros: F8, auctions: I8, price_level: F8, spend: F8) -> F8:
    """Best profit f8[C, D] of a day on which exactly `spend` f8[C, D] micros are spent; the rest as in best_profit.

    The multiplier may go down to -1, where every impression of any value is bought; what is spent beyond that is lost.
    """
    days = _Days(_landscape(curves), value_micros, auctions, price_level)
    low, high = days.bracket(spend, days.everything())
    lost = days.value() - spend
    return np.minimum(np.minimum(days.dual(low, spend), days.dual(high, spend)), lost)


@dataclass(frozen=True)
class _Days:
    """C x D days as functions of mu = 1 + lambda f8[C, D], by which every bid is shaded."""

    landscape: Landscape
    value_micros: F8
    auctions: I8
    price_level: F8

    def spend(self, mu: F8) -> F8:
        """Expected spend f8[C, D] in micros."""
        return self._money(self.landscape.bought(self._worth(mu))[1])

    def value(self) -> F8:
        """Value f8[C, D] of everything that is for sale."""
        return np.asarray((self.auctions * self.landscape.wins[:, -1] * self.value_micros).sum(axis=-1) / PER_MILLE)

    def dual(self, mu: F8, budget: F8) -> F8:
        """The dual function f8[C, D]: an upper bound of the profit for any mu."""
        wins, spend = self.landscape.bought(self._worth(mu))
        value = (self.auctions * wins * self.value_micros).sum(axis=-1) / PER_MILLE
        return np.asarray((mu - 1.0) * budget + value - mu * self._money(spend))

    def everything(self) -> F8:
        """A mu f8[C, D] so small that every impression of any value is bought."""
        worth = self._worth(np.ones(self.price_level.shape))
        least = np.where(worth > 0, worth, np.inf).min(axis=-1)
        return np.where(
            np.isfinite(least), np.minimum(least / max(2 * float(self.landscape.dearest.max()), 1e-12), 1), 1
        )

    def bracket(self, budget: F8, low: F8) -> tuple[F8, F8]:
        """Two mu, no less than `low`, a hair apart: above the budget at the first, within it at the second.

        Spend falls as mu rises. Where the spend is within the budget already at `low`, both end up there.
        """
        worth = self._worth(np.ones(budget.shape)).max(axis=-1)
        high = np.maximum(2.0 * worth / np.min(self.landscape.cheapest), low)
        for _ in range(HALVINGS):
            middle = np.sqrt(low * high)
            over = self.spend(middle) > budget
            low, high = np.where(over, middle, low), np.where(over, high, middle)
        return low, high

    def _worth(self, mu: F8) -> F8:
        """What a thousand impressions may cost at the margin, f8[C, D, S], in prices of level 1."""
        return self.value_micros / (self.price_level * mu)[..., None]

    def _money(self, spend: F8) -> F8:
        return np.asarray((self.auctions * spend).sum(axis=-1) * self.price_level / PER_MILLE)


def _landscape(curves: PriceCurves | Landscape) -> Landscape:
    return curves if isinstance(curves, Landscape) else Landscape.of(curves)
