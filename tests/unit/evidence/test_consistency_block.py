"""The numbers of the announced block. Touch with gaelp/evidence/consistency_block.py."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, median_abs_deviation, norm

from gaelp.domain.gates.criteria_simulation import LARGEST_SHIFT, LEAST_FALL_P
from gaelp.evidence.consistency_block import block_numbers

KINDS = ("normal", "beta", "near one", "two levels")


def blocks(kind: str, size: int, number: int = 4000) -> np.ndarray:
    rng, shape = np.random.default_rng(size), (number, size)
    if kind == "beta":
        return rng.beta(7, 2, shape)
    if kind == "two levels":
        return np.clip(np.where(rng.random(shape) < 0.7, 0.9, 0.5) + rng.normal(0, 0.02, shape), 0, 1)
    return np.clip(rng.normal(*((0.95, 0.06) if kind == "near one" else (0.78, 0.12)), shape), 0, 1)


@pytest.mark.parametrize("size", [50, 100])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stationary_block_trips_each_guard_in_about_one_of_a_hundred(kind: str, size: int) -> None:
    """The trend and the shift each refuse at most 1 % and three standard errors of 4,000 stationary blocks."""
    numbers = block_numbers(blocks(kind, size))
    for tripped in (numbers.fall_p <= LEAST_FALL_P, numbers.shift > LARGEST_SHIFT):
        assert tripped.mean() <= 0.01 + 3 * np.sqrt(0.01 / 4000)


def test_a_fall_and_a_drop_are_found() -> None:
    """Rewards that lose two standard deviations over the block, or all at once in its middle, trip their guard."""
    stationary = blocks("normal", 50, 400)
    falling = np.clip(stationary - np.linspace(-0.12, 0.12, 50), 0, 1)
    dropping = np.clip(stationary - np.where(np.arange(50) < 25, -0.12, 0.12), 0, 1)
    assert (block_numbers(falling).fall_p <= LEAST_FALL_P).mean() > 0.9
    assert (block_numbers(dropping).shift > LARGEST_SHIFT).mean() > 0.9
    assert (block_numbers(falling[:, ::-1]).fall_p <= LEAST_FALL_P).mean() == 0


def test_the_trend_is_kendalls() -> None:
    """With ties and without, the p-value is close to scipy's asymptotic one without continuity correction."""
    for values in (blocks("normal", 50, 20), np.round(blocks("beta", 50, 20), 1)):
        found = block_numbers(values).fall_p
        expected = [kendalltau(np.arange(50), row, method="asymptotic", alternative="less").pvalue for row in values]
        assert found == pytest.approx(expected, abs=0.01)


def test_the_counts_and_the_spread_are_those_of_the_block() -> None:
    """Collapses lie below 0.4, the spread is the robust one, and the lowest mean is of ten episodes in a row."""
    rewards = np.concatenate([np.full(20, 0.9), np.full(10, 0.5), [0.4, 0.39], np.full(18, 0.8)])
    numbers = block_numbers(rewards)
    assert numbers.collapses == 1
    assert numbers.lowest == pytest.approx(min(rewards[i : i + 10].mean() for i in range(41)))
    assert numbers.spread == pytest.approx(1.4826 * median_abs_deviation(rewards) / np.median(rewards))


def test_each_block_of_several_has_its_own_numbers() -> None:
    """Two blocks at once have the numbers that each has alone."""
    both = np.stack([blocks("normal", 50, 1)[0], np.linspace(0.9, 0.1, 50)])
    together, alone = block_numbers(both), [block_numbers(each) for each in both]
    for name, values in vars(together).items():
        assert values == pytest.approx([float(getattr(each, name)) for each in alone]), name


def test_the_p_value_of_a_fall_by_hand() -> None:
    """Twelve rewards with ties: S counts pairs, and the variance is n(n-1)(2n+5)/18 less t(t-1)(2t+5)/18 a tie."""
    rewards = np.array([0.9, 0.9, 0.9, 0.8, 0.7, 0.7, 0.8, 0.5, 0.4, 0.7, 0.3, 0.2])
    s = sum(np.sign(b - a) for i, a in enumerate(rewards) for b in rewards[i + 1 :])
    variance = (12 * 11 * 29 - (3 * 2 * 11 + 2 * 1 * 9 + 3 * 2 * 11)) / 18  # three of 0.9, two of 0.8, three of 0.7
    assert float(block_numbers(rewards).fall_p) == pytest.approx(norm.cdf((s + 1) / np.sqrt(variance)), rel=1e-9)


@pytest.mark.parametrize("reward", [0.07, 0.1, 0.8, 0.99, 1.0])
@pytest.mark.parametrize("size", [10, 37, 50, 128])
def test_equal_rewards_do_not_drop_however_their_mean_is_rounded(reward: float, size: int) -> None:
    """The standard deviation of 37 rewards of 0.99 is not 0 in floating-point numbers."""
    assert float(block_numbers(np.full(size, reward)).shift) == 0.0


@pytest.mark.filterwarnings("error")
def test_equal_rewards_neither_fall_nor_drop() -> None:
    """A constant block has no spread, no trend and no shift; of rewards of nothing the spread is infinite."""
    numbers = block_numbers(np.full(50, 0.8))
    assert (float(numbers.spread), float(numbers.fall_p), float(numbers.shift)) == (0.0, 1.0, 0.0)
    assert block_numbers(np.zeros(50)).spread == np.inf
