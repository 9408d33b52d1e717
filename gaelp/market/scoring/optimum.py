"""The best expected profit that the realised traffic allowed, day by day: U of docs/gates.md, criterion 1.

A day's linear programme, max value - cost with cost within the budget over how much of each bid's wins to take, by its
dual: U = min over lambda >= 0 of lambda B + sum_s N_s max_b (F_s(b) v_s - (1 + lambda) G_s(b)) / 1000, where N are the
auctions, v the value of a thousand impressions, F the chance to win and G the expected price paid at bid b. The inner
maximum of a second-price auction is at b = v / (1 + lambda), which is how a bidder under a budget shades (Balseiro &
Gur, Learning in repeated auctions with budgets, 2019); any auction's is found on its landscape. There is no duality
gap, because bids may be mixed within a day. With fatigue or a frequency cap see optimum_with_fatigue.py. Touch this
when worlds gain constraints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.market.auctions.price_curves import PER_MILLE
from gaelp.market.scoring.marginal_cost import Landscape

HALVINGS = 36  # of the bracket of log(1 + lambda), which spans about 20 at the most


@dataclass(frozen=True)
class DailyOptimum:
    """The optimum of each campaign and day, f8[C, D], in micros."""

    profit: F8
    spend: F8
    shadow: F8  # profit that one more micro of budget would bring


@dataclass(frozen=True)
class DailyProblem:
    """What C campaigns could buy on D days, each day on its own."""

    landscape: Landscape
    value_micros: F8  # [C, D, S] of a thousand impressions of the segment's best creative on that day
    auctions: I8  # [C, D, S]
    price_level: F8  # [C, D] multiplies every price of the landscape, the reserve too
    budget: F8  # [C, D] micros


def best_profit(problem: DailyProblem) -> DailyOptimum:
    """The optimum of each day. The profit is the dual's value, which is the linear programme's also at steps of the
    spend."""
    days, budget = _Shading(problem), problem.budget
    free = days.spend(np.ones(budget.shape))
    low, high = days.bracket(budget, np.ones(budget.shape))
    profit = np.minimum(days.dual(low, budget), days.dual(high, budget))
    binds = free > budget
    return DailyOptimum(profit, np.where(binds, budget, free), np.where(binds, low - 1.0, 0.0))


def best_at_spend(problem: DailyProblem, spend: F8) -> F8:
    """Best profit f8[C, D] of a day on which exactly `spend` f8[C, D] micros are spent, whatever the budget.

    The multiplier may go down to -1, where every impression of any value is bought; what is spent beyond that is lost.
    """
    days = _Shading(problem)
    low, high = days.bracket(spend, days.everything())
    lost = days.value() - spend
    return np.minimum(np.minimum(days.dual(low, spend), days.dual(high, spend)), lost)


@dataclass(frozen=True)
class _Shading:
    """C x D days as functions of mu = 1 + lambda f8[C, D], by which every bid is shaded."""

    problem: DailyProblem

    def spend(self, mu: F8) -> F8:
        """Expected spend f8[C, D] in micros."""
        return self._money(self.problem.landscape.bought(self._limit(mu))[1])

    def value(self) -> F8:
        """Value f8[C, D] of everything that is for sale."""
        problem = self.problem
        everything = problem.auctions * problem.landscape.wins[:, -1] * problem.value_micros
        return np.asarray(everything.sum(axis=-1) / PER_MILLE)

    def dual(self, mu: F8, budget: F8) -> F8:
        """The dual function f8[C, D]: an upper bound of the profit for any mu."""
        problem = self.problem
        wins, spend = problem.landscape.bought(self._limit(mu))
        value = (problem.auctions * wins * problem.value_micros).sum(axis=-1) / PER_MILLE
        return np.asarray((mu - 1.0) * budget + value - mu * self._money(spend))

    def everything(self) -> F8:
        """A mu f8[C, D] so small that every impression of any value is bought."""
        limit = self._limit(np.ones(self.problem.price_level.shape))
        least = np.where(limit > 0, limit, np.inf).min(axis=-1)
        dearest = float(self.problem.landscape.dearest.max())
        return np.where(np.isfinite(least), np.minimum(least / max(2 * dearest, 1e-12), 1), 1)

    def bracket(self, budget: F8, low: F8) -> tuple[F8, F8]:
        """Two mu, no less than `low`, a hair apart: above the budget at the first, within it at the second.

        Spend falls as mu rises. Where the spend is within the budget already at `low`, both end up there.
        """
        limit = self._limit(np.ones(budget.shape)).max(axis=-1)
        high = np.maximum(2.0 * limit / np.min(self.problem.landscape.cheapest), low)
        for _ in range(HALVINGS):
            middle = np.sqrt(low * high)
            over = self.spend(middle) > budget
            low, high = np.where(over, middle, low), np.where(over, high, middle)
        return low, high

    def _limit(self, mu: F8) -> F8:
        """What a thousand impressions may cost at the margin, f8[C, D, S], in prices of level 1."""
        return self.problem.value_micros / (self.problem.price_level * mu)[..., None]

    def _money(self, spend: F8) -> F8:
        problem = self.problem
        return np.asarray((problem.auctions * spend).sum(axis=-1) * problem.price_level / PER_MILLE)
