"""Single days that stand out."""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.evidence.monitoring.anomaly_grades import SPIKE_CHANCE
from gaelp.evidence.monitoring.spikes import FEWEST_DAYS, spike_of_counts, spike_of_levels


def test_ordinary_days_are_seldom_spikes() -> None:
    """Of 600 ordinary days, of counts and of levels, no more are spikes than three times what the chance says."""
    rng = np.random.default_rng(1)
    spikes = 0
    for _ in range(300):
        counts = spike_of_counts(rng.poisson(5.0, 29).astype(float), np.ones(29), 1.0)
        levels = spike_of_levels(rng.normal(size=29), 0.01)
        spikes += sum(spike is not None and spike.chance < SPIKE_CHANCE for spike in (counts, levels))
    assert spikes <= 3 * 600 * SPIKE_CHANCE


def test_a_platform_that_bills_twice_the_budget_on_some_days_makes_no_spikes() -> None:
    """A quarter of the days up to two budgets, the others exactly one: less than a spike in 360 days; four is one."""
    rng = np.random.default_rng(1)
    looks = spikes = told = 0
    for _ in range(60):
        over = np.where(rng.random(90) < 0.25, 1 + np.sqrt(rng.random(90)), 1.0)
        for day in range(FEWEST_DAYS, 90):
            spike = spike_of_levels(np.log(over[: day + 1]), 0.05)
            assert spike is not None
            looks, spikes = looks + 1, spikes + (spike.chance < SPIKE_CHANCE)
        far = spike_of_levels(np.log(np.append(over, 4.0)), 0.05)
        told += far is not None and far.rises and far.chance < SPIKE_CHANCE
    assert spikes <= looks / 360
    assert told >= 0.9 * 60


def test_equal_days_are_judged_by_predictive_limits() -> None:
    """Counts whose median absolute deviation is 0 make the third event of a day no spike and the twentieth one."""
    quiet = np.array([0.0, 1.0] * 14)
    near, far = (spike_of_counts(np.append(quiet, last), np.ones(29), 1.0) for last in (3.0, 20.0))
    assert near is not None
    assert far is not None
    assert near.chance > SPIKE_CHANCE > far.chance
    assert far.rises


def test_a_day_without_events_is_a_fall() -> None:
    """A day without a click where 100 come is a spike downwards, with what was expected of it."""
    spike = spike_of_counts(np.append(np.full(28, 100.0), 0.0), np.ones(29), 1.0)
    assert spike is not None
    assert (spike.rises, spike.chance < SPIKE_CHANCE) == (False, True)
    assert spike.expected == pytest.approx(100.0, rel=0.01)


@pytest.mark.parametrize("days", [0, 1, FEWEST_DAYS])
def test_few_days_tell_no_spike(days: int) -> None:
    """A day is compared with at least FEWEST_DAYS others."""
    assert spike_of_counts(np.ones(days), np.ones(days), 1.0) is None
    assert spike_of_levels(np.ones(days), 0.1) is None
