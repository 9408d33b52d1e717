"""What an agent is told of its campaigns, and when: totals that may lag behind. Touch this to report otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.agents.contract import Observation, TickTime, Totals
from gaelp.arrays import I8
from gaelp.market.parameters import MarketParameters
from gaelp.market.world.drawn_world import World

COUNTS = ("impressions", "clicks", "matured_conversions", "cost_micros")


@dataclass(frozen=True)
class Tick:
    """What a tick brought. Conversions and revenue are those that arrived in it, whenever their click was."""

    impressions: I8  # [C, S, K]
    clicks: I8  # [C, S, K]
    matured_conversions: I8  # [C, S, K]
    cost_micros: I8  # [C, S, K]
    revenue_micros: I8  # [C] attributed, net of the refunds that arrived
    spendable_micros: I8  # [C] what the tick could spend


class Reports:
    """Totals of C campaigns since they began, `lag_hours` late (rounded up to whole ticks)."""

    def __init__(self, market: MarketParameters, world: World, click_value_micros: int, lag_hours: int) -> None:
        self._market, self._world, self._click_value = market, world, click_value_micros
        self._lag_ticks = -(-lag_hours // world.tick_hours)
        self._tick = 0
        self._late: list[Tick] = []  # played and not reported yet
        self._totals = {name: np.zeros((world.campaigns, *market.ctr.shape), np.int64) for name in COUNTS}
        self._today = np.zeros(world.campaigns, np.int64)  # what is reported of today's cost

    def add(self, played: Tick) -> None:
        """Take in the tick that was played, and report the one whose time has come."""
        self._tick += 1
        self._late.append(played)
        today = self._tick // self._world.ticks_per_day * self._world.ticks_per_day
        if self._tick == today:
            self._today = np.zeros_like(self._today)
        if len(self._late) <= self._lag_ticks:
            return
        reported = self._late.pop(0)
        for name in COUNTS:
            self._totals[name] += getattr(reported, name)
        if self._tick - 1 - self._lag_ticks >= today:
            self._today = self._today + reported.cost_micros.sum(axis=(1, 2))

    def observe(self) -> Observation:
        """What is known before the next tick: everything reported so far."""
        world, at = self._world, self._tick * self._world.tick_hours
        time = TickTime(
            hour=np.full(world.campaigns, at % 24),
            weekday=(world.first_weekday + at // 24) % 7,
            time_left=np.full(world.campaigns, 1.0 - self._tick / world.ticks),
        )
        return Observation.build(
            time,
            Totals(**{name: total.copy() for name, total in self._totals.items()}),
            self._market.segment_features,
            self._market.candidate_features,
            np.maximum(world.daily_budget_micros - self._today, 0),
            self._click_value,
        )
