"""What changes in the market over days. Levels are five standard errors, at fixed seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gaelp.domain.config.market_sections import Market
from gaelp.market.streams import stream
from gaelp.market.world.drift import Factors, draw

WORLDS = 20_000
PARTS = ("traffic", "price", "click", "conversion")
OPTIONS: dict[str, dict[str, Any]] = {
    "season": {"season": 0.3},
    "drift": {"drift": 0.1},
    "change": {"change": 0.5, "change_chance": 0.4},
}
MOVES = {"season": {"price", "conversion"}, "drift": {"click"}, "change": {"price"}}


def drawn(campaigns: int = WORLDS, days: int = 7, shock: float = 0.1, seed: int = 1, **options: Any) -> Factors:
    return draw(Market(**options), campaigns, days, stream(seed, "world"), shock)


def test_with_everything_off_only_traffic_moves() -> None:
    """Prices, clicks and conversions are exactly 1; traffic is lognormal with mean 1 and the spread of day_shock."""
    found = drawn()
    for part in PARTS[1:]:
        assert np.array_equal(getattr(found, part), np.ones((WORLDS, 7)))
    log = np.log(found.traffic)
    assert abs(found.traffic.mean() - 1) < 5 * 0.1 / np.sqrt(log.size)
    assert abs(log.mean() + 0.1**2 / 2) < 5 * 0.1 / np.sqrt(log.size)
    assert abs(log.std() - 0.1) < 5 * 0.1 / np.sqrt(2 * log.size)
    assert abs(np.corrcoef(log[:, 0], log[:, 1])[0, 1]) < 5 / np.sqrt(WORLDS)


def test_without_day_shock_traffic_does_not_move() -> None:
    """A day shock of 0 leaves every factor exactly 1."""
    assert all(np.array_equal(getattr(drawn(50, shock=0.0), part), np.ones((50, 7))) for part in PARTS)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("others", [{}, OPTIONS["season"] | OPTIONS["drift"] | OPTIONS["change"]])
def test_switching_an_option_on_moves_its_own_factors_only(option: str, others: dict[str, Any]) -> None:
    """Beside any others, one option leaves the factors that are not its own bit-equal, and moves its own."""
    off = {key: value for key, value in others.items() if key not in OPTIONS[option]}
    before, after = drawn(60, **off), drawn(60, **(off | OPTIONS[option]))
    for part in PARTS:
        assert np.array_equal(getattr(before, part), getattr(after, part)) == (part not in MOVES[option])


def test_the_stream_goes_on_at_the_same_place_whatever_is_on() -> None:
    """What is drawn after the factors does not depend on the options."""
    plain, rich = stream(3, "world"), stream(3, "world")
    draw(Market(), 40, 7, plain, 0.1)
    draw(Market(own_campaigns=4, **OPTIONS["season"], **OPTIONS["drift"], **OPTIONS["change"]), 40, 7, rich, 0.3)
    assert np.array_equal(plain.random(5), rich.random(5))


def test_campaigns_of_a_group_share_their_days() -> None:
    """All factors are equal within a group and differ between groups; a group has its first campaign's days."""
    options = OPTIONS["season"] | OPTIONS["drift"] | {"change": 0.5, "change_chance": 0.9}
    alone, together = drawn(12, **options), drawn(12, own_campaigns=3, **options)
    for part in PARTS:
        groups = getattr(together, part).reshape(4, 3, 7)
        assert np.array_equal(groups, np.repeat(getattr(alone, part)[::3, None], 3, axis=1))
        assert len(np.unique(groups[:, 0], axis=0)) == 4


def test_a_season_is_a_wave_of_its_period_and_amplitude() -> None:
    """Conversions swing by the amplitude around 1, come back after season_days, and average 1 in any world or day."""
    found = drawn(days=20, season=0.4, season_days=10).conversion
    assert np.allclose(found[:, :10], found[:, 10:])
    assert np.allclose(found.mean(axis=1), 1.0)
    assert np.abs(found - 1).max() == pytest.approx(0.4, abs=1e-3)
    assert np.all(np.abs(found.mean(axis=0) - 1) < 5 * 0.4 / np.sqrt(2 * WORLDS))
    assert np.allclose(found.var(axis=0), 0.4**2 / 2, rtol=0.05)


def test_prices_follow_the_season_and_its_busy_days() -> None:
    """Prices rise with conversions, and with traffic at an elasticity of the season's amplitude; their mean is 1."""
    found = drawn(season=0.3, shock=0.2)
    beyond, shock = np.log(found.price / found.conversion), np.log(found.traffic)
    slope, level = np.polyfit(shock.ravel(), beyond.ravel(), 1)
    assert slope == pytest.approx(0.3, abs=1e-9)
    assert level == pytest.approx(0.3 * 0.2**2 / 2 - (0.3 * 0.2) ** 2 / 2, abs=1e-9)
    assert np.corrcoef(found.price.ravel(), found.conversion.ravel())[0, 1] > 0.9
    assert np.all(np.abs(found.price.mean(axis=0) - 1) < 5 * found.price.std() / np.sqrt(WORLDS))


def test_drift_is_a_random_walk_of_the_log_that_begins_at_one() -> None:
    """The first day is exactly 1, the log's variance grows by drift^2 a day, steps are independent, the mean is 1."""
    found = drawn(drift=0.1).click
    log, days = np.log(found), np.arange(7)
    assert np.array_equal(found[:, 0], np.ones(WORLDS))
    assert np.allclose(log.var(axis=0), days * 0.1**2, rtol=5 * np.sqrt(2 / WORLDS), atol=1e-15)
    steps = np.diff(log, axis=1)
    assert abs(np.corrcoef(steps[:, 0], steps[:, 1])[0, 1]) < 5 / np.sqrt(WORLDS)
    assert np.all(np.abs(found.mean(axis=0) - 1) <= 5 * found.std(axis=0) / np.sqrt(WORLDS))


@pytest.mark.parametrize("change", [0.7, -0.7])
def test_a_sudden_change_lasts_from_a_uniform_day_on(change: float) -> None:
    """As often as configured the price level moves by exp(change), once, on a day uniform over all but the first."""
    price = drawn(change=change, change_chance=0.3).price
    changed = price[:, -1] != 1.0
    assert abs(changed.mean() - 0.3) < 5 * np.sqrt(0.21 / WORLDS)
    assert set(np.unique(price)) == {1.0, np.exp(change)}
    first = (price == 1.0).sum(axis=1)[changed]
    assert np.all(np.diff((price != 1.0).astype(int), axis=1) >= 0)
    counts = np.bincount(first, minlength=7)
    assert counts[0] == 0
    assert np.all(np.abs(counts[1:] - len(first) / 6) < 5 * np.sqrt(len(first) / 6))


def test_an_episode_of_one_day_never_changes() -> None:
    """A change comes on day 1 at the earliest: a single day has none, and needs none of the other options."""
    found = drawn(30, days=1, change=1.0, change_chance=1.0, drift=0.2)
    assert np.array_equal(found.price, np.ones((30, 1)))
    assert np.array_equal(found.click, np.ones((30, 1)))
