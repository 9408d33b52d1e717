"""The optimum where creatives tire or views are capped: what is for sale, in steps. Touch it for other audiences.

All creatives of a segment are one falling curve of worth (freshness.py), cut into slots; each day's bids are steps of
rising cost. Under a frequency cap c the a auctions that a steady bid would win in a day become
A E[min(Poisson(a / A), c)] views of A people, each at the mean price.

Steps and slots of the numbers below cost 0.1 % of the optimum without fatigue, and 1 % where it leaves a tenth of it.
Bids that rise during a day reach people while views are cheap, and a cap of 1 lets them earn up to 1.7 % more in the
simulator (4.5 % in the limit of a continuous day, prices alike): so much may a policy score above 1 there.
The programme lets a day use a slot out of order, which time does not allow: where the day factors of click and conversion
rates rise over the episode its value is an upper bound; where they do not, it is reached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaelp.market.audience import capped_mean
from gaelp.market.freshness import Freshness as Freshness
from gaelp.market.freshness import Reach as Reach
from gaelp.market.landscape import Landscape
from gaelp.market.offer import UNIT, Offer
from gaelp.market.prices import PER_MILLE

I8 = npt.NDArray[np.int64]
F8 = npt.NDArray[np.float64]

STEPS = 32  # of wins, per day and segment, up to where the next one costs what the best view is worth
DEAR_STEPS = 6  # beyond it, for spend that is too much
SLOTS = 30  # of falling view value, per segment
STEP_POWER, SLOT_POWER = 2, 3  # steps and slots are finer where the next win is cheap and the view is fresh
HALVINGS = 40


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

    @property
    def most_attempts(self) -> F8:
        """P(win) f8[S] of a bid above everybody's."""
        return self.landscape.wins[:, -1]

    def supply(self, attempts: F8) -> tuple[F8, F8]:
        """Views, and their cost in micros, f8[..., C, D, S] of winning these shares f8[..., C, D, S] of the auctions.

        A bid that wins an auction for somebody who has seen enough today pays nothing. Bids are steady during a day.
        """
        won = attempts * self.auctions
        cost = self.landscape.spend_of(attempts) * self.auctions * self.price_level[..., None] / PER_MILLE
        if not self.reach.frequency_cap:
            return won, cost
        views = self.reach.people * capped_mean(won / self.reach.people, self.reach.frequency_cap)
        return views, cost * views / np.maximum(won, 1e-9)

    def most_views(self, cost_micros: F8) -> F8:
        """Most views f8[C, D, S] for the cost f8[C, D, S] of each day and segment, by bisection."""
        low, high = np.zeros(cost_micros.shape), np.broadcast_to(self.most_attempts, cost_micros.shape)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            over = self.supply(middle)[1] > cost_micros
            low, high = np.where(over, low, middle), np.where(over, middle, high)
        return self.supply(high)[0]


def best_profit_with_fatigue(plan: Plan) -> Optimum:
    """The optimum of each campaign's episode."""
    offer = _offer(plan)
    value, spend = offer.densest() if plan.reach.fatigue <= 0 else offer.solved()
    return Optimum(value - spend.sum(axis=1), spend)


def best_at_total(plan: Plan, spend: F8) -> F8:
    """Best profit f8[C] of an episode on which exactly `spend` f8[C] micros are spent, at times of one's choice.

    What is spent beyond what every view of any worth costs is lost.
    """
    offer = _offer(plan)
    value, _ = offer.densest(spend) if plan.reach.fatigue <= 0 else offer.solved(spend)
    return np.asarray(value - spend)


def _offer(plan: Plan) -> Offer:
    wins, cost = _bid_steps(plan)
    width, worth = _slots(plan)
    return Offer(wins, cost, width, worth, plan.factor, plan.budget / UNIT)


def _bid_steps(plan: Plan) -> tuple[F8, F8]:
    """Thousands of views and their cost f8[C, D, S, J]."""
    most = plan.most_attempts
    worth = plan.factor[..., None] * plan.freshness.value[:, 0] * PER_MILLE / plan.price_level[..., None]
    top, _ = plan.landscape.bought(worth)
    fine = (np.arange(1, STEPS + 1) / STEPS)[:, None, None, None] ** STEP_POWER
    dear = (np.arange(1, DEAR_STEPS + 1) / DEAR_STEPS)[:, None, None, None]
    views, cost = plan.supply(np.concatenate([top * fine, top + (most - top) * dear]))
    wins, paid = np.diff(views, axis=0, prepend=0.0) / PER_MILLE, np.diff(cost, axis=0, prepend=0.0) / UNIT
    return np.moveaxis(wins, 0, -1), np.moveaxis(paid, 0, -1)


def _slots(plan: Plan) -> tuple[F8, F8]:
    """Widths f8[C, S, M] in thousands of views, and worth of a thousand views in them."""
    views, _ = plan.supply(np.broadcast_to(plan.most_attempts, plan.auctions.shape))
    slots = SLOTS if plan.reach.fatigue > 0 else 1
    edges = (np.arange(slots + 1) / slots)[:, None, None] ** SLOT_POWER * np.maximum(views.sum(axis=1), 1.0)
    width = np.diff(edges, axis=0) / PER_MILLE
    worth = np.diff(plan.freshness.worth(edges), axis=0) / width / UNIT
    return np.moveaxis(width, 0, -1), np.moveaxis(worth, 0, -1)
