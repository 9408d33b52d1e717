"""The cost of wins, drawn as sums and cut at the budget, for auctions in aggregate.

Everything here is in micros per thousand impressions (CPM): it is divided by a thousand once, at the end. Touch this to
change the distribution of cost in the aggregate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import B1, F8, I8
from gaelp.market.auctions.price_curves import PriceCurves


@dataclass(frozen=True)
class PriceMoments:
    """P(win), and the price paid given a win, f8[C, S] micros CPM."""

    win_rate: F8
    mean: F8
    variance: F8
    lowest: F8
    highest: F8


@dataclass(frozen=True)
class CostDraw:
    """Wins of C campaigns in S segments, summed over hours."""

    wins: I8  # [C, S]
    cost: F8  # [C, S] micros CPM
    expected: F8  # [C, S] sum of the expected prices
    square: F8  # [C, S] sum of the expected squared prices
    out: B1  # [C] the budget was used up

    def __add__(self, other: CostDraw) -> CostDraw:
        return CostDraw(
            self.wins + other.wins,
            self.cost + other.cost,
            self.expected + other.expected,
            self.square + other.square,
            self.out | other.out,
        )


def nothing(shape: tuple[int, ...]) -> CostDraw:
    """What is bought in no hour."""
    return CostDraw(
        np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape[0], bool)
    )


def prices(curves: PriceCurves, bid: F8, floor: F8 | None, level: F8) -> PriceMoments:
    """Prices of bids f8[C, S] micros CPM where every price of the curves is multiplied by `level` f8[C]."""
    scale = level[:, None]
    paid = curves.paid(bid / scale, None if floor is None else floor / scale)
    chance = np.maximum(paid.win_rate, 1e-300)
    mean = np.clip(paid.spend / chance, paid.lowest, paid.highest)
    variance = np.clip(paid.square / chance - mean**2, 0.0, (mean - paid.lowest) * (paid.highest - mean))
    return PriceMoments(paid.win_rate, mean * scale, variance * scale**2, paid.lowest * scale, paid.highest * scale)


def wins(auctions: I8, price: PriceMoments, response: np.random.Generator) -> I8:
    """Auctions i8[C, H, S] that the bids win."""
    return np.asarray(response.binomial(auctions, np.broadcast_to(price.win_rate[:, None], auctions.shape)))


def within_budget(won: I8, price: PriceMoments, budget: F8, response: np.random.Generator) -> CostDraw:
    """Wins i8[C, H, S] and their cost, cut when the budget f8[C] is used up, pro rata by time within that hour."""
    cost = _summed(won, price, response)
    hourly = cost.sum(axis=2)
    left = np.maximum(budget[:, None] - (np.cumsum(hourly, axis=1) - hourly), 0.0)
    out = (hourly > left).any(axis=1)
    kept = won
    if out.any():
        share = np.minimum(1.0, left[out] / np.maximum(hourly[out], 1e-9))[..., None]
        kept = won.copy()
        kept[out] = np.where(share < 1.0, np.floor(won[out] * share), won[out]).astype(np.int64)
        cost[out] *= kept[out] / np.maximum(won[out], 1)
    count = kept.sum(axis=1)
    return CostDraw(count, cost.sum(axis=1), count * price.mean, count * (price.variance + price.mean**2), out)


def until_one_is_out(
    won: I8, price: PriceMoments, left: F8, together: int, response: np.random.Generator
) -> tuple[CostDraw, F8]:
    """The part of an hour's wins i8[C, S] up to the first budget of each group that is used up, and that part f8[C].

    Where no budget of a group of `together` campaigns is used up, it is the whole hour, 1.
    """
    cost = _summed(won[:, None], price, response)[:, 0]
    spent, left = cost.sum(axis=1), np.maximum(left, 0.0)
    # Who spends nothing is not cut, and cuts nobody, however little is left.
    own = np.divide(left, spent, out=np.ones_like(left), where=spent > left)
    part = np.repeat(own.reshape(-1, together).min(axis=1), together)
    out = (own < 1.0) & (own <= part)
    # Rounded down for all of the group: another's share of the hour may be all that it can pay, too.
    kept = np.floor(won * part[:, None]).astype(np.int64)
    paid = cost * (kept / np.maximum(won, 1))
    return CostDraw(kept, paid, kept * price.mean, kept * (price.variance + price.mean**2), out), part


def split(shown: I8, draw: CostDraw, response: np.random.Generator) -> F8:
    """Each creative's part f8[C, S, K] of the cost, given its impressions i8[C, S, K].

    With w prices of variance v summing to T, a creative with m of them pays m T / w on average, with covariance
    v (diag(m) - m m' / w): a normal bridge, shrunk where it would leave the bounds 0 and T.
    """
    count = np.maximum(draw.wins, 1)
    unit = (draw.cost / count)[..., None]
    even = shown * unit
    if shown.shape[-1] == 1:
        return even
    variance = np.maximum(draw.square / count - (draw.expected / count) ** 2, 0.0)[..., None]
    noise = np.sqrt(shown * variance) * response.standard_normal(shown.shape)
    noise -= shown * (noise.sum(axis=-1, keepdims=True) / count[..., None])
    # The whole bridge shrinks, because the parts must still sum to the cost.
    room = np.where(noise < 0, even / np.maximum(-noise, 1e-9), np.inf).min(axis=-1, keepdims=True)
    return np.asarray(even + noise * np.minimum(room, 1.0))


def _summed(won: I8, price: PriceMoments, response: np.random.Generator) -> F8:
    """The cost f8[C, H, S] of wins i8[C, H, S]: a Beta between the bounds of a sum, with its mean and variance."""
    lowest, width = price.lowest[:, None], (price.highest - price.lowest)[:, None]
    width = np.maximum(width, 1e-3)
    share = np.clip((price.mean[:, None] - lowest) / width, 1e-9, 1 - 1e-9)
    one = share * (1 - share) / np.maximum(price.variance[:, None] / width**2, 1e-12)
    strength = np.maximum(one * np.maximum(won, 1) - 1.0, 1e-3)
    drawn = response.beta(share * strength, (1 - share) * strength)
    return np.asarray(won * (lowest + width * drawn))
