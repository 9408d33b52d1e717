"""What a bid buys, learned from bids and what they won. Touch this for another price model than the lognormal.

Sufficient statistics per segment, hour of the day at which the tick began, and bin of log bid. In second-price auctions
the prices paid show the distribution of the highest rival bid whatever the budget did; volumes are read only off ticks
that it did not cut. In first-price auctions, known by bids being what was paid, the distribution is read off how those
volumes rise with the bid (first_price.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from gaelp.agents.contract import State, WorldShape
from gaelp.agents.models import first_price
from gaelp.arrays import F8, I8

WIDTH = np.log(1e4) / 56  # of a bin of the log bid
LOWEST, BINS = np.log(2e4) - 18 * WIDTH, 126  # log micros CPM: a thousandth of a unit to a million, in any currency
UNCUT = 0.97  # a tick that spent less than this share of its budget was not cut by it
MEDIAN_STEP, MEDIAN_REACH = 0.084, 4.0  # grid of the median, around the mean log bid of what was won
SPREADS = np.linspace(0.2, 1.2, 21)
MIN_IMPRESSIONS = 200.0  # before this many a segment's prices are unknown
UNKNOWN_SHADE = 0.5  # share of its value that is bid in a first-price auction whose rivals are not known yet
PAID_AS_BID = 0.995  # share of its bids that a first-price auction charges; a second price does so among equal own bids


def nothing(shape: WorldShape) -> dict[str, F8]:
    """Statistics before any trajectory."""
    prices = {name: np.zeros((shape.segments, BINS)) for name in ("won", "paid", "won_log_bid")}
    volumes = {name: np.zeros((shape.segments, 24, BINS)) for name in ("volume_won", "volume_ticks")}
    fitted = {"price_median": np.zeros(shape.segments), "price_spread": np.zeros(shape.segments)}
    return {**prices, **volumes, **fitted, "auctions": np.zeros((shape.segments, 24)), "tick_starts": np.zeros(24)}


def added(state: State, trajectories: Sequence[State]) -> dict[str, F8]:
    """The state's statistics plus those of `trajectories`, and the landscape fitted to them."""
    total = {name: np.array(state[name], np.float64) for name in nothing(WorldShape(1, 1, 1, 1))}
    for trajectory in trajectories:
        _add(total, trajectory)
    pays_bid = pays_its_bid(total)
    for segment in range(len(total["won"])):
        if total["won"][segment].sum() >= MIN_IMPRESSIONS:
            fitted = _by_volume(total, segment) if pays_bid else _by_price(total, segment)
            total["price_median"][segment], total["price_spread"][segment] = fitted
            total["auctions"][segment] = _auctions(total, segment)
    return total


def pays_its_bid(state: State) -> bool:
    """Whether the winner pays what it bid: a first-price auction. False before anything was won."""
    won, paid = _f8(state, "won"), _f8(state, "paid")
    offered = (won * np.exp(_log_bids(state))).sum() / 1000.0
    return bool(0 < PAID_AS_BID * offered <= paid.sum())


def known(state: State) -> bool:
    """Whether every segment's prices and volumes have been learned."""
    return bool((_f8(state, "price_spread") > 0).all() and (_f8(state, "auctions").sum(axis=1) > 0).all())


def cut(state: State) -> bool:
    """Whether prices are known, and volumes are not because budgets cut every tick there was."""
    return not known(state) and bool((_f8(state, "price_spread") > 0).all())


def best_bids(state: State, value: F8) -> F8:
    """The bids f8[..., S] that earn most where a thousand impressions have the value `value` f8[..., S] in micros."""
    if not pays_its_bid(state):
        return value
    if not known(state) or len(np.asarray(state["price_median"])) != value.shape[-1]:
        return value * UNKNOWN_SHADE
    return first_price.shaded(value, _f8(state, "price_median"), _f8(state, "price_spread"))


def spend_per_auction(state: State, bid_micros: F8) -> F8:
    """Expected micros f8[..., S] that one auction costs at a CPM bid [..., S]."""
    median, spread = _f8(state, "price_median"), _f8(state, "price_spread")
    z = (np.log(np.maximum(bid_micros, 1.0)) - median) / spread
    if pays_its_bid(state):
        return np.asarray(bid_micros * ndtr(z) / 1000.0)
    return np.asarray(np.exp(median + spread**2 / 2) * ndtr(z - spread) / 1000.0)


def mean_second_price(state: State, bid_micros: F8) -> F8:
    """Mean price f8[..., S] of a thousand impressions won at a CPM bid [..., S] where the second price is paid.

    S are the first segments of those learned; 0 where their prices are unknown.
    """
    count = bid_micros.shape[-1]
    median, spread = _f8(state, "price_median")[:count], _f8(state, "price_spread")[:count]
    z = (np.log(np.maximum(bid_micros, 1.0)) - median) / np.maximum(spread, 1e-9)
    price = np.exp(median + spread**2 / 2) * ndtr(z - spread) / np.maximum(ndtr(z), 1e-12)
    return np.asarray(np.where(spread > 0, np.minimum(price, bid_micros), 0.0))


def auctions_left(state: State, hour: I8) -> tuple[F8, F8]:
    """Expected auctions f8[C, S] of the tick beginning at `hour` i8[C], and of the rest of its day with it.

    Hours whose ticks were all cut or too late for any money count as the mean of the others: as nothing, they would
    let each day's budget go in its first hours, and nothing would ever be learned of them. Where no tick of the
    training began at that hour or later, the whole day's in proportion to the hours left.
    """
    by_hour = _f8(state, "auctions")
    without_volume = (by_hour <= 0) & (_f8(state, "tick_starts") > 0)
    typical = by_hour.sum(axis=1, keepdims=True) / np.maximum((by_hour > 0).sum(axis=1, keepdims=True), 1)
    by_hour = np.where(without_volume, typical, by_hour)
    rest = np.cumsum(by_hour[:, ::-1], axis=1)[:, ::-1]
    spread_out = by_hour.sum(axis=1, keepdims=True) * (24 - np.arange(24)) / 24
    rest = np.where(rest > 0, rest, spread_out)
    tick = np.where(by_hour > 0, by_hour, rest)
    return tick[:, hour].T, rest[:, hour].T


def traffic_share(state: State, hour: I8) -> F8:
    """Share f8[C] in (0, 1] of the day's remaining traffic that the tick beginning at `hour` has; 1 before learning."""
    tick, rest = (auctions.sum(axis=1) for auctions in auctions_left(state, hour))
    return np.asarray(np.where(rest > 0, tick / np.where(rest > 0, rest, 1.0), 1.0))


def _add(total: dict[str, F8], trajectory: State) -> None:
    bid = np.asarray(trajectory["bid_micros"], np.float64)
    won = np.asarray(trajectory["impressions"]).sum(axis=-1).astype(np.float64)
    paid = np.asarray(trajectory["cost_micros"]).sum(axis=-1).astype(np.float64)
    log_bid = np.log(np.maximum(bid, 1.0))
    at = np.clip((log_bid - LOWEST) / WIDTH, 0, BINS - 1).astype(np.int64)
    segment = np.broadcast_to(np.arange(bid.shape[-1]), bid.shape)
    np.add.at(total["won"], (segment, at), won)
    np.add.at(total["paid"], (segment, at), paid)
    np.add.at(total["won_log_bid"], (segment, at), won * log_bid)
    if "budget_left_micros" not in trajectory:
        return
    total["tick_starts"] += np.bincount(np.asarray(trajectory["hour"]).ravel(), minlength=24)
    left, spent = _f8(trajectory, "budget_left_micros"), paid.sum(axis=-1)
    # A tick with less left than an impression in each segment costs was cut, however little of it was spent: read as
    # an hour without traffic, it would let the next day's budget go before that hour too.
    uncut = (spent < UNCUT * left) & (left - spent > bid.sum(axis=-1) / 1000.0)
    keep = (bid > 0) & uncut[..., None]
    hour = np.broadcast_to(np.asarray(trajectory["hour"])[..., None], bid.shape)
    cell = (segment[keep], hour[keep], at[keep])
    np.add.at(total["volume_won"], cell, won[keep])
    np.add.at(total["volume_ticks"], cell, 1.0)


def _by_price(total: State, segment: int) -> tuple[float, float]:
    """Median (log micros) and log spread whose mean price given a win fits the prices paid; grid, then a finer one."""
    won, paid = _f8(total, "won")[segment], _f8(total, "paid")[segment]
    had_wins = won > 0
    log_bid, weight = _log_bids(total)[segment, had_wins], won[had_wins]
    log_price = np.log(np.maximum(paid[had_wins], 1.0) * 1000.0 / weight)
    medians, spreads = _medians(log_bid, weight), SPREADS
    for _ in range(3):
        m, s = (axis[..., None] for axis in np.meshgrid(medians, spreads, indexing="ij"))
        z = (log_bid - m) / s
        model = m + s**2 / 2 + np.log(np.maximum(ndtr(z - s), 1e-300)) - np.log(np.maximum(ndtr(z), 1e-300))
        error = ((log_price - model) ** 2 * weight).sum(axis=-1)
        i, j = np.unravel_index(int(error.argmin()), error.shape)
        median, spread = float(medians[i]), float(spreads[j])
        step_m, step_s = medians[1] - medians[0], spreads[1] - spreads[0]
        medians = np.linspace(median - step_m, median + step_m, 9)
        spreads = np.linspace(max(spread - step_s, 0.05), spread + step_s, 9)
    return median, spread


def _by_volume(total: State, segment: int) -> tuple[float, float]:
    won, ticks = _f8(total, "volume_won")[segment], _f8(total, "volume_ticks")[segment]
    log_bid = _log_bids(total)[segment]
    return first_price.fitted(won, ticks, log_bid, _medians(log_bid, _f8(total, "won")[segment]), SPREADS)


def _medians(log_bid: F8, won: F8) -> F8:
    """The grid of medians for bids f8[n] that won so much."""
    centre = np.average(log_bid, weights=won)
    return np.arange(centre - MEDIAN_REACH, centre + MEDIAN_REACH, MEDIAN_STEP)


def _auctions(total: State, segment: int) -> F8:
    """Mean auctions f8[24] of a tick, by the hour it began at; 0 where no uncut tick began."""
    median, spread = _f8(total, "price_median")[segment], _f8(total, "price_spread")[segment]
    chance = ndtr((_log_bids(total)[segment] - median) / spread)
    won, ticks = _f8(total, "volume_won")[segment], _f8(total, "volume_ticks")[segment]
    expected = (ticks * chance).sum(axis=1)
    return np.asarray(np.where(expected > 0, won.sum(axis=1) / np.maximum(expected, 1e-12), 0.0))


def _log_bids(total: State) -> F8:
    """Mean log bid f8[S, BINS] of the impressions won; the bin's centre where none was."""
    won = _f8(total, "won")
    centre = LOWEST + (np.arange(BINS) + 0.5) * WIDTH
    return np.asarray(np.where(won > 0, _f8(total, "won_log_bid") / np.where(won > 0, won, 1.0), centre))


def _f8(state: State, name: str) -> F8:
    return np.asarray(state[name], np.float64)
