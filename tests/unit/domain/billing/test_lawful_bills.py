"""What settings of today may lawfully bill; every figure is worked by hand in its comment."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from gaelp.domain.billing.lawful_bills import (
    CapReached,
    RunningCampaign,
    Window,
    cap_reached,
    lawful_bill,
    window_of,
)

UNIT = 1_000_000
TODAY = date(2026, 11, 26)  # a Thursday


def campaign(platform: str = "google-ads", last_day: date = date(2027, 1, 31), **billed: int) -> RunningCampaign:
    """A budget of 25 a day, and 25 billed on each of the 25 days of November before today; `d26=60` sets a day."""
    days = {date(2026, 11, day): 25 * UNIT for day in range(1, 26)}
    days |= {date(2026, 11, int(name[1:])): units * UNIT for name, units in billed.items()}
    return RunningCampaign("one", platform, 25 * UNIT, last_day, days)


@pytest.mark.parametrize(
    ("window", "unedited", "edited"),
    [
        (Window.TODAY, 50, 50),  # 2 x 25
        # Billed 23rd to 25th 75; of 30.4 x 25 = 760 are 135 left: 50 + 50 + 35 + 0. Edited 75 + 4 x 50.
        (Window.WEEK, 210, 275),
        (Window.MONTH, 760, 875),  # 625 + 135; edited 625 + 5 x 50
    ],
)
def test_a_google_campaign(window: Window, unedited: int, edited: int) -> None:
    """Without an edit the month ends at 30.4 budgets; with one, every day left may bill twice its budget."""
    bill = lawful_bill(campaign(), window, TODAY, "USD")
    assert (bill.unedited_micros, bill.edited_micros) == (unedited * UNIT, edited * UNIT)


def test_a_meta_campaign_has_the_limit_of_each_of_its_weeks() -> None:
    """Meta's weeks end on Saturday: the rest of this week, and two days of a new one with a limit of its own.

    Days of 43.75. Billed from Sunday 22nd 100, of 7 x 25 = 175 are 75 left until the 28th; then 43.75 on each of the
    29th and 30th: 625 + 75 + 87.5. Edited: 625 + 5 x 43.75.
    """
    bill = lawful_bill(campaign("meta"), Window.MONTH, TODAY, "USD")
    assert (bill.unedited_micros, bill.edited_micros) == (787_500_000, 843_750_000)


def test_what_is_expected_is_a_budget_a_day() -> None:
    """625 so far and five days of 25."""
    assert lawful_bill(campaign(), Window.MONTH, TODAY, "USD").expected_micros == 750 * UNIT


def test_a_campaign_bills_nothing_after_its_last_day() -> None:
    """It ends tomorrow: 625 + 2 x 50."""
    ending = campaign(last_day=TODAY + timedelta(days=1))
    assert lawful_bill(ending, Window.MONTH, TODAY, "USD").unedited_micros == 725 * UNIT


def test_a_day_that_was_billed_above_its_limit_counts_as_billed() -> None:
    """60 today, and 75 of the 135 that the month had left for the days to come: 50 + 25."""
    bill = lawful_bill(campaign(d26=60), Window.MONTH, TODAY, "USD")
    assert lawful_bill(campaign(d26=60), Window.TODAY, TODAY, "USD").unedited_micros == 60 * UNIT
    assert (bill.unedited_micros, bill.edited_micros) == (760 * UNIT, 885 * UNIT)


@pytest.mark.parametrize(
    ("cap", "at_worst", "as_expected"),
    [
        (800, 29, None),  # 675, 725, 775, 825; with 25 a day 750 at the month's end
        (700, 27, 29),  # 725; 650, 675, 700, 725
        (875, None, None),  # the most there is, and not exceeded
    ],
)
def test_when_a_cap_is_exceeded(cap: int, at_worst: int | None, as_expected: int | None) -> None:
    """The first day at whose end the month's bill lies above the cap, at the worst and with a budget a day."""
    days = [None if day is None else date(2026, 11, day) for day in (at_worst, as_expected)]
    assert cap_reached([campaign()], cap * UNIT, TODAY) == CapReached(*days)


def test_the_windows_of_a_day() -> None:
    """A week is Monday to Sunday, a month the calendar's."""
    assert window_of(Window.WEEK, TODAY) == (date(2026, 11, 23), date(2026, 11, 29))
    assert window_of(Window.MONTH, date(2028, 2, 3)) == (date(2028, 2, 1), date(2028, 2, 29))
