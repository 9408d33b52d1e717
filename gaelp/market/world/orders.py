"""Orders that follow clicks: the delay until an order arrives, its value, its refund, each drawn here.

Orders are attributed ones: all that last-click attribution gives to the ad, which looks no further back than the
attribution window. What the ad itself brought is an expectation (scoring/episode_scores.py). Touch this for other
delays, order values or refunds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from gaelp.arrays import B1, F8, I8
from gaelp.market.parameters import MarketParameters

REFUND_HOURS = 72.0
"""Mean time from an order to its refund (exponential)."""
SHORT, LONG = 1e-6, 500.0
"""Mean lags in a window below which all lags in it are alike, and beyond which it cuts nothing off."""
LARGEST_VALUE_MICROS = 2.0**53
"""No order is worth more: above it a float is not a whole number of micros any more."""


@dataclass(frozen=True)
class Orders:
    """The n orders of one tick's clicks, in the order of their cells. Periods count ticks since that tick."""

    cell: I8  # [n] flat index into [C, S, K]
    period: I8  # [n] in which it arrives; 0: the tick of its click
    value_micros: I8  # [n]
    refunded: B1  # [n]
    refund_period: I8  # [n] in which its refund arrives, if there is one; never before `period`


@dataclass(frozen=True)
class Arrivals:
    """What arrived in each of T ticks. Revenue is net of the refunds that have arrived, so a tick's may be negative."""

    matured_conversions: I8  # [T, C, S, K]; a refunded order stays counted
    revenue_micros: I8  # [T, C] attributed

    @classmethod
    def empty(cls, ticks: int, shape: tuple[int, int, int]) -> Self:
        """Nothing in each of `ticks` ticks, for cells of shape (C, S, K)."""
        return cls(np.zeros((ticks, *shape), np.int64), np.zeros((ticks, shape[0]), np.int64))


def draw(conversions: I8, market: MarketParameters, tick_hours: float, response: np.random.Generator) -> Orders:
    """One order for each conversion i8[C, S, K] that the clicks of a tick lead to.

    The click is uniform within the tick. The delay from click to order is exponential with mean `market.lag_days`,
    given that it is no longer than the attribution window: a conversion is one that was attributed, as the measured
    rates are. Values are lognormal with mean `market.order_value_micros` and standard deviation of the log
    `market.order_spread`, rounded to micros. Refunds are independent of everything else. Draws depend on the number of
    conversions only, not on the rates.
    """
    counts = conversions.ravel()
    some = np.flatnonzero(counts)  # few cells have any, and a tick should cost by its orders
    cell = np.repeat(some, counts[some])
    clicked, refund, late = response.random((3, cell.size))
    wait = response.standard_exponential(cell.size)
    spread = market.order_spread * response.standard_normal(cell.size) - market.order_spread**2 / 2
    hours = tick_hours * clicked + 24.0 * attributed_lag_days(late, market.lag_days, market.window_days)
    value = np.minimum(market.order_value_micros * np.exp(spread), LARGEST_VALUE_MICROS)
    return Orders(
        cell=cell,
        period=np.floor(hours / tick_hours).astype(np.int64),
        value_micros=np.rint(value).astype(np.int64),
        refunded=refund < market.refund_rate,
        refund_period=np.floor((hours + REFUND_HOURS * wait) / tick_hours).astype(np.int64),
    )


def attributed_lag_days(uniform: F8, lag_days: float, window_days: float) -> F8:
    """Days f8[n] from click to order, exponential given that they are within the window, from uniforms f8[n]."""
    return np.asarray(-lag_days * np.log1p(uniform * np.expm1(-window_days / lag_days)))


def mean_lag_days(lag_days: float, window_days: float) -> float:
    """Mean days from a click to its attributed order: less than `lag_days`, for the latest are not attributed."""
    ends = window_days / lag_days
    if ends < SHORT:
        return window_days / 2
    return float(lag_days - (window_days / np.expm1(ends) if ends < LONG else 0.0))


def add_arrivals(orders: Orders, tick: int, arrivals: Arrivals) -> None:
    """Add the orders of the clicks of `tick` to `arrivals`, in place.

    What arrives after the last tick is censored: it appears nowhere. A refund takes back its order's whole value in
    the tick in which it arrives.
    """
    if not len(orders.cell):
        return
    ticks, _, segments, candidates = arrivals.matured_conversions.shape
    campaign = orders.cell // (segments * candidates)
    arrives = tick + orders.period
    inside = arrives < ticks
    flat = arrivals.matured_conversions.reshape(ticks, -1)
    np.add.at(flat, (arrives[inside], orders.cell[inside]), 1)
    back = orders.refunded & (tick + orders.refund_period < ticks)
    when = np.concatenate([arrives[inside], tick + orders.refund_period[back]])
    who = np.concatenate([campaign[inside], campaign[back]])
    value = np.concatenate([orders.value_micros[inside], -orders.value_micros[back]])
    np.add.at(arrivals.revenue_micros, (when, who), value)
