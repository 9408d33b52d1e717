"""What an impression is worth in expectation, and how the value of a segment's impressions falls under fatigue.

The j-th impression of a creative in a segment has the value v exp(-r j) with r of audience/fatigue.py, so its first n
impressions have the value v A / f (1 - exp(-r n)) with A people and fatigue f. Shown in the best order (always the
creative with the highest value at that moment) a segment's impressions have a falling marginal value u, and
V(u) = sum_k max(0, log(v_k / u)) / r of them have the value u or more. Touch this together with audience/fatigue.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8
from gaelp.market.audience.fatigue import FiniteAudience
from gaelp.market.parameters import MarketParameters

WORTHLESS = 1e-9  # of the segment's best creative


def impression_value_micros(market: MarketParameters) -> F8:
    """Expected incremental contribution f8[S, K] of one first impression: the attributed one less the organic share.

    An organic conversion would have come without the ad; last-click attribution counts it all the same.
    """
    return np.asarray(attributed_value_micros(market) * (1.0 - market.organic_share))


def attributed_value_micros(market: MarketParameters) -> F8:
    """Expected attributed contribution f8[S, K] of one first impression: CTR x CVR x value of a conversion."""
    return np.asarray(market.ctr * market.cvr * market.conversion_value_micros)


@dataclass(frozen=True)
class FatigueCurve:
    """The value of a segment's impressions when its creatives are shown in the best order."""

    start: F8  # [S, K] impressions before the k-th best creative is first shown
    value: F8  # [S, K] of an impression at that moment, falling
    total: F8  # [S, K] value of all impressions before it
    lifetime: F8  # [S] 1 / r; infinite without fatigue

    @classmethod
    def of(cls, value: F8, audience: FiniteAudience) -> FatigueCurve:
        """From the value f8[S, K] of a first impression."""
        best = np.sort(value, axis=1)[:, ::-1]
        best = np.maximum(best, WORTHLESS * best[:, :1])
        life, count = audience.lifetime, np.arange(best.shape[1])
        if audience.fatigue <= 0:
            return cls(np.zeros((len(best), 1)), best[:, :1], np.zeros((len(best), 1)), life)
        # Impressions come one by one: a sum of steps is a little more than the integral under their envelope.
        best = best * (audience.people / audience.fatigue / life)[:, None]
        logs = np.log(np.maximum(best, np.finfo(float).tiny))
        start = life[:, None] * (np.cumsum(logs, axis=1) - logs - count * logs)
        total = life[:, None] * (np.cumsum(best, axis=1) - best - count * best)
        return cls(np.maximum.accumulate(start, axis=1), best, np.maximum.accumulate(total, axis=1), life)

    def value_of_first(self, impressions: F8) -> F8:
        """Value f8[..., S] of the first `impressions` f8[..., S] of each segment."""
        value = np.empty(impressions.shape)
        for index, life in enumerate(self.lifetime):
            at = np.searchsorted(self.start[index], impressions[..., index], side="right") - 1
            more = impressions[..., index] - self.start[index, at]
            if np.isfinite(life):
                together = (at + 1) * life  # the creatives that are shown by then take turns
                more = -np.expm1(-more / together) * together
            value[..., index] = self.total[index, at] + self.value[index, at] * more
        return value
