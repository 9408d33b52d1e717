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

from gaelp.domain.billing.billing_rules import day_limit, period_end, period_limit
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


def cap_reached(campaigns: Sequence[RunningCampaign], cap_micros: int, today: date) -> CapReached:
    """When a cap on this month's bill of all campaigns is exceeded, should every day bill its worst, or its budget."""
    first, last = window_of(Window.MONTH, today)
    worst = expected = Fraction(
        sum(micros for each in campaigns for day, micros in each.billed.items() if first <= day < today)
    )
    at_worst = as_expected = None
    for day in _days(today, last):
        running = [each for each in campaigns if day <= each.last_day]
        worst += sum((_day(each, day) for each in running), Fraction(0))
        expected += sum(max(each.daily_budget_micros, each.billed.get(day, 0)) for each in running)
        at_worst = at_worst or (day if worst > cap_micros else None)
        as_expected = as_expected or (day if expected > cap_micros else None)
    return CapReached(at_worst, as_expected)


def _day(campaign: RunningCampaign, day: date) -> Fraction:
    return max(day_limit(campaign.platform, campaign.daily_budget_micros), Fraction(campaign.billed.get(day, 0)))


def _unedited(campaign: RunningCampaign, today: date, days: Sequence[date]) -> list[Fraction]:
    """What each of the days may bill, as early as it may, where no budget changes."""
    bills, ends, left = [], None, Fraction(0)
    for day in days:
        end = period_end(campaign.platform, day)
        if end != ends:
            ends, left = end, period_limit(campaign.platform, campaign.daily_budget_micros)
            left -= sum(
                micros
                for past, micros in campaign.billed.items()
                if past < today and period_end(campaign.platform, past) == end
            )
        bill = max(min(_day(campaign, day), left), Fraction(campaign.billed.get(day, 0)))
        left -= bill
        bills.append(bill)
    return bills


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
