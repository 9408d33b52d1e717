"""What an export of an ad account holds: campaigns by day, in one currency, and which columns there were.

Touch this when a verb that is given a file needs one more thing of it; which header means what stands in
gaelp/records/exports/export_columns.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import TypeVar

_Amount = TypeVar("_Amount", int, Decimal)
DAILY = ("", "daily", "täglich", "tagesbudget", "daily budget")  # words of a budget's type that mean a day
STOPPED = (  # surely; what does not deliver today is switched on all the same, and may be billed tomorrow
    "paused", "removed", "ended", "off", "inactive", "deleted", "archived",
    "pausiert", "entfernt", "beendet", "inaktiv", "gelöscht", "archiviert",
)  # fmt: skip


@dataclass(frozen=True)
class CampaignDay:
    """A row of an export: a campaign on a day of the account, or a part of it where the export has such columns.

    Amounts are micros of `currency`. What the export has no column for, or leaves blank, is None.
    """

    campaign: str
    day: date
    impressions: int
    clicks: int
    currency: str = ""  # code of ISO 4217; empty where the export names none
    cost_micros: int | None = None
    conversions: Decimal | None = None  # may be a fraction: attribution splits one between campaigns
    revenue_micros: int | None = None  # may be negative, where goods came back
    budget_micros: int | None = None  # of a day, on this day or when the file was downloaded: an export does not say
    budget_type: str | None = None  # as the export writes it
    status: str | None = None  # of the campaign when the file was downloaded, as the export writes it
    placement: str | None = None
    search_term: str | None = None
    ad_group: str | None = None
    arm: str | None = None  # of an experiment

    @property
    def runs(self) -> bool:
        """Whether its campaign may still be billed; what no column says counts as running."""
        return (self.status or "").casefold() not in STOPPED

    @property
    def daily_budget(self) -> bool:
        """Whether its budget is one of a day, and not of the campaign's whole life."""
        return (self.budget_type or "").casefold() in DAILY


@dataclass(frozen=True)
class AccountExport:
    """The rows of one currency of an export, in the file's order, and what the file could tell."""

    platform: str | None  # google-ads or meta where the headers show it, or somebody said it
    currency: str  # empty where the export names none
    rows: tuple[CampaignDay, ...]  # at least one
    columns: Mapping[str, str]  # our name of each column that is there -> the file's header
    missing: Mapping[str, tuple[str, ...]]  # our name of each column that is not there -> headers it may have
    notes: Mapping[str, int] = field(default_factory=dict)  # what was odd, or left out -> rows
    rejected: int = 0  # rows that could not be read

    @property
    def first_day(self) -> date:
        """The first day with a row."""
        return min(row.day for row in self.rows)

    @property
    def last_day(self) -> date:
        """The last day with a row."""
        return max(row.day for row in self.rows)

    @property
    def campaigns(self) -> tuple[str, ...]:
        """The campaigns' names, in order."""
        return tuple(sorted({row.campaign for row in self.rows}))

    @property
    def campaign_days(self) -> tuple[CampaignDay, ...]:
        """One row for each campaign and day, summed over whatever else tells rows apart; by campaign, then by day."""
        parts: dict[tuple[str, date], list[CampaignDay]] = defaultdict(list)
        for row in self.rows:
            parts[row.campaign, row.day].append(row)
        return tuple(_summed(parts[key]) for key in sorted(parts))

    def why_not(self, *names: str) -> str:
        """Which of these columns are missing, in a sentence that says what to tick; empty where all are there."""
        absent = [f"{name} (a header like {self.missing[name][1]})" for name in names if name in self.missing]
        return f"the export has no column {', and none '.join(absent)}" if absent else ""


def with_budget(export: AccountExport, campaign: str, daily_budget_micros: int) -> AccountExport:
    """The same, with a campaign's budget of a day that the file does not have."""
    rows = tuple(
        replace(row, budget_micros=daily_budget_micros, budget_type=None) if row.campaign == campaign else row
        for row in export.rows
    )
    return replace(export, rows=rows)


def anonymous(export: AccountExport) -> AccountExport:
    """The same with `campaign 1`, `campaign 2` and so on for names, in the order of the names."""
    names = {name: f"campaign {number}" for number, name in enumerate(export.campaigns, start=1)}
    return replace(export, rows=tuple(replace(row, campaign=names[row.campaign]) for row in export.rows))


def _summed(rows: Sequence[CampaignDay]) -> CampaignDay:
    """The budget is the campaign's on each of the rows, so that the largest one is taken and nothing is added."""
    first = rows[0]
    return CampaignDay(
        campaign=first.campaign,
        day=first.day,
        impressions=sum(row.impressions for row in rows),
        clicks=sum(row.clicks for row in rows),
        currency=first.currency,
        cost_micros=_known_sum(row.cost_micros for row in rows),
        conversions=_known_sum(row.conversions for row in rows),
        revenue_micros=_known_sum(row.revenue_micros for row in rows),
        budget_micros=max((row.budget_micros for row in rows if row.budget_micros is not None), default=None),
        budget_type=next((row.budget_type for row in rows if not row.daily_budget), first.budget_type),
        status=next((row.status for row in rows if row.runs), first.status),
    )


def _known_sum(values: Iterable[_Amount | None]) -> _Amount | None:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None
