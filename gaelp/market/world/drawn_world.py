"""What no action moves: weekday, traffic, day factors, the platform's surplus and its bidder. Touch this to add more.

Everything is drawn before anyone acts, from a stream of its own, so that candidate and incumbent meet the same world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.auctions import aggregate_auctions
from gaelp.market.parameters import MarketParameters
from gaelp.market.world import autobidder, drift
from gaelp.market.world.drift import Factors
from gaelp.market.world.orders import mean_lag_days
from gaelp.money import micros

OVERDELIVERING_DAYS = 0.25  # share of days on which a platform bills more than the budget


@dataclass(frozen=True)
class World:
    """C campaigns, H hours and D days of the episode, S segments."""

    first_weekday: I8  # [C]
    traffic: I8  # [C, H, S] auctions; equal within a group of own campaigns
    factors: Factors  # [C, D] each
    allowance: F8  # [C, D] daily budgets that the platform may bill on a day
    bidder: autobidder.Bidder | None  # where the platform bids itself
    tick_hours: int
    daily_budget_micros: int

    @property
    def campaigns(self) -> int:
        return len(self.first_weekday)

    @property
    def days(self) -> int:
        return int(self.allowance.shape[1])

    @property
    def ticks(self) -> int:
        return int(self.traffic.shape[1]) // self.tick_hours

    @property
    def ticks_per_day(self) -> int:
        return 24 // self.tick_hours


def draw_world(
    market: MarketParameters, config: TrainingConfiguration, rng: np.random.Generator, campaigns: int | None = None
) -> World:
    """The world of `campaigns` episodes (the configuration's batch by default); options never move others' draws."""
    count = config.simulation.campaigns_per_batch if campaigns is None else campaigns
    days = config.simulation.days
    group = np.arange(count) // config.market.own_campaigns * config.market.own_campaigns
    first = rng.integers(7, size=count)[group]
    factors = drift.draw(config.market, count, days, rng, market.day_shock)
    surplus = rng.random((2, count, days))
    traffic = _traffic(market, first, factors, rng)[group]
    bidder = None
    if config.market.bidding != "manual":
        segments = traffic.shape[2]
        bidder = autobidder.begin(count, segments, rng, _rules(market, config))
    return World(
        first_weekday=first,
        traffic=traffic,
        factors=factors,
        allowance=_allowance(config.market.over_delivery, surplus),
        bidder=bidder,
        tick_hours=config.clock.tick_hours,
        daily_budget_micros=micros(config.simulation.daily_budget),
    )


def _traffic(market: MarketParameters, first: I8, factors: Factors, rng: np.random.Generator) -> I8:
    at = np.arange(factors.traffic.shape[1] * 24)
    weekday = (first[:, None] + at // 24) % 7
    hour = np.broadcast_to(at % 24, weekday.shape)
    return aggregate_auctions.traffic(market, hour, weekday, np.repeat(factors.traffic, 24, axis=1), rng)


def _allowance(most: float, surplus: F8) -> F8:
    """One budget on most days; on some up to `most`, and rather much than little of it."""
    return np.where(surplus[0] < OVERDELIVERING_DAYS, 1.0 + (most - 1.0) * np.sqrt(surplus[1]), 1.0)


def _rules(market: MarketParameters, config: TrainingConfiguration) -> autobidder.Rules:
    kind = config.market.bidding
    assert kind != "manual"
    return autobidder.Rules(
        kind=kind,
        learning_conversions=config.market.learning_conversions,
        order_value_micros=float(market.order_value_micros),
        tick_hours=config.clock.tick_hours,
        lag_days=mean_lag_days(market.lag_days, market.window_days),
    )
