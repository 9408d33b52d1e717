"""What a market log says of the market: exchanges, click rates, hours and prices. Touch this when it can say more.

A market log has only auctions that its logger won. Its prices end at the logger's bids and its traffic is what was won,
so that both are lower ends: a bid above the highest price of the log wins every auction of this market.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from gaelp.arrays import F8, I8, Array
from gaelp.market.auctions import price_curves
from gaelp.market.audience.segments import Segmentation, choose
from gaelp.market.calibration import calibration_window, shrinkage
from gaelp.market.calibration.calibration_window import CalibrationError
from gaelp.market.parameters import PriceHistograms

MOST_CREATIVES = 1024  # that are told apart by a column each
_PER_ROW = ("time_us", "hour", "weekday", "market_price", "click", "exchange", "creative")


@dataclass(frozen=True)
class SoldAuctions:
    """N auctions that the logger won, in S segments; of K creatives, where the log names them."""

    price: I8  # [N] whole numbers in the log's unit
    segment: I8  # [N]
    hour: I8 | None  # [N] of the day in UTC; None where the log has no times
    segmentation: Segmentation  # by exchange: the commonest have a segment each, the others are the last
    ctr: F8 | None  # [S, K], or [S, 1] where creatives are not known; none where clicks are not
    share: F8  # [S] of the auctions
    hourly: F8  # [168] relative traffic, mean 1
    creatives: tuple[str, ...]  # empty where the log does not name them

    @property
    def median(self) -> int:
        """The lowest price that at least half of the prices do not exceed, in the log's unit."""
        return int(np.sort(self.price)[(len(self.price) - 1) // 2])

    def unit_micros(self, median_micros: float) -> float:
        """What 1 in the log's prices is in micros per thousand impressions, with their median put to that."""
        return median_micros / max(self.median, 1)

    def prices(self, segments: int, median_micros: float, hourly: F8) -> PriceHistograms:
        """The log's prices with their median put to `median_micros`, by exchange, or all alike in other segments.

        Where they are known by hour, those of all hours together are by the market's traffic `hourly` f8[168].
        Raises CalibrationError where the median is 0.
        """
        if not self.median:
            raise CalibrationError(
                "half of the market log's prices are 0, so that no level can be given to them: give a longer log, or "
                "leave it out of the logs"
            )
        own = segments == len(self.share)
        where = self.segment if own else np.zeros(len(self.price), np.int64)
        found = price_curves.observed(self.price, where, segments, median_micros / self.median, self.hour)
        if found.by_hour is None:
            return found
        traffic = hourly.reshape(7, 24).sum(axis=0) / hourly.sum()
        return replace(found, cdf=np.tensordot(traffic, found.by_hour, axes=1))


def sold_auctions(log: Mapping[str, Array], share: float, segments: int) -> SoldAuctions:
    """What the earlier `share` of a market log says, with exchanges in at most `segments` segments.

    Raises CalibrationError.
    """
    early = calibration_window.earlier(log, share, "the market log", _PER_ROW)
    exchange = early["exchange"].astype(np.str_)[:, None]
    segmentation = choose(exchange, segments)
    segment, count = segmentation.assign(exchange), len(segmentation.values) + 1
    creatives, shown = np.unique(early["creative"].astype(np.str_), return_inverse=True)
    if not 2 <= len(creatives) <= MOST_CREATIVES or "" in creatives:
        creatives, shown = np.array([], np.str_), np.zeros(len(segment), np.int64)
    size = max(1, len(creatives))
    rows = calibration_window.counts(segment, shown, None, count, size)
    known = early["click"].min() >= 0
    clicks = calibration_window.counts(segment, shown, early["click"], count, size) if known else None
    return SoldAuctions(
        price=early["market_price"].astype(np.int64),
        segment=segment,
        hour=hours if (hours := early["hour"].astype(np.int64)).min() >= 0 and np.ptp(hours) else None,
        segmentation=segmentation,
        ctr=None if clicks is None else shrinkage.click_rates(rows, clicks),
        share=(rows.sum(axis=1) + 1.0) / (rows.sum() + count),
        hourly=calibration_window.hourly([early]),
        creatives=tuple(creatives.tolist()),
    )
