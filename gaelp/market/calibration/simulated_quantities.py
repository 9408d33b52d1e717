"""What a market says of the quantities that a log knows, in expectation. Touch this to compare another quantity.

All creatives are shown alike and segments weigh as their traffic, except where a bandit log says what was shown.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.domain.log_evidence import WIN_RATES, Quantity
from gaelp.market.auctions.price_curves import PER_MILLE, PriceCurves
from gaelp.market.parameters import MarketParameters

HOURS = 24


def quantities(market: MarketParameters) -> dict[Quantity, float]:
    """Click rate, conversions per click, and micros per click where every auction is won at the highest rival's bid."""
    share = market.auctions_per_hour / market.auctions_per_hour.sum()
    clicks = share[:, None] * market.ctr / market.ctr.shape[1]
    paid = PriceCurves.from_histograms(market.prices, 0.0, first_price=False).spend(market.prices.high)
    return {
        Quantity.CLICK_RATE: float(clicks.sum()),
        Quantity.CONVERSION_RATE: float((clicks * market.cvr).sum() / clicks.sum()),
        Quantity.CLICK_COST: float(share @ paid / PER_MILLE / clicks.sum()),
    }


def win_rates(market: MarketParameters, bids_micros: Mapping[float, float]) -> dict[Quantity, float]:
    """Share of auctions that bids in micros CPM win, by the share of a log's earlier prices that they are not below."""
    share = market.auctions_per_hour / market.auctions_per_hour.sum()
    curves = PriceCurves.of(market)
    return {WIN_RATES[at]: float(share @ curves.win_rate(np.full(len(share), bid))) for at, bid in bids_micros.items()}


def click_rate_of_shown(market: MarketParameters, segment: I8, action: I8) -> float:
    """Mean click rate of those creatives i8[N] in those segments i8[N]."""
    return float(market.ctr[segment, action].mean())


def hours_in_common(market: MarketParameters, slots: I8, logged: F8) -> float:
    """Share of the traffic f8[24] by hour of the day that lies in the same hours as the market's.

    `slots` are the hours of the week, weekday x 24 + hour, that the log covers.
    """
    expected = np.bincount(slots % HOURS, market.hourly[slots], minlength=HOURS)
    return float(np.minimum(expected / expected.sum(), logged).sum())
