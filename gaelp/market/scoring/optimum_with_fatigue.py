"""The optimum with fatigue or a frequency cap: an episode's impressions in steps of cost and slots of value.

All creatives of a segment are one falling curve of value (impression_values.py), cut into slots; each day's impressions
come in steps of rising cost, under a frequency cap those of frequency_capped_cost.py.

Cutting into the numbers of steps and slots below loses 0.1 % of the optimum without fatigue, and 1 % where fatigue
leaves a tenth of it. The programme lets a day use a slot out of order, which time does not allow: where the day factors
of click and conversion rates rise over the episode its value is an upper bound; where they do not, it is reached.
Touch this for other audiences.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.market.auctions.price_curves import PER_MILLE
from gaelp.market.audience.fatigue import FiniteAudience
from gaelp.market.scoring.budget_allocation import UNIT, AllocationProgramme
from gaelp.market.scoring.frequency_capped_cost import least_cost
from gaelp.market.scoring.impression_values import FatigueCurve
from gaelp.market.scoring.marginal_cost import Landscape

STEPS = 32  # of impressions, per day and segment, up to where the next one costs as much as the best one's value
STEPS_ABOVE_VALUE = 6  # beyond it, for spend that is too much
SLOTS = 30  # of falling value, per segment
STEP_POWER, SLOT_POWER = 2, 3  # steps and slots are finer where impressions are cheap and where their value is highest


@dataclass(frozen=True)
class EpisodeOptimum:
    """The best of each campaign, in micros."""

    profit: F8  # [C]
    spend: F8  # [C, D]


@dataclass(frozen=True)
class EpisodeProblem:
    """What C campaigns could buy in an episode of D days that share one audience."""

    landscape: Landscape
    curve: FatigueCurve
    audience: FiniteAudience
    factor: F8  # [C, D] multiplies the value of every impression of the day
    auctions: I8  # [C, D, S]
    price_level: F8  # [C, D]
    budget: F8  # [C, D] micros

    @cached_property
    def supply(self) -> tuple[F8, F8]:
        """Impressions, and their cost in micros, f8[J + 1, C, D, S] from 0 on: the least cost of each step."""
        level = self.price_level[..., None] / PER_MILLE
        highest = self.factor[..., None] * self.curve.value[:, 0] / level
        if self.audience.frequency_cap:
            people, cap = self.audience.people, self.audience.frequency_cap
            impressions, cost = least_cost(self.landscape, self.auctions / people, cap, float(highest.max()))
            return impressions * people, cost * people * level
        top, most = self.landscape.bought(highest)[0], self.landscape.wins[:, -1]
        up_to_value = (np.arange(STEPS + 1) / STEPS)[:, None, None, None] ** STEP_POWER
        above_value = (np.arange(1, STEPS_ABOVE_VALUE + 1) / STEPS_ABOVE_VALUE)[:, None, None, None]
        share = np.concatenate([top * up_to_value, top + (most - top) * above_value])
        return share * self.auctions, self.landscape.spend_of(share) * self.auctions * level

    @cached_property
    def programme(self) -> AllocationProgramme:
        """The same in steps and slots."""
        impressions, cost = _steps(self)
        width, value = _slots(self)
        return AllocationProgramme(impressions, cost, width, value, self.factor, self.budget / UNIT)

    def most_impressions(self, cost_micros: F8) -> F8:
        """Most impressions f8[C, D, S] for the cost f8[C, D, S] of each day and segment."""
        if not self.audience.frequency_cap:
            return self.landscape.most_wins(cost_micros, self.auctions, self.price_level)
        impressions, cost = self.supply
        at = np.clip((cost <= cost_micros).sum(axis=0) - 1, 0, len(cost) - 2)[None]
        low, high, begun, ended = (
            np.take_along_axis(steps, place, axis=0)[0] for steps in (impressions, cost) for place in (at, at + 1)
        )
        part = np.divide(cost_micros - begun, ended - begun, out=np.zeros_like(low), where=ended > begun)
        return np.asarray(low + (high - low) * np.clip(part, 0.0, 1.0))


def best_profit_with_fatigue(problem: EpisodeProblem) -> EpisodeOptimum:
    """The optimum of each campaign's episode."""
    value, spend = _allocated(problem)
    return EpisodeOptimum(value - spend.sum(axis=1), spend)


def best_at_total(problem: EpisodeProblem, spend: F8) -> F8:
    """Best profit f8[C] of an episode on which exactly `spend` f8[C] micros are spent, at times of one's choice.

    What is spent beyond what every impression of any value costs is lost.
    """
    value, _ = _allocated(problem, spend)
    return np.asarray(value - spend)


def _allocated(problem: EpisodeProblem, total: F8 | None = None) -> tuple[F8, F8]:
    programme = problem.programme
    return programme.by_value_for_cost(total) if problem.audience.fatigue <= 0 else programme.solved(total)


def _steps(problem: EpisodeProblem) -> tuple[F8, F8]:
    """Thousands of impressions and their cost f8[C, D, S, J]."""
    impressions, cost = problem.supply
    bought, paid = np.diff(impressions, axis=0) / PER_MILLE, np.diff(cost, axis=0) / UNIT
    return np.moveaxis(bought, 0, -1), np.moveaxis(paid, 0, -1)


def _slots(problem: EpisodeProblem) -> tuple[F8, F8]:
    """Widths f8[C, S, M] in thousands of impressions, and the value of a thousand impressions in them."""
    most = np.maximum(problem.supply[0][-1].sum(axis=1), 1.0)
    slots = SLOTS if problem.audience.fatigue > 0 else 1
    edges = (np.arange(slots + 1) / slots)[:, None, None] ** SLOT_POWER * most
    width = np.diff(edges, axis=0) / PER_MILLE
    value = np.diff(problem.curve.value_of_first(edges), axis=0) / width / UNIT
    return np.moveaxis(width, 0, -1), np.moveaxis(value, 0, -1)
