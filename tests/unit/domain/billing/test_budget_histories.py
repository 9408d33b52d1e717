"""What histories of budgets may lawfully bill: ten worked by hand, and every other one against a linear programme."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from gaelp.domain.billing.billing_rules import (
    ChargedFor,
    UnboundedBilling,
    UnknownPlatform,
    day_limit,
    limit_after_edit,
    period_end,
    period_limit,
    worst_total_micros,
)
from gaelp.domain.billing.budget_histories import BudgetHistory, BudgetSet, lawful_total_micros, worst_days_micros
from gaelp.money import exact_money, smallest_unit_micros

MONEY = Path(__file__).parents[4] / "docs/money.md"
UNIT = 1_000_000
CENT = 10_000


@dataclass(frozen=True)
class Worked:
    """A history with its figures as they were worked by hand: lawful and worst, on Google's rule and on Meta's."""

    words: str
    currency: str
    timezone: str
    budgets: tuple[tuple[str, int], ...]  # instant in UTC, micros
    end: str
    google: tuple[str, str]
    meta: tuple[str, str]

    def history(self, platform: str) -> BudgetHistory:
        budgets = tuple(BudgetSet(_instant(at), micros) for at, micros in self.budgets)
        return BudgetHistory(platform, self.currency, self.timezone, budgets, _instant(self.end))

    @property
    def row(self) -> str:
        """As it stands in docs/money.md."""
        return f"| {self.words} | {' | '.join((*self.google, *self.meta))} |"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOVEMBER = "2026-11-01", "2026-12-01"
TEN = (
    # Google: min(30 x 50, 30.4 x 25). Meta: four weeks of 175 and two days of 43.75.
    Worked("25.00 over November", "USD", "UTC", ((NOVEMBER[0], 25 * UNIT),), NOVEMBER[1],
           ("760.00 USD", "1,500.00 USD"), ("787.50 USD", "1,312.50 USD")),
    # Google: 24.99 x 30.4 = 759.696, and 25 x 14. Meta: 2 x 174.93, 2 x 43.7325, 5 x 43.75, 175, 2 x 43.75.
    Worked("24.99, and 25.00 from 17 November", "USD", "UTC",
           ((NOVEMBER[0], 2499 * CENT), ("2026-11-17", 25 * UNIT)), NOVEMBER[1],
           ("1,109.70 USD", "1,499.68 USD"), ("918.58 USD", "1,312.34 USD")),
    # Google: 15 x 50 + 14 x 49.98, and 24.99 on the last day. Meta: 15 x 43.75 + 15 x 43.7325; worst 43.74 on those.
    Worked("25.00 and 24.99 by turns, a change at each midnight of November", "USD", "UTC",
           tuple((f"2026-11-{day:02d}", 25 * UNIT if day % 2 else 2499 * CENT) for day in range(1, 31)), NOVEMBER[1],
           ("1,474.71 USD", "1,499.70 USD"), ("1,312.24 USD", "1,312.35 USD")),
    # Google: 14 (b1 + b2 + b3) and 9 x 25. Meta: 7 b1, 12.25 (b2 + b3 + 25), 2 x 43.75: each raise is on a Sunday.
    Worked("a raise of 20 % a week up to 25.00 in November", "USD", "UTC",
           ((NOVEMBER[0], 14_467_593), ("2026-11-08", 17_361_111), ("2026-11-15", 20_833_333),
            ("2026-11-22", 25 * UNIT)),
           NOVEMBER[1], ("962.27 USD", "1,187.38 USD"), ("962.91 USD", "1,038.94 USD")),
    # Berlin is at +1. Google: 5 x 80, and 10 x 7 from the 24th on. Meta: 5 x 70, 6 x 17.50; no week binds.
    Worked("40.00 from 20 to 30 November in Berlin, cut to 10.00 at noon of the 24th", "EUR", "Europe/Berlin",
           (("2026-11-19T23:00", 40 * UNIT), ("2026-11-24T11:00", 10 * UNIT)), "2026-11-30T23:00",
           ("470.00 EUR", "520.00 EUR"), ("455.00 EUR", "455.00 EUR")),
    # Midnight of Tokyo's new year. Google: 4 x 6,000, 3 x 6,666. Meta: 4 x 5,250 (= 7 x 3,000), 3 x 5,832.75.
    Worked("3,000 from 28 December to 3 January in Tokyo, 3,333 from 1 January", "JPY", "Asia/Tokyo",
           (("2026-12-27T15:00", 3000 * UNIT), ("2026-12-31T15:00", 3333 * UNIT)), "2027-01-03T15:00",
           ("43,998 JPY", "43,998 JPY"), ("38,499 JPY", "38,499 JPY")),
    # 23:30 on the 27th is before the switch (+1), 00:30 on the 29th after it (+2). Google: 40, 60, 60, 60, 20.
    # Meta: 35, 52.50, 52.50, 52.50, 17.50.
    Worked("20.00 from 26 to 30 March 2027 in Berlin, 30.00 from 23:30 of the 27th, 10.00 from 00:30 of the 29th",
           "EUR", "Europe/Berlin",
           (("2027-03-25T23:00", 20 * UNIT), ("2027-03-27T22:30", 30 * UNIT), ("2027-03-28T22:30", 10 * UNIT)),
           "2027-03-30T22:00", ("240.00 EUR", "240.00 EUR"), ("210.00 EUR", "210.00 EUR")),
    # The 25th has 25 hours, so 22:30 in UTC is its last half hour. Google: 40, 100, 100. Meta: 35, 87.50, 87.50.
    Worked("20.00 from 24 to 26 October 2026 in Berlin, 50.00 from 23:30 of the 25th", "EUR", "Europe/Berlin",
           (("2026-10-23T22:00", 20 * UNIT), ("2026-10-25T22:30", 50 * UNIT)), "2026-10-26T23:00",
           ("240.00 EUR", "240.00 EUR"), ("210.00 EUR", "210.00 EUR")),
    # Google: 30.4 x 8.125 = 247, and 8.126 for the day left. Meta: 4 x 56.875, and 1.75 x 8.126 = 14.2205 on a Sunday.
    Worked("8.125 over February 2027 in Kuwait, 8.126 from the 28th", "KWD", "Asia/Kuwait",
           (("2027-01-31T21:00", 8_125_000), ("2027-02-27T21:00", 8_126_000)), "2027-02-28T21:00",
           ("255.126 KWD", "455.002 KWD"), ("241.721 KWD", "398.134 KWD")),
    # The 4th has 23 and a half hours, so 13:15 in UTC is 00:15 of the 5th. Google: 20, 20, 30. Meta: 2 x 17.50, 26.25.
    Worked("10.00 from 3 to 5 October 2026 on Lord Howe, 15.00 from 00:15 of the 5th", "AUD", "Australia/Lord_Howe",
           (("2026-10-02T13:30", 10 * UNIT), ("2026-10-04T13:15", 15 * UNIT)), "2026-10-05T13:00",
           ("70.00 AUD", "70.00 AUD"), ("61.25 AUD", "61.25 AUD")),
)  # fmt: skip


@pytest.mark.parametrize("platform", ["google-ads", "emulator", "meta"])
@pytest.mark.parametrize("worked", TEN, ids=lambda worked: worked.words)
def test_ten_histories_come_out_as_worked_by_hand(worked: Worked, platform: str) -> None:
    """What each may lawfully bill and what its days may at the worst, on each platform's rule, to the smallest unit."""
    history = worked.history(platform)
    figures = lawful_total_micros(history), worst_days_micros(history)
    expected = worked.meta if platform == "meta" else worked.google
    assert tuple(exact_money(each, worked.currency) for each in figures) == expected


@pytest.mark.parametrize("worked", TEN, ids=lambda worked: worked.words)
def test_the_ten_histories_stand_in_the_document(worked: Worked) -> None:
    """docs/money.md shows the same figures."""
    assert worked.row in MONEY.read_text()


def test_a_change_within_a_day_counts_on_the_accounts_day() -> None:
    """A raise half an hour before Berlin's midnight raises that day, and one half an hour later the next day only."""
    start, end = _instant("2026-11-01T23:00"), _instant("2026-11-03T23:00")
    for minutes, total in ((-30, 80), (30, 60)):
        raised = BudgetSet(_instant("2026-11-02T23:00") + timedelta(minutes=minutes), 20 * UNIT)
        budgets = (BudgetSet(start, 10 * UNIT), raised)
        history = BudgetHistory("google-ads", "EUR", "Europe/Berlin", budgets, end)
        assert lawful_total_micros(history) == worst_days_micros(history) == total * UNIT


def test_a_budget_that_was_set_for_a_moment_counts_for_its_day() -> None:
    """Two changes at one instant: the day may bill by the higher one, and the month goes on by the last one."""
    noon = _instant("2026-11-02T12:00")
    budgets = (BudgetSet(_instant("2026-11-02"), 10 * UNIT), BudgetSet(noon, 40 * UNIT), BudgetSet(noon, 1 * UNIT))
    history = BudgetHistory("google-ads", "USD", "UTC", budgets, _instant("2026-11-04"))
    # By noon 20; then up to 29 for the rest of the month (29 days of 1), of which the day takes all, as it may bill 80.
    assert lawful_total_micros(history) == 49 * UNIT
    assert worst_days_micros(history) == 82 * UNIT


def test_a_new_period_begins_without_the_changes_of_the_last_one() -> None:
    """In the month after a change, and in Meta's week after one, the limit of the period holds again."""
    budgets = (BudgetSet(_instant("2026-11-30"), 10 * UNIT), BudgetSet(_instant("2026-11-30T12:00"), 20 * UNIT))
    history = BudgetHistory("google-ads", "USD", "UTC", budgets, _instant("2027-01-01"))
    assert lawful_total_micros(history) == (20 + 20) * UNIT + 608 * UNIT
    budgets = (BudgetSet(_instant("2026-11-28"), 10 * UNIT), BudgetSet(_instant("2026-11-28T12:00"), 20 * UNIT))
    history = BudgetHistory("meta", "USD", "UTC", budgets, _instant("2026-12-06"))
    assert lawful_total_micros(history) == 35 * UNIT + 140 * UNIT


@pytest.mark.parametrize("charged_for", [ChargedFor.CONVERSIONS, ChargedFor.COMMISSION])
def test_a_campaign_charged_for_results_is_refused(charged_for: ChargedFor) -> None:
    """No rule bounds its day, so no figure is given."""
    with pytest.raises(UnboundedBilling, match=charged_for.value):
        lawful_total_micros(replace(TEN[0].history("google-ads"), charged_for=charged_for))


def test_a_history_out_of_order_or_on_an_unknown_platform_is_refused() -> None:
    """Budgets come in order, before the end, and on a platform whose rules are known."""
    good = TEN[1].history("google-ads")
    broken = (
        replace(good, budgets=()),
        replace(good, budgets=good.budgets[::-1]),
        replace(good, end=_instant("2026-11-16")),
    )
    for history in broken:
        for figure in (lawful_total_micros, worst_days_micros):
            with pytest.raises(ValueError, match="in order, and it ends after them"):
                figure(history)
    with pytest.raises(UnknownPlatform, match="bing"):
        lawful_total_micros(replace(good, platform="bing"))


ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Santiago")


@st.composite
def histories(draw: st.DrawFn) -> BudgetHistory:
    """Up to eight budgets over up to 70 days around the switches of 2026, in smallest units of a currency."""
    currency = draw(st.sampled_from(("USD", "JPY", "KWD")))
    hours = sorted(draw(st.lists(st.integers(0, 1680), min_size=2, max_size=9, unique=True)))
    start = draw(st.sampled_from((_instant("2026-02-20"), _instant("2026-08-20"), _instant("2026-10-01"))))
    amounts = [draw(st.integers(0, 5000)) * smallest_unit_micros(currency) for _ in hours[1:]]
    budgets = tuple(BudgetSet(start + timedelta(hours=h), m) for h, m in zip(hours, amounts, strict=False))
    platform = draw(st.sampled_from(("google-ads", "meta", "emulator")))
    return BudgetHistory(platform, currency, draw(st.sampled_from(ZONES)), budgets, start + timedelta(hours=hours[-1]))


@settings(max_examples=150, deadline=None)
@given(histories())
def test_the_lawful_total_is_the_optimum_of_a_linear_programme(history: BudgetHistory) -> None:
    """No other way of billing within the day's limit and the period's gets more, or less where all is taken."""
    most = _optimum(history)
    unit = smallest_unit_micros(history.currency)
    assert lawful_total_micros(history) - unit - 1 <= most <= lawful_total_micros(history) + 1


@settings(deadline=None)
@given(histories())
def test_no_history_may_bill_more_than_was_signed(history: BudgetHistory) -> None:
    """The worst total of the highest budget covers its worst days, and these cover what it may lawfully bill."""
    zone = ZoneInfo(history.timezone)
    last = history.end - timedelta(microseconds=1)
    days = (last.astimezone(zone).date() - history.budgets[0].at.astimezone(zone).date()).days + 1
    highest = max(each.daily_budget_micros for each in history.budgets)
    worst = worst_days_micros(history)
    assert lawful_total_micros(history) <= worst
    assert worst <= worst_total_micros(history.platform, highest, days, history.currency)


def _optimum(history: BudgetHistory) -> float:
    """The most by scipy: a variable for each stretch between midnights and changes, a row for each limit."""
    zone, sets = ZoneInfo(history.timezone), history.budgets
    stretches: list[tuple[int, date]] = []  # number of the budget in force, day
    for number, (start, end) in enumerate(pairwise([*(each.at for each in sets), history.end])):
        day = start.astimezone(zone).date()
        while datetime.combine(day, datetime.min.time(), zone).astimezone(UTC) < end:
            stretches.append((number, day))
            day += timedelta(days=1)
    rows, limits = [], []

    def limit(most: float, within: list[bool]) -> None:
        rows.append(np.array(within, float))
        limits.append(most)

    for number, day in stretches:
        upto = [n <= number and d == day for n, d in stretches]
        highest = max(sets[n].daily_budget_micros for (n, d), so in zip(stretches, upto, strict=True) if so)
        limit(float(day_limit(history.platform, highest)), upto)
    edits = {n: each.at.astimezone(zone).date() for n, each in enumerate(sets) if n > 0}
    for end in {period_end(history.platform, day) for _, day in stretches}:
        inside = [(n, d) for n, d in stretches if period_end(history.platform, d) == end]
        changes = sorted(n for n, d in edits.items() if period_end(history.platform, d) == end)
        before = [(n, d) for n, d in inside if not changes or n < changes[0]]
        if before:
            first = sets[before[0][0]].daily_budget_micros
            limit(float(period_limit(history.platform, first)), [each in before for each in stretches])
        for n in changes:
            after = [
                each in inside and n <= each[0] < min((c for c in changes if c > n), default=99) for each in stretches
            ]
            most = limit_after_edit(history.platform, sets[n].daily_budget_micros, edits[n])
            if most is not None and any(after):
                limit(float(most), after)
    solved = linprog(-np.ones(len(stretches)), A_ub=np.array(rows), b_ub=np.array(limits), bounds=(0, None))
    return float(-solved.fun)
