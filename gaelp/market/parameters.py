"""The parameters of a market: what calibration measures or assumes, and what every world is drawn from.

S segments, K creatives (or items), B bins of a price histogram. Prices are micros per thousand impressions (CPM).
`to_arrays` and `from_arrays` are the only way to the content store and back; digests contain the names, dtypes and
shapes that stand there. Touch this to give the market another parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from gaelp.agents.contract import WorldShape
from gaelp.arrays import F4, F8, I8, U1, Array
from gaelp.market.audience.segments import Segmentation


@dataclass(frozen=True)
class PriceHistograms:
    """How the highest competing bid is distributed in each segment: B bins of equal width in log price.

    `cdf[s, j]` is P(highest competing bid of segment s < edge j) over all hours; within a bin the density is uniform.
    `by_hour` is the same for each hour of the day in UTC, on the same edges; None where prices know no hour.
    """

    low: F8  # [S] lowest edge, micros CPM
    high: F8  # [S] highest edge, micros CPM
    cdf: F8  # [S, B + 1] rising, from 0 to 1
    by_hour: F8 | None = None  # [24, S, B + 1]

    def of_segments(self, chosen: slice | I8) -> PriceHistograms:
        """Those of some segments."""
        by_hour = None if self.by_hour is None else self.by_hour[:, chosen]
        return PriceHistograms(self.low[chosen], self.high[chosen], self.cdf[chosen], by_hour)

    def at(self, hour: int) -> PriceHistograms:
        """Those of one hour of the day, 0 to 23."""
        return self if self.by_hour is None else PriceHistograms(self.low, self.high, self.by_hour[hour])


@dataclass(frozen=True)
class MarketParameters:
    """One market. Rates and curves are those of an ordinary day; what changes from day to day is in market/world."""

    ctr: F8  # [S, K] clicks per impression of a person who has not seen the creative before
    cvr: F8  # [S, K] attributed orders per click
    order_value_micros: int  # mean value of an order
    margin: float  # contribution per unit of order value, in [0, 1]
    refund_rate: float  # share of orders that are refunded
    prices: PriceHistograms
    reserve_micros: float  # CPM; no impression is sold below it
    first_price: bool  # True: a winner pays its own bid; False: the highest competing bid or the reserve
    rivals: int  # competing bidders of an auction; only the per-auction mode draws each of them
    organic_share: float  # share of attributed orders that would have come without the ad
    order_spread: float  # standard deviation of the log of an order's value
    hourly: F8  # [168] relative traffic of weekday * 24 + hour, of mean 1; weekday 0 is Monday
    auctions_per_hour: F8  # [S] mean number of auctions in an hour
    lag_days: float  # mean of the exponential lag from a click to its order
    window_days: float  # attribution window: no order is attributed to a click that is older
    day_shock: float  # standard deviation of a day's log shock of traffic
    segment_features: F4  # [S, F]
    candidate_features: F4  # [K, G]
    segmentation: Segmentation  # which user feature of a log makes the S segments

    @property
    def world_shape(self) -> WorldShape:
        """The sizes for which an agent's state is made."""
        segments, candidates = self.ctr.shape
        return WorldShape(segments, candidates, self.segment_features.shape[1], self.candidate_features.shape[1])

    @property
    def conversion_value_micros(self) -> float:
        """Contribution of one conversion in micros: order value x margin x (1 - refunds)."""
        return float(self.order_value_micros) * self.margin * (1.0 - self.refund_rate)

    def first_of(self, segments: int | None, creatives: int | None) -> MarketParameters:
        """This market with its first segments and creatives only, and with all of its traffic; None: all of them."""
        s, k = slice(segments), slice(creatives)
        traffic = self.auctions_per_hour[s]
        return replace(
            self,
            ctr=self.ctr[s, k],
            cvr=self.cvr[s, k],
            prices=self.prices.of_segments(s),
            auctions_per_hour=traffic * (self.auctions_per_hour.sum() / traffic.sum()),
            segment_features=self.segment_features[s],
            candidate_features=self.candidate_features[k],
        )

    def to_arrays(self) -> dict[str, Array]:
        """The parameters as the content store keeps them: a scalar is an array of one, text is UTF-8 in bytes."""
        return {
            "ctr": self.ctr,
            "cvr": self.cvr,
            "order_value_micros": np.array([self.order_value_micros], np.int64),
            "margin": np.array([self.margin], np.float64),
            "refund_rate": np.array([self.refund_rate], np.float64),
            "price_low": self.prices.low,
            "price_high": self.prices.high,
            "price_cdf": self.prices.cdf,
            **({} if self.prices.by_hour is None else {"price_cdf_by_hour": self.prices.by_hour}),
            "reserve": np.array([self.reserve_micros], np.float64),
            "first_price": np.array([self.first_price], np.int64),
            "rivals": np.array([self.rivals], np.int64),
            "organic_share": np.array([self.organic_share], np.float64),
            "order_spread": np.array([self.order_spread], np.float64),
            "hourly": self.hourly,
            "auctions_per_hour": self.auctions_per_hour,
            "lag_days": np.array([self.lag_days], np.float64),
            "window_days": np.array([self.window_days], np.float64),
            "day_shock": np.array([self.day_shock], np.float64),
            "segment_features": self.segment_features,
            "candidate_features": self.candidate_features,
            "segment_feature_index": np.array([self.segmentation.feature_index], np.int64),
            "segment_values": _encoded(self.segmentation.values),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> MarketParameters:
        """The inverse of `to_arrays`, which ignores other arrays. Raises ValueError naming one that is missing."""
        try:
            return _read(arrays)
        except KeyError as error:
            raise ValueError(f"the market has no array {error.args[0]!r}") from None


def _read(arrays: Mapping[str, Array]) -> MarketParameters:
    def array(name: str) -> F8:
        return np.asarray(arrays[name], np.float64)

    def number(name: str) -> float:
        return float(arrays[name][0])

    return MarketParameters(
        ctr=array("ctr"),
        cvr=array("cvr"),
        order_value_micros=int(arrays["order_value_micros"][0]),
        margin=number("margin"),
        refund_rate=number("refund_rate"),
        prices=PriceHistograms(
            array("price_low"),
            array("price_high"),
            array("price_cdf"),
            array("price_cdf_by_hour") if "price_cdf_by_hour" in arrays else None,
        ),
        reserve_micros=number("reserve"),
        first_price=bool(arrays["first_price"][0]),
        rivals=int(arrays["rivals"][0]),
        organic_share=number("organic_share"),
        order_spread=number("order_spread"),
        hourly=array("hourly"),
        auctions_per_hour=array("auctions_per_hour"),
        lag_days=number("lag_days"),
        window_days=number("window_days"),
        day_shock=number("day_shock"),
        segment_features=np.asarray(arrays["segment_features"], np.float32),
        candidate_features=np.asarray(arrays["candidate_features"], np.float32),
        segmentation=Segmentation(int(arrays["segment_feature_index"][0]), _decoded(arrays["segment_values"])),
    )


def _encoded(values: tuple[str, ...]) -> U1:
    """UTF-8, padded with zeros to the longest value, u1[V, L]: plain numbers, so that any array format keeps them."""
    rows = [value.encode() for value in values]
    width = max([1, *(len(row) for row in rows)])
    table = np.zeros((len(rows), width), np.uint8)
    for index, row in enumerate(rows):
        table[index, : len(row)] = np.frombuffer(row, np.uint8)
    return table


def _decoded(table: Array) -> tuple[str, ...]:
    return tuple(bytes(np.asarray(row, np.uint8)).rstrip(b"\0").decode() for row in table)
