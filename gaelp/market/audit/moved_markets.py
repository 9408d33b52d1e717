"""The run's own market with one assumption moved, and with another structure. Touch this to move another assumption.

Their names are in gaelp/domain/exploit_audit.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gaelp.arrays import F8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.exploit_audit import MOVE, OWN_MARKET, moved
from gaelp.market.parameters import MarketParameters, PriceHistograms

DOWN, UP = 1.0 - MOVE, 1.0 + MOVE
AUCTIONS_OF_A_PERSON = 5  # in an episode, where the audience is without end and is to tire


@dataclass(frozen=True)
class AuditMarket:
    """A market with the configuration that its worlds are drawn by."""

    market: MarketParameters
    config: TrainingConfiguration

    def with_market(self, **changes: Any) -> AuditMarket:
        """With other parameters."""
        return replace(self, market=replace(self.market, **changes))

    def with_settings(self, **changes: Any) -> AuditMarket:
        """With other settings of `market`."""
        section = self.config.market.model_copy(update=changes)
        return replace(self, config=self.config.model_copy(update={"market": section}))


def moved_markets(own: AuditMarket) -> Mapping[str, AuditMarket]:
    """The own market first, then all that exploit_audit.ASSUMPTIONS names, in its order."""
    market = own.market
    return {
        OWN_MARKET: own,
        moved("click level", "lower"): own.with_market(ctr=market.ctr * DOWN),
        moved("click level", "higher"): own.with_market(ctr=np.minimum(market.ctr * UP, 1.0)),
        moved("conversion level", "lower"): own.with_market(cvr=market.cvr * DOWN),
        moved("conversion level", "higher"): own.with_market(cvr=np.minimum(market.cvr * UP, 1.0)),
        moved("price level", "lower"): own.with_market(prices=_levelled(market.prices, DOWN)),
        moved("price level", "higher"): own.with_market(prices=_levelled(market.prices, UP)),
        moved("price spread", "narrower"): own.with_market(prices=_spread(market.prices, DOWN)),
        moved("price spread", "wider"): own.with_market(prices=_spread(market.prices, UP)),
        moved("hourly curve", "flatter"): own.with_market(hourly=_hourly(market.hourly, DOWN)),
        moved("hourly curve", "steeper"): own.with_market(hourly=_hourly(market.hourly, UP)),
        moved("organic share", "higher"): own.with_market(organic_share=1.0 - (1.0 - market.organic_share) * DOWN),
        moved("drift", "stronger"): _drifting(own),
        moved("fatigue", "stronger"): _tiring(own),
        moved("lag", "shorter"): own.with_market(lag_days=market.lag_days * DOWN),
        moved("lag", "longer"): own.with_market(lag_days=market.lag_days * UP),
        moved("auction", "of the other kind"): own.with_market(first_price=not market.first_price),
        moved("own campaigns", "otherwise together"): own.with_settings(
            own_campaigns=2 if own.config.market.own_campaigns == 1 else 1
        ),
    }


def _levelled(prices: PriceHistograms, factor: float) -> PriceHistograms:
    return replace(prices, low=prices.low * factor, high=prices.high * factor)


def _spread(prices: PriceHistograms, factor: float) -> PriceHistograms:
    """The log price of every rival bid this much nearer to the median of its segment, or farther from it."""
    low, high = np.log(prices.low), np.log(prices.high)
    edges = np.linspace(0.0, 1.0, prices.cdf.shape[1])
    at = np.array([np.interp(0.5, row, edges) for row in prices.cdf])
    median = low + at * (high - low)
    return replace(prices, low=np.exp(median + factor * (low - median)), high=np.exp(median + factor * (high - median)))


def _hourly(hourly: F8, factor: float) -> F8:
    curve = np.maximum(1.0 + factor * (hourly - 1.0), 0.0)
    return np.asarray(curve / curve.mean())


def _drifting(own: AuditMarket) -> AuditMarket:
    """The click level has moved by the share MOVE more on the last day, in standard deviations of its log."""
    steps = max(own.config.simulation.days - 1, 1)
    return own.with_settings(drift=min(float(np.hypot(own.config.market.drift, MOVE / np.sqrt(steps))), 1.0))


def _tiring(own: AuditMarket) -> AuditMarket:
    """Each earlier view takes the share MOVE of what was left of the click tendency."""
    settings, auctions = own.config.market, own.market.auctions_per_hour.sum() * 24 * own.config.simulation.days
    people = settings.audience or max(round(float(auctions) / AUCTIONS_OF_A_PERSON), 1)
    return own.with_settings(audience=people, fatigue=1.0 - (1.0 - settings.fatigue) * DOWN)
