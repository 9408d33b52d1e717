"""Made-up accounts with nothing wrong: what an audit should say nothing about.

Clicks and conversion rates have weekday patterns, rates vary from day to day more than Poisson counts do, conversions
come with a lag, the mix of searches shifts, campaigns pause, budgets are edited once, and the platform over-delivers
within its limit. Touch this to make clean accounts of another sort.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from gaelp.arrays import F8
from gaelp.domain.exports.account_export import AccountExport, CampaignDay
from gaelp.domain.exports.findings import OwnOrder
from gaelp.money import MICROS_PER_UNIT

FIRST = date(2026, 6, 1)
COLUMNS = (
    "date", "campaign", "ad_group", "search_term", "arm", "impressions", "clicks", "cost", "conversions", "budget",
)  # fmt: skip
BRAND = "lumora"
TARGET = 30.0  # whole units; a clean account meets it in each of its parts


@dataclass(frozen=True)
class CleanAccount:
    """An account and its advertiser's own orders."""

    export: AccountExport
    orders: tuple[OwnOrder, ...]


def clean_account(rng: np.random.Generator, busier: float = 1.0) -> CleanAccount:
    """Draw one: 56 to 120 days, 1 to 6 campaigns of 2 to 4 search terms, the first one an experiment of two arms.

    All clicks are `busier` times as many as those of the accounts that docs/audit.md speaks of.
    """
    days = int(rng.integers(56, 121))
    rows: list[CampaignDay] = []
    weekdays = 1 + rng.uniform(0, 0.4) * np.cos(2 * np.pi * (np.arange(7) / 7 + rng.uniform()))
    rates = 1 + rng.uniform(0, 0.2) * np.cos(2 * np.pi * (np.arange(7) / 7 + rng.uniform()))
    noise, lag = rng.uniform(0.0, 0.35), rng.uniform(0.5, 3.0)
    for number in range(int(rng.integers(1, 7))):
        daily = weekdays[np.arange(days) % 7], _daily(rng, days, rates, noise)
        rows.extend(_campaign(rng, number, daily, lag, busier))
    export = AccountExport("google-ads", "EUR", tuple(rows), {name: name for name in COLUMNS}, {})
    return CleanAccount(export, _orders(rng, rows))


def _daily(rng: np.random.Generator, days: int, rates: F8, noise: float) -> F8:
    """What a day's conversion rate is multiplied by, f8[D]."""
    varied = rng.gamma(1 / noise**2, noise**2, days) if noise > 0.01 else np.ones(days)
    return rates[np.arange(days) % 7] * varied


def _campaign(
    rng: np.random.Generator, number: int, daily: tuple[F8, F8], lag: float, busier: float
) -> list[CampaignDay]:
    """The rows of one; `daily` is what its clicks and its conversions per click are multiplied by, f8[D] each."""
    traffic, rate = daily
    days = len(traffic)
    arms = ("control", "new") if number == 0 else (None,)
    terms = 1 if number == 1 else int(rng.integers(2, 5))
    clicks_a_day, price = busier * rng.lognormal(4.0, 0.8), rng.uniform(0.4, 1.2)
    base = price / TARGET * rng.uniform(1.0, 2.5)  # a conversion costs the target at the most
    budget = np.where(np.arange(days) < rng.integers(7, days), 1.0, rng.uniform(0.7, 1.5)) * clicks_a_day * price
    arrived = 1 - np.exp(
        -(days - 0.5 - np.arange(days)) / lag
    )  # share of a day's conversions that came by the last day
    rows = []
    shares = rng.dirichlet(np.full(terms, 5.0))
    served = 0.8 * budget * traffic * rng.uniform(0.8, 1.2, days)  # so that a month stays within its limit
    paused = int(rng.integers(days)) if rng.random() < 0.3 else days
    served[paused : paused + 9] = 0.0
    for term, share in enumerate(shares):
        trend = np.linspace(1, rng.uniform(0.7, 1.15), days)  # what people search for shifts
        name = f"{BRAND} shop" if number == 1 else f"term {number}.{term}"
        for arm in arms:
            most = np.floor(1.9 * budget * share / price / len(arms))  # the platform keeps to its limit of a day
            clicks = np.minimum(rng.poisson(served * trend * share / price / len(arms)), most).astype(np.int64)
            shown = clicks + rng.poisson(clicks * 18 + 1)
            conversions = rng.poisson(clicks * np.minimum(base * rate, 1) * arrived)
            for day in range(days):
                rows.append(
                    CampaignDay(
                        campaign=f"campaign {number}", day=FIRST + timedelta(days=day), impressions=int(shown[day]),
                        clicks=int(clicks[day]), cost_micros=round(clicks[day] * price * MICROS_PER_UNIT),
                        conversions=Decimal(int(conversions[day])), budget_micros=round(budget[day] * MICROS_PER_UNIT),
                        search_term=name, ad_group=f"group {term % 2}", arm=arm, currency="EUR",
                    )
                )  # fmt: skip
    return rows


def _orders(rng: np.random.Generator, rows: list[CampaignDay]) -> tuple[OwnOrder, ...]:
    """An order for each conversion that the platform claims, and as many that came without the ads."""
    claimed = [row.day for row in rows for _ in range(int(row.conversions or 0))]
    own = [(day, True) for day in claimed] + [(day, False) for day in claimed[::2]]
    return tuple(
        OwnOrder(str(number), day, paid, 40 * MICROS_PER_UNIT, 0, bool(rng.random() < 0.6))
        for number, (day, paid) in enumerate(own)
    )
