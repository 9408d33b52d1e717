"""The verb `reconcile`: an account's books beside what its platform served, billed and credited.

It reads the platform without moving any clock. Days that are over are frozen, and settled where their cost is final;
what brings the two together is decided in gaelp/ledger/rules/reconciliation_rules.py. Touch this to show one
more thing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, money, table
from gaelp.domain.ad_accounts import Account
from gaelp.domain.platform_records import CampaignReport
from gaelp.domain.spending.campaign_clock import AccountCalendar
from gaelp.errors import FAILED
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.rules.reconciliation_rules import DayComparison, compare_day
from gaelp.ledger.stored_records import CreatedCampaign
from gaelp.platforms.adapters import open_platform
from gaelp.platforms.protocol import AdPlatform, PlatformError, find_campaign

COLUMNS = ("campaign", "day", "state", "reserved", "in the books", "billed", "served", "credited", "done")


@dataclass
class Reconciliation:
    """What was compared, and in `trouble` which campaigns could not be and which running totals are wrong."""

    days: list[tuple[DayComparison, str]] = field(default_factory=list)  # with what was done
    trouble: list[str] = field(default_factory=list)


def reconcile(arguments: argparse.Namespace, out: Out) -> int:
    """Compare, freeze what expired, settle what is final; exit code 1 where a difference stays."""
    settings = connections.read_settings()
    ledger = connections.open_ledger(settings)
    account = ledger.account(arguments.account)
    platform = open_platform(account, settings)
    found = Reconciliation()
    for campaign in ledger.created_campaigns(account.account):
        try:
            report = _report(platform, account, campaign)
        except PlatformError as error:
            found.trouble.append(f"{campaign.campaign} counts in full, because it cannot be read: {error}")
        else:
            found.days += _brought_together(ledger, account, campaign, report)
    found.trouble += ledger.differing_totals(account.account)
    _show(found, ledger, account, out)
    return FAILED if found.trouble or any(day.differs for day, _ in found.days) else DONE


def _report(platform: AdPlatform, account: Account, campaign: CreatedCampaign) -> CampaignReport:
    state = find_campaign(platform, account.account, campaign.platform_id, campaign.campaign)
    if state is None:
        raise PlatformError("the platform finds it neither by its id nor by its name", permanent=True)
    return platform.report(account.account, state.platform_id, None)


def _brought_together(
    ledger: Ledger, account: Account, campaign: CreatedCampaign, report: CampaignReport
) -> Iterator[tuple[DayComparison, str]]:
    today = AccountCalendar(account.timezone).local(report.at).date()
    days = {day.day: day for day in report.days}
    booked = ledger.reservations(account.account, campaign=campaign.campaign)
    compared = [compare_day(each, days.get(each.day), today, account.currency) for each in booked]
    for comparison in compared:
        key = comparison.reservation.key
        if comparison.post:
            ledger.post(key, comparison.billed_micros, comparison.served_micros, report.at)
    if any(comparison.freeze or comparison.settle for comparison in compared):
        ledger.freeze_expired(today, report.at, account.account, campaign.campaign)
    for comparison in compared:
        if comparison.settle:
            ledger.settle(comparison.reservation.key, comparison.billed_micros, report.at)
        yield comparison, _done(comparison)


def _done(comparison: DayComparison) -> str:
    steps = (
        (comparison.post, "posted what the platform shows"),
        (comparison.freeze, "frozen: it counts in full"),
        (comparison.settle, "settled at what was billed"),
        (bool(comparison.differs), comparison.differs),
    )
    return "; ".join(text for step, text in steps if step) or "agrees"


def _show(found: Reconciliation, ledger: Ledger, account: Account, out: Out) -> None:
    after = {each.key: each for each in ledger.reservations(account.account)}
    rows, lines = [], []
    for comparison, done in found.days:
        booked = after[comparison.reservation.key]
        amounts = {
            "reserved_micros": booked.worst_case_micros,
            "booked_micros": booked.billed_micros if booked.final_micros is None else booked.final_micros,
            "billed_micros": comparison.billed_micros,
            "served_micros": comparison.served_micros,
            "credited_micros": comparison.credited_micros,
        }
        lines.append({"campaign": booked.campaign, "day": booked.day, "state": booked.state, **amounts, "done": done})
        rows.append((booked.campaign, booked.day, booked.state, *map(money, amounts.values()), done))
    shown = table(COLUMNS, rows) if rows else f"nothing was ever reserved for a campaign on {account.account}"
    document = {"account": account.account, "currency": account.currency, "days": lines, "trouble": found.trouble}
    out.result(document, shown, *found.trouble)
