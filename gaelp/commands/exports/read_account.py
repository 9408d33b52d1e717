"""An account of the ledger as the same record that a file gives, read from its platform; nothing is written.

Touch this when a platform reports one more thing.
"""

from __future__ import annotations

import argparse
from datetime import date, timedelta
from decimal import Decimal

from gaelp.commands import connections
from gaelp.commands.exports.unread_options import OF_A_FILE, refuse_unread
from gaelp.domain.exports.account_export import AccountExport, CampaignDay, anonymous
from gaelp.domain.exports.export_exposure import NotLookedAt
from gaelp.domain.platform_records import CampaignState, DayReport
from gaelp.platforms.adapters import open_platform


def export_of_account(arguments: argparse.Namespace) -> tuple[list[AccountExport], date]:
    """What the account's campaigns did, and the day after the last one reported. Raises WrongUse and NotLookedAt."""
    refuse_unread(arguments, OF_A_FILE, "of a FILE only; the platform of an account says the rest itself")
    settings = connections.read_settings()
    account = connections.open_ledger(settings).account(arguments.account)
    platform = open_platform(account, settings)
    rows = [
        _row(state, day, account.currency)
        for state in platform.campaigns(account.account)
        for day in platform.report(account.account, state.platform_id, None).days
    ]
    if not rows:
        raise NotLookedAt(f"the platform reports no day of any campaign of {account.account}")
    export = AccountExport(account.platform, account.currency, tuple(rows), columns={}, missing={})
    return [anonymous(export) if arguments.anonymous else export], export.last_day + timedelta(days=1)


def _row(state: CampaignState, day: DayReport, currency: str) -> CampaignDay:
    return CampaignDay(
        campaign=state.external_name,
        day=day.day,
        impressions=day.impressions,
        clicks=day.clicks,
        currency=currency,
        cost_micros=day.cost_micros,
        conversions=Decimal(str(day.conversions)),
        revenue_micros=day.revenue_micros,
        budget_micros=state.daily_budget_micros,
        status="enabled" if state.enabled else "paused",
    )
