"""Which campaigns of an export may be billed, from which budgets, and which of them cannot be looked at.

What they may be billed is said by gaelp/domain/billing/lawful_bills.py. Touch this when an export tells more of a
budget, or less.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import ceil

from gaelp.domain.billing.billing_rules import day_limit, period_end
from gaelp.domain.billing.lawful_bills import RunningCampaign, Window, billed_beyond, window_of
from gaelp.domain.exports.account_export import AccountExport, CampaignDay
from gaelp.errors import WRONG_USE, GaelpError

NO_RULE = {
    # help.ads.microsoft.com/apex/index/3/en/51019, read in November 2026.
    "microsoft": "Microsoft Advertising calls a daily budget a target that it usually exceeds by less than 100 %, and "
    "states no limit of a day: its worst case is not bounded",
}


class NotLookedAt(GaelpError, ValueError):
    """An export lacks what a question needs; the sentence says what, and how to give it."""

    exit_code = WRONG_USE


@dataclass(frozen=True)
class ExportedCampaigns:
    """The campaigns that may be billed, and where each of their figures is from."""

    running: tuple[RunningCampaign, ...]
    stopped: tuple[str, ...]  # campaigns that the export says are paused or ended
    stopped_micros: int  # what these were billed in the month of today
    not_looked_at: tuple[str, ...]  # `CAMPAIGN: because ...`
    assumptions: tuple[str, ...]  # sentences


def exported_campaigns(export: AccountExport, today: date) -> ExportedCampaigns:
    """The campaigns of an export as of `today`.

    What was billed is the export's cost. A day before today that the export does not reach counts at its worst. Raises
    NotLookedAt where nothing can be said of any campaign.
    """
    platform = _platform(export)
    first, last = window_of(Window.MONTH, today)
    running, stopped, unseen, stopped_micros = [], [], [], 0
    for campaign, days in _by_campaign(export).items():
        if not days[-1].runs:
            stopped.append(campaign)
            stopped_micros += sum(each.cost_micros or 0 for each in days if first <= each.day <= last)
        elif why := _why_not(export, days):
            unseen.append(f"{campaign}: {why}")
        else:
            running.append(_running(export, platform, days, today))
    if export.rejected:
        left_out = "they cannot be read or repeat another row, and what they were billed is not counted"
        unseen.append(f"{export.rejected} rows of the file: {left_out}")
    if unseen and not running:
        raise NotLookedAt(f"no running campaign can be looked at; {unseen[0]}")
    said = [*_assumptions(export, platform, today), *(_beyond(each) for each in running if billed_beyond(each, today))]
    return ExportedCampaigns(tuple(running), tuple(stopped), stopped_micros, tuple(unseen), tuple(said))


def _beyond(campaign: RunningCampaign) -> str:
    return (
        f"{campaign.campaign}: more was billed in this week or month than its budget of today allows: it was changed, "
        "or a credit is due. No limit of a week or month is taken for it."
    )


def _platform(export: AccountExport) -> str:
    """The platform, if the export can be looked at."""
    if export.platform is None:
        raise NotLookedAt("the headers do not show which platform this is: say --platform google-ads or meta")
    if export.platform in NO_RULE:
        raise NotLookedAt(NO_RULE[export.platform])
    if not export.currency:
        raise NotLookedAt("the file names no currency: say which, as in --currency USD")
    if why := export.why_not("cost"):
        raise NotLookedAt(f"{why}: what was billed is not known")
    return export.platform


def _by_campaign(export: AccountExport) -> dict[str, list[CampaignDay]]:
    """The days of each campaign, in order."""
    days: dict[str, list[CampaignDay]] = {}
    for day in export.campaign_days:
        days.setdefault(day.campaign, []).append(day)
    return days


def _why_not(export: AccountExport, days: Sequence[CampaignDay]) -> str:
    """Why a campaign's budget of a day is not known; empty where it is."""
    if not days[-1].daily_budget:
        return f"its budget is of type {days[-1].budget_type!r} and of no day, and no limit of a day is known for it"
    if _budgets(days):
        return ""
    return (
        f"{export.why_not('budget') or 'its budget is blank on every day'}: say its budget of a day, as in "
        f"--budget '{days[-1].campaign}=50'"
    )


def _budgets(days: Sequence[CampaignDay]) -> list[tuple[date, int]]:
    return [(each.day, each.budget_micros) for each in days if each.budget_micros is not None]


def _running(export: AccountExport, platform: str, days: Sequence[CampaignDay], today: date) -> RunningCampaign:
    known = _budgets(days)
    budget = known[-1][1]
    changes = [day for (_, before), (day, after) in pairwise(known) if before != after]
    unknown = dict.fromkeys(_unknown_days(export, platform, today), ceil(day_limit(platform, budget)))
    return RunningCampaign(
        campaign=days[0].campaign,
        platform=platform,
        daily_budget_micros=budget,
        last_day=date.max,
        billed={each.day: each.cost_micros or 0 for each in days} | unknown,
        edited_on=changes[-1] if changes else None,
    )


def _unknown_days(export: AccountExport, platform: str, today: date) -> list[date]:
    """The days before today, of its month and of the platform's period, that the export does not reach."""
    start = min(window_of(Window.MONTH, today)[0], window_of(Window.WEEK, today)[0], _period_start(platform, today))
    before = [start + timedelta(days=number) for number in range((today - start).days)]
    return [day for day in before if not export.first_day <= day <= export.last_day]


def _period_start(platform: str, today: date) -> date:
    """The first day of the platform's calendar period that today lies in."""
    end = period_end(platform, today)
    length = monthrange(end.year, end.month)[1]
    days = [today - timedelta(days=number) for number in range(length)]
    return min(day for day in days if period_end(platform, day) == end)


def _assumptions(export: AccountExport, platform: str, today: date) -> list[str]:
    said = []
    if unknown := _unknown_days(export, platform, today):
        said.append(
            f"The file lacks {len(unknown)} of the days before {today} that matter, {unknown[0]} to {unknown[-1]}: "
            "each counts as the most that it may have billed."
        )
    if "status" in export.missing:
        said.append(f"{export.why_not('status')}, so that every campaign counts as running.".capitalize())
    said.append("No campaign is taken to have an end, because an export names none.")
    return said
