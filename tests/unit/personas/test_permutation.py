"""The share of a gain that depends on the ratings, with its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gaelp.personas.permutation import share_resting_on_ratings


def test_the_share_of_a_gain_that_rests_on_ratings() -> None:
    """All of it where nothing is left when they are permuted, none where all is left, half in between, with bounds."""
    gain = np.linspace(0.2, 0.4, 50)
    assert share_resting_on_ratings(gain, 0 * gain).share == 1.0
    assert share_resting_on_ratings(gain, gain).share == 0.0
    more = share_resting_on_ratings(gain, 2 * gain)
    assert (more.share, more.low, more.high) == (0.0, 0.0, 0.0) and more.sentence.startswith("None of the gain")
    shuffled = np.random.Generator(np.random.Philox(key=1)).permutation(gain)
    half = share_resting_on_ratings(gain, shuffled / 2, paired=True)
    assert half.share == pytest.approx(0.5) and half.low is not None and half.high is not None
    assert 0.4 < half.low < 0.5 < half.high < 0.6 and "50%" in half.sentence


def test_without_a_gain_there_is_no_share_of_it() -> None:
    """A gain that cannot be distinguished from zero has no share, and a gain that is not a number is refused."""
    noise = np.random.Generator(np.random.Philox(key=1)).normal(0, 1, 40)
    for gain in (noise - noise.mean(), [-0.1, -0.2], [0.0]):
        assert share_resting_on_ratings(gain, [0.1]).share is None
    with pytest.raises(ValueError, match="finite"):
        share_resting_on_ratings([math.nan], [0.1])
    with pytest.raises(ValueError, match="at least one"):
        share_resting_on_ratings([], [0.1])


def test_gains_are_pairs_only_where_the_caller_says_so() -> None:
    """Equally many gains are no pairs by themselves: `paired` narrows the interval, and refuses unequal numbers."""
    gain = np.random.Generator(np.random.Philox(key=2)).normal(0.3, 0.1, 60)
    apart, pairs = share_resting_on_ratings(gain, gain / 2), share_resting_on_ratings(gain, gain / 2, paired=True)
    assert apart.share == pairs.share and pairs.low == pytest.approx(0.5) and pairs.high == pytest.approx(0.5)
    assert apart.low is not None and apart.high is not None and apart.low < 0.48 and apart.high > 0.52
    with pytest.raises(ValueError, match="60 and 59 gains are no pairs"):
        share_resting_on_ratings(gain, gain[:59], paired=True)


def test_the_interval_covers_the_true_share_about_as_often_as_it_says() -> None:
    """Over 400 made exams with a true share of 0.4 the 90 % interval holds it between 85 and 95 % of the time."""
    rng = np.random.Generator(np.random.Philox(key=5))
    covered = 0
    for _ in range(400):
        gain = rng.normal(0.3, 0.2, 128)
        half = share_resting_on_ratings(gain, 0.6 * 0.3 + 0.5 * (gain - 0.3) + rng.normal(0, 0.1, 128), paired=True)
        covered += half.low is not None and half.high is not None and half.low <= 0.4 <= half.high
    assert 0.85 <= covered / 400 <= 0.95
