"""Fatigue and frequency caps in closed form, against people counted one by one."""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.market.audience.fatigue import AudienceState, FiniteAudience
from gaelp.market.audience.frequency_cap import below_cap, capped_mean, uncapped
from gaelp.market.streams import stream

PEOPLE = 400


@pytest.mark.parametrize("cap", [1, 2, 5, 40])
def test_the_views_that_a_cap_cut_are_recovered(cap: int) -> None:
    """Solving for the uncapped views inverts the capped mean; at the cap itself there is no such number."""
    level = np.concatenate([[0.0], np.geomspace(1e-3, 0.9 * cap, 20)])
    assert np.allclose(uncapped(capped_mean(level, cap), cap), level, atol=1e-6)
    assert np.isinf(uncapped(np.array([float(cap), 2.0 * cap]), cap)).all()


def test_fatigue_is_the_mean_tendency_of_impressions_on_random_people() -> None:
    """The multiplier is the mean of (1 - f) to the power of earlier impressions, counted person by person."""
    rng, fatigue, earlier, now = stream(1, "views"), 0.4, 300, 900
    tendencies = []
    for _ in range(300):
        person = rng.integers(PEOPLE, size=earlier + now)
        order = np.argsort(person, kind="stable")
        first = np.searchsorted(person[order], person[order])
        views = np.empty(len(person), np.int64)
        views[order] = np.arange(len(person)) - first
        tendencies.append(((1 - fatigue) ** views[earlier:]).mean())
    crowd = FiniteAudience(np.array([float(PEOPLE)]), fatigue, 0)
    state = AudienceState(crowd, np.full((1, 1, 1), earlier), np.zeros((1, 1), np.int64))
    factor = state.fatigue_factor(np.full((1, 1, 1), now))[0, 0, 0]
    assert abs(factor - np.mean(tendencies)) < 5 * np.std(tendencies) / np.sqrt(300)
    assert state.fatigue_factor(np.zeros((1, 1, 1), np.int64))[0, 0, 0] == pytest.approx(
        np.exp(-0.4 * 300 / PEOPLE), rel=1e-3
    )


@pytest.mark.parametrize(("cap", "earlier", "attempts"), [(1, 0, 300), (2, 500, 400), (3, 0, 2000), (10, 0, 200)])
def test_a_cap_lets_through_what_people_have_room_for(cap: int, earlier: int, attempts: int) -> None:
    """Mean and variance of the views are those of throwing all attempts of a day at people one by one."""
    rng, times = stream(2, "people"), 1500
    before = np.minimum(rng.multinomial(earlier, np.full(PEOPLE, 1 / PEOPLE), times), cap)
    today = round(before.sum(axis=1).mean())
    after = np.minimum(before + rng.multinomial(attempts, np.full(PEOPLE, 1 / PEOPLE), times), cap)
    kept = before.sum(axis=1) == today if earlier else np.ones(times, bool)
    gained = (after - before).sum(axis=1)[kept]
    crowd = FiniteAudience(np.array([float(PEOPLE)]), 0.0, cap)
    drawn = below_cap(crowd, np.full((times, 1), today), np.full((times, 1), attempts), rng)[:, 0]
    error = np.sqrt(gained.var() / len(gained) + drawn.var() / times) + 1e-9
    # Rounding the size of a binomial moves a mean by less than a view.
    assert abs(gained.mean() - drawn.mean()) < 5 * error + 0.3
    assert drawn.var() == pytest.approx(gained.var(), rel=0.1 + 5 * np.sqrt(2 / len(gained)), abs=0.1)
    assert drawn.max() <= min(attempts, PEOPLE * cap - today)
