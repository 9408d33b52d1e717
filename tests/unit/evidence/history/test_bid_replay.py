"""Bids replayed against market prices. Touch with gaelp/evidence/history/bid_replay.py."""

from __future__ import annotations

import time

import numpy as np
import pytest

from gaelp.evidence.history.bid_replay import (
    BidRule,
    InvalidReplay,
    Replayed,
    ReplayRules,
    TrainingTotals,
    episode_budget,
    replay,
)


def plain(bids: list[int], prices: list[int], clicks: list[int], rules: ReplayRules) -> Replayed:
    """One auction after another; the bid is limited by the highest bid and by what is left of the budget."""
    impressions = clicked = cost = left = 0
    for row, (bid, price, click) in enumerate(zip(bids, prices, clicks, strict=True)):
        if row % rules.episode_length == 0:
            left = rules.budget
        if min(bid, rules.max_bid, left) >= price:
            impressions, clicked, cost, left = impressions + 1, clicked + click, cost + price, left - price
    return Replayed(len(bids), -(-len(bids) // rules.episode_length), impressions, clicked, cost)


@pytest.mark.parametrize("length", [1, 7, 100, 1000, 5000])
@pytest.mark.parametrize("budget", [0, 3, 50, 2000, 10**9])
@pytest.mark.parametrize("highest", [1, 40, 300])
def test_the_replay_is_the_plain_loop(length: int, budget: int, highest: int) -> None:
    """Made prices with zeros, every length of episode (the last one short), scarce and ample budgets, low caps."""
    rng = np.random.default_rng(length + budget)
    price = rng.integers(0, 120, 3003) * (rng.random(3003) < 0.9)
    pctr, click = rng.uniform(0, 0.002, 3003), rng.integers(0, 2, 3003)
    rules = ReplayRules(length, budget, highest)
    bids = [int(rate * 40 / 0.001) for rate in pctr.tolist()]
    found = replay(BidRule(per_ctr=40, over=0.001), price, pctr, click, rules)
    assert found == plain(bids, price.tolist(), click.tolist(), rules)
    fixed = replay(BidRule(fixed=35), price, np.full(3003, np.nan), click, rules)
    assert fixed == plain([35] * 3003, price.tolist(), click.tolist(), rules)


def test_a_log_longer_than_a_chunk_is_the_plain_loop_too() -> None:
    """Episodes do not break where the bids of one chunk end."""
    rng = np.random.default_rng(1)
    price, pctr, click = rng.integers(1, 200, 300_001), rng.uniform(0, 0.002, 300_001), rng.integers(0, 2, 300_001)
    rules = ReplayRules(1009, 9000, 300)
    bids = [int(rate * 100 / 0.001) for rate in pctr.tolist()]
    found = replay(BidRule(per_ctr=100, over=0.001), price, pctr, click, rules)
    assert found == plain(bids, price.tolist(), click.tolist(), rules)


def test_the_budget_is_truncated_as_the_bids_are() -> None:
    """Mean price 64.50617 x 1/32 x 1000 is 2015.8."""
    totals = TrainingTotals(100000, 79, 6450617)
    assert episode_budget(totals, 1 / 32, 1000) == 2015
    assert (totals.mean_ctr, totals.cost_per_click) == (79 / 100000, 6450617 / 79)


def test_what_a_log_does_not_know_is_refused_or_said() -> None:
    """A bid that follows from a click rate needs it in every row; a fixed one does not. Unknown clicks are no zeros."""
    price, pctr, rules = np.array([3, 4]), np.array([0.1, np.nan]), ReplayRules(10, 100, 300)
    with pytest.raises(InvalidReplay, match="auction 1 of the log has no predicted click rate"):
        replay(BidRule(per_ctr=1), price, pctr, np.zeros(2, int), rules)
    assert replay(BidRule(fixed=5), price, pctr, np.array([1, -1]), rules) == Replayed(2, 1, 2, None, 7)


@pytest.mark.parametrize("totals", [(0, 0, 5), (10, 11, 5), (10, -1, 5), (10, 1, -5)])
def test_totals_that_cannot_be_are_refused(totals: tuple[int, int, int]) -> None:
    """No impressions, more clicks than impressions, or a negative sum."""
    with pytest.raises(InvalidReplay, match="the training log has"):
        TrainingTotals(*totals)


def test_a_training_log_without_clicks_gives_no_bid_that_follows_from_them() -> None:
    """It still has a mean price."""
    totals = TrainingTotals(10, 0, 50)
    assert totals.mean_price == 5
    for name in ("mean_ctr", "cost_per_click"):
        with pytest.raises(InvalidReplay, match="has no click"):
            getattr(totals, name)


def test_a_linear_bid_is_replayed_on_20_million_auctions_a_second() -> None:
    """By processor time, the best of three, on two million auctions of which a budget ends most episodes early."""
    rng = np.random.default_rng(2)
    price, pctr, click = rng.integers(1, 300, 2_000_000), rng.uniform(0, 0.002, 2_000_000), np.zeros(2_000_000, int)
    spent = []
    for _ in range(3):
        begun = time.process_time()
        replay(BidRule(per_ctr=60, over=0.001), price, pctr, click, ReplayRules(1000, 5000, 300))
        spent.append(time.process_time() - begun)
    assert 2_000_000 / min(spent) > 20e6
