"""How often monitoring raises a false alarm, and how soon it notices a change: the tables of docs/monitoring.md.

    python -m scripts.monitoring_rates [--campaigns N] [--seed N]

Every campaign is judged anew each day, with the days up to then only. Touch this to measure another change.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from gaelp.domain.monitoring.anomalies import Anomaly, AnomalyGrade, AnomalyKind, WatchedMetric
from gaelp.domain.platform_records import DayReport
from gaelp.evidence.monitoring.anomaly_detection import anomalies_of
from gaelp.evidence.monitoring.watched_days import MonitoringSettings, WatchedDay, WatchedDays

FIRST = date(2026, 3, 2)
BUDGET = 100_000_000
SETTINGS = MonitoringSettings(campaigns=5, acted=0, lag_days=1.0, window_days=30.0, currency="USD")
BEFORE, LONGEST = 30, 90  # days before a change, and for which it is waited for
CONVERSION_RATE, CLICK_RATE = 0.05, 0.05
LEVEL_NOISE = 0.1  # deviation of the logarithm of a day's spend


@dataclass(frozen=True)
class Market:
    """How a simulated campaign's days come about: each day's mean is its own by a Gamma shock of mean 1."""

    conversions: float  # a day
    shock: float = 0.0  # variance of the shock of each rate on each day
    weekend: float = 1.0  # traffic on Saturdays and Sundays, by that of other days


@dataclass(frozen=True)
class Change:
    """What becomes of the rates from a day on."""

    click_rate: float = 1.0
    conversion_rate: float = 1.0
    spend: float = 1.0


def simulated_days(
    market: Market, days: int, rng: np.random.Generator, change: Change | None = None, since: int = 0
) -> list[WatchedDay]:
    """Days of one campaign, all of which have matured, with the change from day `since` on."""
    return [_day(market, at, rng, change if change and at >= since else Change()) for at in range(days)]


def _day(market: Market, at: int, rng: np.random.Generator, change: Change) -> WatchedDay:
    day = FIRST + timedelta(days=at)
    shocks = rng.gamma(1 / market.shock, market.shock, 3) if market.shock else np.ones(3)
    traffic = market.conversions / CONVERSION_RATE / CLICK_RATE * (market.weekend if day.weekday() > 4 else 1.0)
    impressions = rng.poisson(traffic * shocks[0])
    clicks = rng.poisson(impressions * CLICK_RATE * change.click_rate * shocks[1])
    mean = clicks * CONVERSION_RATE * change.conversion_rate * shocks[2]
    cost = 0.8 * BUDGET * change.spend * np.exp(rng.normal(0.0, LEVEL_NOISE))
    hours = tuple(int(part) for part in cost * rng.dirichlet(np.full(24, 40.0)))
    report = DayReport(
        day=day,
        impressions=int(impressions),
        clicks=int(clicks),
        conversions=float(rng.poisson(mean)),
        cost_micros=sum(hours),
        served_micros=sum(hours),
        revenue_micros=0,
        final=True,
        matured=True,
        hourly_cost_micros=hours,
    )
    orders = float(rng.poisson(mean))
    return WatchedDay(report, BUDGET, orders=orders, auctions=int(rng.poisson(4 * traffic)), calls=24)


def told(days: Sequence[WatchedDay], settings: MonitoringSettings, first: int) -> Iterator[tuple[int, list[Anomaly]]]:
    """After each of the days from number `first` on, those anomalies that did not stand the day before."""
    standing: set[tuple[WatchedMetric, AnomalyKind | None]] = set()
    for at in range(first, len(days)):
        found = anomalies_of(WatchedDays("campaign", tuple(days[: at + 1])), settings, FIRST + timedelta(days=at + 1))
        now = {(each.metric, None if each.grade is AnomalyGrade.NOTE else each.kind): each for each in found}
        yield at, [each for key, each in now.items() if key not in standing]
        standing = set(now)


@dataclass(frozen=True)
class FalseAlarms:
    """Over so many days of campaigns in which nothing changed."""

    days: int
    notes: int
    acts: int


def false_alarms(market: Market, campaigns: int, days: int, seed: int) -> FalseAlarms:
    """Count them over simulated campaigns, from their first day on."""
    notes = acts = 0
    for number in range(campaigns):
        history = simulated_days(market, days, np.random.default_rng([seed, number]))
        for _, found in told(history, SETTINGS, 0):
            notes += sum(each.grade is AnomalyGrade.NOTE for each in found)
            acts += sum(each.grade is AnomalyGrade.ACT for each in found)
    return FalseAlarms(campaigns * days, notes, acts)


@dataclass(frozen=True)
class Delays:
    """Days from a change until a lasting change of the metric is noted and may be acted upon; LONGEST at the most."""

    note: float
    act: float


def delays(market: Market, change: Change, metric: WatchedMetric, campaigns: int, seed: int) -> Delays:
    """The medians over campaigns that have run BEFORE days, without the days that a conversion takes to mature."""
    waits = [_waits(market, change, metric, np.random.default_rng([seed, number])) for number in range(campaigns)]
    note, act = np.median(np.array(waits), axis=0)
    return Delays(float(note), float(act))


def _waits(market: Market, change: Change, metric: WatchedMetric, rng: np.random.Generator) -> tuple[int, int]:
    history = simulated_days(market, BEFORE + LONGEST, rng, change, BEFORE)
    noted = LONGEST
    for at in range(BEFORE, len(history)):
        found = anomalies_of(
            WatchedDays("campaign", tuple(history[: at + 1])), SETTINGS, FIRST + timedelta(days=at + 1)
        )
        named = [each for each in found if each.metric is metric and each.kind is not AnomalyKind.SPIKE]
        if named:
            noted = min(noted, at + 1 - BEFORE)
        if any(each.grade is AnomalyGrade.ACT for each in named):
            return noted, at + 1 - BEFORE
    return noted, LONGEST


MARKETS = {
    "independent days": Market(25.0),
    "days with shocks of 20 %": Market(25.0, shock=0.04),
    "half of the traffic at weekends": Market(25.0, weekend=0.5),
    "5 conversions a day": Market(5.0),
    "1.25 conversions a day": Market(1.25),
}
PER_CLICK, CTR, SPEND = WatchedMetric.CONVERSIONS_PER_CLICK, WatchedMetric.CTR, WatchedMetric.SPEND
HALVED, DOUBLED = Change(conversion_rate=0.5), Change(conversion_rate=2.0)
CHANGES: Sequence[tuple[str, Change, WatchedMetric, float]] = (
    *((f"conversions per click halve, {rate:g} a day", HALVED, PER_CLICK, rate) for rate in (1.25, 5.0, 25.0)),
    *((f"conversions per click double, {rate:g} a day", DOUBLED, PER_CLICK, rate) for rate in (1.25, 5.0, 25.0)),
    ("clicks per impression halve, 100 clicks a day", Change(click_rate=0.5), CTR, 5.0),
    ("spend rises by 3 sigma", Change(spend=float(np.exp(3 * LEVEL_NOISE))), SPEND, 5.0),
    ("spend doubles", Change(spend=2.0), SPEND, 5.0),
)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    print("| nothing changes | days watched | days per note | false acts | portfolio days per act |")
    print("|---|---|---|---|---|")
    for name, market in MARKETS.items():
        counts = false_alarms(market, options.campaigns, 90, options.seed)
        each = f"{counts.days / counts.notes:,.0f}" if counts.notes else f"> {counts.days:,}"
        portfolio = counts.days / SETTINGS.campaigns
        act = f"{portfolio / counts.acts:,.0f}" if counts.acts else f"> {portfolio:,.0f}"
        print(f"| {name} | {counts.days:,} | {each} | {counts.acts} | {act} |", flush=True)
    print("\n| change | days to the note | days to act |\n|---|---|---|")
    for name, change, metric, rate in CHANGES:
        wait = delays(Market(rate), change, metric, max(options.campaigns // 2, 5), options.seed)
        note, act = (f"{days:g}" if days < LONGEST else f"{LONGEST} or more" for days in (wait.note, wait.act))
        print(f"| {name} | {note} | {act} |", flush=True)


if __name__ == "__main__":
    main()
