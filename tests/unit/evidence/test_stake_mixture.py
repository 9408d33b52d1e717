"""The test of a mean by a mixture of stakes. Touch with gaelp/evidence/stake_mixture.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gaelp.domain.gates.judging import alpha_for
from gaelp.evidence.stake_mixture import FRACTIONS, best_log_wealth, log_wealth_at, lower_bound, more_values

ALPHA = alpha_for(1)
NEEDED = -math.log(ALPHA)
LOOKS = (128, 256, 384, 512)


def test_the_wealth_is_the_mean_of_the_products() -> None:
    """Written out for a few values and each stake of the grid, at two looks."""
    values, m = [0.9, 1.0, 0.2, 0.8, 0.0], 0.6
    for n, found in zip((2, 5), log_wealth_at(np.array(values), m, (2, 5)), strict=True):
        products = [math.prod(1 + f / m * (r - m) for r in values[:n]) for f in FRACTIONS]
        assert found == pytest.approx(math.log(sum(products) / len(products)))


@pytest.mark.parametrize("mean", [0.7, 0.5122])
@pytest.mark.parametrize("kind", ["two-point", "beta"])
def test_a_mean_at_the_threshold_passes_at_most_at_the_level(mean: float, kind: str) -> None:
    """4,000 exams at the boundary with a look after every episode pass in at most alpha and three errors."""
    rng = np.random.default_rng(3)
    shape = (4000, 256)
    values = rng.random(shape) < mean if kind == "two-point" else rng.beta(8 * mean, 8 * (1 - mean), shape)
    passed = best_log_wealth(values.astype(np.float64), mean, range(50, 257)) >= NEEDED
    assert passed.mean() <= ALPHA + 3 * math.sqrt(ALPHA / 4000)


def test_a_good_agent_passes_and_a_poor_one_is_refuted() -> None:
    """A reward of 0.78 with a standard deviation of 0.12 proves 0.7 within 128 episodes; one of 0.6 is refuted."""
    rng = np.random.default_rng(5)
    good, poor = (np.clip(rng.normal(mean, 0.12, (200, 128)), 0, 1) for mean in (0.78, 0.6))
    assert (best_log_wealth(good, 0.7, (128,)) >= NEEDED).mean() > 0.98
    assert (best_log_wealth(1 - poor, 0.3, (128,)) >= NEEDED).mean() > 0.98


def test_the_bound_agrees_with_the_verdict_and_holds_the_truth() -> None:
    """What lies below the bound is refuted and what lies above is not; it passes 0.7 exactly where the test does."""
    for seed in range(20):
        values = np.random.default_rng(seed).beta(14, 5, 512)
        bound = lower_bound(values, LOOKS, ALPHA, tested=0.7)
        assert (bound >= 0.7) == (best_log_wealth(values, 0.7, LOOKS) >= NEEDED)
        assert best_log_wealth(values, bound - 1e-3, LOOKS) >= NEEDED > best_log_wealth(values, bound + 1e-3, LOOKS)
        assert bound < values.mean()


def test_several_exams_at_once_have_the_wealth_that_each_has_alone() -> None:
    """Looks add up within an exam, and not across exams."""
    values = np.random.default_rng(2).random((2, 3, 40))
    together = log_wealth_at(values, 0.5, (10, 25, 40))
    for place in np.ndindex(2, 3):
        assert together[place] == pytest.approx(log_wealth_at(values[place], 0.5, (10, 25, 40)))


def test_without_a_look_the_wealth_has_the_shape_of_the_exams_and_is_the_starts() -> None:
    """No look, no entry for one; the best wealth is 0, whatever the mean."""
    values = np.ones((2, 3, 10))
    assert log_wealth_at(values, 0.7, ()).shape == (2, 3, 0)
    for mean in (0.7, 0.0):
        assert best_log_wealth(values, mean, ()).tolist() == np.zeros((2, 3)).tolist()
    assert best_log_wealth(values, 0.0, (10,)).shape == (2, 3)


def test_the_bound_is_as_fine_as_its_halvings() -> None:
    """Between 0.7 and 1 fourteen halvings leave 0.3 / 2^14, in which the truth lies; a wealth just enough refutes."""
    for seed in range(10):
        values = np.random.default_rng(seed).beta(18, 3, 512)
        bound = lower_bound(values, LOOKS, ALPHA, tested=0.7)
        assert 0.7 < bound and best_log_wealth(values, bound + 0.3 / 2**14, LOOKS) < NEEDED
    assert lower_bound(np.full(10, 0.5), (10,), 1.0, tested=0.5) >= 0.5


@pytest.mark.filterwarnings("error")
def test_nothing_proves_nothing_and_nan_comes_out_as_nan() -> None:
    """Without a look the wealth is the start's and the bound 0; a NaN is never bet away."""
    assert best_log_wealth(np.ones(10), 0.7, ()) == 0.0 == lower_bound(np.ones(10), (), ALPHA, tested=0.7)
    assert math.isnan(float(best_log_wealth(np.array([0.9, math.nan]), 0.7, (2,))))
    assert best_log_wealth(np.ones(10), 0.0, (10,)) == math.inf


def test_what_is_missing_follows_the_present_growth() -> None:
    """Half of the wealth that is needed after 100 values wants about 100 more; without growth nobody can say."""
    assert more_values(NEEDED / 2, 100, ALPHA) == 100
    assert more_values(-0.1, 100, ALPHA) is more_values(1.0, 0, ALPHA) is None
    assert more_values(NEEDED, 100, ALPHA) == 1
