"""What an account's export says of its sales: cost per conversion, order values, and how much days differ.

Touch this to measure one more thing that a plan of a live test needs.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import numpy as np

from gaelp.arrays import F8
from gaelp.domain.exports.account_export import AccountExport
from gaelp.domain.exports.export_exposure import NotLookedAt
from gaelp.domain.exports.mature_days import Maturity
from gaelp.evidence.exports.conversion_lag import LEVEL, RESAMPLES, BoundedEstimate
from gaelp.evidence.exports.noisy_counts import mean_bounds, noise_of

LEAST_DAYS, LEAST_CONVERSIONS = 7, 10


@dataclass(frozen=True)
class AccountSales:
    """The account as a whole, over its mature days; amounts in micros."""

    days: int
    conversions: float
    cpa: BoundedEstimate  # bounds of a noisy count
    order_value: BoundedEstimate | None  # bounds by drawing days again; None where the export has no revenue
    order_spread: float | None  # standard deviation of the log of an order's value, if values are log-normal
    dispersion: float  # variance of a day's conversions over what chance alone gives at a steady cost per conversion


def account_sales(export: AccountExport, maturity: Maturity, rng: np.random.Generator) -> AccountSales:
    """Measure it on the mature days. Raises NotLookedAt.

    The dispersion is Pearson's: the mean over days of (conversions - expected)^2 / expected, with one degree of freedom
    spent on the mean. The variance of an order's value comes from the days' sums in the same way: that of a day's
    revenue around its conversions times the mean value is their number times it.
    """
    if why := export.why_not("cost", "conversions"):
        raise NotLookedAt(f"{why}: without both no cost per conversion is known")
    cost, conversions, revenue = _by_day(export, maturity.first_young)
    if len(cost) < LEAST_DAYS or conversions.sum() < LEAST_CONVERSIONS or not cost.sum() > 0:
        raise NotLookedAt(
            f"{len(cost)} mature days with {conversions.sum():g} conversions are too few to measure anything: give "
            f"{LEAST_DAYS} days or more and {LEAST_CONVERSIONS} conversions or more that cost something. "
            f"{maturity.sentence}"
        )
    valued = "revenue" not in export.missing and revenue.sum() > 0
    return AccountSales(
        days=len(cost),
        conversions=float(conversions.sum()),
        cpa=_cost_per(cost, conversions),
        order_value=_ratio(revenue, conversions, rng) if valued else None,
        order_spread=_order_spread(revenue, conversions) if valued else None,
        dispersion=_dispersion(conversions, cost),
    )


def _by_day(export: AccountExport, before: date) -> tuple[F8, F8, F8]:
    """Cost, conversions and revenue of the account on each day with a row: f8[D], amounts in micros."""
    sums: dict[date, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for row in export.rows:
        if row.day < before:
            total = sums[row.day]
            total[0] += row.cost_micros or 0
            total[1] += float(row.conversions or 0)
            total[2] += row.revenue_micros or 0
    days = np.array([sums[day] for day in sorted(sums)]).reshape(-1, 3)
    return days[:, 0], days[:, 1], days[:, 2]


def _cost_per(cost: F8, conversions: F8) -> BoundedEstimate:
    """Cost by conversions, with the bounds of a count whose days vary as these do at a steady cost."""
    count, noise = conversions.sum(), noise_of(conversions, cost)
    low, high = mean_bounds(count, noise, (1 - LEVEL) / 2)
    return BoundedEstimate(float(cost.sum() / count), float(cost.sum() / high), float(cost.sum() / low))


def _ratio(above: F8, below: F8, rng: np.random.Generator) -> BoundedEstimate:
    """A ratio of sums over days, with bounds by drawing days again; a draw without any below counts as unbounded."""

    def of(weights: F8) -> float:
        return float(weights @ above / (weights @ below)) if weights @ below > 0 else np.inf

    drawn = [of(each) for each in rng.multinomial(len(above), np.full(len(above), 1 / len(above)), RESAMPLES)]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="nearest")
    return BoundedEstimate(of(np.ones(len(above))), float(low), float(high))


def _dispersion(conversions: F8, cost: F8) -> float:
    spent = cost > 0
    expected = cost[spent] * conversions[spent].sum() / cost[spent].sum()
    return float(((conversions[spent] - expected) ** 2 / expected).sum() / max(1, spent.sum() - 1))


def _order_spread(revenue: F8, conversions: F8) -> float:
    sold = conversions > 0
    mean = revenue[sold].sum() / conversions[sold].sum()
    off = (revenue[sold] - conversions[sold] * mean) ** 2 / conversions[sold]
    variance = off.sum() / max(1, sold.sum() - 1)
    return float(np.sqrt(np.log1p(variance / mean**2)))
