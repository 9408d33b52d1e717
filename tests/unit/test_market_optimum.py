"""The optimum U against a linear programme and against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from market_kit import configured
from scipy.optimize import linprog

from gaelp.market import measures, optimum
from gaelp.market.auctions import price_moments, win_rate
from gaelp.market.calibration import calibrate

MARKET = calibrate([], configured(3))
S, K = MARKET["ctr"].shape


def by_linprog(auctions: np.ndarray, budget: float) -> float:
    """max value - cost over how far each segment goes up each step, cost within budget."""
    cost, value = (auctions[:, None] * step for step in optimum.steps(MARKET))
    solved = linprog(-(value - cost).ravel(), A_ub=cost.ravel()[None], b_ub=[budget], bounds=(0, 1), method="highs")
    assert solved.status == 0
    return float(-solved.fun)


@pytest.mark.parametrize("budget", [0.0, 5e5, 1e7, 3e7, 1e9])
def test_the_greedy_optimum_is_the_linear_programmes(budget: float) -> None:
    """For any traffic and budget the knapsack equals scipy's linear programme."""
    rng = np.random.default_rng(int(budget) % 97)
    for _ in range(3):
        auctions = rng.integers(0, 8000, S)
        greedy = optimum.best_profit_micros(MARKET, auctions, np.array(budget))
        assert greedy == pytest.approx(by_linprog(auctions, budget), rel=1e-9, abs=1e-3)


def test_steps_have_falling_value_per_cost() -> None:
    """The landscape is concave, or the greedy order would skip a step below it."""
    cost, value = optimum.steps(MARKET)
    ratio = value[:, 30:] / cost[:, 30:]
    assert np.all(np.diff(ratio, axis=1) <= 1e-9)
    assert np.all(value >= cost - 1e-9)


def test_no_bid_vector_beats_the_optimum() -> None:
    """No random bids with the best creatives earn more within the budget, and good ones come within one percent."""
    rng = np.random.default_rng(2)
    auctions, budget = np.full(S, 4000), 2e7
    best = optimum.impression_value_micros(MARKET).max(axis=1)
    bids = best * 1000 * rng.uniform(0.1, 1.3, (20_000, S))
    bids[:2000] = best * 1000 * np.linspace(0.05, 1, 2000)[:, None]
    won = auctions * win_rate(MARKET, bids)
    cost = (won * price_moments(MARKET, bids)[0] / 1000).sum(axis=1)
    profit = np.where(cost <= budget, (won * best).sum(axis=1) - cost, -np.inf)
    top = float(optimum.best_profit_micros(MARKET, auctions, np.array(budget)))
    assert 0.99 * top < profit.max() <= top * (1 + 1e-4)


def scores(won: np.ndarray, cost: np.ndarray, incumbent: float = 0.0, traffic: int = 4000) -> measures.Scores:
    """Scores of one campaign and one day with a budget of 20 and a target CPA of 10."""
    return measures.score(MARKET, np.full((1, 1, S), traffic), won, cost, np.array([incumbent]), 20_000_000, 10_000_000)


def test_reward_clips_and_success_needs_all_of_its_parts() -> None:
    """A loss is 0 but its ratio is not; a win fails for a better incumbent, or an excess of spend."""
    best = optimum.impression_value_micros(MARKET)
    won = np.zeros((1, S, K), np.int64)
    won[0, 0, best[0].argmax()] = 4000
    value = float(won.ravel() @ best.ravel())
    good = scores(won, np.array([int(value / 2)]))
    assert good.success[0] and 0 < good.reward[0] <= 1
    assert not scores(won, np.array([int(value / 2)]), incumbent=value).success[0]
    lost = scores(won, np.array([int(value * 1.5)]))
    assert lost.reward[0] == 0 and lost.ratio[0] < 0 and not lost.success[0]
    assert not scores(won * 100, np.array([20_000_001])).success[0]


def test_an_episode_without_scope_is_not_counted() -> None:
    """Where the optimum is below one percent of the budget the episode is replaced, not scored."""
    assert not scores(np.zeros((1, S, K), np.int64), np.zeros(1, np.int64), traffic=1).counted[0]
