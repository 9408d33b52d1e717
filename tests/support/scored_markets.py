"""Small markets and bidders whose expected outcomes are computed, not drawn. Touch this with optimum or regret."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.auctions import price_curves
from gaelp.market.auctions.price_curves import PriceCurves
from gaelp.market.audience.frequency_cap import capped_mean
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.parameters import MarketParameters
from gaelp.market.scoring import episode_scores, impression_values
from gaelp.market.scoring.episode_scores import Scores, ScoringInputs
from gaelp.market.scoring.marginal_cost import Landscape
from gaelp.market.scoring.optimum import DailyProblem
from gaelp.market.world.drift import Factors

VALUE = np.array([[6.0, 4.0, 2.0], [9.0, 10.0, 5.0], [3.0, 2.0, 3.5], [7.0, 1.0, 1.0]]) * 1e3  # micros per impression
SEGMENTS, CREATIVES = VALUE.shape
DAYS = 3


def market(first_price: bool = False, reserve: float = 0.0, organic: float = 0.0) -> MarketParameters:
    """A market of four segments and three creatives; incremental and attributed values are VALUE where organic is 0."""
    median = np.array([5.0, 6.0, 5.5, 4.5]) * 1e6
    return replace(
        calibrate((), TrainingConfiguration()),
        ctr=VALUE / 1e7 / 0.1,
        cvr=np.full(VALUE.shape, 0.1),
        order_value_micros=25_000_000,
        margin=0.4,
        refund_rate=0.0,
        organic_share=organic,
        reserve_micros=reserve,
        first_price=first_price,
        prices=price_curves.lognormal(median, np.array([0.6, 0.5, 0.7, 0.6])),
    )


def setting(world: MarketParameters, budget: float = 1e9, campaigns: int = 1, **changes: Any) -> ScoringInputs:
    """Days of 3,000 to 5,000 auctions a segment under mild factors, the same for every campaign."""
    day, segment = np.arange(DAYS), np.arange(SEGMENTS)
    auctions = 3000 + 500 * ((day[:, None] + segment) % 5)
    shape = (campaigns, DAYS)
    wave = np.broadcast_to(1.0 + 0.1 * np.cos(day), shape)
    made = ScoringInputs(
        market=world,
        curves=PriceCurves.of(world),
        auctions=np.broadcast_to(auctions, (campaigns, DAYS, SEGMENTS)).copy(),
        factors=Factors(np.ones(shape), 2.0 - wave, wave, np.ones(shape)),
        budget_micros=np.full(shape, budget),
        ticks_per_day=1,
        daily_budget_micros=int(budget),
        over_delivery=1.0,
        target_cpa_micros=10_000_000,
    )
    return replace(made, **changes)


def value_of(where: ScoringInputs) -> np.ndarray:
    """Micros of a thousand impressions of the best creative, f8[C, D, S]."""
    worth = impression_values.impression_value_micros(where.market).max(axis=1) * 1000
    return (where.factors.click * where.factors.conversion)[..., None] * worth


def daily_problem(where: ScoringInputs) -> DailyProblem:
    """What the campaigns could buy on each day by itself."""
    landscape, price = Landscape.of(where.curves), where.factors.price
    return DailyProblem(landscape, value_of(where), where.auctions, price, where.budget_micros)


def bid_expected(where: ScoringInputs, bid: np.ndarray, creative: np.ndarray, share: float = 1.0) -> tuple[Any, Any]:
    """Impressions and cost i8[T, C, S, K] of bids f8[C, D, S] in `share` of the auctions, in expectation."""
    level = where.factors.price[..., None]
    won = where.auctions * where.curves.win_rate(bid / level) * share
    cost = where.auctions * where.curves.spend(bid / level) * level * share / 1000
    if where.audience is not None and where.audience.frequency_cap:
        shown = where.audience.people * capped_mean(won / where.audience.people, where.audience.frequency_cap)
        won, cost = shown, cost * shown / np.maximum(won, 1e-9)
    wins = np.round(np.moveaxis(won, 1, 0)[..., None] * creative).astype(np.int64)
    return wins, np.round(np.moveaxis(cost, 1, 0)[..., None] * creative).astype(np.int64)


def best_creatives() -> np.ndarray:
    """Probabilities f8[S, K] of an agent that knows."""
    return np.eye(CREATIVES)[VALUE.argmax(axis=1)]


def scored(where: ScoringInputs, bid: np.ndarray, creative: np.ndarray | None = None, share: float = 1.0) -> Scores:
    """The scores of such a bidder beside an incumbent that earns nothing."""
    shown, cost = bid_expected(where, bid, best_creatives() if creative is None else creative, share)
    return episode_scores.score(where, shown, cost, np.zeros(len(where.auctions)))
