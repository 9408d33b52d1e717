"""The exact test of a count at planned looks. Touch with gaelp/evidence/sequential_counts.py."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom

from gaelp.domain.gates.judging import alpha_for
from gaelp.evidence.sequential_counts import (
    PlannedLooks,
    critical_counts,
    crossed,
    crossing_chances,
    lower_bound,
    more_episodes,
)

ALPHA = alpha_for(1)
FOUR = PlannedLooks((128, 256, 384, 512), 4)


def chance_by_enumeration(looks: PlannedLooks, critical: tuple[int, ...], rate: float) -> float:
    """The chance of ever crossing, summed over every sequence of outcomes."""
    total = 0.0
    for outcomes in itertools.product((0, 1), repeat=looks.episodes[-1]):
        counts = [sum(outcomes[:n]) for n in looks.episodes]
        if any(count >= least for count, least in zip(counts, critical, strict=True)):
            total += rate ** sum(outcomes) * (1 - rate) ** (len(outcomes) - sum(outcomes))
    return total


@pytest.mark.parametrize("episodes", [(4, 8, 12), (5, 7, 14), (12,), (3, 6, 9, 12)])
@pytest.mark.parametrize("rate", [0.3, 0.5, 0.8])
def test_the_recursion_is_the_sum_over_all_sequences(episodes: tuple[int, ...], rate: float) -> None:
    """At the threshold and off it, the chance of ever crossing is that of brute force, and at most alpha at it."""
    looks = PlannedLooks(episodes, len(episodes))
    critical = critical_counts(looks, rate, 0.1)
    assert chance_by_enumeration(looks, critical, rate) <= 0.1
    for true in (rate, 0.9):
        expected = chance_by_enumeration(looks, critical, true)
        assert crossing_chances(looks, critical, true)[-1] == pytest.approx(expected, abs=1e-12)


def test_one_success_less_at_any_look_would_exceed_the_level_by_then() -> None:
    """The critical counts are the smallest: lowering one spends more than alpha l/L up to its look."""
    critical = critical_counts(FOUR, 0.8, ALPHA)
    for look in range(4):
        lower = tuple(count - (place == look) for place, count in enumerate(critical))
        assert crossing_chances(FOUR, lower, 0.8)[look] > ALPHA * (look + 1) / 4


def test_the_counts_and_the_power_of_the_default_exam() -> None:
    """114, 220, 325 and 429 of 128 to 512, exact size 0.0285; 0.82, 0.85, 0.86, 0.90 pass 19.6, 82.0, 94.0, 100 %."""
    critical = critical_counts(FOUR, 0.8, ALPHA)
    assert critical == (114, 220, 325, 429)
    chances = [crossing_chances(FOUR, critical, rate)[-1] for rate in (0.8, 0.82, 0.85, 0.86, 0.9)]
    assert chances == pytest.approx([0.0285, 0.196, 0.820, 0.940, 1.0], abs=5e-4)
    large = PlannedLooks((2048, 4096, 6144, 8192), 4)
    assert critical_counts(large, 0.8, ALPHA) == (1683, 3336, 4986, 6632)


@pytest.mark.parametrize(("count", "n"), [(46, 50), (88, 100), (171, 200)])
def test_a_single_look_is_the_binomial_test(count: int, n: int) -> None:
    """46 of 50, 88 of 100 and 171 of 200: the smallest count whose binomial tail is at most alpha."""
    assert critical_counts(PlannedLooks((n,), 1), 0.8, ALPHA) == (count,)
    assert binom.sf(count - 1, n, 0.8) <= ALPHA < binom.sf(count - 2, n, 0.8)


def test_looks_to_come_change_nothing_of_the_present_one() -> None:
    """The counts of two looks are the first two of four."""
    assert critical_counts(PlannedLooks((128, 256), 4), 0.8, ALPHA) == (114, 220)


def test_too_few_episodes_have_no_count_that_decides() -> None:
    """Of five episodes at a rate of 0.8 not even all five refute it, and what could not be spent is spent later."""
    looks = PlannedLooks((5, 60), 2)
    first, second = critical_counts(looks, 0.8, ALPHA)
    assert first == 6
    assert second == critical_counts(PlannedLooks((60,), 1), 0.8, ALPHA)[0]


def test_a_count_that_crossed_once_has_crossed() -> None:
    """What the second look reaches stands although the third falls short."""
    counts = np.array([[113, 220, 324, 428], [113, 219, 324, 428]])
    assert crossed(counts, (114, 220, 325, 429)).tolist() == [True, False]


@pytest.mark.parametrize("counts", [(114, 220, 325, 429), (113, 219, 324, 428), (128, 256, 384, 512), (0, 0, 0, 0)])
def test_the_bound_lies_above_the_threshold_exactly_where_the_test_passes(counts: tuple[int, ...]) -> None:
    """A bound that is shown never contradicts the verdict, and what lies below it is refuted."""
    bound = lower_bound(counts, FOUR, ALPHA, tested=0.8)
    passes = bool(crossed(np.array(counts), critical_counts(FOUR, 0.8, ALPHA)))
    assert (bound >= 0.8) == passes
    if bound > 0.01:
        assert crossed(np.array(counts), critical_counts(FOUR, bound - 0.001, ALPHA))
    assert not crossed(np.array(counts), critical_counts(FOUR, min(bound + 0.002, 0.9999), ALPHA))


def test_without_an_episode_nothing_is_known() -> None:
    """No look has no count, and the bound is 0."""
    nothing = PlannedLooks((), 4)
    assert critical_counts(nothing, 0.8, ALPHA) == ()
    assert lower_bound((), nothing, ALPHA, tested=0.8) == 0.0


def test_what_is_missing_follows_the_present_rate() -> None:
    """At 0.85 a look at some 225 episodes in all would decide; at the threshold or below it none would."""
    assert more_episodes(109, 128, 0.8, ALPHA) == pytest.approx(88, abs=15)
    assert more_episodes(128, 128, 0.8, ALPHA) == 1
    assert more_episodes(512 * 4 // 5, 512, 0.8, ALPHA) == more_episodes(0, 0, 0.8, ALPHA) is None
