"""The betting test and the one-look bound. Touch with gaelp/evidence/betting.py."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from gaelp.domain.gates.judging import alpha_for
from gaelp.evidence.betting import clopper_pearson, log_wealth, log_wealth_path

ALPHA = alpha_for(1)
NEEDED = -math.log(ALPHA)
RUNS, EPISODES = 400, 300


def bernoulli(mean: float, seed: int, n: int = EPISODES) -> np.ndarray:
    return (np.random.default_rng(seed).random(n) < mean).astype(np.float64)


def wealth_by_hand(values: list[float], m: float) -> float:
    """K_n written as the paper writes it, one value after another."""
    wealth, total, spread = 1.0, 0.5, 0.25
    for count, value in enumerate(values, start=1):
        mean, variance = total / count, spread / count
        stake = min(max((mean - m) / (variance + (mean - m) ** 2), 0.0), 0.75 / m)
        wealth *= 1 + stake * (value - m)
        total += value
        spread += (value - total / (count + 1)) ** 2
    return wealth


def test_wealth_is_the_papers_product():
    """The vectorised wealth equals the recursion of arXiv 2010.09686 with this prior and this clip."""
    values = [0.9, 1.0, 0.2, 0.8, 0.95, 0.0, 1.0, 0.7]
    assert log_wealth(np.array(values), 0.6) == pytest.approx(math.log(wealth_by_hand(values, 0.6)))


@pytest.mark.parametrize("draw", [bernoulli, lambda mean, seed: np.random.default_rng(seed).beta(7, 3, EPISODES)])
def test_an_agent_at_the_threshold_passes_at_most_at_level_alpha_however_often_it_is_looked_at(draw):
    """With the mean exactly 0.7 and a look after every episode from the 50th, passes stay below alpha and 2 errors."""
    ever = [bool((log_wealth_path(draw(0.7, seed), 0.7)[49:] >= NEEDED).any()) for seed in range(RUNS)]
    assert np.mean(ever) <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / RUNS)


def test_a_bare_comparison_would_have_passed_it_nearly_always():
    """The test above can fail: '80 % over the last 50' passes a 70 % agent in most runs."""
    window = np.ones(50) / 50
    ever = [(np.convolve(bernoulli(0.7, seed, 500), window, "valid") >= 0.8).any() for seed in range(200)]
    assert np.mean(ever) > 0.8


def test_the_stake_on_an_episode_is_fixed_before_the_episode():
    """Whatever the last episode brings, the stake on it is the same, and it is above 0."""
    before = bernoulli(0.85, 1, 100)
    start = log_wealth(before, 0.7)
    outcomes = (0.0, 0.4, 1.0)
    stakes = [math.expm1(log_wealth(np.append(before, x), 0.7) - start) / (x - 0.7) for x in outcomes]
    assert stakes[0] > 0
    assert stakes == pytest.approx([stakes[0]] * 3)


def test_a_good_agent_passes():
    """At a true mean of 0.85, 300 episodes prove 0.7 in more than 9 of 10 runs."""
    assert np.mean([log_wealth(bernoulli(0.85, seed), 0.7) >= NEEDED for seed in range(200)]) > 0.9


def test_a_poor_agent_fails_by_the_mirrored_test_and_never_passes():
    """At a true mean of 0.4 the mirrored test refuses within 300 episodes, and the test itself never passes."""
    for seed in range(30):
        values = bernoulli(0.4, seed)
        assert log_wealth(1 - values, 1 - 0.7) >= NEEDED > log_wealth(values, 0.7)


def test_no_data_prove_nothing():
    """Without values the wealth is the start's."""
    assert log_wealth(np.array([]), 0.7) == 0.0


def test_values_outside_the_unit_interval_are_refused():
    """A value of 1.2 is named with its place and the remedy."""
    with pytest.raises(ValueError, match=r"value 1 .* is 1\.2: rescale"):
        log_wealth(np.array([0.5, 1.2]), 0.7)


def test_nan_comes_out_as_nan():
    """A NaN is never bet away: it reaches the answer, where the gate calls it INVALID."""
    assert math.isnan(log_wealth(np.array([0.9, math.nan, 0.9] * 30), 0.7))


@pytest.mark.parametrize(
    ("successes", "n", "threshold"),
    [(46, 50, 0.8), (88, 100, 0.8), (171, 200, 0.8), (57, 60, 0.85), (92, 100, 0.85), (180, 200, 0.85)],
)
def test_counts_that_reach_a_threshold_at_a_single_look(successes: int, n: int, threshold: float):
    """Each count is the smallest whose exact lower bound at alpha_1 reaches the threshold (criterion 6)."""
    assert clopper_pearson(successes, n, ALPHA)[0] >= threshold > clopper_pearson(successes - 1, n, ALPHA)[0]


@pytest.mark.parametrize(("successes", "n"), [(1, 10), (8, 10), (9, 10), (0, 1), (1, 1), (30, 200)])
@pytest.mark.parametrize("alpha", [0.05, ALPHA])
def test_one_look_bounds_are_where_the_binomial_tails_are_alpha(successes: int, n: int, alpha: float) -> None:
    """At the lower bound as many successes or more have the probability alpha, at the upper one as many or fewer."""
    low, high = clopper_pearson(successes, n, alpha)
    if successes > 0:
        assert binom.sf(successes - 1, n, low) == pytest.approx(alpha)
    if successes < n:
        assert binom.cdf(successes, n, high) == pytest.approx(alpha)
    assert low < successes / n < high or successes in (0, n)


def test_one_look_bounds_at_the_edges():
    """No and all successes have the trivial bound on one side; no trials have both."""
    assert clopper_pearson(0, 10, 0.05)[0] == 0.0
    assert clopper_pearson(10, 10, 0.05)[1] == 1.0
    assert clopper_pearson(0, 0, 0.05) == (0.0, 1.0)
