"""The optimum where creatives tire or views are capped: what is for sale, in steps. Touch it for other audiences.

All creatives of a segment are one falling curve of worth (freshness.py), cut into slots; each day's views come in steps
of rising cost, under a frequency cap those of capped.py.

Steps and slots of the numbers below cost 0.1 % of the optimum without fatigue, and 1 % where it leaves a tenth of it.
The programme lets a day use a slot out of order, which time does not allow: where the day factors of click and
conversion rates rise over the episode its value is an upper bound; where they do not, it is reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.market.auctions.price_curves import PER_MILLE
from gaelp.market.scoring.budget_allocation import UNIT, Offer
from gaelp.market.scoring.frequency_capped_cost import least_cost
from gaelp.market.scoring.impression_values import Freshness as Freshness
from gaelp.market.scoring.impression_values import Reach as Reach
from gaelp.market.scoring.marginal_cost import Landscape

STEPS = 32  # of wins, per day and segment, up to where the next one costs what the best view is worth
DEAR_STEPS = 6  # beyond it, for spend that is too much
SLOTS = 30  # of falling view value, per segment
STEP_POWER, SLOT_POWER = 2, 3  # steps and slots are finer where the next win is cheap and the view is fresh


@dataclass(frozen=True)
class Optimum:
    """The best of each campaign, in micros."""

    profit: F8  # [C]
    spend: F8  # [C, D]


@dataclass(frozen=True)
class Plan:
    """What the programme is made of, for C campaigns. `factor` multiplies the worth of every view of the day."""

    landscape: Landscape
    freshness: Freshness
    reach: Reach
    factor: F8  # [C, D]
    auctions: I8  # [C, D, S]
    price_level: F8  # [C, D]
    budget: F8  # [C, D] micros

    @cached_property
    def supply(self) -> tuple[F8, F8]:
        """Views, and their cost in micros, f8[J + 1, C, D, S] from 0 on: the least cost of each step of views."""
        level = self.price_level[..., None] / PER_MILLE
        worth = self.factor[..., None] * self.freshness.value[:, 0] / level
        if self.reach.frequency_cap:
            people, cap = self.reach.people, self.reach.frequency_cap
            views, cost = least_cost(self.landscape, self.auctions / people, cap, float(worth.max()))
            return views * people, cost * people * level
        top, most = self.landscape.bought(worth)[0], self.landscape.wins[:, -1]
        fine = (np.arange(STEPS + 1) / STEPS)[:, None, None, None] ** STEP_POWER
        dear = (np.arange(1, DEAR_STEPS + 1) / DEAR_STEPS)[:, None, None, None]
        share = np.concatenate([top * fine, top + (most - top) * dear])
        return share * self.auctions, self.landscape.spend_of(share) * self.auctions * level

    @cached_property
    def offer(self) -> Offer:
        """The same in steps and slots."""
        wins, cost = _bid_steps(self)
        width, worth = _slots(self)
        return Offer(wins, cost, width, worth, self.factor, self.budget / UNIT)

    def most_views(self, cost_micros: F8) -> F8:
        """Most views f8[C, D, S] for the cost f8[C, D, S] of each day and segment."""
        if not self.reach.frequency_cap:
            return self.landscape.most_wins(cost_micros, self.auctions, self.price_level)
        views, cost = self.supply
        at = np.clip((cost <= cost_micros).sum(axis=0) - 1, 0, len(cost) - 2)[None]
        low, high, begun, ended = (
            np.take_along_axis(curve, place, axis=0)[0] for curve in (views, cost) for place in (at, at + 1)
        )
        part = np.divide(cost_micros - begun, ended - begun, out=np.zeros_like(low), where=ended > begun)
        return np.asarray(low + (high - low) * np.clip(part, 0.0, 1.0))


def best_profit_with_fatigue(plan: Plan) -> Optimum:
    """The optimum of each campaign's episode."""
    value, spend = plan.offer.densest() if plan.reach.fatigue <= 0 else plan.offer.solved()
    return Optimum(value - spend.sum(axis=1), spend)


def best_at_total(plan: Plan, spend: F8) -> F8:
    """Best profit f8[C] of an episode on which exactly `spend` f8[C] micros are spent, at times of one's choice.

    What is spent beyond what every view of any worth costs is lost.
    """
    value, _ = plan.offer.densest(spend) if plan.reach.fatigue <= 0 else plan.offer.solved(spend)
    return np.asarray(value - spend)


def _bid_steps(plan: Plan) -> tuple[F8, F8]:
    """Thousands of views and their cost f8[C, D, S, J]."""
    views, cost = plan.supply
    wins, paid = np.diff(views, axis=0) / PER_MILLE, np.diff(cost, axis=0) / UNIT
    return np.moveaxis(wins, 0, -1), np.moveaxis(paid, 0, -1)


def _slots(plan: Plan) -> tuple[F8, F8]:
    """Widths f8[C, S, M] in thousands of views, and worth of a thousand views in them."""
    most = np.maximum(plan.supply[0][-1].sum(axis=1), 1.0)
    slots = SLOTS if plan.reach.fatigue > 0 else 1
    edges = (np.arange(slots + 1) / slots)[:, None, None] ** SLOT_POWER * most
    width = np.diff(edges, axis=0) / PER_MILLE
    worth = np.diff(plan.freshness.worth(edges), axis=0) / width / UNIT
    return np.moveaxis(width, 0, -1), np.moveaxis(worth, 0, -1)
