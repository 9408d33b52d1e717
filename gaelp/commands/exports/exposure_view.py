"""How the worst case of an account's campaigns is shown: as a document, as a table and as a part of a page.

Touch this to show another window or another column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from gaelp.commands.console import WrongUse, money, table
from gaelp.commands.people.accounts import amount
from gaelp.domain.billing.billing_rules import rule_sentence
from gaelp.domain.billing.lawful_bills import (
    CapReached,
    LawfulBill,
    RunningCampaign,
    Window,
    cap_reached,
    lawful_bill,
    month_course,
)

if TYPE_CHECKING:
    from gaelp.reports.account_page import PageSection

COLUMNS = ("campaign", "budget a day", "today", "this week", "this month", "this month, if edited daily")
UNEDITED = (
    "Week and month take it that no budget was changed since they began, but where the file shows a change, and none "
    "will be; the last column is what they may bill where somebody changes a budget every day, if only and back: then "
    "the limit of a week or month is gone."
)

_Bills = dict[Window, LawfulBill]


@dataclass(frozen=True)
class ShownExposure:
    """What an account's running campaigns may be billed, all in one currency; at least one campaign."""

    account: str  # or what else the campaigns are of, for people
    currency: str
    today: date
    campaigns: tuple[RunningCampaign, ...]
    cap_micros: int | None
    stopped_micros: int = 0  # billed this month by campaigns that do not run any more; the cap is on these too
    not_looked_at: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def bills(self) -> dict[str, _Bills]:
        """By campaign and window."""
        return {
            each.campaign: {window: lawful_bill(each, window, self.today, self.currency) for window in Window}
            for each in self.campaigns
        }

    @property
    def reached(self) -> CapReached | None:
        """When the cap is exceeded; None without a cap."""
        return None if self.cap_left is None else cap_reached(self.campaigns, self.cap_left, self.today)

    @property
    def cap_left(self) -> int | None:
        """What the cap leaves to the running campaigns, in micros; None without a cap."""
        return None if self.cap_micros is None else self.cap_micros - self.stopped_micros

    @property
    def rule(self) -> str:
        """The platform's rule in one sentence, with its source."""
        return rule_sentence(self.campaigns[0].platform)

    @property
    def answer(self) -> str:
        """The month in a sentence, and the cap in another."""
        month = _summed(list(self.bills.values()))[Window.MONTH]
        worst, edited, expected = (
            money(each, self.currency) for each in (month.unedited_micros, month.edited_micros, month.expected_micros)
        )
        said = f"This month may lawfully bill {worst}, {edited} where budgets are edited; a budget a day is {expected}."
        return " ".join([said, *self.cap_sentences])

    @property
    def cap_sentences(self) -> list[str]:
        """When the cap is exceeded, if there is one."""
        if self.cap_micros is None or self.reached is None:
            return []

        def when(day: date | None) -> str:
            return "is not exceeded this month" if day is None else f"is exceeded on {day}"

        worst, expected = when(self.reached.at_worst), when(self.reached.as_expected)
        used = f", of which paused or ended campaigns were billed {money(self.stopped_micros, self.currency)},"
        cap = f"A cap of {money(self.cap_micros, self.currency)} a month{used if self.stopped_micros else ''} {worst}"
        more = "; what was not looked at comes on top" if self.not_looked_at else ""
        return [f"{cap} at the worst; with a budget a day spent it {expected}{more}."]


def monthly_cap(cap: str | None, currency: str) -> int | None:
    """`2000/month` in micros. Raises WrongUse."""
    if cap is None:
        return None
    text, _, period = cap.partition("/")
    if period != "month":
        raise WrongUse(f"--cap {cap!r} needs an amount and its period, as in 2000/month")
    return amount(text, "--cap", currency)


def exposure_document(shown: ShownExposure) -> dict[str, Any]:
    """For --json."""
    bills = shown.bills
    return {
        "account": shown.account,
        "currency": shown.currency,
        "today": shown.today,
        "campaigns": [
            {
                "campaign": each.campaign,
                "daily_budget_micros": each.daily_budget_micros,
                "may_bill": _amounts(bills[each.campaign]),
            }
            for each in shown.campaigns
        ],
        "total": _amounts(_summed(list(bills.values()))),
        "cap_micros": shown.cap_micros,
        "stopped_micros": shown.stopped_micros,
        "cap_exceeded": None if shown.reached is None else shown.reached.__dict__,
        "rule": shown.rule,
        "not_looked_at": shown.not_looked_at,
        "notes": shown.notes,
    }


def exposure_text(shown: ShownExposure) -> list[Any]:
    """For a terminal."""
    count = f"{len(shown.campaigns)} running campaign{'s' if len(shown.campaigns) > 1 else ''}"
    title = f"{shown.account}: what {count} may lawfully be billed, as of {shown.today}"
    left_out = [f"Not looked at: {each}." for each in shown.not_looked_at]
    said = (shown.rule, UNEDITED, *shown.notes, *shown.cap_sentences)
    return [table(COLUMNS, _rows(shown), title), *said, *left_out]


def exposure_section(shown: ShownExposure) -> PageSection:
    """For the page."""
    from gaelp.reports.account_page import PageSection
    from gaelp.reports.account_plots import worst_case

    course = month_course(shown.campaigns, shown.today)
    last = course[-1]
    alt = (
        f"The month's bill by day: at its end {money(last.expected_micros, shown.currency)} with a budget a day, "
        f"{money(last.unedited_micros, shown.currency)} at the worst, {money(last.edited_micros, shown.currency)} with "
        "edits."
    )
    return PageSection(
        title=f"{shown.account}: the most that may lawfully be billed, as of {shown.today}",
        answer=shown.answer,
        columns=COLUMNS,
        rows=tuple(_rows(shown)),
        picture=worst_case(course, shown.today, shown.cap_left, shown.currency),
        alt=alt,
        notes=(shown.rule, UNEDITED, *shown.notes),
        not_looked_at=shown.not_looked_at,
    )


def _rows(shown: ShownExposure) -> list[tuple[str, ...]]:
    bills = shown.bills
    rows = [
        (each.campaign, money(each.daily_budget_micros, shown.currency), *_cells(bills[each.campaign], shown.currency))
        for each in shown.campaigns
    ]
    budget = sum(each.daily_budget_micros for each in shown.campaigns)
    name = f"in all, without {len(shown.not_looked_at)} not looked at" if shown.not_looked_at else "in all"
    return [*rows, (name, money(budget, shown.currency), *_cells(_summed(list(bills.values())), shown.currency))]


def _summed(bills: Sequence[_Bills]) -> _Bills:
    """The bills of all campaigns together: nothing forbids them to be at their worst on the same days."""
    return {
        window: LawfulBill(
            sum(each[window].unedited_micros for each in bills),
            sum(each[window].edited_micros for each in bills),
            sum(each[window].expected_micros for each in bills),
        )
        for window in Window
    }


def _cells(bills: _Bills, currency: str) -> list[str]:
    shown = [bills[window].unedited_micros for window in Window] + [bills[Window.MONTH].edited_micros]
    return [money(each, currency) for each in shown]


def _amounts(bills: _Bills) -> dict[str, Any]:
    return {str(window): bill.__dict__ for window, bill in bills.items()}
