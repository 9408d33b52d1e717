"""Where profit was lost against the optimum, in parts that sum exactly to the regret.

Five ways to bid are compared, each less perfect than the one before; the parts are the differences of their profits:

1. the optimum, U;
2. the best one that spends what the agent spent (the difference is under-bidding where the agent spent less than the
   optimum, over-bidding where it spent more);
3. the one that wins most for what the agent spent in each segment (allocation: the money was in the wrong segments);
4. the agent's own wins, each segment's best creative on them (over-bidding: they could have been had for less, as when
   high bids use up the budget by noon);
5. what the agent showed (estimation: the wrong creatives).

Each day is compared on its own, unless there is fatigue or a frequency cap: then a day depends on the days before it,
U is that of optimum_with_fatigue.py, and spend is compared over the episode, the second way choosing also when to spend
(so that bad timing is allocation). Wins and cost are the realised ones, so a part may be negative by chance. Touch this
to draw the line between two kinds of mistake elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.market.auctions.price_curves import PER_MILLE
from gaelp.market.scoring import optimum, optimum_with_fatigue
from gaelp.market.scoring.impression_values import FatigueCurve
from gaelp.market.scoring.optimum import DailyProblem
from gaelp.market.scoring.optimum_with_fatigue import EpisodeProblem


@dataclass(frozen=True)
class Regret:
    """Expected profit that was missed, f8[C] each in micros; the parts sum to the total exactly."""

    total: F8
    allocation: F8
    estimation: F8
    over_bidding: F8
    under_bidding: F8


@dataclass(frozen=True)
class ReferenceProfits:
    """Expected profit of the five ways to bid, in micros. P periods: the days, or one where days share an audience."""

    optimum: F8  # [C, P]
    same_spend: F8  # [C, P]
    same_segment_spend: F8  # [C]
    same_wins: F8  # [C]
    shown: F8  # [C]
    spend: F8  # [C, P] of the agent
    optimum_spend: F8  # [C, P]


@dataclass(frozen=True)
class Purchases:
    """What an agent won and paid, C campaigns, D days, S segments."""

    wins: I8  # [C, D, S]
    cost_micros: I8  # [C, D, S]


def split(profits: ReferenceProfits) -> Regret:
    """The parts of U less the expected profit of what was shown; their sum is the total."""
    level = profits.optimum - profits.same_spend
    over = profits.spend > profits.optimum_spend
    under_bidding = np.where(over, 0.0, level).sum(axis=1)
    overpaid = profits.same_segment_spend - profits.same_wins
    over_bidding = np.where(over, level, 0.0).sum(axis=1) + overpaid
    allocation = profits.same_spend.sum(axis=1) - profits.same_segment_spend
    estimation = profits.same_wins - profits.shown
    total = allocation + estimation + over_bidding + under_bidding
    return Regret(total, allocation, estimation, over_bidding, under_bidding)


def reference_profits_by_day(problem: DailyProblem, purchases: Purchases, shown: F8) -> ReferenceProfits:
    """Where each day stands for itself; `shown` f8[C] is the profit of what the agent showed."""
    spend = purchases.cost_micros.sum(axis=2).astype(np.float64)
    best = optimum.best_profit(problem)
    same_spend = optimum.best_at_spend(problem, spend)
    most = problem.landscape.most_wins(purchases.cost_micros, problem.auctions, problem.price_level)
    total = spend.sum(axis=1)
    return ReferenceProfits(
        optimum=best.profit,
        same_spend=same_spend,
        same_segment_spend=(most * problem.value_micros).sum(axis=(1, 2)) / PER_MILLE - total,
        same_wins=(purchases.wins * problem.value_micros).sum(axis=(1, 2)) / PER_MILLE - total,
        shown=shown,
        spend=spend,
        optimum_spend=best.spend,
    )


def reference_profits_by_episode(problem: EpisodeProblem, purchases: Purchases, shown: F8) -> ReferenceProfits:
    """Where days share an audience; the best creative is that with the highest value at the moment. `shown` f8[C]."""
    total = purchases.cost_micros.sum(axis=(1, 2)).astype(np.float64)
    best = optimum_with_fatigue.best_profit_with_fatigue(problem)
    most = problem.most_impressions(purchases.cost_micros.astype(np.float64))
    wins = purchases.wins.astype(np.float64)
    return ReferenceProfits(
        optimum=best.profit[:, None],
        same_spend=optimum_with_fatigue.best_at_total(problem, total)[:, None],
        same_segment_spend=_in_best_order(problem.curve, problem.factor, most) - total,
        same_wins=_in_best_order(problem.curve, problem.factor, wins) - total,
        shown=shown,
        spend=total[:, None],
        optimum_spend=best.spend.sum(axis=1)[:, None],
    )


def _in_best_order(curve: FatigueCurve, factor: F8, wins: F8) -> F8:
    """Value f8[C] of daily wins f8[C, D, S] that show at each moment the creative with the highest value."""
    impressions = np.cumsum(wins, axis=1)
    value = np.diff(curve.value_of_first(impressions), axis=1, prepend=0.0).sum(axis=2)
    return np.asarray((value * factor).sum(axis=1))
