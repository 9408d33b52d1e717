"""Regret names the mistake that was made, and its parts sum to what was missed."""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.market.audience.fatigue import FiniteAudience
from gaelp.market.scoring import episode_scores, optimum
from gaelp.market.scoring.episode_scores import ScoringInputs
from gaelp.market.scoring.regret import Regret
from tests.support.scored_markets import (
    CREATIVES,
    DAYS,
    SEGMENTS,
    VALUE,
    bid_expected,
    daily_problem,
    market,
    scored,
    setting,
    value_of,
)

PARTS = ("allocation", "estimation", "over_bidding", "under_bidding")
TIRED = FiniteAudience(np.full(SEGMENTS, 4000.0), 0.2, 0)
CAPPED = FiniteAudience(np.full(SEGMENTS, 900.0), 0.0, 2)
WORLDS = [(False, None), (True, None), (False, TIRED), (False, CAPPED)]


def share_of(regret: Regret, part: str) -> float:
    """The part's share of the total of one campaign."""
    return float(getattr(regret, part)[0] / regret.total[0])


def best_bid(where: ScoringInputs) -> np.ndarray:
    """The bid of the unconstrained optimum, f8[C, D, S]: the value, or in a first price what a grid finds best."""
    value, level = value_of(where), where.factors.price[..., None]
    grid = np.linspace(0.02, 1.0, 400)[:, None, None, None] * value
    profit = where.curves.win_rate(grid / level) * value - where.curves.spend(grid / level) * level
    return np.take_along_axis(grid, profit.argmax(axis=0)[None], axis=0)[0]


@pytest.mark.parametrize(("first_price", "reach"), WORLDS)
def test_the_parts_sum_to_what_was_missed(first_price: bool, reach: FiniteAudience | None) -> None:
    """For random bidders the four parts add up to U less the expected profit, in every kind of world."""
    where = setting(market(first_price), 3e7, campaigns=5, audience=reach)
    rng = np.random.default_rng(8)
    bid = value_of(where) * rng.uniform(0.1, 2.0, (5, DAYS, SEGMENTS))
    shown, cost = bid_expected(where, bid, rng.dirichlet(np.ones(CREATIVES), SEGMENTS))
    found = episode_scores.score(where, shown, cost, np.zeros(5))
    parts = sum(getattr(found.regret, part) for part in PARTS)
    assert parts == pytest.approx(found.regret.total, rel=1e-12)
    assert found.regret.total == pytest.approx(found.optimum_micros - found.profit_micros, rel=1e-9)
    assert np.all(found.regret.total > 0)


@pytest.mark.parametrize(("first_price", "reach"), WORLDS)
def test_bids_that_are_too_high_are_over_bidding(first_price: bool, reach: FiniteAudience | None) -> None:
    """An agent that knows everything but bids too much loses by over-bidding."""
    where = setting(market(first_price), audience=reach)
    assert share_of(scored(where, 2.5 * best_bid(where)).regret, "over_bidding") > 0.8


@pytest.mark.parametrize("reach", [None, TIRED, CAPPED])
def test_high_bids_that_use_up_the_budget_by_noon_are_over_bidding(reach: FiniteAudience | None) -> None:
    """Spending exactly the budget, but at prices that patience would have avoided, is over-bidding too."""
    where = setting(market(), 1.5e7, audience=reach)
    bid = 1.3 * value_of(where)
    _, cost = bid_expected(where, bid, np.full((SEGMENTS, CREATIVES), 1 / CREATIVES))
    found = scored(where, bid, share=1.5e7 * DAYS / cost.sum())
    assert share_of(found.regret, "over_bidding") > 0.8


@pytest.mark.parametrize(("first_price", "reach"), WORLDS)
def test_bids_that_are_too_low_are_under_bidding(first_price: bool, reach: FiniteAudience | None) -> None:
    """An agent that knows everything but bids too little loses by under-bidding."""
    where = setting(market(first_price), audience=reach)
    assert share_of(scored(where, 0.4 * best_bid(where)).regret, "under_bidding") > 0.8


@pytest.mark.parametrize(("first_price", "reach"), WORLDS)
def test_the_wrong_creatives_are_estimation(first_price: bool, reach: FiniteAudience | None) -> None:
    """An agent that bids right but shows each segment its worst creative loses by estimation."""
    where = setting(market(first_price), audience=reach)
    worst = np.eye(CREATIVES)[VALUE.argmin(axis=1)]
    assert share_of(scored(where, best_bid(where), worst).regret, "estimation") > 0.8


@pytest.mark.parametrize(("first_price", "reach"), WORLDS[:3])
def test_the_wrong_segments_are_allocation(first_price: bool, reach: FiniteAudience | None) -> None:
    """An agent that spends the optimum's money in the segments of least value loses by allocation."""
    where = setting(market(first_price), 1.2e7, audience=reach)
    spend = optimum.best_profit(daily_problem(where)).spend
    bid = _bid_in(where, np.array([False, False, True, False]), spend[0])
    assert share_of(scored(where, bid).regret, "allocation") > 0.8


def test_a_good_agent_has_little_regret() -> None:
    """The optimal bidder's regret is below a thousandth of the optimum, in every part."""
    where = setting(market())
    found = scored(where, value_of(where))
    assert max(abs(float(getattr(found.regret, part)[0])) for part in PARTS) < 1e-3 * found.optimum_micros[0]


def _bid_in(where: ScoringInputs, segments: np.ndarray, spend: np.ndarray) -> np.ndarray:
    """Bids f8[1, D, S] in some segments only that spend so much on each day, by bisection."""
    low, high = np.zeros((1, DAYS, 1)), np.full((1, DAYS, 1), 1e8)
    level = where.factors.price[..., None]
    for _ in range(60):
        middle = (low + high) / 2
        paid = (where.auctions * where.curves.spend(middle * segments / level) * level).sum(axis=2) / 1000
        over = (paid > spend)[..., None]
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return low * segments
