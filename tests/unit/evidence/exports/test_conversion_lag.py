"""How late conversions come, against triangles worked by hand and against a known distribution."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from gaelp.domain.exports.conversion_ages import (
    AgedConversions,
    ConversionTriangle,
    Snapshot,
    triangle_from_ages,
    triangle_of,
)
from gaelp.evidence.exports.conversion_lag import conversion_lag

FIRST = date(2026, 9, 1)
TRUE = np.array([0.4, 0.2, 0.15, 0.1, 0.05, 0.05, 0.05])  # of ages 0 to 6: the median is age 1, 90 % age 4


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def snapshot(last: int, *counts: float) -> Snapshot:
    """The conversions of the days from FIRST to `last`, as an export of that evening has them."""
    return Snapshot(FIRST, day(last), {day(number): count for number, count in enumerate(counts)})


BY_HAND = (snapshot(0, 4), snapshot(1, 8, 6), snapshot(2, 10, 12, 5))


def test_three_daily_exports_worked_by_hand() -> None:
    """From age 1 to 2 the first day went from 8 to 10, so that 8 of 10 have come by age 1; from age 0 to 1 the first
    two went from 4 + 6 to 8 + 12, so that half of that, 40 %, have come by age 0.

    The second day (12, age 1) will bring 12 / 0.8 - 12 = 3, the third (5, age 0) 5 / 0.4 - 5 = 7.5.
    """
    triangle = triangle_of(BY_HAND)
    found = conversion_lag(triangle, day(3), np.random.default_rng(1))
    assert found.shares == pytest.approx((0.4, 0.8, 1.0), abs=1e-6)
    assert (found.median.value, found.late.value) == (1, 2)
    assert found.to_come.value == pytest.approx(10.5, abs=1e-4)
    assert [young.to_come for young in found.young] == pytest.approx([0, 3, 7.5], abs=1e-4)
    assert found.conversions == 27


def test_ages_in_one_export_say_the_same_as_daily_exports() -> None:
    """The same conversions by their own dates give the same triangle."""
    aged = [(0, 0, 4), (0, 1, 4), (0, 2, 2), (1, 0, 6), (1, 1, 6), (2, 0, 5)]
    triangle = triangle_from_ages(
        [AgedConversions(day(at), age, age, count) for at, age, count in aged], day(2), elapsed=False
    )
    assert triangle.watched == {day(0): 2, day(1): 1, day(2): 0}
    found = conversion_lag(triangle, day(3), np.random.default_rng(1))
    assert found.shares == pytest.approx((0.4, 0.8, 1.0), abs=1e-6)


def test_what_comes_between_two_exports_has_the_ages_between_them() -> None:
    """With the second file missing, the first day's later 6 came at age 1 or 2; one that is gone is counted."""
    triangle = triangle_of((BY_HAND[0], BY_HAND[2], snapshot(3, 9, 12, 9, 1)))
    assert triangle.cells[:3] == (
        AgedConversions(day(0), 0, 0, 4),
        AgedConversions(day(0), 1, 2, 6),
        AgedConversions(day(0), 3, 3, 0),
    )
    assert triangle.taken_back == 1
    with pytest.raises(ValueError, match="same day"):
        triangle_of((BY_HAND[0], BY_HAND[0]))


def test_days_of_24_hours_leave_out_the_age_that_half_of_the_clicks_have_not_reached() -> None:
    """Of clicks two days before the last one, the third day of 24 hours is not over: it is not counted."""
    aged = [AgedConversions(day(0), age, age, 1) for age in (0, 1, 2)] + [AgedConversions(day(2), 0, 0, 9)]
    triangle = triangle_from_ages(aged, day(2), elapsed=True)
    assert triangle.watched == {day(0): 1, day(1): 0}
    assert [cell.last_age for cell in triangle.cells] == [0, 1]


def _drawn(days: int, per_day: float, rng: np.random.Generator) -> tuple[ConversionTriangle, float]:
    """A triangle of a month with the TRUE lags, as of its last day, and what will still come."""
    cells, later = [], 0.0
    for number in range(days):
        for age, count in enumerate(rng.poisson(per_day * TRUE)):
            if number + age < days:
                cells.append(AgedConversions(day(number), age, age, float(count)))
            else:
                later += count
    return triangle_from_ages(cells, day(days - 1), elapsed=False), later


def test_bounds_hold_the_truth_as_often_as_they_say() -> None:
    """Of 20 months with known lags, each bound holds the truth in 16 or more (95 % would be 19)."""
    rng = np.random.default_rng(5)
    held = [0, 0, 0]
    for _ in range(20):
        triangle, later = _drawn(30, 8, rng)
        found = conversion_lag(triangle, day(30), rng)
        held[0] += found.to_come.low <= later <= found.to_come.high
        held[1] += found.median.low <= 1 <= found.median.high
        held[2] += found.late.low <= 4 <= found.late.high
    assert min(held) >= 16, held


def test_young_days_do_not_pull_the_lag_down() -> None:
    """The mean of ages that were seen is too short, because late ones are still to come; the estimate is not."""
    triangle, _ = _drawn(12, 4000, np.random.default_rng(2))
    found = conversion_lag(triangle, day(12), np.random.default_rng(1))
    seen = sum(cell.conversions for cell in triangle.cells if cell.first_age <= 3) / found.conversions
    assert seen > 0.87  # 85 % in truth
    assert found.shares[3] == pytest.approx(0.85, abs=0.01)


def test_without_a_conversion_nothing_is_said() -> None:
    """No conversion with an age gives no lag."""
    with pytest.raises(ValueError, match="no conversion"):
        conversion_lag(triangle_of((snapshot(0, 0), snapshot(1, 0, 0))), day(2), np.random.default_rng(1))
