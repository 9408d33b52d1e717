"""What the later part of a log says of the quantities that a market simulates, with intervals (docs/history.md).

Intervals are 90 % and by drawing blocks of the log anew: 200 consecutive ones, of a report its days. That of the hours
is by rows. A quantity without
events is left out. Touch this to compare another quantity, with gaelp/market/calibration/simulated_quantities.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8, I8, Array
from gaelp.domain.log_evidence import WIN_RATES, Quantity
from gaelp.evidence.history import bandit_rows
from gaelp.evidence.history.off_policy import TAIL
from gaelp.evidence.history.report_forecasts import LATE

DRAWS = 500
FEWEST_DAYS = 14  # of a report: by drawing fewer days anew an interval is too narrow
HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class LoggedQuantity:
    """A value with its 90 % interval, and how many events it rests on; a cost is in the log's own unit."""

    quantity: Quantity
    value: float
    low: float
    high: float
    events: int


def of_auctions(log: Mapping[str, Array], earlier: int, bids: Mapping[float, int], rng: np.random.Generator) -> Logged:
    """Of a market log after its first `earlier` rows; `bids` by the share of earlier prices that they are not below."""
    later = {key: log[key][earlier:] for key in ("market_price", "click", "time_us")}
    price, block = later["market_price"], _blocks(len(later["click"]))
    rows = np.ones(len(price))
    found = [
        _ratio(WIN_RATES[share], (price <= bid).astype(np.float64), rows, block, rng) for share, bid in bids.items()
    ]
    if len(price) and later["click"].min() >= 0:
        found += _of_clicks(later["click"].astype(np.float64), rows, price.astype(np.float64), block, rng)
    return _known(*found, _hours(later["time_us"], rng))


def of_impressions(log: Mapping[str, Array], rng: np.random.Generator) -> Logged:
    """Of the later part of a bandit log, under the policy that logged."""
    block = _blocks(len(log["click"]))
    rate = _ratio(Quantity.CLICK_RATE, log["click"].astype(np.float64), np.ones(len(block)), block, rng)
    return _known(rate, _hours(log["time_us"], rng))


def of_report(log: Mapping[str, Array], earlier: int, lag_days: float, rng: np.random.Generator) -> Logged:
    """Of a report after its first `earlier` rows: rates, and the cost per click where every cost is known.

    The last days, whose conversions are not all in yet, say nothing of conversions.
    """
    later = {key: log[key][earlier:] for key in ("day", "impressions", "clicks", "cost_micros", "conversions")}
    clicks, day = later["clicks"].astype(np.float64), later["day"]
    _, block = np.unique(day, return_inverse=True)
    cost = later["cost_micros"].astype(np.float64)
    known = cost if len(cost) and cost.min() >= 0 else np.zeros(0)
    found = _of_clicks(clicks, later["impressions"].astype(np.float64), known, block, rng)
    mature = day <= int(log["day"].max()) - math.ceil(lag_days * LATE)
    orders = np.where(mature, later["conversions"], 0.0)
    if np.isfinite(orders).all():
        found.append(_ratio(Quantity.CONVERSION_RATE, orders, np.where(mature, clicks, 0.0), block, rng))
    return _known(*found)


def hour_slots(time_us: I8) -> I8:
    """Hours of the week i8[H], weekday x 24 + hour in UTC, from the first to the last of these instants."""
    hour = np.arange(time_us.min() // HOUR_US, time_us.max() // HOUR_US + 1)
    return np.asarray((hour // 24 + 3) % 7 * 24 + hour % 24)


def hours_of_day(time_us: I8) -> F8:
    """Share of the rows in each hour of the day in UTC, f8[24]."""
    return np.asarray(np.bincount(time_us // HOUR_US % 24, minlength=24) / len(time_us))


Logged = tuple[LoggedQuantity, ...]


def _of_clicks(clicks: F8, shown: F8, cost: F8, block: I8, rng: np.random.Generator) -> list[LoggedQuantity | None]:
    rate = _ratio(Quantity.CLICK_RATE, clicks, shown, block, rng)
    return [rate, _ratio(Quantity.CLICK_COST, cost, clicks, block, rng)] if len(cost) else [rate]


def _hours(time_us: I8, rng: np.random.Generator) -> LoggedQuantity | None:
    """The curve has everything in common with itself; what it has with another draw of its rows is the low end."""
    if not len(time_us) or time_us.min() < 0 or not (time_us % (24 * HOUR_US)).any():
        return None
    # A block is a stretch of the log, and so of few hours: here single rows are drawn anew.
    share = hours_of_day(time_us)
    common = np.minimum(rng.multinomial(len(time_us), share, size=DRAWS) / len(time_us), share).sum(axis=1)
    return LoggedQuantity(Quantity.HOURS, 1.0, float(np.quantile(common, TAIL)), 1.0, len(time_us))


def _blocks(rows: int) -> I8:
    edges = bandit_rows.block_edges(rows)
    return np.repeat(np.arange(len(edges) - 1), np.diff(edges))


def _ratio(quantity: Quantity, top: F8, bottom: F8, block: I8, rng: np.random.Generator) -> LoggedQuantity | None:
    """The ratio of two sums over rows; None where either is 0."""
    if top.sum() <= 0 or bottom.sum() <= 0:
        return None
    above, below = (np.bincount(block, each) for each in (top, bottom))
    drawn = rng.multinomial(above.size, np.full(above.size, 1 / above.size), size=DRAWS).astype(np.float64)
    sums = drawn @ below
    ratios = np.divide(drawn @ above, sums, out=np.full(DRAWS, np.finfo(float).max), where=sums > 0)
    low, high = np.quantile(ratios, [TAIL, 1 - TAIL])
    events = bottom.sum() if quantity is Quantity.CLICK_COST else top.sum()
    return LoggedQuantity(quantity, float(above.sum() / below.sum()), float(low), float(high), int(events))


def _known(*found: LoggedQuantity | None) -> Logged:
    return tuple(each for each in found if each is not None)
