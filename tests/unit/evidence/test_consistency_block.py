"""The numbers of the announced block. Touch with gaelp/evidence/consistency_block.py."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, median_abs_deviation

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


@pytest.mark.filterwarnings("error")
def test_equal_rewards_neither_fall_nor_drop() -> None:
    """A constant block has no spread, no trend and no shift; of rewards of nothing the spread is infinite."""
    numbers = block_numbers(np.full(50, 0.8))
    assert (float(numbers.spread), float(numbers.fall_p), float(numbers.shift)) == (0.0, 1.0, 0.0)
    assert block_numbers(np.zeros(50)).spread == np.inf
