"""The cost of wins, drawn as sums and cut at the budget, for auctions in aggregate.

Everything here is in micros per thousand impressions (CPM): it is divided by a thousand once, at the end. Touch this to
change the distribution of cost in the aggregate.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

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

    def of(self, rows: I8) -> PriceMoments:
        """Those of some campaigns."""
        return PriceMoments(*(getattr(self, field.name)[rows] for field in fields(self)))


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
    """Wins i8[C, H, S] and their cost up to the moment of an hour at which the budget f8[C] is used up."""
    cost = _summed(won, price, response)
    hourly = cost.sum(axis=2)
    left = np.maximum(budget[:, None] - (np.cumsum(hourly, axis=1) - hourly), 0.0)
    short = hourly > left
    row = np.flatnonzero(short.any(axis=1))
    kept = won
    if len(row):
        hour = short[row].argmax(axis=1)
        cut = _Hour(won[row, hour], cost[row, hour], price.of(row), left[row, hour])
        over = (np.cumsum(short, axis=1) > 0)[..., None]
        kept, cost = np.where(over, 0, won), np.where(over, 0.0, cost)
        kept[row, hour], cost[row, hour], _, _ = cut.first_part(1, response)
    count = kept.sum(axis=1)
    square = count * (price.variance + price.mean**2)
    return CostDraw(count, cost.sum(axis=1), count * price.mean, square, short.any(axis=1))


def until_one_is_out(
    won: I8, price: PriceMoments, left: F8, together: int, response: np.random.Generator
) -> tuple[CostDraw, F8]:
    """The part of an hour's wins i8[C, S] up to the first budget of each group that is used up, and that part f8[C].

    Where no budget of a group of `together` campaigns is used up, it is the whole hour, 1.
    """
    kept, paid = won, _summed(won[:, None], price, response)[:, 0]
    part, out = np.ones(len(won)), np.zeros(len(won), bool)
    left = np.maximum(left, 0.0)
    if (paid.sum(axis=1) > left).any():
        kept, paid, part, out = _Hour(won, paid, price, left).first_part(together, response)
    return CostDraw(kept, paid, kept * price.mean, kept * (price.variance + price.mean**2), out), part


@dataclass(frozen=True)
class _Hour:
    """An hour's wins i8[C, S] with their cost f8[C, S], which come in random order, and what is `left` to pay f8[C].

    Of n wins whose prices sum to T, with squares summing to Q, those in the first part t of the hour number n t and
    cost T t on average, with variances n t (1 - t) and Q t (1 - t) and covariance T t (1 - t): two bridges, drawn as
    normals.
    """

    wins: I8
    cost: F8
    price: PriceMoments
    left: F8

    def first_part(self, together: int, response: np.random.Generator) -> tuple[I8, F8, F8, B1]:
        """(wins i8[C, S], cost f8[C, S], part f8[C], out b1[C]) up to the first budget of each group that is used up.

        Delivery stops at the first price that cannot be paid. What it leaves is a uniform share of a price, and a
        dear price is the likelier to be the first, as in any renewal process.
        """
        unit, spent = self.cost / np.maximum(self.wins, 1), np.maximum(self.cost.sum(axis=1), 1e-9)
        square = (self.wins * (self.price.variance + unit**2)).sum(axis=1)
        rest = response.random(len(spent)) * square / spent
        # Who spends nothing is not cut, and cuts nobody, however little is left.
        short = spent > np.maximum(self.left, 1e-9)
        share = np.where(short, np.maximum(self.left - rest, 0.0) / spent, 1.0)
        early, dearer = self._beyond(_of_group(share, together), response)
        ahead = (early * unit + dearer).sum(axis=1) / spent
        own = np.where(short, np.clip(share - ahead, 0.0, 1.0 - 1e-9), 1.0)
        part = _of_group(own, together)
        kept = np.clip(np.rint(self.wins * part[:, None] + early), 0, self.wins)
        kept = np.floor(kept * self._at_most(kept * self.price.lowest))
        paid = np.clip(kept * unit + dearer, kept * self.price.lowest, kept * self.price.highest)
        return kept.astype(np.int64), paid * self._at_most(paid), part, (own < 1.0) & (own <= part)

    def _beyond(self, part: F8, response: np.random.Generator) -> tuple[F8, F8]:
        """By how much the first part has more wins, and how much more those cost, f8[C, S], than its share of each."""
        spread = np.sqrt(self.wins * (part * (1.0 - part))[:, None])
        early = spread * response.standard_normal(spread.shape)
        return early, spread * np.sqrt(self.price.variance) * response.standard_normal(spread.shape)

    def _at_most(self, cost: F8) -> F8:
        """The factor f8[C, 1], at most 1, by which a cost f8[C, S] fits into what is left."""
        return np.asarray(np.minimum(1.0, self.left / np.maximum(cost.sum(axis=1), 1e-9))[:, None])


def _of_group(own: F8, together: int) -> F8:
    """The least f8[C] of each group, for all of its campaigns."""
    return np.repeat(own.reshape(-1, together).min(axis=1), together)


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
    # At the bound 0 rounding may leave some 1e-12 below it, which would be rounded down to a whole micro.
    parts: F8 = np.maximum(even + noise * np.minimum(room, 1.0), 0.0)
    return parts


def _summed(won: I8, price: PriceMoments, response: np.random.Generator) -> F8:
    """The cost f8[C, H, S] of wins i8[C, H, S]: a Beta between the bounds of a sum, with its mean and variance."""
    lowest, width = price.lowest[:, None], (price.highest - price.lowest)[:, None]
    width = np.maximum(width, 1e-3)
    share = np.clip((price.mean[:, None] - lowest) / width, 1e-9, 1 - 1e-9)
    one = share * (1 - share) / np.maximum(price.variance[:, None] / width**2, 1e-12)
    strength = np.maximum(one * np.maximum(won, 1) - 1.0, 1e-3)
    drawn = response.beta(share * strength, (1 - share) * strength)
    return np.asarray(won * (lowest + width * drawn))
