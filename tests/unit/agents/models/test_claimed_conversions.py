"""Which conversions are believed: what stands out upwards is taken for a claim, and what is low for the truth."""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.agents.models import counts
from gaelp.agents.models.claimed_conversions import WORTH, believed, claim_probability
from gaelp.arrays import F8

CLICKS = np.full((6, 12), 2_000.0)
RATE = 0.05


def relative(factor: F8, clicks: F8 = CLICKS) -> F8:
    """What a click of each cell is believed to be worth where `factor` f8[S, K] times the usual rate is reported."""
    shape, rate = counts.conversion_posterior(
        believed({"clicks": clicks, "conversions": np.round(clicks * RATE * factor)})
    )
    return np.asarray(shape / rate)


def test_alike_rates_are_believed_whole() -> None:
    """Nothing is taken from conversions that differ by chance or by a tenth."""
    conversions = np.random.default_rng(1).poisson(CLICKS * RATE * np.linspace(0.9, 1.1, 12))
    kept = believed({"clicks": CLICKS, "conversions": conversions.astype(float)})["conversions"]
    assert kept.sum() > 0.99 * conversions.sum()


@pytest.mark.parametrize("where", [(slice(0, 1), slice(None)), (slice(None), slice(2, 3))], ids=["segment", "creative"])
def test_a_claim_is_worth_less_than_a_usual_click(where: tuple[slice, slice]) -> None:
    """A segment or a creative of three times the others' rate ends below them, and they stay alike."""
    factor = np.ones((6, 12))
    factor[where] = 3.0
    found = relative(factor)
    others = found[factor == 1.0]
    assert found[where].max() < 0.8 * others.min() and others.max() < 1.1 * others.min()


def test_low_rates_are_believed() -> None:
    """A segment that hardly buys is worth what it brings, and makes no claim of the others, however it was clicked."""
    factor, clicks = np.ones((6, 12)), CLICKS.copy()
    factor[3], clicks[3, 0], clicks[3, 1:] = 0.02, 60_000.0, 200.0
    found = relative(factor, clicks)
    assert found[3].max() < 0.12 and found[:3].min() > 1.1 and found[4:].min() > 1.1


def test_a_claim_needs_conversions_and_a_distance() -> None:
    """Three where one was expected say little; 300 of 100 say it for certain; what is not above is no claim."""
    probability = claim_probability(np.array([3.0, 300.0, 130.0, 90.0]), np.array([1.0, 100.0, 100.0, 100.0]))
    assert probability[0] < 0.2 and probability[1] > 0.99 and probability[2] < 0.05 and probability[3] == 0.0


def test_nothing_is_believed_of_nothing() -> None:
    """Before any click every cell is worth the average click."""
    nothing = np.zeros((2, 3))
    found = believed({"clicks": nothing, "conversions": nothing})
    shape, rate = counts.conversion_posterior(found)
    assert np.allclose(shape / rate, 1.0)
    assert 0 < WORTH < 1
