"""What a campaign's history of daily budgets may lawfully bill, by its platform's own rules.

The worst total that a person signs covers every history within its ceilings; this says how much of it one history
allows. Touch this when a platform's limits depend on one more thing of a history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from gaelp.domain.billing.billing_rules import (
    ChargedFor,
    day_limit,
    limit_after_edit,
    period_end,
    period_limit,
    refuse_unbounded,
    worst_day_micros,
)
from gaelp.domain.spending.campaign_clock import AccountCalendar
from gaelp.money import rounded_up


@dataclass(frozen=True)
class BudgetSet:
    """A daily budget, and the instant from which it holds."""

    at: datetime
    daily_budget_micros: int


@dataclass(frozen=True)
class BudgetHistory:
    """A campaign's daily budgets from its start to its end, as its platform's account counts days and money."""

    platform: str
    currency: str
    timezone: str
    budgets: tuple[
        BudgetSet, ...
    ]  # in order; the first one begins the campaign, and every later one changes the budget
    end: datetime
    charged_for: ChargedFor = ChargedFor.DELIVERY


def lawful_total_micros(history: BudgetHistory) -> int:
    """The most that the platform may bill for the history; raises UnknownPlatform, UnboundedBilling, ValueError.

    Whatever is billed early leaves later limits as they are or lifts them, because a change allows the new budget for
    the days left on top of what was billed. So the most is what is billed where each stretch takes all it may.
    """
    refuse_unbounded(history.platform, history.charged_for)
    calendar, billing = AccountCalendar(history.timezone), _Billing(history.platform)
    for number, (budget, end) in enumerate(_in_force(history)):
        billing.set_budget(calendar.day_of(budget.at), budget.daily_budget_micros, edited=number > 0)
        for day in _days(calendar, budget.at, end):
            billing.bill_all(day)
    return rounded_up(billing.total, history.currency)


def worst_days_micros(history: BudgetHistory) -> int:
    """The sum of the worst days of a history: each day's highest budget at its worst, whatever a period allows."""
    calendar = AccountCalendar(history.timezone)
    highest: dict[date, int] = {}
    for budget, end in _in_force(history):
        for day in (calendar.day_of(budget.at), *_days(calendar, budget.at, end)):
            highest[day] = max(highest.get(day, 0), budget.daily_budget_micros)
    return sum(worst_day_micros(history.platform, micros, history.currency) for micros in highest.values())


class _Billing:
    """Bills as early as it may; amounts are exact."""

    def __init__(self, platform: str) -> None:
        self.total = Fraction(0)
        self._platform = platform
        self._budget = 0
        self._day, self._day_left, self._highest = date.min, Fraction(0), 0
        self._period_end, self._period_left = date.min, Fraction(0)
        self._unlimited = False  # no limit of the period is known

    def set_budget(self, day: date, budget: int, *, edited: bool) -> None:
        self._budget = budget
        self._enter(day)
        self._day_left += day_limit(self._platform, max(budget, self._highest)) - day_limit(
            self._platform, self._highest
        )
        self._highest = max(budget, self._highest)
        if edited:
            limit = limit_after_edit(self._platform, budget, day)
            self._unlimited = limit is None
            self._period_left = limit or Fraction(0)

    def bill_all(self, day: date) -> None:
        self._enter(day)
        amount = self._day_left if self._unlimited else min(self._day_left, self._period_left)
        self.total += amount
        self._day_left -= amount
        self._period_left -= amount

    def _enter(self, day: date) -> None:
        if day != self._day:
            self._day, self._day_left, self._highest = day, day_limit(self._platform, self._budget), self._budget
        if day > self._period_end:
            self._period_end = period_end(self._platform, day)
            self._period_left, self._unlimited = period_limit(self._platform, self._budget), False


def _days(calendar: AccountCalendar, start: datetime, end: datetime) -> Sequence[date]:
    """The days of the account on which some of [start, end) lies."""
    if start >= end:
        return ()
    first = calendar.day_of(start)
    count = (calendar.day_of(end - timedelta(microseconds=1)) - first).days + 1
    return [first + timedelta(days=offset) for offset in range(count)]


def _in_force(history: BudgetHistory) -> Sequence[tuple[BudgetSet, datetime]]:
    """Each budget with the instant at which it ends; raises ValueError where they are out of order."""
    instants = [*(each.at for each in history.budgets), history.end]
    if len(instants) == 1 or instants != sorted(instants):
        raise ValueError("a history has at least one budget, its budgets are in order, and it ends after them")
    return list(zip(history.budgets, instants[1:], strict=True))
