"""What platforms may bill at the worst, from their own published examples."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaelp.domain.billing.billing_rules import (
    ChargedFor,
    UnboundedBilling,
    UnknownPlatform,
    budget_for_cap,
    crossed,
    exposure_line,
    limit_after_edit,
    period_end,
    period_limit,
    refuse_unbounded,
    worst_day_micros,
    worst_total_micros,
)
from gaelp.money import smallest_unit_micros

UNIT = 1_000_000
PLATFORMS = ("google-ads", "meta", "emulator")


def test_the_platforms_own_examples_hold() -> None:
    """Google: a budget of 10 is at most 20 a day and 304 a month; Meta: 100 is at most 175 a day and 700 a week."""
    assert (
        worst_day_micros("google-ads", 10 * UNIT, "USD") == worst_day_micros("emulator", 10 * UNIT, "USD") == 20 * UNIT
    )
    assert period_limit("google-ads", 10 * UNIT) == 304 * UNIT
    assert worst_day_micros("meta", 100 * UNIT, "USD") == 175 * UNIT
    assert period_limit("meta", 100 * UNIT) == 700 * UNIT


def test_a_change_of_the_budget_allows_the_new_one_for_each_day_left() -> None:
    """Google: 10 a day from 24 November is 70 on top of what was spent; Meta states no limit for such a week."""
    assert limit_after_edit("google-ads", 10 * UNIT, date(2026, 11, 24)) == 70 * UNIT
    assert limit_after_edit("emulator", 10 * UNIT, date(2026, 11, 30)) == 10 * UNIT
    assert limit_after_edit("google-ads", 10 * UNIT, date(2024, 2, 1)) == 290 * UNIT
    assert limit_after_edit("meta", 10 * UNIT, date(2026, 11, 24)) is None


@pytest.mark.parametrize(
    ("platform", "day", "end"),
    [
        ("google-ads", date(2026, 12, 1), date(2026, 12, 31)),
        ("emulator", date(2028, 2, 29), date(2028, 2, 29)),
        ("meta", date(2026, 11, 22), date(2026, 11, 28)),  # a Sunday
        ("meta", date(2026, 11, 28), date(2026, 11, 28)),  # a Saturday
        ("meta", date(2026, 12, 31), date(2027, 1, 2)),
    ],
)
def test_a_period_is_a_calendar_month_or_a_week_from_sunday_to_saturday(platform: str, day: date, end: date) -> None:
    """Google's periods are months of the calendar, Meta's weeks end on Saturday."""
    assert period_end(platform, day) == end


@pytest.mark.parametrize(("platform", "total"), [("google-ads", 1500), ("emulator", 1500), ("meta", 1312.5)])
def test_the_worst_total_is_the_sum_of_the_worst_days(platform: str, total: float) -> None:
    """25 a day over 30 days, in whatever month: after a change of the budget no period bounds it."""
    assert worst_total_micros(platform, 25 * UNIT, 30, "USD") == total * UNIT
    assert worst_total_micros(platform, 25 * UNIT, 0, "USD") == 0


def test_a_worst_day_is_rounded_up_to_what_can_be_paid() -> None:
    """75 % above 25 yen are 44 yen, above 0.010 dinars 0.018, above 0.01 dollars 0.02."""
    assert worst_day_micros("meta", 25 * UNIT, "JPY") == 44 * UNIT
    assert worst_day_micros("meta", 10_000, "KWD") == 18_000
    assert worst_day_micros("meta", 10_000, "USD") == 20_000
    assert worst_total_micros("meta", 25 * UNIT, 3, "JPY") == 132 * UNIT


def test_a_hard_cap_of_50_is_a_platform_budget_of_25() -> None:
    """On Google and the emulator half the cap, on Meta four sevenths of it, in whole smallest units."""
    for platform in ("google-ads", "emulator"):
        assert budget_for_cap(platform, 50 * UNIT, "USD") == 25 * UNIT
        assert budget_for_cap(platform, 51 * UNIT, "JPY") == 25 * UNIT
    assert budget_for_cap("meta", 50 * UNIT, "USD") == 28_570_000
    assert budget_for_cap("meta", 50 * UNIT, "KWD") == 28_571_000
    assert budget_for_cap("meta", 50 * UNIT, "JPY") == 28 * UNIT


@given(st.sampled_from(PLATFORMS), st.integers(0, 10**12), st.sampled_from(("USD", "JPY", "KWD", "CLF")))
def test_a_budget_for_a_cap_is_the_largest_that_fits(platform: str, cap: int, currency: str) -> None:
    """Its worst day fits the cap and that of one smallest unit more does not."""
    budget, unit = budget_for_cap(platform, cap, currency), smallest_unit_micros(currency)
    assert budget % unit == 0
    assert worst_day_micros(platform, budget, currency) <= cap < worst_day_micros(platform, budget + unit, currency)


def test_a_line_carries_its_rule() -> None:
    """The table shown to an approver names the rule it rests on."""
    line = exposure_line("run-a/live-test/campaign-00", "google-ads", 25 * UNIT, 30, "USD")
    assert (line.daily_budget_micros, line.days) == (25 * UNIT, 30)
    assert (line.worst_day_micros, line.worst_total_micros) == (50 * UNIT, 1500 * UNIT)
    assert line.rule.startswith("Google Ads: up to 2x the highest daily budget of a day")
    assert exposure_line("c", "meta", 25 * UNIT, 7, "JPY").rule.startswith("Meta: up to 75 % above")
    assert exposure_line("c", "emulator", 25 * UNIT, 7, "JPY").rule.startswith("Emulator: ")


@pytest.mark.parametrize("charged_for", [ChargedFor.CONVERSIONS, ChargedFor.COMMISSION])
def test_a_campaign_that_is_not_charged_for_delivery_is_refused(charged_for: ChargedFor) -> None:
    """Pay-for-conversions and hotel commission campaigns may bill a month's budget on one day."""
    with pytest.raises(UnboundedBilling, match=f"charged for {charged_for.value} may bill .* let it be charged for"):
        refuse_unbounded("google-ads", charged_for)
    refuse_unbounded("google-ads", ChargedFor.DELIVERY)


def test_an_unknown_platform_is_refused() -> None:
    """Where no rule is known the worst case is unbounded, so nothing may be planned there."""
    for call in (
        lambda: worst_day_micros("bing", 1, "USD"),
        lambda: budget_for_cap("bing", 1, "USD"),
        lambda: exposure_line("c", "bing", 1, 1, "USD"),
    ):
        with pytest.raises(UnknownPlatform, match="use one of emulator, google-ads, meta"):
            call()


def test_negative_amounts_and_days_are_refused() -> None:
    """There is no negative budget, cap or length."""
    for call in (
        lambda: worst_day_micros("meta", -1, "USD"),
        lambda: budget_for_cap("meta", -1, "USD"),
        lambda: worst_total_micros("meta", 1, -1, "USD"),
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
