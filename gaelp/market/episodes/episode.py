"""Campaigns that advance together through one world, a tick at a time. Touch this to change what an episode is.

Two verbs, as a Gymnasium environment has them: `observe` what an agent may know, `step` with its decision. What the
agent observes lags behind what has happened where the market reports late (world/reporting_lag.py); what it may spend
does not.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from gaelp.agents.contract import Decision, Observation
from gaelp.arrays import F8, I8, Array
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.auctions import aggregate_auctions
from gaelp.market.auctions.aggregate_auctions import Slot, SlotResult
from gaelp.market.auctions.per_auction import per_auction
from gaelp.market.auctions.price_curves import PriceCurves
from gaelp.market.audience.fatigue import AudienceState, FiniteAudience
from gaelp.market.calibration.calibrate import click_value_micros
from gaelp.market.parameters import MarketParameters
from gaelp.market.scoring import episode_scores
from gaelp.market.world import autobidder, orders
from gaelp.market.world.drawn_world import World
from gaelp.market.world.reporting_lag import COUNTS, Reports, Tick
from gaelp.money import micros


class Episodes:
    """C campaigns of one batch. Prices, clicks and orders come from `response`, all other chance is the world's."""

    def __init__(
        self, market: MarketParameters, config: TrainingConfiguration, world: World, response: np.random.Generator
    ) -> None:
        self.market, self.config, self.world = market, config, world
        self.curves = PriceCurves.of(market)
        self._by_hour = PriceCurves.by_hour(market)
        self.tick = 0
        self._response = response
        shape = (world.campaigns, *market.ctr.shape)
        click_value = click_value_micros(config.economics)
        self._log = _empty(market, world, click_value)
        self._arrivals = orders.Arrivals.empty(world.ticks, shape)
        self._left = np.zeros(world.campaigns, np.int64)
        self._reports = Reports(market, world, click_value, config.market.reporting_lag_hours)
        self._bidder = world.bidder
        self._audience = _audience(market, config, shape)

    @property
    def done(self) -> bool:
        """Whether the last tick has been played."""
        return self.tick >= self.world.ticks

    @property
    def heads(self) -> tuple[str, ...]:
        """What the world takes: the bids, or the target where the platform bids itself."""
        return ("bid_micros" if self._bidder is None else "target", "creative_prob", "spend_rate")

    def observe(self) -> Observation:
        """What is known before the tick: everything reported so far."""
        return self._reports.observe()

    def step(self, decision: Decision) -> Tick:
        """Play the tick under a complete, checked decision; heads that the world does not take are ignored."""
        self._begin_day()
        share = np.asarray(decision.creative_prob)
        bid = self._bids(decision, share)
        rate = np.ones(len(self._left)) if decision.spend_rate is None else decision.spend_rate
        spendable = np.floor(rate * self._left).astype(np.int64)
        served = self._serve(bid, share, spendable)
        spent = served.cost_micros.sum(axis=(1, 2))
        self._left = self._left - spent
        self._take_orders(served)
        tick = self._write(bid, share, spendable, served)
        if self._bidder is not None:
            arrived = tick.matured_conversions.sum(axis=(1, 2))
            self._bidder = autobidder.observed(self._bidder, spent, arrived, tick.revenue_micros, spendable)
        self._reports.add(tick)
        self.tick += 1
        return tick

    def summary(self) -> dict[str, Array]:
        """The trajectory so far, as Agent.learn reads it."""
        arrivals = {
            "matured_conversions": self._arrivals.matured_conversions,
            "revenue_micros": self._arrivals.revenue_micros,
        }
        return {**self._log, **arrivals}

    def close(self) -> None:
        """Nothing is held; a session of foreign environments holds them."""

    def expected_profit_micros(self) -> F8:
        """Expected incremental profit f8[C] of the impressions won, of whole episodes."""
        return episode_scores.expected_profit_micros(self._inputs, self._log["impressions"], self._log["cost_micros"])

    def tick_profit_micros(self) -> F8:
        """What the tick played last added to that, f8[C]."""
        at = self.tick - 1
        shown, cost = self._log["impressions"][at], self._log["cost_micros"][at]
        before = 0 * shown if self._audience is None else self._audience.impressions - shown
        return episode_scores.tick_profit_micros(self._inputs, at // self.world.ticks_per_day, before, shown, cost)

    def scores(self, incumbent_profit_micros: F8) -> episode_scores.Scores:
        """Reward, success and regret of whole episodes beside the incumbent's expected profit f8[C]."""
        log = self._log
        return episode_scores.score(self._inputs, log["impressions"], log["cost_micros"], incumbent_profit_micros)

    @cached_property
    def _inputs(self) -> episode_scores.ScoringInputs:
        world, config = self.world, self.config
        return episode_scores.ScoringInputs(
            market=self.market,
            curves=self.curves,
            auctions=episode_scores.day_traffic(world.traffic),
            factors=world.factors,
            budget_micros=world.daily_budget_micros * world.allowance,
            ticks_per_day=world.ticks_per_day,
            daily_budget_micros=world.daily_budget_micros,
            over_delivery=config.market.over_delivery,
            target_cpa_micros=micros(config.economics.target_cpa),
            together=config.market.own_campaigns,
            audience=None if self._audience is None else self._audience.audience,
        )

    # ------------------------------------------------------------ a tick

    def _begin_day(self) -> None:
        if self.tick % self.world.ticks_per_day:
            return
        day = self.tick // self.world.ticks_per_day
        self._left = np.floor(self.world.daily_budget_micros * self.world.allowance[:, day]).astype(np.int64)
        if self._audience is not None:
            self._audience = replace(self._audience, today=np.zeros_like(self._audience.today))

    def _rates(self) -> tuple[F8, F8]:
        """CTR and attributed CVR f8[C, S, K] of the day."""
        day = self.tick // self.world.ticks_per_day
        factors = self.world.factors
        click, conversion = (f[:, day, None, None] for f in (factors.click, factors.conversion))
        return np.minimum(self.market.ctr * click, 1.0), np.minimum(self.market.cvr * conversion, 1.0)

    def _bids(self, decision: Decision, share: F8) -> I8:
        if self._bidder is None:
            return np.asarray(decision.bid_micros)
        ctr, cvr = self._rates()
        target = self._default_target() if decision.target is None else decision.target
        bid, self._bidder = autobidder.bids(self._bidder, target, (share * ctr * cvr).sum(axis=-1))
        return bid

    def _default_target(self) -> F8:
        """The economics' own target, for an agent that gives none."""
        economics = self.config.economics
        cpa = float(micros(economics.target_cpa))
        by_value = float(micros(economics.order_value)) / max(cpa, 1.0)
        return np.full(len(self._left), cpa if self.config.market.bidding == "target-cpa" else by_value)

    def _serve(self, bid: I8, share: F8, spendable: I8) -> SlotResult:
        first, end = (at * self.world.tick_hours for at in (self.tick, self.tick + 1))
        if not self._by_hour:
            return self._sell(self.curves, slice(first, end), bid, share, spendable)
        served = None
        for hour in range(first, end):
            sold = self._sell(self._by_hour[hour % 24], slice(hour, hour + 1), bid, share, spendable)
            spendable = spendable - sold.cost_micros.sum(axis=(1, 2))
            served = sold if served is None else served + sold
        assert served is not None  # a tick has an hour
        return served

    def _sell(self, curves: PriceCurves, hours: slice, bid: I8, share: F8, spendable: I8) -> SlotResult:
        ctr, cvr = self._rates()
        slot = Slot(
            auctions=self.world.traffic[:, hours],
            bid_micros=bid,
            creative_prob=share,
            budget_micros=spendable,
            ctr=ctr,
            cvr=cvr,
            price_level=self.world.factors.price[:, self.tick // self.world.ticks_per_day],
            audience=self._audience,
            together=self.config.market.own_campaigns,
        )
        if self.config.market.resolution == "per-auction":
            served = per_auction(curves, slot, self.market.rivals, self._response)
        else:
            served = aggregate_auctions.aggregate(curves, slot, self._response)
        if self._audience is not None:
            self._audience = replace(
                self._audience,
                impressions=self._audience.impressions + served.wins,
                today=self._audience.today + served.wins.sum(axis=2),
            )
        return served

    def _take_orders(self, served: SlotResult) -> None:
        drawn = orders.draw(served.conversions, self.market, self.world.tick_hours, self._response)
        orders.add_arrivals(drawn, self.tick, self._arrivals)

    def _write(self, bid: I8, share: F8, spendable: I8, served: SlotResult) -> Tick:
        at, log = self.tick, self._log
        log["hour"][at] = at * self.world.tick_hours % 24
        log["weekday"][at] = (self.world.first_weekday + at * self.world.tick_hours // 24) % 7
        log["budget_left_micros"][at] = spendable
        log["bid_micros"][at], log["creative_prob"][at] = bid, share
        log["impressions"][at], log["clicks"][at] = served.wins, served.clicks
        log["cost_micros"][at] = served.cost_micros
        return Tick(
            impressions=served.wins,
            clicks=served.clicks,
            matured_conversions=self._arrivals.matured_conversions[at],
            cost_micros=served.cost_micros,
            revenue_micros=self._arrivals.revenue_micros[at],
            spendable_micros=spendable,
        )


def _audience(market: MarketParameters, config: TrainingConfiguration, shape: tuple[int, ...]) -> AudienceState | None:
    """The people of each segment, in proportion to its traffic; None where the audience is without end."""
    if not config.market.audience:
        return None
    traffic = market.auctions_per_hour
    people = np.maximum(np.round(config.market.audience * traffic / traffic.sum()), 1.0)
    return AudienceState(
        audience=FiniteAudience(people, config.market.fatigue, config.market.frequency_cap),
        impressions=np.zeros(shape, np.int64),
        today=np.zeros(shape[:2], np.int64),
    )


def _empty(market: MarketParameters, world: World, click_value: int) -> dict[str, Array]:
    ticks, campaigns, shape = world.ticks, world.campaigns, (world.campaigns, *market.ctr.shape)
    counts = {name: np.zeros((ticks, *shape), np.int64) for name in COUNTS if name != "matured_conversions"}
    rows = {name: np.zeros((ticks, campaigns), np.int64) for name in ("hour", "weekday", "budget_left_micros")}
    return {
        **counts,
        **rows,
        "bid_micros": np.zeros((ticks, *shape[:2]), np.int64),
        "creative_prob": np.zeros((ticks, *shape)),
        "segment_features": market.segment_features,
        "candidate_features": market.candidate_features,
        "click_value_micros": np.full(campaigns, click_value),
    }
