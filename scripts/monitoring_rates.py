"""How often monitoring raises a false alarm, and how soon it notices a change: the tables of docs/monitoring.md.

    python -m scripts.monitoring_rates [--campaigns N] [--seed N]

Every campaign is judged anew each day, with the days up to then only. Touch this to measure another change.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum
from functools import partial

import numpy as np

from gaelp.domain.monitoring.anomalies import Anomaly, AnomalyGrade, AnomalyKind, WatchedMetric
from gaelp.domain.platform_records import DayReport
from gaelp.evidence.monitoring.anomaly_detection import anomalies_of
from gaelp.evidence.monitoring.watched_days import Expectation, MonitoringSettings, WatchedDay, WatchedDays
from gaelp.evidence.poisson_bounds import poisson_bounds

FIRST = date(2026, 3, 2)
BUDGET = 100_000_000
SETTINGS = MonitoringSettings(campaigns=5, acted=0, lag_days=1.0, window_days=30.0, currency="USD")
BEFORE, LONGEST = 30, 90  # days before a change, and for which it is waited for
CONVERSION_RATE, CLICK_RATE = 0.05, 0.05
LEVEL_NOISE = 0.1  # deviation of the logarithm of a day's spend
PARTS = 20  # of the campaigns of a market, so that every core has some


@dataclass(frozen=True)
class Market:
    """How a simulated campaign's days come about: each day's mean is its own by a Gamma shock of mean 1."""

    conversions: float  # a day
    shock: float = 0.0  # variance of the shock of each rate on each day
    weekend: float = 1.0  # traffic on Saturdays and Sundays, by that of other days
    differ: float = 0.0  # relative deviation of each campaign's rates from those of the others


class Known(Enum):
    """What is known of a campaign's level beside its own days."""

    NOTHING = "its own days"
    OTHERS = "four other campaigns"
    LEVEL = "the level"


@dataclass(frozen=True)
class Change:
    """What becomes of the rates from a day on."""

    click_rate: float = 1.0
    conversion_rate: float = 1.0
    spend: float = 1.0


def simulated_days(
    market: Market, days: range, rng: np.random.Generator, change: Change | None = None, since: int = 0
) -> tuple[WatchedDay, ...]:
    """Days of one campaign by their numbers, all of which have matured, with the change from day `since` on."""
    own = tuple(rng.gamma(1 / market.differ**2, market.differ**2, 2)) if market.differ else (1.0, 1.0)
    return tuple(_day(market, at, own, rng, change if change and at >= since else Change()) for at in days)


def simulated(market: Market, days: int, known: Known, rng: np.random.Generator, change: Change | None) -> Simulated:
    """A campaign that changes after BEFORE days, or not at all, and what is known beside its days."""
    history = simulated_days(market, range(days), rng, change, BEFORE)
    others = [simulated_days(market, range(-60, days), rng) for _ in range(4)] if known is Known.OTHERS else []
    level = {WatchedMetric.CTR: CLICK_RATE, WatchedMetric.CONVERSIONS_PER_CLICK: CONVERSION_RATE}
    expected = {each: Expectation(rate, 1e6) for each, rate in level.items()} if known is Known.LEVEL else {}
    return Simulated(WatchedDays("campaign", history, tuple(others)), replace(SETTINGS, expected=expected))


@dataclass(frozen=True)
class Simulated:
    """A campaign's days and what they are judged by."""

    history: WatchedDays
    settings: MonitoringSettings

    def judged(self, at: int) -> tuple[Anomaly, ...]:
        """What is said of the days up to the number `at`, on the day after it."""
        days = replace(self.history, days=self.history.days[: at + 1])
        return anomalies_of(days, self.settings, FIRST + timedelta(days=at + 1))


def _day(market: Market, at: int, own: tuple[float, ...], rng: np.random.Generator, change: Change) -> WatchedDay:
    day = FIRST + timedelta(days=at)
    shocks = rng.gamma(1 / market.shock, market.shock, 3) if market.shock else np.ones(3)
    traffic = market.conversions / CONVERSION_RATE / CLICK_RATE * (market.weekend if day.weekday() > 4 else 1.0)
    impressions = rng.poisson(traffic * shocks[0])
    clicks = rng.poisson(impressions * CLICK_RATE * own[0] * change.click_rate * shocks[1])
    mean = clicks * CONVERSION_RATE * own[1] * change.conversion_rate * shocks[2]
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


def told(campaign: Simulated) -> Iterator[list[Anomaly]]:
    """After each of the days, those anomalies that did not stand the day before."""
    standing: set[tuple[WatchedMetric, AnomalyKind | None]] = set()
    for at in range(len(campaign.history.days)):
        found = campaign.judged(at)
        now = {(each.metric, None if each.grade is AnomalyGrade.NOTE else each.kind): each for each in found}
        yield [each for key, each in now.items() if key not in standing]
        standing = set(now)


@dataclass(frozen=True)
class FalseAlarms:
    """Over so many days of campaigns in which nothing changed."""

    days: int
    notes: int
    acts: int


def false_alarms(case: tuple[Market, Known], numbers: Sequence[int], days: int, seed: int) -> FalseAlarms:
    """Count them over the simulated campaigns of these numbers, from their first day on."""
    market, known = case
    notes = acts = 0
    for number in numbers:
        for found in told(simulated(market, days, known, np.random.default_rng([seed, number]), None)):
            notes += sum(each.grade is AnomalyGrade.NOTE for each in found)
            acts += sum(each.grade is AnomalyGrade.ACT for each in found)
    return FalseAlarms(len(numbers) * days, notes, acts)


def waits_of(case: tuple[Market, Known], planted: Planted, number: int, seed: int) -> tuple[int, int]:
    """Days from a change until a lasting change of its metric is noted and may be acted upon; LONGEST at the most.

    The days that a conversion takes to mature are no part of them.
    """
    market, known = case
    rng = np.random.default_rng([seed, number])
    campaign, noted = simulated(market, BEFORE + LONGEST, known, rng, planted.change), LONGEST
    for at in range(BEFORE, BEFORE + LONGEST):
        found = [each for each in campaign.judged(at) if each.metric is planted.metric]
        lasting = [each for each in found if each.kind is not AnomalyKind.SPIKE]
        if lasting:
            noted = min(noted, at + 1 - BEFORE)
        if any(each.grade is AnomalyGrade.ACT for each in lasting):
            return noted, at + 1 - BEFORE
        if noted < LONGEST and planted.gain:
            break
    return noted, LONGEST


CASES: Mapping[str, tuple[Market, Known]] = {
    "independent days, 25 conversions a day": (Market(25.0), Known.NOTHING),
    "days with shocks of 20 %": (Market(25.0, shock=0.04), Known.NOTHING),
    "half of the traffic at weekends": (Market(25.0, weekend=0.5), Known.NOTHING),
    "5 conversions a day": (Market(5.0), Known.NOTHING),
    "5 a day, days with shocks of 20 %": (Market(5.0, shock=0.04), Known.NOTHING),
    "1.25 conversions a day": (Market(1.25), Known.NOTHING),
    "5 a day, four other campaigns known": (Market(5.0), Known.OTHERS),
    "the same, and campaigns differ by 20 %": (Market(5.0, differ=0.2), Known.OTHERS),
    "the same, and campaigns differ by 50 %": (Market(5.0, differ=0.5), Known.OTHERS),
}


@dataclass(frozen=True)
class Planted:
    """A change, and the metric that should show it; a gain is never acted upon."""

    change: Change
    metric: WatchedMetric
    gain: bool = False


PER_CLICK, CTR, SPEND = WatchedMetric.CONVERSIONS_PER_CLICK, WatchedMetric.CTR, WatchedMetric.SPEND
HALVED = Planted(Change(conversion_rate=0.5), PER_CLICK)
DOUBLED = Planted(Change(conversion_rate=2.0), PER_CLICK, gain=True)
CHANGES: Sequence[tuple[str, Planted, float, Known]] = (
    *(
        (f"conversions per click halve, {rate:g} a day, by {known.value}", HALVED, rate, known)
        for rate in (1.25, 5.0, 25.0)
        for known in Known
    ),
    *((f"conversions per click double, {rate:g} a day", DOUBLED, rate, Known.NOTHING) for rate in (1.25, 5.0, 25.0)),
    ("clicks per impression halve, 100 clicks a day", Planted(Change(click_rate=0.5), CTR), 5.0, Known.NOTHING),
    (
        "spend rises by 3 sigma",
        Planted(Change(spend=float(np.exp(3 * LEVEL_NOISE))), SPEND),
        5.0,
        Known.NOTHING,
    ),
    ("spend doubles", Planted(Change(spend=2.0), SPEND), 5.0, Known.NOTHING),
)


def fewer_than(seen: int) -> float:
    """The upper bound at 95 % of a Poisson count's mean of which so many were seen."""
    return poisson_bounds(float(seen), 0.05)[1]


def _false_alarms(options: argparse.Namespace, pool: Executor) -> None:
    print("| nothing changes | days watched | days per note | at least | false acts | portfolio days per act |")
    print("|---|---|---|---|---|---|")
    parts = [range(first, options.campaigns, PARTS) for first in range(PARTS)]
    for name, case in CASES.items():
        counts = list(pool.map(partial(false_alarms, case, days=90, seed=options.seed), parts))
        days, notes, acts = (sum(getattr(each, part) for each in counts) for part in ("days", "notes", "acts"))
        each, least = f"{days / notes:,.0f}" if notes else "none", days / fewer_than(notes)
        portfolio = days / SETTINGS.campaigns / fewer_than(acts)
        print(f"| {name} | {days:,} | {each} | {least:,.0f} | {acts} | at least {portfolio:,.0f} |", flush=True)


def _delays(options: argparse.Namespace, pool: Executor) -> None:
    print("\n| change | days to the note | days to act |\n|---|---|---|")
    for name, planted, rate, known in CHANGES:
        of = partial(waits_of, (Market(rate), known), planted, seed=options.seed)
        waits = np.median(np.array(list(pool.map(of, range(max(options.campaigns // 2, 5))))), axis=0)
        note, act = (f"{days:g}" if days < LONGEST else f"{LONGEST} or more" for days in waits)
        print(f"| {name} | {note} | {'never: it is a gain' if planted.gain else act} |", flush=True)


def main() -> None:
    """Print the tables, with one process for each core."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with ProcessPoolExecutor() as pool:
        _false_alarms(options, pool)
        _delays(options, pool)


if __name__ == "__main__":
    main()
