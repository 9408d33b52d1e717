"""What today's settings may lawfully be billed in a day, a week or a month, beside what an edit would allow.

The bill so far is known; from today on, a campaign is taken to be billed all that its platform's rules allow. Touch
this to look at another window; the rules themselves are in gaelp/domain/billing/billing_rules.py.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from math import ceil

from gaelp.domain.billing.billing_rules import day_limit, limit_after_edit, period_end, period_limit
from gaelp.money import rounded_up


class Window(StrEnum):
    """A stretch of the account's calendar with today in it. A week is Monday to Sunday, whatever the platform's is."""

    TODAY = "today"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class RunningCampaign:
    """A campaign that is enabled: its budget of today, and what was billed so far, in micros."""

    campaign: str
    platform: str
    daily_budget_micros: int
    last_day: date  # on which it may still serve
    billed: Mapping[date, int]
    edited_on: date | None = None  # the last day before today on which its budget is known to have changed


@dataclass(frozen=True)
class MonthDay:
    """What the month has billed at a day's end, in micros: as it was before today, and from today on as may be."""

    day: date
    unedited_micros: int
    edited_micros: int
    expected_micros: int


@dataclass(frozen=True)
class LawfulBill:
    """The most of one window, in micros: billed so far, and from today on as the rules allow."""

    unedited_micros: int  # the budget stays as it is for the rest of the window
    edited_micros: int  # somebody changes it every day, and back: no limit of a week or month holds
    expected_micros: int  # a budget a day from today on


@dataclass(frozen=True)
class CapReached:
    """The first day at whose end a cap on the month has been exceeded; None where it holds until the month's end."""

    at_worst: date | None
    as_expected: date | None


def window_of(window: Window, today: date) -> tuple[date, date]:
    """Its first and its last day."""
    if window is Window.TODAY:
        return today, today
    if window is Window.WEEK:
        first = today - timedelta(days=today.weekday())
        return first, first + timedelta(days=6)
    return today.replace(day=1), today.replace(day=monthrange(today.year, today.month)[1])


def lawful_bill(campaign: RunningCampaign, window: Window, today: date, currency: str) -> LawfulBill:
    """What the window may bill; raises UnknownPlatform and UnknownCurrency.

    Without an edit, the platform's own period (Google's month, Meta's week) bounds what its days may bill together.
    """
    first, last = window_of(window, today)
    before = sum(micros for day, micros in campaign.billed.items() if first <= day < today)
    days = _days(today, min(last, campaign.last_day))
    unedited = before + sum(_unedited(campaign, today, days), Fraction(0))
    edited = before + sum((_day(campaign, day) for day in days), Fraction(0))
    expected = before + sum(max(campaign.daily_budget_micros, campaign.billed.get(day, 0)) for day in days)
    # A day that was over-billed counts as it was billed: a credit that is due is not yet paid.
    return LawfulBill(rounded_up(unedited, currency), rounded_up(max(edited, unedited), currency), expected)


def month_course(campaigns: Sequence[RunningCampaign], today: date) -> tuple[MonthDay, ...]:
    """The month's bill of all campaigns, day by day and summed up from its first day, as `LawfulBill` has it.

    A day bills its worst (edited), its worst within its platform's period (unedited) or its budget (expected). Raises
    UnknownPlatform.
    """
    first, last = window_of(Window.MONTH, today)
    coming = _days(today, last)
    bills = [_unedited(each, today, [day for day in coming if day <= each.last_day]) for each in campaigns]
    course: list[MonthDay] = []
    unedited = edited = Fraction(0)
    expected = 0
    for day in _days(first, last):
        if day < today:
            billed = sum(each.billed.get(day, 0) for each in campaigns)
            unedited, edited, expected = unedited + billed, edited + billed, expected + billed
        else:
            number = (day - today).days
            running = [each for each in campaigns if day <= each.last_day]
            unedited += sum((each[number] for each in bills if number < len(each)), Fraction(0))
            edited += sum((_day(each, day) for each in running), Fraction(0))
            expected += sum(max(each.daily_budget_micros, each.billed.get(day, 0)) for each in running)
        course.append(MonthDay(day, ceil(unedited), ceil(edited), expected))
    return tuple(course)


def cap_reached(campaigns: Sequence[RunningCampaign], cap_micros: int, today: date) -> CapReached:
    """When a cap on this month's bill of all campaigns is exceeded, should every day bill its worst, or its budget."""
    coming = [each for each in month_course(campaigns, today) if each.day >= today]
    return CapReached(
        next((each.day for each in coming if each.edited_micros > cap_micros), None),
        next((each.day for each in coming if each.expected_micros > cap_micros), None),
    )


def _day(campaign: RunningCampaign, day: date) -> Fraction:
    return max(day_limit(campaign.platform, campaign.daily_budget_micros), Fraction(campaign.billed.get(day, 0)))


def _unedited(campaign: RunningCampaign, today: date, days: Sequence[date]) -> list[Fraction]:
    """What each of the days may bill, as early as it may, where no budget changes."""
    bills: list[Fraction] = []
    ends = date.min
    left: Fraction | None = None
    for day in days:
        end = period_end(campaign.platform, day)
        if end != ends:
            ends, left = end, _period_left(campaign, today, end)
        most = _day(campaign, day) if left is None else min(_day(campaign, day), left)
        bill = max(most, Fraction(campaign.billed.get(day, 0)))
        left = None if left is None else left - bill
        bills.append(bill)
    return bills


def billed_beyond(campaign: RunningCampaign, today: date) -> bool:
    """Whether today's period was billed more than the budget allows unless it was changed; raises UnknownPlatform."""
    end = period_end(campaign.platform, today)
    inside = sum(
        micros for day, micros in campaign.billed.items() if day < today and period_end(campaign.platform, day) == end
    )
    return campaign.edited_on is None and inside > period_limit(campaign.platform, campaign.daily_budget_micros)


def _period_left(campaign: RunningCampaign, today: date, end: date) -> Fraction | None:
    """What the period that ends on `end` may still bill from today on; None where no limit of it is known.

    After a change of the budget in it, what the day of the change has billed may have come before the change, so that
    it uses none of what the change allows. Where more was billed than the budget allows, it was changed on a day that
    nobody knows.
    """
    edited = campaign.edited_on
    if edited is not None and period_end(campaign.platform, edited) == end:
        limit = limit_after_edit(campaign.platform, campaign.daily_budget_micros, edited)
        counted = {day: micros for day, micros in campaign.billed.items() if edited < day < today}
    else:
        limit = period_limit(campaign.platform, campaign.daily_budget_micros)
        counted = {day: micros for day, micros in campaign.billed.items() if day < today}
    inside = sum(micros for day, micros in counted.items() if period_end(campaign.platform, day) == end)
    return None if limit is None or inside > limit else limit - inside


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
