"""Bounds of counts that vary more than Poisson counts do, beside published values and simulated days."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gaelp.evidence.exports.noisy_counts import (
    Noise,
    mean_bounds,
    noise_of,
    rate_ratio,
    silence_chance,
    weekday_weights,
)


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)])
def test_poisson_bounds_are_the_published_ones(count: int, low: float, high: float) -> None:
    """Garwood's 95 % intervals, as tables have them."""
    assert mean_bounds(count, Noise(), 0.025) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-3))


def test_noise_widens_bounds() -> None:
    """With phi 4 a count of 40 is bounded as four times a count of 10 is."""
    low, high = mean_bounds(40, Noise(4.0), 0.025)
    assert (low, high) == (pytest.approx(4 * 4.795, abs=0.01), pytest.approx(4 * 18.39, abs=0.01))


@pytest.mark.parametrize("varies", [0.0, 0.3])
def test_noise_is_found_and_a_lasting_change_is_none(varies: float) -> None:
    """phi of simulated days is 1 + mean * varies^2 within 15 %, although the rate halves in the middle."""
    rng = np.random.default_rng(3)
    exposures = np.full(2000, 1000.0)
    rates = np.where(np.arange(2000) < 1000, 0.04, 0.02)
    daily = rng.gamma(1 / varies**2, varies**2, 2000) if varies else np.ones(2000)
    phi = 1 + 30 * varies**2
    assert noise_of(rng.poisson(exposures * rates * daily).astype(float), exposures).phi == pytest.approx(phi, rel=0.15)


def test_silence_is_likelier_where_days_are_noisy() -> None:
    """Poisson days of 10 expected conversions are silent once in e^10 times; with phi 2 it is 2^-10."""
    assert silence_chance(10, Noise()) == pytest.approx(math.exp(-10))
    assert silence_chance(10, Noise(2.0)) == pytest.approx(2**-10)
    assert silence_chance(10, Noise(1 + 1e-7)) == pytest.approx(math.exp(-10), rel=1e-5)


def test_a_ratio_of_rates_has_an_interval_and_none_for_tiny_counts() -> None:
    """100 in 1,000 by 50 in 1,000 is 2, with a 95 % interval of 2 * exp(+-1.96 * sqrt(1/100 + 1/50))."""
    found = rate_ratio((100, 1000), (50, 1000), Noise(), 0.025)
    assert found is not None and found.ratio == pytest.approx(2)
    assert found.high == pytest.approx(2 * math.exp(1.959964 * math.sqrt(0.03)), rel=1e-6)
    assert rate_ratio((4, 1000), (50, 1000), Noise(), 0.025) is None


def test_weekdays_weigh_by_their_rates() -> None:
    """Where Sundays convert half as often, a Sunday's click counts half as much as the mean of the others."""
    weekdays = np.arange(70) % 7
    counts = np.where(weekdays == 6, 5.0, 10.0)[None, :]
    weights = weekday_weights(counts, np.full((1, 70), 100.0), weekdays, np.ones(70, bool))
    assert weights[6] == pytest.approx(weights[0] / 2) and weights[0] == pytest.approx(10 / (65 / 7))
