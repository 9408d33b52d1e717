"""Where the profit was lost, in parts that sum exactly. Touch this to draw the line between two kinds of mistake.

Five policies, each less perfect than the one before; the regret's parts are the differences of their expected profits:

1. the optimum, U;
2. the best one that spends what the agent spent (level: under-bidding where that is less than the optimum spends,
   over-bidding where it is more);
3. the one that wins most for what the agent spent in each segment (allocation: the money was in the wrong segments);
4. the agent's own wins, each segment's best creative on them (over-bidding: they could have been had for less, as when
   high bids use up the budget by noon);
5. what the agent showed (estimation: the wrong creatives).

A day stands for itself and the level is compared by day, unless views tire or are capped: then a day hangs on the days
before it, U is the linear programme of fatigue.py, and the level is compared over the episode, the best one of rung 2
choosing also when to spend (so that bad timing is allocation). Wins and cost are the realised ones, so a part may be
negative by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.market.auctions.price_curves import PER_MILLE
from gaelp.market.scoring import optimum, optimum_with_fatigue
from gaelp.market.scoring.marginal_cost import Landscape
from gaelp.market.scoring.optimum_with_fatigue import Freshness, Plan


@dataclass(frozen=True)
class Regret:
    """Expected profit that was missed, f8[C] each in micros; the parts sum to the total exactly."""

    total: F8
    allocation: F8
    estimation: F8
    over_bidding: F8
    under_bidding: F8


@dataclass(frozen=True)
class Rungs:
    """Expected profit of the five policies, in micros. P periods: the days, or one where days hang together."""

    optimum: F8  # [C, P]
    same_spend: F8  # [C, P]
    same_segment_spend: F8  # [C]
    same_wins: F8  # [C]
    shown: F8  # [C]
    spend: F8  # [C, P] of the agent
    optimum_spend: F8  # [C, P]


@dataclass(frozen=True)
class Bought:
    """What an actor won and paid, C campaigns, D days, S segments."""

    wins: I8  # [C, D, S]
    cost_micros: I8  # [C, D, S]


def split(rungs: Rungs) -> Regret:
    """The parts of U less the expected profit of what was shown; their sum is the total."""
    level = rungs.optimum - rungs.same_spend
    over = rungs.spend > rungs.optimum_spend
    under_bidding = np.where(over, 0.0, level).sum(axis=1)
    too_dear = rungs.same_segment_spend - rungs.same_wins
    over_bidding = np.where(over, level, 0.0).sum(axis=1) + too_dear
    allocation = rungs.same_spend.sum(axis=1) - rungs.same_segment_spend
    estimation = rungs.same_wins - rungs.shown
    total = allocation + estimation + over_bidding + under_bidding
    return Regret(total, allocation, estimation, over_bidding, under_bidding)


def rungs_by_day(
    landscape: Landscape, value_micros: F8, auctions: I8, price_level: F8, budget: F8, bought: Bought, shown: F8
) -> Rungs:
    """Where each day stands for itself. The first five as in optimum.best_profit; `shown` f8[C] is rung 5."""
    spend = bought.cost_micros.sum(axis=2).astype(np.float64)
    best = optimum.best_profit(landscape, value_micros, auctions, price_level, budget)
    same_spend = optimum.best_at_spend(landscape, value_micros, auctions, price_level, spend)
    most = landscape.most_wins(bought.cost_micros, auctions, price_level)
    total = spend.sum(axis=1)
    return Rungs(
        optimum=best.profit,
        same_spend=same_spend,
        same_segment_spend=(most * value_micros).sum(axis=(1, 2)) / PER_MILLE - total,
        same_wins=(bought.wins * value_micros).sum(axis=(1, 2)) / PER_MILLE - total,
        shown=shown,
        spend=spend,
        optimum_spend=best.spend,
    )


def rungs_by_episode(plan: Plan, bought: Bought, shown: F8) -> Rungs:
    """Where days hang together. The best creative is the one that is worth most at that moment; `shown` f8[C]."""
    total = bought.cost_micros.sum(axis=(1, 2)).astype(np.float64)
    best = optimum_with_fatigue.best_profit_with_fatigue(plan)
    most = plan.most_views(bought.cost_micros.astype(np.float64))
    return Rungs(
        optimum=best.profit[:, None],
        same_spend=optimum_with_fatigue.best_at_total(plan, total)[:, None],
        same_segment_spend=_in_order(plan.freshness, plan.factor, most) - total,
        same_wins=_in_order(plan.freshness, plan.factor, bought.wins.astype(np.float64)) - total,
        shown=shown,
        spend=total[:, None],
        optimum_spend=best.spend.sum(axis=1)[:, None],
    )


def _in_order(freshness: Freshness, factor: F8, wins: F8) -> F8:
    """Worth f8[C] of daily wins f8[C, D, S] that show at each moment the creative of most worth."""
    views = np.cumsum(wins, axis=1)
    worth = np.diff(freshness.worth(views), axis=1, prepend=0.0).sum(axis=2)
    return np.asarray((worth * factor).sum(axis=1))
