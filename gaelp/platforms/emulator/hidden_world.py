"""The world behind the emulator: an account's base market, shifted by the server's own seed, and changes planned in it.

The shift is hidden from the product: no agent is trained on it, so the gap between simulation and live is never zero.
So is a change that somebody plans, which is what monitoring is there to notice.
Touch this to change how far the emulator's market lies from every simulation, or to plan another kind of change.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gaelp.arrays import B1, I8, Array
from gaelp.errors import GaelpError
from gaelp.market.auctions.price_curves import HOURS
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream

PRODUCT_FACTORS: Mapping[str, float] = {"product-a": 1.0, "*-c": 0.3}
"""Conversion rate of a product against the base market's, by name pattern; a product that none matches has one drawn
from the server's seed. Products ending in -c are poor on purpose: a portfolio needs something to cut."""

CTR_SPREAD = 0.15  # log standard deviation, per segment and creative
PRICE_SPREAD = 0.08  # log standard deviation, per segment
CVR_RANGE = (0.9, 1.05)
LAG_RANGE = (1.1, 1.5)
OTHER_PRODUCTS = (0.85, 1.15)

_SHAPES = {
    "ctr": "SK",
    "cvr": "SK",
    "price_low": "S",
    "price_high": "S",
    "price_cdf": "SB",
    "reserve": "1",
    "first_price": "1",
    "auctions_per_hour": "S",
    "hourly": "168",
    "order_value_micros": "1",
    "lag_days": "1",
    "window_days": "1",
    "day_shock": "1",
}


Factor = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class PlannedChange(BaseModel):
    """What is otherwise in the world of some campaigns from a day of the account on, until before another day.

    It is planned before any of these campaigns comes to that day. Of several changes of a day, factors are multiplied
    and the fastest pace counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: str
    campaign: str  # a name or a pattern (fnmatch), as in run-a/scaled/*
    first_day: datetime.date
    until_day: datetime.date | None = None  # none: for good
    click_rate: Factor = 1.0  # times the world's
    conversion_rate: Factor = 1.0  # times the world's
    pace: Annotated[float, Field(ge=1, le=2)] = 1.0  # budgets that each day aims at, within its month's limit
    silent_tag: bool = False  # what converts on these days is never reported

    @model_validator(mode="after")
    def _has_days(self) -> PlannedChange:
        if self.until_day is not None and self.until_day <= self.first_day:
            raise ValueError("a change ends on a later day than it begins")
        return self

    def concerns(self, account: str, name: str) -> bool:
        """Whether it is planned for this campaign."""
        return account == self.account and fnmatchcase(name, self.campaign)

    def holds_on(self, day: datetime.date) -> bool:
        """Whether the day is one of its days."""
        return self.first_day <= day and (self.until_day is None or day < self.until_day)


class InvalidWorld(GaelpError, ValueError):
    """The uploaded market arrays cannot serve auctions."""


def parsed(arrays: Mapping[str, Array]) -> MarketParameters:
    """The uploaded market. Raises InvalidWorld naming the first array that is missing, mis-shaped or not finite."""
    missing = sorted(set(_SHAPES) - set(arrays))
    if missing:
        raise InvalidWorld(
            f"the market has no array {missing[0]!r}; upload what gaelp.market.calibration.calibrate makes"
        )
    segments, creatives = arrays["ctr"].shape if arrays["ctr"].ndim == 2 else (0, 0)
    bins = arrays["price_cdf"].shape[-1] if arrays["price_cdf"].ndim else 0
    sizes = {"SK": (segments, creatives), "SB": (segments, bins), "S": (segments,), "168": (168,), "1": (1,)}
    for name, kind in _SHAPES.items():
        if arrays[name].shape != sizes[kind] or not arrays[name].size:
            raise InvalidWorld(f"array {name!r} has shape {arrays[name].shape}, not {sizes[kind]} ({kind})")
        if not np.all(np.isfinite(np.asarray(arrays[name], np.float64))):
            raise InvalidWorld(f"array {name!r} has values that are not finite")
    try:
        market = MarketParameters.from_arrays(arrays)
    except ValueError as error:
        raise InvalidWorld(f"{error}; upload what gaelp.market.calibration.calibrate makes") from error
    _check(market)
    return market


def _check(market: MarketParameters) -> None:
    prices = market.prices
    for name, rates in (("ctr", market.ctr), ("cvr", market.cvr), ("price_cdf", prices.cdf)):
        if np.any((rates < 0) | (rates > 1)):
            raise InvalidWorld(f"array {name!r} has rates outside [0, 1]")
    if np.any(prices.low <= 0) or np.any(prices.high <= prices.low):
        raise InvalidWorld("prices must satisfy 0 < price_low < price_high in every segment")
    if prices.cdf.shape[1] < 2 or np.any(np.diff(prices.cdf, axis=1) < 0):
        raise InvalidWorld("array 'price_cdf' must rise along at least two edges in every segment")
    if (by_hour := prices.by_hour) is None:
        return
    if by_hour.shape != (HOURS, *prices.cdf.shape):
        raise InvalidWorld(f"array 'price_cdf_by_hour' has shape {by_hour.shape}, not {(HOURS, *prices.cdf.shape)}")
    if not np.all((by_hour >= 0) & (by_hour <= 1)) or np.any(np.diff(by_hour, axis=2) < 0):
        raise InvalidWorld("array 'price_cdf_by_hour' must rise within [0, 1] in every hour and segment")


def shifted(market: MarketParameters, seed: int) -> MarketParameters:
    """The hidden world around a base market: a pure function of market and server seed."""
    rng = stream(seed, "hidden-world")
    ctr = np.clip(market.ctr * np.exp(CTR_SPREAD * rng.standard_normal(market.ctr.shape)), 0.0, 1.0)
    level = np.exp(PRICE_SPREAD * rng.standard_normal(len(ctr)))
    cvr = np.clip(market.cvr * rng.uniform(*CVR_RANGE), 0.0, 1.0)
    prices = replace(market.prices, low=market.prices.low * level, high=market.prices.high * level)
    return replace(market, ctr=ctr, cvr=cvr, prices=prices, lag_days=market.lag_days * rng.uniform(*LAG_RANGE))


def product_factor(seed: int, product: str) -> float:
    """How well a product converts, against the base market."""
    for pattern, factor in PRODUCT_FACTORS.items():
        if fnmatchcase(product, pattern):
            return factor
    return float(stream(seed, "product", product).uniform(*OTHER_PRODUCTS))


def with_conversions(world: MarketParameters, factor: float) -> MarketParameters:
    """The world with its conversion rates times `factor`."""
    return world if factor == 1.0 else replace(world, cvr=np.clip(world.cvr * factor, 0.0, 1.0))


def changed(world: MarketParameters, changes: Sequence[PlannedChange], day: datetime.date) -> MarketParameters:
    """The world with the rates that are planned for a day."""
    held = [each for each in changes if each.holds_on(day)]
    clicks = math.prod(each.click_rate for each in held)
    world = world if clicks == 1.0 else replace(world, ctr=np.clip(world.ctr * clicks, 0.0, 1.0))
    return with_conversions(world, math.prod(each.conversion_rate for each in held))


def planned_pace(changes: Sequence[PlannedChange], day: datetime.date) -> float:
    """The budgets that a day aims at by plan; 1 where nothing is planned."""
    return max((each.pace for each in changes if each.holds_on(day)), default=1.0)


def unreported(changes: Sequence[PlannedChange], converted: I8) -> B1:
    """Which conversions a silent tag never reports, by their days since the epoch [N]."""
    lost = np.zeros(len(converted), bool)
    for each in changes:
        if each.silent_tag:
            until = math.inf if each.until_day is None else _epoch_day(each.until_day)
            lost |= (converted >= _epoch_day(each.first_day)) & (converted < until)
    return lost


def _epoch_day(day: datetime.date) -> int:
    return (day - datetime.date(1970, 1, 1)).days


def with_traffic(world: MarketParameters, fraction: float) -> MarketParameters:
    """The world with the traffic of a part of an hour."""
    return world if fraction == 1.0 else replace(world, auctions_per_hour=world.auctions_per_hour * fraction)


def fitted(world: MarketParameters, segments: int, creatives: int) -> MarketParameters:
    """The default world cut or repeated to a campaign's own sizes, so that a user can try any campaign on it."""
    s, k = np.arange(segments) % world.ctr.shape[0], np.arange(creatives) % world.ctr.shape[1]
    return replace(
        world,
        ctr=world.ctr[np.ix_(s, k)],
        cvr=world.cvr[np.ix_(s, k)],
        prices=world.prices.of_segments(s),
        auctions_per_hour=world.auctions_per_hour[s],
        segment_features=world.segment_features[s],
        candidate_features=world.candidate_features[k],
    )
