"""Noise of days that is neither raised by a lasting change nor missed where days follow each other."""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.evidence.monitoring.day_noise import deviation_of, variation_of


def _followed(days: int, seed: int, share: float) -> np.ndarray:
    """Levels of deviation 1 of which each keeps a share of the one before."""
    noise = np.random.default_rng(seed).normal(size=days)
    for at in range(1, days):
        noise[at] = share * noise[at - 1] + np.sqrt(1 - share**2) * noise[at]
    return noise


def test_a_lasting_change_hardly_raises_the_noise() -> None:
    """With a shift of six deviations the deviation stays below 1.6, and with doubled counts phi stays below 2.5."""
    rng = np.random.default_rng(1)
    shifted = [deviation_of(np.concatenate([rng.normal(size=30), rng.normal(6.0, 1.0, 30)]), 0.0) for _ in range(50)]
    doubled = [variation_of(rng.poisson([25.0] * 30 + [50.0] * 30).astype(float), np.ones(60)) for _ in range(50)]
    assert np.median(shifted) < 1.6
    assert np.median(doubled) < 2.5


def test_days_that_follow_each_other_are_noisier_than_their_neighbours_say() -> None:
    """Where each day keeps half of the one before, neighbours differ by 0.7 deviations, and more is taken."""
    found = np.median([deviation_of(_followed(120, seed, 0.5), 0.0) for seed in range(50)])
    assert found > 1.0


def test_counts_with_shocks_are_noisier_than_poisson_counts() -> None:
    """Negative binomial counts of variance 4 times the mean are found to be so; Poisson counts have about 1."""
    rng = np.random.default_rng(2)
    shocked = [variation_of(rng.negative_binomial(25 / 3, 1 / 4, 100).astype(float), np.ones(100)) for _ in range(30)]
    plain = [variation_of(rng.poisson(25.0, 100).astype(float), np.ones(100)) for _ in range(30)]
    assert np.median(shocked) == pytest.approx(4.0, rel=0.3)
    assert np.median(plain) == pytest.approx(1.1, abs=0.3)


def test_equal_levels_have_the_floor() -> None:
    """A median absolute deviation of 0 is no deviation of 0."""
    assert deviation_of(np.full(40, 3.0), 0.05) == 0.05
