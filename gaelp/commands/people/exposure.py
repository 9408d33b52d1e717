"""The verb `exposure`: what an account's running campaigns may lawfully be billed, from reading the platform alone.

Nothing is written, and no clock is moved. Touch this to show another window or another column.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date
from typing import Any

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, WrongUse, money, table
from gaelp.commands.people.accounts import amount
from gaelp.domain.ad_accounts import Account
from gaelp.domain.billing.billing_rules import exposure_line
from gaelp.domain.billing.lawful_bills import CapReached, LawfulBill, RunningCampaign, Window, cap_reached, lawful_bill
from gaelp.domain.spending.campaign_clock import AccountCalendar
from gaelp.platforms.adapters import open_platform
from gaelp.platforms.protocol import AdPlatform

COLUMNS = ("campaign", "budget a day", "today", "this week", "this month", "this month, if edited daily")
UNEDITED = (
    "Week and month take it that no budget was changed since they began and none will be; the last column is what they "
    "may bill where somebody changes a budget every day, if only and back: then the limit of a week or month is gone."
)


def exposure(arguments: argparse.Namespace, out: Out) -> int:
    """Show the most that may be billed today, this week and this month, and when a cap on the month is exceeded."""
    settings = connections.read_settings()
    account = connections.open_ledger(settings).account(arguments.account)
    cap = _monthly(arguments.cap, account.currency)
    campaigns, today = _running(open_platform(account, settings), account)
    if today is None:
        nothing = f"no campaign of {account.account} is enabled: as things are set it is billed nothing more"
        out.result({"account": account.account, "currency": account.currency, "campaigns": []}, nothing)
        return DONE
    bills = {each.campaign: _bills(each, today, account.currency) for each in campaigns}
    reached = None if cap is None else cap_reached(campaigns, cap, today)
    document = {
        "account": account.account,
        "currency": account.currency,
        "today": today,
        "campaigns": [_told(each, bills[each.campaign]) for each in campaigns],
        "total": _amounts(_summed(list(bills.values()))),
        "cap_micros": cap,
        "cap_exceeded": None if reached is None else reached.__dict__,
        "rule": _rule(account),
    }
    rows = [
        (each.campaign, money(each.daily_budget_micros), *_cells(bills[each.campaign], account)) for each in campaigns
    ]
    budget = sum(each.daily_budget_micros for each in campaigns)
    rows.append(("in all", money(budget), *_cells(_summed(list(bills.values())), account)))
    title = f"{account.account}: what {len(campaigns)} running campaigns may lawfully be billed, as of {today}"
    said = [] if reached is None else [_cap_sentence(cap or 0, reached, account.currency)]
    out.result(document, table(COLUMNS, rows, title), _rule(account), UNEDITED, *said)
    return DONE


def _running(platform: AdPlatform, account: Account) -> tuple[list[RunningCampaign], date | None]:
    """The enabled campaigns of the account, and the day on which the platform's clock stands; None without any."""
    calendar = AccountCalendar(account.timezone)
    states = [each for each in platform.campaigns(account.account) if each.enabled]
    reports = [platform.report(account.account, each.platform_id, None) for each in states]
    running = [
        RunningCampaign(
            state.external_name,
            account.platform,
            state.daily_budget_micros,
            calendar.day_of(state.end_at),
            {day.day: max(day.cost_micros, day.served_micros) for day in report.days},
        )
        for state, report in zip(states, reports, strict=True)
    ]
    return running, max((calendar.day_of(report.at) for report in reports), default=None)


_Bills = dict[Window, LawfulBill]


def _bills(campaign: RunningCampaign, today: date, currency: str) -> _Bills:
    return {window: lawful_bill(campaign, window, today, currency) for window in Window}


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


def _cells(bills: _Bills, account: Account) -> list[str]:
    shown = [bills[window].unedited_micros for window in Window] + [bills[Window.MONTH].edited_micros]
    return [money(each, account.currency) for each in shown]


def _amounts(bills: _Bills) -> dict[str, Any]:
    return {str(window): bill.__dict__ for window, bill in bills.items()}


def _told(campaign: RunningCampaign, bills: _Bills) -> dict[str, Any]:
    budget = campaign.daily_budget_micros
    return {"campaign": campaign.campaign, "daily_budget_micros": budget, "may_bill": _amounts(bills)}


def _rule(account: Account) -> str:
    """The platform's rule in one sentence."""
    return f"{exposure_line('', account.platform, 0, 0, account.currency).rule}."


def _monthly(cap: str | None, currency: str) -> int | None:
    """`2000/month` in micros."""
    if cap is None:
        return None
    text, _, period = cap.partition("/")
    if period != "month":
        raise WrongUse(f"--cap {cap!r} needs an amount and its period, as in 2000/month")
    return amount(text, "--cap", currency)


def _cap_sentence(cap: int, reached: CapReached, currency: str) -> str:
    def when(day: date | None) -> str:
        return "is not exceeded this month" if day is None else f"is exceeded on {day}"

    worst, expected = when(reached.at_worst), when(reached.as_expected)
    return f"A cap of {money(cap, currency)} a month {worst} at the worst; with a budget a day spent it {expected}."
