"""Conversions that the platform claims beside the advertiser's own orders, and what a new customer costs.

Touch this to count other orders as the ads'.
"""

from __future__ import annotations

import numpy as np

from gaelp.arrays import B1, F8
from gaelp.domain.exports.findings import (
    AuditQuestion,
    Figure,
    Finding,
    FindingKind,
    FindingPlace,
    OwnOrder,
    counted,
    level,
)
from gaelp.evidence.exports.account_table import AccountTable
from gaelp.evidence.exports.noisy_counts import Noise, mean_bounds, noise_of, rate_ratio
from gaelp.money import MICROS_PER_UNIT

_MEASURE_TAIL = 0.025  # of a measure, which is no finding: 95 % intervals


def claimed_orders(question: AuditQuestion, table: AccountTable, silent: B1) -> tuple[list[Finding], list[Figure]]:
    """The finding, if any, and the ratio and the cost per new customer as measures; mature days of the export.

    An order counts on its own day, a conversion on that of its click, so that orders at the window's edges may be
    counted in one and not in the other.
    """
    claimed, clicks = table.chosen(list(range(len(table.campaigns))), silent)
    days = np.flatnonzero(table.mature & (clicks > 0))
    own, new = _by_day(question.orders or (), table), _by_day(question.orders or (), table, new=True)
    noise = _joint(noise_of(claimed, clicks), noise_of(own[days], clicks[days]))
    sums = float(claimed[days].sum()), float(own[days].sum())
    cost = float((table.cost * table.mature)[:, days].sum())
    measures, found = [], []
    usual = rate_ratio((sums[0], 1), (sums[1], 1), noise, _MEASURE_TAIL)
    strict = rate_ratio((sums[0], 1), (sums[1], 1), noise, level(1))
    if usual and strict:
        measures.append(Figure("claimed conversions by own orders", usual.ratio, usual.low, usual.high))
        if strict.low > 1:
            figure = Figure("claimed conversions by own orders", strict.ratio, strict.low, strict.high)
            found.append(_finding(figure, sums, cost))
    if any(order.new_customer is not None for order in question.orders or ()):
        measures.extend(_per_new_customer(cost, float(new[days].sum()), noise_of(new[days], clicks[days])))
    return found, measures


def _by_day(orders: tuple[OwnOrder, ...], table: AccountTable, *, new: bool = False) -> F8:
    """The ads' orders that were kept, by day of the window; of new customers only, where asked for."""
    counts = np.zeros(table.days)
    for order in orders:
        day = (order.day - table.first).days
        if 0 <= day < table.days and order.paid and order.kept and (order.new_customer or not new):
            counts[day] += 1
    return counts


def _joint(one: Noise, other: Noise) -> Noise:
    return one if one.phi > other.phi else other


def _per_new_customer(cost: float, customers: float, noise: Noise) -> list[Figure]:
    low, high = mean_bounds(customers, noise, _MEASURE_TAIL)
    if not low:
        return []
    return [Figure("cost per new customer", cost / customers, cost / high, cost / low, amount=True)]


def _finding(figure: Figure, sums: tuple[float, float], cost: float) -> Finding:
    return Finding(
        kind=FindingKind.CLAIMED,
        place=FindingPlace(),
        figure=figure,
        reason=f"the platform claims {counted(sums[0])} conversions, and {sums[1]:,.0f} own orders came by its ads and "
        "were not given back",
        stake_micros=round(cost * (1 - sums[1] / sums[0]) * MICROS_PER_UNIT),
        look_at="view-through conversions, conversions counted twice or by several platforms, and refunds; set targets "
        "by own orders",
    )
