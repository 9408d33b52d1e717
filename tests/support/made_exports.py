"""Exports of made-up accounts for the findings of an audit. Touch this to give them another column."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from gaelp.domain.exports.account_export import AccountExport, CampaignDay
from gaelp.domain.exports.findings import AuditQuestion

FIRST = date(2026, 6, 1)  # a Monday
COLUMNS = ("date", "campaign", "impressions", "clicks", "cost", "conversions")
EURO = 1_000_000


def days(
    count: int,
    conversions: Callable[[int], int],
    *,
    campaign: str = "a",
    clicks: int = 100,
    cost: int = 50,
) -> list[CampaignDay]:
    """A campaign with as many clicks and whole euros each day, and conversions by the number of the day."""
    return [
        CampaignDay(
            campaign=campaign, day=FIRST + timedelta(days=number), impressions=20 * clicks, clicks=clicks,
            currency="EUR", cost_micros=cost * EURO, conversions=Decimal(conversions(number)),
        )
        for number in range(count)
    ]  # fmt: skip


def question(rows: Iterable[CampaignDay], *more: str, young_days: int = 0) -> AuditQuestion:
    """The question about these rows; `more` names columns beside COLUMNS."""
    columns = {name: name for name in (*COLUMNS, *more)}
    missing = {name: (name, name.replace("_", " ")) for name in ("budget", "arm", "search_term") if name not in columns}
    return AuditQuestion(AccountExport("google-ads", "EUR", tuple(rows), columns, missing), young_days)


def of_part(rows: Iterable[CampaignDay], column: str, part: str) -> list[CampaignDay]:
    """The same rows as a part of their campaign."""
    return [replace(row, **{column: part}) for row in rows]
