"""Reward and success of simulated episodes as gates.md 1 and 2 define them. Touch this only together with gates.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gaelp.market.auctions import Market
from gaelp.market.calibration import conversion_value_micros
from gaelp.market.optimum import best_profit_micros, impression_value_micros

I8 = npt.NDArray[np.int64]
F8 = npt.NDArray[np.float64]

SMALLEST_SCOPE = 0.01  # of the episode's budget: below it nothing could be earned and the episode is replaced


@dataclass(frozen=True)
class Scores:
    """Per campaign [C]. `counted` is False where the episode is replaced."""

    reward: F8  # clip((profit - 0) / U, 0, 1)
    ratio: F8  # unclipped
    success: npt.NDArray[np.bool_]
    counted: npt.NDArray[np.bool_]
    profit_micros: F8  # expected, of the auctions won
    optimum_micros: F8


def day_traffic(traffic: I8) -> I8:
    """Auctions per day i8[C, D, S] from those per hour [C, 24 D, S]."""
    campaigns, hours, segments = traffic.shape
    return np.asarray(traffic.reshape(campaigns, hours // 24, 24, segments).sum(axis=2))


def expected_profit_micros(market: Market, trajectory: Mapping[str, npt.NDArray[np.generic]]) -> F8:
    """Expected contribution of the impressions won, less what they cost, f8[C]."""
    won = np.asarray(trajectory["impressions"]).sum(axis=0)
    cost = np.asarray(trajectory["cost_micros"]).sum(axis=(0, 2, 3))
    return np.asarray((won * impression_value_micros(market)).sum(axis=(1, 2)) - cost)


def score(
    market: Market,
    traffic: I8,
    won: I8,
    cost_micros: I8,
    incumbent_profit_micros: F8,
    daily_budget_micros: int,
    target_cpa_micros: int,
) -> Scores:
    """Scores of C episodes: traffic i8[C, D, S] auctions a day, won i8[C, S, K] impressions, cost_micros i8[C].

    U is the linear program's optimum per day given the realised traffic, L = 0. Success: expected profit no less
    than the incumbent's on the same world, expected CPA within target, spend within budget.
    """
    value = (won * impression_value_micros(market)).sum(axis=(1, 2))
    profit = value - cost_micros
    budget = daily_budget_micros * traffic.shape[1]
    optimum = best_profit_micros(market, traffic, np.full(traffic.shape[:2], float(daily_budget_micros))).sum(axis=1)
    counted = optimum >= SMALLEST_SCOPE * budget
    ratio = np.where(counted, profit / np.where(counted, optimum, 1.0), 0.0)
    conversions = value / conversion_value_micros(market)
    cheap = cost_micros <= target_cpa_micros * conversions
    success = (profit >= incumbent_profit_micros) & cheap & (cost_micros <= budget)
    return Scores(np.clip(ratio, 0.0, 1.0), ratio, success, counted, profit, optimum)
