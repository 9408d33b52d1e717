"""Days of a campaign in which nothing happens, and ways to change them. Touch this to plant another anomaly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from gaelp.domain.platform_records import DayReport
from gaelp.evidence.monitoring.watched_days import MonitoringSettings, WatchedDay, WatchedDays

FIRST = date(2026, 3, 2)
MATURING = 3  # days until a click-day of LAG days has matured, one more than its 90 % quantile
SETTINGS = MonitoringSettings(campaigns=5, acted=0, lag_days=1.0, window_days=30.0, currency="USD")
BUDGET = 100_000_000


def quiet_days(days: int, seed: int, conversions: float = 25.0) -> list[WatchedDay]:
    """Whole days with the same rates and independent noise; the newest MATURING are young but complete."""
    rng = np.random.default_rng(seed)
    return [_quiet_day(FIRST + timedelta(days=at), at < days - MATURING, conversions, rng) for at in range(days)]


def _quiet_day(day: date, matured: bool, conversions: float, rng: np.random.Generator) -> WatchedDay:
    hourly = rng.dirichlet(np.full(24, 40.0)) * BUDGET * rng.normal(0.9, 0.03)
    hours = tuple(int(cost) for cost in hourly)
    clicks = int(rng.poisson(conversions * 20))
    report = DayReport(
        day=day,
        impressions=int(rng.poisson(conversions * 400)),
        clicks=clicks,
        conversions=float(rng.poisson(clicks / 20)),
        cost_micros=sum(hours),
        served_micros=sum(hours),
        revenue_micros=0,
        final=True,
        matured=matured,
        hourly_cost_micros=hours,
    )
    return WatchedDay(report, BUDGET, orders=float(rng.poisson(clicks / 20)), auctions=4 * report.impressions, calls=24)


def changed(days: list[WatchedDay], since: int, change: Callable[[WatchedDay], WatchedDay]) -> WatchedDays:
    """The days with a change from the day number `since` on."""
    return WatchedDays("run/live/campaign-01", (*days[:since], *map(change, days[since:])))


def reported(day: WatchedDay, **numbers: float) -> WatchedDay:
    """The day with other reported numbers."""
    return replace(day, report=day.report.model_copy(update=numbers))


def today(days: int) -> date:
    """The day after so many days."""
    return FIRST + timedelta(days=days)
