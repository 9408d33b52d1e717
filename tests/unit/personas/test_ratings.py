"""Ratings change who prefers which creative, and no level."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.market_sections import SHIPPED_CREATIVES, Persona, Personas
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.parameters import MarketParameters
from gaelp.personas import panel, ratings
from gaelp.personas.ratings import Ratings, RatingsMismatch

ADA = Persona(name="Ada", about="44, mathematician, likes precise claims.")


def market() -> MarketParameters:
    return calibrate([], TrainingConfiguration(profile="quick-test"))


def tastes(seed: int = 1, people: int = 24, texts: int = SHIPPED_CREATIVES) -> Ratings:
    rng = np.random.Generator(np.random.Philox(key=seed))
    return Ratings(*np.exp(rng.normal(0, 0.5, (2, people, texts))))


def test_a_rating_is_an_odds_ratio_against_the_neutral_advertisement() -> None:
    """A model that says yes to everything rates nothing above neutral, and no answer is neutral."""
    probability = np.array([[0.9, 0.9, np.nan], [0.5, 2 / 3, 1.0]])
    relative = ratings.relative(probability, np.array([0.9, 0.5]))
    assert relative[0].tolist() == pytest.approx([1.0, 1.0, 1.0])
    assert relative[1].tolist() == pytest.approx([1.0, 2.0, ratings.LARGEST])
    lost = ratings.relative(np.array([[2 / 3], [2 / 3]]), np.array([np.nan, 0.5]))
    assert lost[:, 0].tolist() == pytest.approx([2.0, 2.0])


def test_ratings_change_who_prefers_what_and_no_level() -> None:
    """Each segment keeps its mean CTR and CVR, hours keep mean 1, everything else is the same, order follows taste."""
    before, people, taste = market(), panel.people(Personas()), tastes()
    after = ratings.apply(before, people, 0.5, taste)
    for rated, plain in ((after.ctr, before.ctr), (after.cvr, before.cvr)):
        np.testing.assert_allclose(rated.mean(axis=1), plain.mean(axis=1), rtol=1e-12)
        assert np.abs(rated / plain - 1).max() > 0.05
    assert after.hourly.mean() == pytest.approx(1.0) and not np.allclose(after.hourly, before.hourly)
    untouched = {field.name for field in fields(before)} - {"ctr", "cvr", "hourly"}
    assert all(getattr(after, name) is getattr(before, name) for name in untouched)
    belongs = ratings.memberships(people, before.ctr.shape[0])
    for rated, plain, tendency in ((after.ctr, before.ctr, taste.click), (after.cvr, before.cvr, taste.convert)):
        moved, wanted = np.log(rated / plain), np.log(belongs @ tendency)
        assert all(np.corrcoef(a, b)[0, 1] > 0.999 for a, b in zip(moved, wanted, strict=True))


def test_weight_is_the_exponent() -> None:
    """Weight 0 leaves the market as it is, and weight 1 moves log rates twice as far as one half."""
    before, people, taste = market(), panel.people(Personas()), tastes()
    none, half, whole = (np.log(ratings.apply(before, people, w, taste).ctr) for w in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(none, np.log(before.ctr), rtol=1e-12)
    moved = [table - table.mean(axis=1, keepdims=True) for table in (half - none, whole - none)]
    np.testing.assert_allclose(moved[1], 2 * moved[0], atol=1e-9)


def test_people_without_a_segment_are_assigned_evenly() -> None:
    """Personas keep a segment of their own, others are spread evenly, and an empty segment has the panel's taste."""
    people = [ADA, ADA, ADA.model_copy(update={"segment": 1, "share": 3.0}), ADA]
    assert ratings.memberships(people, 2).tolist() == [[0.5, 0, 0, 0.5], [0, 0.25, 0.75, 0]]
    np.testing.assert_allclose(ratings.memberships(people, 4)[3], np.array([1, 1, 3, 1]) / 6)


def test_traffic_leans_to_the_hours_when_people_are_online() -> None:
    """A person of two hours brings those a tenth of a day evenly and the rest; one without hours changes nothing."""
    lean = ratings.leaning([ADA.model_copy(update={"online": (8, 20)})])
    assert lean.mean() == pytest.approx(1.0)
    assert lean[8] == pytest.approx(24 * (0.1 / 24 + 0.45)) and lean[3] == pytest.approx(0.1)
    assert ratings.leaning([ADA]).tolist() == pytest.approx([1.0] * 24)


def test_permuted_ratings_are_the_same_ones_elsewhere() -> None:
    """Each persona keeps her ratings, click and convert stay together, what personas have in common is lost."""
    shared = np.exp(np.linspace(-1, 1, 12)) * np.ones((24, 1))
    taste = Ratings(shared, shared**2)
    swapped = ratings.permuted(taste, np.random.Generator(np.random.Philox(key=3)))
    np.testing.assert_array_equal(np.sort(swapped.click, axis=1), np.sort(taste.click, axis=1))
    np.testing.assert_allclose(swapped.convert, swapped.click**2)
    assert ratings.consensus(taste.click) == pytest.approx(1.0) and ratings.consensus(swapped.click) < 0.2
    assert len({tuple(row) for row in swapped.click}) == 24


def test_texts_that_do_not_fit_the_market_are_refused_with_the_remedy() -> None:
    """Too few or too many texts, or a persona of a segment that is not there, is one sentence naming what to change."""
    for texts in (11, 13):
        with pytest.raises(RatingsMismatch, match=f"12 creatives.*{texts} texts.*personas.creatives"):
            ratings.apply(market(), panel.people(Personas()), 0.5, tastes(texts=texts))
    stranger = [ADA.model_copy(update={"segment": 9})]
    with pytest.raises(RatingsMismatch, match=r"'Ada' is of segment 9.*personas\.people"):
        ratings.apply(market(), stranger, 0.5, tastes(people=1))
