"""The highest competing bid per segment, a histogram: what a bid wins and what it pays. Touch this to change prices.

A histogram of B bins on a logarithmic grid from `price_low` to `price_high` (micros per thousand impressions), uniform
within a bin; `price_cdf[s, j]` is P(highest rival bid of segment s < edge j). What a log measured, a lognormal and the
maximum of any number of rivals all have this form, and every moment below is exact for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from gaelp.arrays import B1, F8, I8
from gaelp.market.parameters import MarketParameters, PriceHistograms

PER_MILLE = 1000
BINS = 400
TAIL = 1e-6  # of a lognormal, cut at either end
MOST_BINS = 8192  # of a histogram of observed prices
FREE = 1e-3  # of the unit of observed prices
HOURS = 24
HOUR_PRICES = 200  # that the prices of all hours weigh in the histogram of each hour
GUIDE = 2048  # cells of the table that says in which bin a quantile is looked for first


@dataclass(frozen=True)
class ExpectedPayment:
    """Per auction, won or not, f8[..., S]: P(win), expected price paid and expected square of it, in micros CPM."""

    win_rate: F8
    spend: F8
    square: F8
    lowest: F8  # price that can be paid
    highest: F8


@dataclass(frozen=True)
class PriceCurves:
    """The price histograms of S segments with their cumulated moments. Bids and prices are micros CPM, f8[..., S].

    A rival below the lowest edge counts as a bid of that edge. `floor` f8[..., S] is a price under which this
    auction is not sold, a second bid of ours for instance; it never lies above the bid.
    """

    low: F8  # [S] lowest edge
    step: F8  # [S] width of a bin in log price
    edges: F8  # [S, B + 1]
    cdf: F8  # [S, B + 1]
    mean: F8  # [S, B + 1] integral of p dF up to the edge
    square: F8  # [S, B + 1] integral of p^2 dF up to the edge
    reserve: float  # no impression is sold below it
    first_price: bool

    @classmethod
    def of(cls, market: MarketParameters) -> PriceCurves:
        """The curves of a market's histograms, under its reserve and its rule of what a winner pays."""
        return cls.from_histograms(market.prices, market.reserve_micros, market.first_price)

    @classmethod
    def by_hour(cls, market: MarketParameters) -> tuple[PriceCurves, ...]:
        """Those of each hour of the day in UTC; empty where the market's prices know no hour."""
        if market.prices.by_hour is None:
            return ()
        own = (market.prices.at(hour) for hour in range(HOURS))
        return tuple(cls.from_histograms(each, market.reserve_micros, market.first_price) for each in own)

    @classmethod
    def from_histograms(cls, prices: PriceHistograms, reserve_micros: float, first_price: bool) -> PriceCurves:
        """The same from its parts."""
        low, high, cdf = prices.low, prices.high, prices.cdf
        bins = cdf.shape[1] - 1
        step = np.log(high / low) / bins
        edges = low[:, None] * np.exp(step[:, None] * np.arange(bins + 1))
        mass, left, right = np.diff(cdf, axis=1), edges[:, :-1], edges[:, 1:]
        mean, square = (np.zeros_like(cdf) for _ in range(2))
        mean[:, 1:] = np.cumsum(mass * (left + right) / 2, axis=1)
        square[:, 1:] = np.cumsum(mass * (left**2 + left * right + right**2) / 3, axis=1)
        return cls(low, step, edges, cdf, mean, square, reserve_micros, first_price)

    def win_rate(self, bid: F8) -> F8:
        """P(win) of bids f8[..., S]: 0 below the reserve."""
        bid = np.asarray(bid, np.float64)
        return np.where(self._sells(bid), self._up_to(bid)[0], 0.0)

    def spend(self, bid: F8, floor: F8 | None = None) -> F8:
        """Expected price paid in one auction, won or not, in micros CPM, f8[..., S]."""
        return self.paid(bid, floor).spend

    def paid(self, bid: F8, floor: F8 | None = None) -> ExpectedPayment:
        """What a bid wins and pays, all moments from one look into the tables."""
        bid = np.asarray(bid, np.float64)
        sells = self._sells(bid)
        won, mean, square = self._up_to(bid)
        won = np.where(sells, won, 0.0)
        if self.first_price:
            return ExpectedPayment(won, won * bid, won * bid**2, bid, bid)
        lowest, atom, below, below_square = self._lowest if floor is None else self._below(floor)
        spend = np.where(won > 0, atom * lowest + (mean - below), 0.0)
        squares = np.where(won > 0, atom * lowest**2 + (square - below_square), 0.0)
        return ExpectedPayment(won, spend, squares, np.minimum(lowest, bid), np.minimum(bid, self.edges[:, -1]))

    def highest_rival(self, segment: I8, quantile: npt.NDArray[np.floating]) -> F8:
        """The highest rival bid f8[n] at a quantile in [0, 1) of its segment i8[n]; below the lowest edge the edge."""
        guide, upper, offset, slope = self._inverse
        at = guide.take(segment * GUIDE + (quantile * GUIDE).astype(np.int64))
        at += quantile >= upper.take(at)
        late = np.flatnonzero(quantile >= upper.take(at))
        if len(late):
            at[late] = self._bin(segment[late], quantile[late])
        price = quantile * slope.take(at)
        price += offset.take(at)
        return np.maximum(price, self.low.take(segment)) if self._has_atom else price

    def _sells(self, bid: F8) -> B1:
        return (bid > 0) & (bid >= self.reserve)

    @cached_property
    def _lowest(self) -> tuple[F8, F8, F8, F8]:
        return self._below(np.zeros(len(self.low)))

    def _below(self, floor: F8) -> tuple[F8, F8, F8, F8]:
        """The lowest price that can be paid, and the integrals up to it: all that lies below is an atom at it."""
        lowest = np.maximum(np.maximum(floor, self.reserve), self.low)
        return lowest, *self._up_to(lowest)

    def _up_to(self, bid: F8) -> tuple[F8, F8, F8]:
        """Integrals of 1, p and p^2 dF up to any price: exact within a bin, where the density is uniform."""
        bins = self.cdf.shape[1] - 1
        price = np.minimum(np.maximum(bid, self.low), self.edges[:, -1])
        at = np.minimum((np.log(price / self.low) / self.step).astype(np.int64), bins - 1)
        at += np.arange(len(self.low)) * (bins + 1)
        cdf, edges, density = self._density
        left = edges.take(at)
        rise = (price - left) * density.take(at)
        mean = self.mean.ravel().take(at) + rise * (price + left) / 2
        square = self.square.ravel().take(at) + rise * (price * price + price * left + left * left) / 3
        return np.where(bid < self.low, 0.0, cdf.take(at) + rise), mean, square

    @cached_property
    def _density(self) -> tuple[F8, F8, F8]:
        """Flat over segment and edge: cdf, edges, and the density in the bin to the right of an edge."""
        mass, width = np.diff(self.cdf, axis=1), np.diff(self.edges, axis=1)
        return self.cdf.ravel(), self.edges.ravel(), np.pad(mass / width, ((0, 0), (0, 1))).ravel()

    @cached_property
    def _inverse(self) -> tuple[I8, F8, F8, F8]:
        """Where a search from a quantile's guide cell begins, and flat over bins (a stride of B + 1 a segment): the
        quantile at which the bin ends, and offset and slope of the price within it.
        """
        cells = np.repeat(np.arange(len(self.low)), GUIDE)
        guide = self._bin(cells, np.tile(np.arange(GUIDE) / GUIDE, len(self.low)))
        cdf, edges, density = self._density
        upper = np.roll(self.cdf, -1, axis=1)
        # A quantile beyond the last edge is nobody's: the search ends at the last bin.
        upper[:, -2:] = np.inf
        slope = np.where(density > 0, 1.0 / np.where(density > 0, density, 1.0), 0.0)
        return guide, upper.ravel(), edges - cdf * slope, slope

    @cached_property
    def _has_atom(self) -> bool:
        return bool((self.cdf[:, 0] > 0).any())

    def _bin(self, segment: I8, quantile: npt.NDArray[np.floating]) -> I8:
        """Flat index of the edge to the left of a quantile."""
        stride = self.cdf.shape[1]
        at = np.searchsorted(self._steps, 2.0 * segment + quantile, side="right") - 1
        return np.asarray(np.clip(at, segment * stride, segment * stride + stride - 2))

    @cached_property
    def _steps(self) -> F8:
        """The cdf of all segments as one rising row: segment s lies in [2 s, 2 s + 1]."""
        return (self.cdf + 2.0 * np.arange(len(self.low))[:, None]).ravel()


def lognormal(median: F8, spread: F8) -> PriceHistograms:
    """Histograms whose highest rival bid is lognormal: median f8[S] micros CPM, log standard deviation f8[S]."""
    reach = float(ndtri(1.0 - TAIL))
    low, high = median * np.exp(-reach * spread), median * np.exp(reach * spread)
    z = np.linspace(-reach, reach, BINS + 1)
    cdf = (ndtr(z) - ndtr(z[0])) / (ndtr(z[-1]) - ndtr(z[0]))
    return PriceHistograms(low, high, np.repeat(cdf[None], len(median), axis=0))


def observed(prices: I8, segment: I8, segments: int, unit_micros: float, hour: I8 | None = None) -> PriceHistograms:
    """Histograms of observed highest rival bids i8[n], whole numbers from 0 on, by segment i8[n] and hour i8[n].

    `unit_micros` is what 1 in those numbers is, in micros CPM. Each number has a bin of its own, so that a bid of b of
    them wins between the share of prices below b and that of prices not above it; numbers nearer to each other than a
    step of MOST_BINS, 0.1 % or so, share one. A price of 0 is paid as FREE of a unit, because the grid is logarithmic.
    A segment without any price has the histogram of all. An hour's histogram is drawn towards its segment's, which
    weighs HOUR_PRICES prices in it. Raises ValueError where there is no price above 0.
    """
    if not len(prices) or prices.min() < 0 or prices.max() == 0:
        raise ValueError(
            "a win-price curve needs whole prices from 0 on, and one above 0: check the log's price column"
        )
    top = float(prices.max())
    low = FREE if prices.min() == 0 else float(prices.min()) - 0.25
    high = top + 0.25
    step = max(np.log(top / (top - 0.5)), np.log(high / low) / MOST_BINS)
    bins = int(np.ceil(np.log(high / low) / step))
    edges = low * np.exp(np.log(high / low) / bins * np.arange(1, bins))

    def below(here: I8) -> F8:
        ranked = np.sort(here)
        free = 0.0 if low > FREE else float(np.mean(here == 0))
        return np.array([free, *np.searchsorted(ranked, edges) / len(here), 1.0])

    rows = [below(here if len(here := prices[segment == index]) else prices) for index in range(segments)]
    cdf = np.stack(rows)
    by_hour = None
    if hour is not None:
        by_hour = np.stack([cdf] * HOURS)
        for at, index in product(range(HOURS), range(segments)):
            if len(here := prices[(segment == index) & (hour == at)]):
                weight = len(here) / (len(here) + HOUR_PRICES)
                by_hour[at, index] += weight * (below(here) - cdf[index])
    return PriceHistograms(np.full(segments, low * unit_micros), np.full(segments, high * unit_micros), cdf, by_hour)
