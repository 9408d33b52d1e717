"""The verb `exposure` of an account: what its running campaigns may lawfully be billed, from its platform alone.

Nothing is written, and no clock is moved. Touch this to read one more thing of the platform; how it is shown stands in
gaelp/commands/exports/exposure_view.py, and `exposure FILE` in file_exposure.py beside that.
"""

from __future__ import annotations

import argparse
from datetime import date

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out
from gaelp.commands.exports import exposure_view as view
from gaelp.commands.exports.file_exposure import file_exposure
from gaelp.commands.exports.given_export import refuse_page, write_page
from gaelp.commands.exports.unread_options import OF_A_FILE, refuse_unread
from gaelp.domain.ad_accounts import Account
from gaelp.domain.billing.lawful_bills import RunningCampaign, Window, window_of
from gaelp.domain.platform_records import CampaignReport
from gaelp.domain.spending.campaign_clock import AccountCalendar
from gaelp.platforms.adapters import open_platform
from gaelp.platforms.protocol import AdPlatform


def exposure(arguments: argparse.Namespace, out: Out) -> int:
    """Show the most that may be billed today, this week and this month, and when a cap on the month is exceeded."""
    if arguments.file is not None:
        return file_exposure(arguments, out)
    refuse_unread(
        arguments, (*OF_A_FILE, "anonymous"), "of a FILE only; the platform of an account says the rest itself"
    )
    refuse_page(arguments)
    settings = connections.read_settings()
    account = connections.open_ledger(settings).account(arguments.account)
    cap = view.monthly_cap(arguments.cap, account.currency)
    campaigns, stopped, today = _running(open_platform(account, settings), account)
    if today is None:
        nothing = f"no campaign of {account.account} is enabled: as things are set it is billed nothing more"
        out.result({"account": account.account, "currency": account.currency, "campaigns": []}, nothing)
        return DONE
    shown = view.ShownExposure(account.account, account.currency, today, tuple(campaigns), cap, stopped)
    pages = [view.exposure_section(shown)] if arguments.page else []
    written = write_page(arguments, f"{account.account}: what may be billed", pages)
    out.result(view.exposure_document(shown), *view.exposure_text(shown), *written)
    return DONE


def _running(platform: AdPlatform, account: Account) -> tuple[list[RunningCampaign], int, date | None]:
    """The enabled campaigns, what the others were billed this month in micros, and the day of the platform's clock.

    There is no day without an enabled campaign.
    """
    calendar = AccountCalendar(account.timezone)
    states = platform.campaigns(account.account)
    reports = [(state, platform.report(account.account, state.platform_id, None)) for state in states]
    running = [
        RunningCampaign(
            state.external_name,
            account.platform,
            state.daily_budget_micros,
            calendar.day_of(state.end_at),
            _billed(report),
        )
        for state, report in reports
        if state.enabled
    ]
    if not running:
        return [], 0, None
    today = max(calendar.day_of(report.at) for _, report in reports)
    first, last = window_of(Window.MONTH, today)
    others = [_billed(report) for state, report in reports if not state.enabled]
    stopped = sum(micros for billed in others for day, micros in billed.items() if first <= day <= last)
    return running, stopped, today


def _billed(report: CampaignReport) -> dict[date, int]:
    return {day.day: max(day.cost_micros, day.served_micros) for day in report.days}
