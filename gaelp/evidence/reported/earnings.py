"""What campaigns earned, with intervals, and how their profit adds up day by day. Nothing is decided here.

Profit is attributed revenue x margin, less expected refunds and the all-in ad cost, as criterion 8 counts it
(profit.py): a day decides once it has matured, and the days of several campaigns are summed. The interval of profit and
ROI is that of the approval card (profit.py), that of the cost per conversion the exact one of a Poisson count. All are
at 95 %. Touch this when a budget owner asks for one more figure.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from gaelp.arrays import F8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.evidence import profit
from gaelp.evidence.poisson_bounds import poisson_bounds

TAIL = profit.SHOWN_ALPHA / 2  # each side of an interval
MIDDAY = 0.5  # a click-day's clicks are half a day old at its end


@dataclass(frozen=True)
class Bounded:
    """A figure with its interval; an end that is not known is None."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Earnings:
    """What some campaigns earned; money in micros. Profit, ROI and CPA are of matured days, the rest of all days."""

    days: int
    matured_days: int
    spend_micros: int
    revenue_micros: int  # attributed, before margin
    impressions: int
    clicks: int
    conversions: float
    profit_micros: Bounded
    roi: Bounded | None  # none: no matured day cost anything
    cpa_micros: Bounded | None  # none: no conversion on a matured day


@dataclass(frozen=True)
class ProfitDay:
    """Profit since the first day up to the end of `day`, in micros.

    `expected` counts the orders that are still to come as the configured lag and the orders so far let one expect,
    `low` none of them, `high` those of the upper end of the orders' 95 % interval. Equal where all days have matured.
    """

    day: date
    expected: float
    low: float
    high: float


def earned(campaigns: Sequence[CampaignResult], config: TrainingConfiguration) -> Earnings:
    """The sums of some campaigns, those that still run with what was reported so far."""
    share = profit.contribution_share(config)
    matured = profit.matured_days(campaigns, share)
    reports = [day for campaign in campaigns for day in campaign.days]
    ordinals = set(matured.ordinal.tolist())
    conversions = sum(day.conversions for day in reports if day.day.toordinal() in ordinals)
    low, high = profit.profit_bounds(matured, profit.SHOWN_ALPHA) or (None, None)
    roi = profit.roi(matured)
    return Earnings(
        days=len({day.day for day in reports}),
        matured_days=matured.cost.size,
        spend_micros=sum(map(profit.day_cost, reports)),
        revenue_micros=sum(day.revenue_micros for day in reports),
        impressions=sum(day.impressions for day in reports),
        clicks=sum(day.clicks for day in reports),
        conversions=sum(day.conversions for day in reports),
        profit_micros=Bounded(float(matured.profit.sum()), low, high),
        roi=None if roi is None else Bounded(roi, *profit.roi_bounds(matured, profit.SHOWN_ALPHA)),
        cpa_micros=_cost_per(float(matured.cost.sum()), conversions),
    )


def _cost_per(cost: float, conversions: float) -> Bounded | None:
    if conversions <= 0:
        return None
    low, high = poisson_bounds(conversions, TAIL)
    return Bounded(cost / conversions, cost / high, cost / low if low > 0 else None)


def profit_path(campaigns: Sequence[CampaignResult], config: TrainingConfiguration) -> tuple[ProfitDay, ...]:
    """The cumulated profit of some campaigns by day; empty where none has reported."""
    by_day: dict[date, list[DayReport]] = defaultdict(list)
    for campaign in campaigns:
        for report in campaign.days:
            by_day[report.day].append(report)
    if not by_day:
        return ()
    days, share = sorted(by_day), profit.contribution_share(config)
    cost = np.array([sum(map(profit.day_cost, by_day[day])) for day in days], np.float64)
    revenue = np.array([sum(report.revenue_micros for report in by_day[day]) for day in days], np.float64)
    come = np.array([1.0 if all(r.matured for r in by_day[day]) else _come(day, days[-1], config) for day in days])
    late = _late_revenue(cost, revenue, come)
    orders = sum(report.conversions for report in (r for each in by_day.values() for r in each))
    more = poisson_bounds(orders, TAIL)[1] / orders if orders > 0 else 1.0
    so_far = np.cumsum(share * revenue - cost)
    expected, high = so_far + np.cumsum(share * late), so_far + np.cumsum(share * late * more)
    return tuple(map(ProfitDay, days, expected.tolist(), so_far.tolist(), high.tolist()))


def _come(day: date, last: date, config: TrainingConfiguration) -> float:
    """Share of a click-day's orders that have come by the end of the last day reported: exponential lag, cut off."""
    lag, window = config.economics.lag_days, float(config.economics.attribution_window_days)
    age = min((last - day).days + MIDDAY, window)
    return (1 - math.exp(-age / lag)) / (1 - math.exp(-window / lag))


def _late_revenue(cost: F8, revenue: F8, come: F8) -> F8:
    """What the days' orders that are still to come bring, by what a unit of cost has brought so far; f8[D]."""
    counted = float((cost * come).sum())
    rate = max(float(revenue.sum()), 0.0) / counted if counted > 0 else 0.0
    return (1 - come) * rate * cost
