"""Days billed above the platform's limit, and budgets edited until the limit of a period is gone.

Both are sums by the platform's own rules (gaelp/domain/billing/billing_rules.py), and no chance is in them. Touch this
to compare bills with another rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

from gaelp.domain.billing.billing_rules import day_limit, period_end, period_limit, worst_day_micros
from gaelp.domain.billing.budget_histories import BudgetHistory, BudgetSet, lawful_total_micros, worst_days_micros
from gaelp.domain.exports.account_export import AccountExport, CampaignDay
from gaelp.domain.exports.findings import Figure, Finding, FindingKind, FindingPlace, whole_units
from gaelp.money import bare_money

LIFTED = Fraction(3, 4)  # of all by which edits can lift a period's worst case: on Google Ads some five edits a month
_CENTS = "USD"  # amounts are rounded to cents where the export names no currency
_SMALLEST = 10_000  # micros that a bill may be above a limit by rounding


@dataclass(frozen=True)
class _Above:
    """A bill beside its limit; amounts are micros, and below 0 where it is within."""

    when: str
    billed: int
    least: int  # above the limit by the highest budget that the day may have had
    most: int  # above the limit by the budget that the export shows


def overbilled_days(export: AccountExport, platform: str) -> list[Finding]:
    """A finding for each campaign with days that were billed above the limit of their budget; raises UnknownPlatform.

    A budget may have been higher within a day than at its end. So the least that is to be credited counts each day by
    the highest budget of the day and its neighbours, and a bill is only named where that is more than nothing. Where
    the budget is the same on all days, the export may only know today's, and nothing may be due.
    """
    return [
        finding for days in _budgeted(export) if (finding := _overbilled(days, platform, export.currency)) is not None
    ]


def edited_budgets(export: AccountExport, platform: str) -> list[Finding]:
    """A finding for each campaign with a period of which edits lifted the worst case by LIFTED of what edits can.

    A period is the platform's own (Google's month, Meta's week) or what the export has of it. Raises UnknownPlatform.
    """
    return [
        finding
        for days in _budgeted(export)
        if (finding := _edited(days, platform, export.currency or _CENTS)) is not None
    ]


def _budgeted(export: AccountExport) -> Iterator[list[CampaignDay]]:
    """The days of each campaign that have a daily budget, in order."""
    campaigns: dict[str, list[CampaignDay]] = defaultdict(list)
    for row in export.campaign_days:
        if row.budget_micros and row.daily_budget:
            campaigns[row.campaign].append(row)
    yield from campaigns.values()


def _overbilled(days: Sequence[CampaignDay], platform: str, currency: str) -> Finding | None:
    above = [*_days_above(days, platform), *_periods_above(days, platform)]
    above = [each for each in above if each.least > _SMALLEST]
    if not above:
        return None
    high = sum(each.most for each in above)
    worst = max(above, key=lambda each: each.most)
    constant = len({row.budget_micros for row in days}) == 1
    low = 0 if constant else sum(each.least for each in above)
    doubt = "; the budget is the same on all days, as where an export only knows today's" if constant else ""
    return Finding(
        kind=FindingKind.OVERBILLED,
        place=FindingPlace(days[0].campaign),
        figure=Figure("to be credited", whole_units(high), whole_units(low), whole_units(high), amount=True),
        reason=f"{len(above)} {'bill is' if len(above) == 1 else 'bills are'} above the platform's limit, the "
        f"largest that of {worst.when}: {bare_money(worst.billed, currency)} where "
        f"{bare_money(worst.billed - worst.most, currency)} is allowed{doubt}",
        stake_micros=high,
        look_at="whether the platform's transactions of that month show the credit, and the change history whether the "
        "budget was higher on that day; if neither, claim it",
    )


def _days_above(days: Sequence[CampaignDay], platform: str) -> Iterator[_Above]:
    for number, row in enumerate(days):
        near = [other.budget_micros or 0 for other in days[max(number - 1, 0) : number + 2]]
        cost, own, highest = row.cost_micros or 0, row.budget_micros or 0, max(near)
        most, least = (cost - int(day_limit(platform, budget)) for budget in (own, highest))
        yield _Above(str(row.day), cost, least, most)


def _periods_above(days: Sequence[CampaignDay], platform: str) -> Iterator[_Above]:
    """What the days of a period were billed in all, each up to its own limit, where the budget was not edited."""
    for period in _periods(days, platform):
        budgets = {row.budget_micros or 0 for row in period}
        if len(budgets) == 1:
            (budget,) = budgets
            billed = sum(min(row.cost_micros or 0, int(day_limit(platform, budget))) for row in period)
            above = billed - int(period_limit(platform, budget))
            yield _Above(f"{period[0].day} to {period[-1].day}", billed, above, above)


def _edited(days: Sequence[CampaignDay], platform: str, currency: str) -> Finding | None:
    worst: tuple[int, int, int, Sequence[CampaignDay]] | None = None
    for period in _periods(days, platform):
        history = _history(period, platform, currency)
        edits = len(history.budgets) - 1
        mean = sum(row.budget_micros or 0 for row in period) // len(period)
        unedited = lawful_total_micros(_constant(history, mean))
        edited = lawful_total_micros(history)
        possible = worst_days_micros(_constant(history, mean)) - unedited
        lifts = edits > 1 and possible > 0 and edited - unedited >= LIFTED * possible
        if lifts and (worst is None or edited - unedited > worst[0] - worst[1]):
            worst = (edited, unedited, edits, period)
    return None if worst is None else _edited_finding(*worst, platform, currency)


def _edited_finding(
    edited: int, unedited: int, edits: int, period: Sequence[CampaignDay], platform: str, currency: str
) -> Finding:
    most = _edited_within_days(period, platform, currency)
    return Finding(
        kind=FindingKind.EDITED,
        place=FindingPlace(period[0].campaign),
        figure=Figure(
            "most that may be billed",
            whole_units(edited),
            whole_units(edited),
            whole_units(max(most, edited)),
            amount=True,
        ),
        reason=f"{edits} edits of the budget from {period[0].day} to {period[-1].day}: the platform might have billed "
        f"{bare_money(edited, currency)}, and {bare_money(unedited, currency)} with their mean unedited, "
        f"{edited / unedited:.2f} times as much",
        stake_micros=edited - unedited,
        look_at="who or which rule edits the budget; set it once a month, or sign for the higher sum",
    )


def _periods(days: Sequence[CampaignDay], platform: str) -> Iterator[Sequence[CampaignDay]]:
    """The stretches of consecutive days within one period of the platform."""
    stretch: list[CampaignDay] = []
    for row in days:
        if stretch and (
            row.day - stretch[-1].day != timedelta(days=1)
            or period_end(platform, row.day) != period_end(platform, stretch[-1].day)
        ):
            yield stretch
            stretch = []
        stretch.append(row)
    if stretch:
        yield stretch


def _constant(history: BudgetHistory, budget_micros: int) -> BudgetHistory:
    """The same days under one budget."""
    return replace(history, budgets=(BudgetSet(history.budgets[0].at, budget_micros),))


def _edited_within_days(period: Sequence[CampaignDay], platform: str, currency: str) -> int:
    """The sum of the worst days where each edit came late on the day before its budget shows, or on its day."""
    budgets = [row.budget_micros or 0 for row in period]
    return sum(
        worst_day_micros(platform, max(budgets[max(number - 1, 0) : number + 2]), currency)
        for number in range(len(budgets))
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _history(period: Sequence[CampaignDay], platform: str, currency: str) -> BudgetHistory:
    """The budgets of the days, each changed as its first day begins."""
    budgets = [
        BudgetSet(_midnight(row.day), row.budget_micros or 0)
        for number, row in enumerate(period)
        if number == 0 or row.budget_micros != period[number - 1].budget_micros
    ]
    end = _midnight(period[-1].day + timedelta(days=1))
    return BudgetHistory(platform, currency, "UTC", tuple(budgets), end)
