"""Aggregate auctions and streams."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from gaelp.market.auctions import aggregate_auctions, cost_draws
from gaelp.market.auctions.price_curves import PriceCurves
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.streams import stream
from tests.support.markets import configured

MARKET = calibrate([], configured(3))
S, K = MARKET.ctr.shape
CURVES = PriceCurves.of(MARKET)
MEDIAN = np.sqrt(MARKET.prices.low * MARKET.prices.high)


def deliver(traffic: Any, bids: Any, share: Any, budget: int) -> aggregate_auctions.SlotResult:
    """One campaign's hours under one decision."""
    ctr, cvr = MARKET.ctr[None], MARKET.cvr[None]
    slot = aggregate_auctions.Slot(traffic, bids, share, np.array([budget]), ctr, cvr, np.ones(1))
    return aggregate_auctions.aggregate(CURVES, slot, stream(1, "r"))


def serve(campaigns: int, bid: int, budget: int, seed: int = 1, shock: float = 1.0) -> aggregate_auctions.SlotResult:
    """One hour at noon with the same bid everywhere and all creatives alike."""
    zeros, cells = np.zeros(campaigns, np.int64), (campaigns, S, K)
    auctions = aggregate_auctions.traffic(MARKET, zeros + 12, zeros, np.full(campaigns, shock), stream(seed, "world"))
    slot = aggregate_auctions.Slot(
        auctions=auctions[:, None],
        bid_micros=np.full((campaigns, S), bid),
        creative_prob=np.full(cells, 1 / K),
        budget_micros=zeros + budget,
        ctr=np.broadcast_to(MARKET.ctr, cells),
        cvr=np.broadcast_to(MARKET.cvr, cells),
        price_level=np.ones(campaigns),
    )
    return aggregate_auctions.aggregate(CURVES, slot, stream(seed, "response"))


@pytest.mark.parametrize("bid", [800_000, 4_000_000, 30_000_000])
def test_counts_and_costs_have_the_means_of_the_formula(bid: int) -> None:
    """Auctions, wins, price paid and clicks agree with their expectations within five standard errors."""
    served = serve(4000, bid, 10**12)
    rate = MARKET.hourly[12] * MARKET.auctions_per_hour
    assert np.allclose(served.auctions.mean(axis=0), rate, atol=5 * np.sqrt(rate / 4000).max())
    z = (np.log(bid) - np.log(MEDIAN)) / 0.6
    wins = served.wins.sum(axis=(0, 2))
    expected = served.auctions.sum(axis=0) * stats.norm.cdf(z)
    assert np.all(np.abs(wins - expected) < 5 * np.sqrt(expected + 1))
    for segment in range(S):
        prices = np.exp(
            np.log(MEDIAN[segment])
            + 0.6 * stats.norm.ppf(stats.norm.cdf(z[segment]) * (np.arange(100_000) + 0.5) / 100_000)
        )
        paid = served.cost_micros[:, segment].sum() * 1000 / wins[segment]
        assert abs(paid - prices.mean()) < 5 * prices.std() / np.sqrt(wins[segment]) + 2e-4 * prices.mean()
    clicks = (served.wins * MARKET.ctr).sum()
    assert abs(served.clicks.sum() - clicks) < 5 * np.sqrt(clicks)


def test_no_price_is_above_the_bid() -> None:
    """In a second-price auction nobody pays more than the bid, even for a handful of wins."""
    served = serve(500, 900_000, 10**12)
    assert np.all(served.cost_micros.sum(axis=2) * 1000 <= served.wins.sum(axis=2) * 900_000)
    assert served.wins.sum() > 0


@pytest.mark.parametrize("budget", [0, 1, 777, 50_000, 400_000])
def test_the_budget_is_never_exceeded_and_is_used(budget: int) -> None:
    """Cost stays within the budget to the micro and comes close to it where traffic would have cost more."""
    cost = serve(300, 50_000_000, budget).cost_micros.sum(axis=(1, 2))
    assert cost.max(initial=0) <= budget
    if budget >= 50_000:
        assert cost.mean() > 0.5 * budget


def test_delivery_stops_when_the_budget_is_used_up() -> None:
    """Under one budget for a day the early hours deliver as without it, and the late hours nothing."""
    traffic = np.full((1, 24, S), 1000)
    bids, share = np.full((1, S), 50_000_000), np.full((1, S, K), 1 / K)
    free = deliver(traffic, bids, share, 10**12)
    half = int(free.cost_micros.sum()) // 2
    cut = deliver(traffic, bids, share, half)
    assert 0.48 < cut.wins.sum() / free.wins.sum() < 0.52
    assert cut.cost_micros.sum() <= half


def test_a_bid_of_zero_wins_nothing_and_a_forbidden_creative_is_never_shown() -> None:
    """Bid 0 is off, and probability 0 means no impression."""
    bids = np.full((1, S), 9_000_000)
    bids[0, 0] = 0
    share = np.zeros((1, S, K))
    share[..., 2] = 1.0
    served = deliver(np.full((1, 1, S), 5000), bids, share, 10**12)
    assert served.wins[0, 0].sum() == 0
    assert served.wins[0, 1:, 2].min() > 0
    assert np.delete(served.wins, 2, axis=2).sum() == 0


def test_the_world_does_not_depend_on_what_is_bid() -> None:
    """The traffic is the same whatever is bid, hour after hour on one world stream."""
    world, auctions = [stream(5, "w"), stream(5, "w")], []
    for _ in range(5):
        for bid, generator in zip((10, 50_000_000), world, strict=True):
            hour = (np.array([3]), np.array([2]), np.ones(1))
            traffic = aggregate_auctions.traffic(MARKET, *hour, generator)
            served = deliver(traffic[:, None], np.full((1, S), bid), np.full((1, S, K), 1 / K), 10**9)
            auctions.append(served.auctions)
        assert np.array_equal(*auctions[-2:])


def test_streams_are_bit_equal_by_name_and_independent_across_names() -> None:
    """Equal names give equal draws; a number and its text, or names split otherwise, do not."""
    first = stream(7, "a", 1).random(8)
    assert np.array_equal(first, stream(7, "a", 1).random(8))
    for other in (stream(7, "a", "1"), stream(8, "a", 1), stream(7, "a1"), stream(7, "a", 1, "")):
        assert not np.array_equal(first, other.random(8))
    assert not np.array_equal(stream(0, "ab", "c").random(4), stream(0, "a", "bc").random(4))


@pytest.mark.parametrize("seed", [8, 12, 19])
def test_no_creative_costs_less_than_nothing(seed: int) -> None:
    """Where the bridge shrinks to the bound 0, rounding leaves no cost below it: that would be -1 micro in the end."""
    rng = np.random.default_rng(seed)
    shown = rng.multinomial(rng.integers(1, 6, (64, 4)), np.full(3, 1 / 3))
    wins = shown.sum(axis=-1)
    cost = wins * rng.uniform(1e5, 9e6, wins.shape)
    draw = cost_draws.CostDraw(wins, cost, cost, cost**2 / np.maximum(wins, 1) * 1.5, np.zeros(64, bool))
    parts = cost_draws.split(shown, draw, rng)
    assert parts.min() >= 0
    assert parts.sum(axis=-1) == pytest.approx(cost)
