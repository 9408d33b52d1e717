"""Second-price auctions in aggregate: counts per cell, no loop over auctions. Touch this to change how ads are sold.

A bid b (micros per thousand impressions) meets the highest competing bid, lognormal per segment with median
exp(mu) and log spread s: P(win) = Phi(z), z = (log b - mu)/s, and the n-th moment of the price paid is
E[r^n | r < b] = exp(n mu + n^2 s^2 / 2) Phi(z - n s) / Phi(z).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Array = npt.NDArray[np.generic]
I8 = npt.NDArray[np.int64]
F8 = npt.NDArray[np.float64]
Market = Mapping[str, Array]

PER_MILLE = 1000


@dataclass(frozen=True)
class Served:
    """What happened, per campaign, segment and creative. Money is micros."""

    wins: I8  # [C, S, K] impressions
    clicks: I8  # [C, S, K]
    conversions: I8  # [C, S, K] that these clicks will ever have
    cost_micros: I8  # [C, S, K]
    auctions: I8  # [C, S] that took place, won or not, paid for or not


def win_rate(market: Market, bid_micros: Array) -> F8:
    """P(win) f8[..., S] of bids [..., S]; 0 for a bid of 0."""
    return np.asarray(ndtr(_z(market, bid_micros)))


def price_moments(market: Market, bid_micros: Array) -> tuple[F8, F8]:
    """Mean and variance of the CPM price paid given a win, in micros, f8[..., S]; 0 where nothing can be won."""
    z, spread, median = _z(market, bid_micros), _f8(market["price_log_spread"]), _f8(market["price_log_median"])
    chance = np.maximum(ndtr(z), 1e-300)
    mean = np.exp(median + spread**2 / 2) * ndtr(z - spread) / chance
    square = np.exp(2 * median + 2 * spread**2) * ndtr(z - 2 * spread) / chance
    bid = bid_micros.astype(np.float64)
    mean = np.minimum(mean, bid)
    return mean, np.clip(square - mean**2, 0.0, mean * (bid - mean))


def traffic(market: Market, hour: I8, weekday: I8, shock: F8, world: np.random.Generator) -> I8:
    """Auctions i8[..., S] of the hours given by `hour` and `weekday` [...]; `shock` [...] multiplies their rate.

    The only draw from the world stream here, and it depends on no action.
    """
    weight = _f8(market["hourly"])[weekday * 24 + hour] * shock
    return np.asarray(world.poisson(weight[..., None] * _f8(market["auctions_per_hour"])))


def serve(
    market: Market,
    *,
    hour: I8,
    weekday: I8,
    shock: F8,
    bid_micros: I8,
    creative_prob: F8,
    budget_micros: I8,
    world: np.random.Generator,
    response: np.random.Generator,
) -> Served:
    """One hour for C campaigns.

    hour, weekday, budget_micros i8[C]; shock f8[C]; bid_micros i8[C, S]; creative_prob f8[C, S, K]. Cost never
    exceeds budget_micros: delivery stops within the hour when the budget is used up.
    """
    auctions = traffic(market, hour, weekday, shock, world)
    return deliver(market, auctions[:, None, :], bid_micros, creative_prob, budget_micros, response)


def deliver(
    market: Market, auctions: I8, bid_micros: I8, creative_prob: F8, budget_micros: I8, response: np.random.Generator
) -> Served:
    """Serve the hours of `auctions` i8[C, H, S] in order under one decision and one budget i8[C] for all of them."""
    wins, cost = _bought(market, auctions, bid_micros, response)
    wins, cost = _within_budget(wins, cost, budget_micros)
    won, paid = wins.sum(axis=1), cost.sum(axis=1)
    probability = creative_prob / creative_prob.sum(axis=-1, keepdims=True)
    shown = response.multinomial(won, probability)
    clicks = response.binomial(shown, _f8(market["ctr"]))
    conversions = response.binomial(clicks, _f8(market["cvr"]))
    unit = paid / np.maximum(won, 1)
    micros = np.floor(shown * unit[..., None]).astype(np.int64)
    return Served(shown, clicks, conversions, micros, auctions.sum(axis=1))


def _bought(market: Market, auctions: I8, bid_micros: I8, response: np.random.Generator) -> tuple[I8, F8]:
    """Wins i8 and cost f8 (micros) [C, H, S] before any budget.

    The sum of w prices is drawn as w b Beta, whose mean and variance are the exact ones of the truncated lognormal
    and whose bounds are those of a second price: 0 and w b.
    """
    bid = np.broadcast_to(bid_micros[:, None, :], auctions.shape)
    wins = response.binomial(auctions, np.broadcast_to(win_rate(market, bid_micros)[:, None, :], auctions.shape))
    mean, variance = (moment[:, None, :] for moment in price_moments(market, bid_micros))
    share = np.clip(mean / np.maximum(bid, 1), 1e-9, 1 - 1e-9)
    spread = np.maximum(variance, 1e-12 * bid * bid) / np.maximum(wins, 1) / np.maximum(bid, 1) ** 2
    strength = np.where(wins > 0, np.maximum(share * (1 - share) / np.maximum(spread, 1e-30) - 1.0, 1e-3), 1.0)
    drawn = response.beta(share * strength, (1 - share) * strength)
    return wins, wins * bid * drawn / PER_MILLE


def _within_budget(wins: I8, cost: F8, budget_micros: I8) -> tuple[I8, F8]:
    """Cut delivery at the moment the budget is used up, pro rata by time within that hour; rounded down."""
    hourly = cost.sum(axis=2)
    before = np.cumsum(hourly, axis=1) - hourly
    left = np.maximum(budget_micros[:, None] - before, 0.0)
    share = np.minimum(1.0, left / np.maximum(hourly, 1e-9))[..., None]
    kept = np.where(share < 1.0, np.floor(wins * share), wins).astype(np.int64)
    return kept, cost * kept / np.maximum(wins, 1)


def _z(market: Market, bid_micros: Array) -> F8:
    with np.errstate(divide="ignore"):
        log_bid = np.log(bid_micros.astype(np.float64))
    return np.asarray((log_bid - _f8(market["price_log_median"])) / _f8(market["price_log_spread"]))


def _f8(array: Array) -> F8:
    return np.asarray(array, np.float64)
