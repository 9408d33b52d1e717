"""What platforms may bill at the worst, from their own published examples."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaelp.domain.spending.billing_rules import (
    UnknownPlatform,
    budget_for_cap,
    crossed,
    exposure_line,
    worst_day_micros,
    worst_total_micros,
)

UNIT = 1_000_000
PLATFORMS = ("google-ads", "meta", "emulator")


def test_the_platforms_own_examples_hold() -> None:
    """Google: a budget of 10 is at most 20 a day and 304 a month; Meta: 100 is at most 175 a day and 700 a week."""
    assert worst_day_micros("google-ads", 10 * UNIT) == worst_day_micros("emulator", 10 * UNIT) == 20 * UNIT
    assert worst_total_micros("google-ads", 10 * UNIT, 31, date(2026, 3, 1)) == 304 * UNIT
    assert worst_day_micros("meta", 100 * UNIT) == 175 * UNIT
    assert worst_total_micros("meta", 100 * UNIT, 7, date(2026, 11, 22)) == 700 * UNIT  # a Sunday


def test_a_period_limit_holds_per_calendar_period() -> None:
    """A week that straddles two of Meta's weeks may bill more than 7 budgets, a month's end two months."""
    assert worst_total_micros("meta", 100 * UNIT, 7, date(2026, 11, 25)) == 1225 * UNIT  # 4 + 3 days at 1.75
    assert worst_total_micros("google-ads", 10 * UNIT, 30, date(2026, 3, 17)) == 600 * UNIT  # 15 + 15 days at 2
    assert worst_total_micros("google-ads", 10 * UNIT, 61, date(2026, 3, 1)) == 608 * UNIT
    assert worst_total_micros("google-ads", 10 * UNIT, 0) == 0


@given(
    st.sampled_from(PLATFORMS),
    st.integers(0, 10**10),
    st.integers(0, 130),
    st.dates(date(2024, 1, 1), date(2029, 1, 1)),
)
def test_a_start_that_is_not_known_is_the_worst_start(platform: str, budget: int, days: int, start: date) -> None:
    """Without a start the bound covers every start, and no bound passes that of unrelated days."""
    anywhere = worst_total_micros(platform, budget, days)
    there = worst_total_micros(platform, budget, days, start)
    assert there <= anywhere <= worst_day_micros(platform, budget) * days


def test_a_hard_cap_of_50_is_a_platform_budget_of_25() -> None:
    """On Google and the emulator half the cap, on Meta four sevenths of it."""
    assert budget_for_cap("google-ads", 50 * UNIT) == budget_for_cap("emulator", 50 * UNIT) == 25 * UNIT
    assert budget_for_cap("meta", 50 * UNIT) == 28_571_428


@given(st.sampled_from(PLATFORMS), st.integers(0, 10**12))
def test_a_budget_for_a_cap_is_the_largest_that_fits(platform: str, cap: int) -> None:
    """Its worst day fits the cap and that of one micro more does not."""
    budget = budget_for_cap(platform, cap)
    assert worst_day_micros(platform, budget) <= cap < worst_day_micros(platform, budget + 1)


def test_a_line_carries_its_rule() -> None:
    """The table shown to an approver names the rule it rests on."""
    line = exposure_line("run-a/live-test/campaign-00", "google-ads", 25 * UNIT, 7)
    assert (line.worst_day_micros, line.worst_total_micros) == (50 * UNIT, 350 * UNIT)
    assert line.rule.startswith("Google Ads: up to 2x")


def test_an_unknown_platform_is_refused() -> None:
    """Where no rule is known the worst case is unbounded, so nothing may be planned there."""
    for call in (
        lambda: worst_day_micros("bing", 1),
        lambda: budget_for_cap("bing", 1),
        lambda: exposure_line("c", "bing", 1, 1),
    ):
        with pytest.raises(UnknownPlatform, match="use one of emulator, google-ads, meta"):
            call()


def test_negative_amounts_and_days_are_refused() -> None:
    """There is no negative budget, cap or length."""
    for call in (
        lambda: worst_day_micros("meta", -1),
        lambda: budget_for_cap("meta", -1),
        lambda: worst_total_micros("meta", 1, -1),
    ):
        with pytest.raises(ValueError, match="0 or more"):
            call()


def test_alert_thresholds_are_crossed_exactly() -> None:
    """A threshold is reached at its exact share and not a micro before, whatever its binary fraction is."""
    shares = (0.95, 0.5, 0.8)
    assert crossed(100, 49, shares) == ()
    assert crossed(100, 50, shares) == (0.5,)
    assert crossed(100, 94, shares) == (0.5, 0.8)
    assert crossed(100, 95, shares) == (0.5, 0.8, 0.95)
    assert crossed(10**18, 95 * 10**16 - 1, (0.95,)) == ()
    assert crossed(0, 0, shares) == (0.5, 0.8, 0.95)
