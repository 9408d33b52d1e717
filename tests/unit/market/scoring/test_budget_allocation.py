"""Allocating a budget without fatigue: the steps with the most value for their cost, against the linear programme."""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.market.scoring.budget_allocation import UNIT, AllocationProgramme
from gaelp.market.streams import stream


def programme(seed: int, campaigns: int = 6, days: int = 3, segments: int = 2, steps: int = 7) -> AllocationProgramme:
    """Steps of rising cost with random value; some win nothing, some cost nothing to speak of."""
    rng = stream(seed, "offer")
    shape = (campaigns, days, segments, steps)
    wins = rng.uniform(0.1, 2.0, shape) * (rng.random(shape) > 0.1)
    price = np.sort(rng.uniform(0.01, 6.0, shape), axis=-1)
    budget = rng.uniform(0.2, 30.0, (campaigns, days))
    factor = rng.uniform(0.5, 1.5, (campaigns, days))
    width = wins.sum(axis=(1, 3))[..., None] + 1.0
    return AllocationProgramme(
        wins, wins * price, width, rng.uniform(1.0, 4.0, (campaigns, segments, 1)), factor, budget
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_steps_of_most_value_for_their_cost_are_the_programmes_optimum(seed: int) -> None:
    """Without fatigue, profit and spend are those of the linear programme, with budgets that bind and not."""
    made = programme(seed)
    quick, exact = made.by_value_for_cost(), made.solved()
    assert np.allclose(quick[0] - quick[1].sum(axis=1), exact[0] - exact[1].sum(axis=1), rtol=1e-7, atol=1.0)
    assert np.all(quick[1] <= made.budget * UNIT * (1 + 1e-12))
    assert np.any(quick[1] > 0.999 * made.budget * UNIT) and np.any(quick[1] < 0.9 * made.budget * UNIT)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0, 3.0])
def test_a_total_goes_to_the_best_steps_of_all_days(share: float) -> None:
    """The most value for a total, from nothing to more than can be spent, is the linear programme's."""
    made = programme(9)
    total = share * made.cost.sum(axis=(1, 2, 3)) * UNIT
    quick, exact = made.by_value_for_cost(total), made.solved(total)
    assert np.allclose(quick[0], exact[0], rtol=1e-7, atol=1.0)
    assert np.all(quick[1].sum(axis=1) <= total * (1 + 1e-12))
    assert np.all(quick[1] <= made.budget * UNIT * (1 + 1e-12))
