"""Reward, success and regret of simulated episodes, as docs/gates.md, criteria 1 and 2 define them.

Touch this only together with docs/gates.md.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import B1, F8, I8, Array
from gaelp.market.auctions.price_curves import PER_MILLE, PriceCurves
from gaelp.market.audience.fatigue import FiniteAudience
from gaelp.market.parameters import MarketParameters
from gaelp.market.scoring import regret
from gaelp.market.scoring.impression_values import FatigueCurve, impression_value_micros
from gaelp.market.scoring.marginal_cost import Landscape
from gaelp.market.scoring.optimum import DailyProblem
from gaelp.market.scoring.optimum_with_fatigue import EpisodeProblem
from gaelp.market.scoring.regret import Purchases, Regret
from gaelp.market.world.drift import Factors

SMALLEST_SCOPE = 0.01  # of the episode's budget: below it nothing could be earned and the episode is replaced


@dataclass(frozen=True)
class ScoringInputs:
    """What C episodes of D days offered, and what they are measured by; no action changes it."""

    market: MarketParameters
    curves: PriceCurves
    auctions: I8  # [C, D, S] that took place on each day
    factors: Factors  # [C, D] each
    budget_micros: F8  # [C, D] that each day may bill, over-delivery included
    ticks_per_day: int
    daily_budget_micros: int
    over_delivery: float  # daily budgets that a day may bill at the most
    target_cpa_micros: int
    audience: FiniteAudience | None = None  # None: an audience without end
    together: int = 1  # consecutive campaigns that take part in the same auctions and bid against each other


@dataclass(frozen=True)
class Scores:
    """Per campaign [C]. `counted` is False where the episode is replaced.

    Campaigns that bid against each other share one optimum, that of their joint budget: ratio, reward and counted are
    their group's, and so is success; optimum and regret are the equal part of each, profit is their own.
    """

    reward: F8  # clip((profit - 0) / U, 0, 1)
    ratio: F8  # unclipped
    success: B1
    counted: B1
    profit_micros: F8  # expected incremental contribution of the auctions won, less their cost
    attributed_profit_micros: F8  # the same with the conversions that last-click attribution counts
    incumbent_profit_micros: F8  # what success is measured against
    optimum_micros: F8
    regret: Regret


def day_traffic(traffic: I8) -> I8:
    """Auctions per day i8[C, D, S] from those per hour [C, 24 D, S]."""
    campaigns, hours, segments = traffic.shape
    return np.asarray(traffic.reshape(campaigns, hours // 24, 24, segments).sum(axis=2))


def expected_profit_micros(inputs: ScoringInputs, impressions: I8, cost_micros: I8) -> F8:
    """Expected incremental contribution of the impressions won, less what they cost, f8[C].

    impressions, cost_micros i8[T, C, S, K], a row per tick of the episode.
    """
    return np.asarray(_value(inputs, _by_day(inputs, impressions)) - cost_micros.sum(axis=(0, 2, 3)))


def tick_profit_micros(inputs: ScoringInputs, day: int, before: I8, impressions: I8, cost_micros: I8) -> F8:
    """What one tick of `day` adds to the expected profit of its episode, f8[C].

    impressions, cost_micros i8[C, S, K] of the tick; `before` i8[C, S, K] are the episode's impressions so far.
    """
    shown = impressions.astype(np.float64)
    if inputs.audience is not None:
        shown = inputs.audience.first_impressions(before.astype(np.float64), shown)
    value = (shown * _impression_value(inputs, slice(day, day + 1))[:, 0]).sum(axis=(1, 2))
    return np.asarray(value - cost_micros.sum(axis=(1, 2)))


def score(inputs: ScoringInputs, impressions: I8, cost_micros: I8, incumbent_profit_micros: F8) -> Scores:
    """Scores of C episodes from their impressions and cost i8[T, C, S, K], a row per tick.

    U is the linear programme's optimum given the realised traffic, L = 0. Success: expected profit no less than the
    incumbent's f8[C] on the same world, the CPA that an account would show (expected, attributed) within target,
    spend within daily budget x days x over-delivery.
    """
    shown, cost = _by_day(inputs, impressions), _by_day(inputs, cost_micros).sum(axis=3)
    spend, value = cost.sum(axis=(1, 2)), _value(inputs, shown)
    attributed = value / (1.0 - inputs.market.organic_share)
    profit = value - spend
    optimum, missed = _optimum_and_regret(inputs, Purchases(shown.sum(axis=3), cost), profit)
    budget = inputs.daily_budget_micros * inputs.auctions.shape[1]
    counted = optimum >= SMALLEST_SCOPE * budget
    ratio = np.where(counted, 1.0 - missed.total / np.where(counted, optimum, 1.0), 0.0)
    all_of = functools.partial(_of_group, group=inputs.together)
    cheap = all_of(spend) * inputs.market.conversion_value_micros <= inputs.target_cpa_micros * all_of(attributed)
    within = all_of((spend > budget * inputs.over_delivery).astype(np.float64)) == 0
    return Scores(
        reward=np.clip(ratio, 0.0, 1.0),
        ratio=ratio,
        success=(all_of(profit) >= all_of(incumbent_profit_micros)) & cheap & within,
        counted=counted,
        profit_micros=profit,
        attributed_profit_micros=attributed - spend,
        incumbent_profit_micros=incumbent_profit_micros,
        optimum_micros=optimum,
        regret=missed,
    )


def _by_day(inputs: ScoringInputs, counts: I8) -> I8:
    """Sums i8[C, D, S, K] over the ticks of each day."""
    ticks, *shape = counts.shape
    days = inputs.auctions.shape[1]
    if ticks != days * inputs.ticks_per_day:
        raise ValueError(f"{ticks} ticks are not {days} days of {inputs.ticks_per_day}: score whole episodes only")
    return np.moveaxis(counts.reshape(days, inputs.ticks_per_day, *shape).sum(axis=1), 0, 1)


def _value(inputs: ScoringInputs, shown: I8) -> F8:
    """Expected incremental contribution f8[C] of daily impressions i8[C, D, S, K].

    Under fatigue each impression counts with the value that it had in its turn.
    """
    impressions = shown.astype(np.float64)
    if inputs.audience is not None:
        before = np.cumsum(impressions, axis=1) - impressions
        impressions = inputs.audience.first_impressions(before, impressions)
    return np.asarray((impressions * _impression_value(inputs)).sum(axis=(1, 2, 3)))


def _impression_value(inputs: ScoringInputs, days: slice = slice(None)) -> F8:
    """Value f8[C, D, S, K] of a first impression under the days' factors; no rate exceeds 1."""
    market, factors = inputs.market, inputs.factors
    click = np.minimum(factors.click[:, days, None, None], 1.0 / np.maximum(market.ctr, 1e-300))
    conversion = np.minimum(factors.conversion[:, days, None, None], 1.0 / np.maximum(market.cvr, 1e-300))
    return np.asarray(impression_value_micros(market) * click * conversion)


def _optimum_and_regret(inputs: ScoringInputs, purchases: Purchases, profit: F8) -> tuple[F8, Regret]:
    """U f8[C] and the regret, each campaign's equal part of its group's."""
    group = inputs.together
    wins, cost, earned, budget = (
        _summed(array, group) for array in (purchases.wins, purchases.cost_micros, profit, inputs.budget_micros)
    )
    profits = _reference_profits(inputs, Purchases(wins, cost), earned, budget.astype(np.float64))
    optimum, missed = profits.optimum.sum(axis=1), regret.split(profits)
    parts = {name: np.repeat(part, group) / group for name, part in vars(missed).items()}
    return np.repeat(optimum, group) / group, Regret(**parts)


def _summed(array: Array, group: int) -> Array:
    """Sums over consecutive campaigns, the first axis."""
    return np.asarray(array.reshape(-1, group, *array.shape[1:]).sum(axis=1))


def _of_group(array: F8, group: int) -> F8:
    """The sum of each campaign's group f8[C]: what one of them leaves to another is not lost."""
    return np.repeat(_summed(array, group), group)


def _reference_profits(inputs: ScoringInputs, purchases: Purchases, profit: F8, budget: F8) -> regret.ReferenceProfits:
    """Those of every group of campaigns, from the auctions of its first one and what all have bought together."""
    landscape, first = Landscape.of(inputs.curves), slice(None, None, inputs.together)
    auctions, price = inputs.auctions[first], inputs.factors.price[first]
    if inputs.audience is None or not inputs.audience.limits_delivery:
        value = _impression_value(inputs).max(axis=3)[first] * PER_MILLE
        daily = DailyProblem(landscape, value, auctions, price, budget)
        return regret.reference_profits_by_day(daily, purchases, profit)
    # Fatigue is per campaign's creative, so that a group has as many more creatives.
    value = np.tile(impression_value_micros(inputs.market), inputs.together)
    factor = (inputs.factors.click * inputs.factors.conversion)[first]
    curve = FatigueCurve.of(value, inputs.audience)
    episode = EpisodeProblem(landscape, curve, inputs.audience, factor, auctions, price, budget)
    return regret.reference_profits_by_episode(episode, purchases, profit)
