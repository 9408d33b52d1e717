"""How learning curves are described."""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.evidence.monitoring.learning_trend import WINDOWS, change_points, window_trends


def _noise(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.05, n)


def test_only_full_windows_are_described() -> None:
    """A window is left out until it is full; the newest episodes are those that count."""
    assert not window_trends([0.5] * (WINDOWS[0] - 1))
    trends = window_trends([0.0] * 40 + [1.0] * 10)
    assert [(each.episodes, each.mean) for each in trends] == [(10, 1.0), (50, 0.2)]


def test_a_rising_curve_has_a_slope_above_nothing() -> None:
    """The slope is that of the curve, its interval holds it, and the test refutes that there is no trend."""
    rising = 0.3 + 0.002 * np.arange(200) + _noise(200, 1)
    trend = window_trends(rising.tolist())[-1]
    assert trend.low < 0.002 < trend.high
    assert trend.slope == pytest.approx(0.002, rel=0.2)
    assert trend.p < 1e-6


def test_a_flat_curve_seldom_has_a_trend() -> None:
    """Of 200 curves without a trend, about ten have p below 5 %, and equal values have p = 1."""
    below = sum(window_trends(_noise(50, seed).tolist())[1].p < 0.05 for seed in range(200))
    assert 2 <= below <= 20
    assert {each.p for each in window_trends([0.4] * 200)} == {1.0}


def test_a_change_of_level_is_found_where_it_was() -> None:
    """A step of four deviations is found within two episodes of its place, and nothing else is."""
    steps = np.concatenate([np.full(60, 0.3), np.full(60, 0.5)]) + _noise(120, 2)
    (change,) = change_points(steps.tolist())
    assert abs(change - 60) <= 2


def test_a_curve_without_a_change_seldom_shows_one() -> None:
    """Of 100 curves without a change, at most five show one; curves of few episodes or of equal ones never do."""
    assert sum(bool(change_points(_noise(120, seed).tolist())) for seed in range(100)) <= 5
    assert change_points([0.1, 0.9, 0.1]) == ()
    assert change_points([0.4] * 300) == ()


def test_a_long_curve_is_looked_at_in_groups() -> None:
    """A change in 20,000 episodes is found to within a group of them."""
    long = np.concatenate([np.full(9_000, 0.3), np.full(11_000, 0.33)]) + _noise(20_000, 3)
    (change,) = change_points(long.tolist())
    assert abs(change - 9_000) <= 200
