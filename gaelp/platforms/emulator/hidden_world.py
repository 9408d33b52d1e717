"""The world behind the emulator: an account's base market, shifted by the server's own seed. Touch this to change how
far "live" lies from every simulation.

The shift is hidden from the product: no agent is trained on it, so the gap between simulation and live is never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

import numpy as np

from gaelp.arrays import F8, Array
from gaelp.errors import GaelpError
from gaelp.market.streams import stream

World = Mapping[str, Array]

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


class InvalidWorld(GaelpError, ValueError):
    """The uploaded market arrays cannot serve auctions."""


def numeric(market: World) -> dict[str, Array]:
    """The arrays that can serve: text (the names of segment values) is of no use to a platform."""
    return {name: np.ascontiguousarray(value) for name, value in market.items() if value.dtype.kind in "biuf"}


def check(market: World) -> None:
    """Raise InvalidWorld naming the first array that is missing, mis-shaped or not finite."""
    missing = sorted(set(_SHAPES) - set(market))
    if missing:
        raise InvalidWorld(
            f"the market has no array {missing[0]!r}; upload what gaelp.market.calibration.calibrate makes"
        )
    segments, creatives = market["ctr"].shape if market["ctr"].ndim == 2 else (0, 0)
    bins = market["price_cdf"].shape[-1] if market["price_cdf"].ndim else 0
    sizes = {"SK": (segments, creatives), "SB": (segments, bins), "S": (segments,), "168": (168,), "1": (1,)}
    for name, kind in _SHAPES.items():
        if market[name].shape != sizes[kind] or not market[name].size:
            raise InvalidWorld(f"array {name!r} has shape {market[name].shape}, not {sizes[kind]} ({kind})")
        if not np.all(np.isfinite(_f8(market, name))):
            raise InvalidWorld(f"array {name!r} has values that are not finite")
    for name in ("ctr", "cvr", "price_cdf"):
        if np.any((_f8(market, name) < 0) | (_f8(market, name) > 1)):
            raise InvalidWorld(f"array {name!r} has rates outside [0, 1]")
    _check_prices(market)


def _check_prices(market: World) -> None:
    low, high, cdf = (_f8(market, name) for name in ("price_low", "price_high", "price_cdf"))
    if np.any(low <= 0) or np.any(high <= low):
        raise InvalidWorld("prices must satisfy 0 < price_low < price_high in every segment")
    if cdf.shape[1] < 2 or np.any(np.diff(cdf, axis=1) < 0):
        raise InvalidWorld("array 'price_cdf' must rise along at least two edges in every segment")


def shifted(market: World, seed: int) -> dict[str, Array]:
    """The hidden world around a base market: a pure function of market and server seed."""
    rng = stream(seed, "hidden-world")
    ctr = _f8(market, "ctr")
    world = dict(market)
    world["ctr"] = np.clip(ctr * np.exp(CTR_SPREAD * rng.standard_normal(ctr.shape)), 0.0, 1.0)
    level = np.exp(PRICE_SPREAD * rng.standard_normal(len(ctr)))
    world.update({name: _f8(market, name) * level for name in ("price_low", "price_high")})
    world["cvr"] = np.clip(_f8(market, "cvr") * rng.uniform(*CVR_RANGE), 0.0, 1.0)
    world["lag_days"] = _f8(market, "lag_days") * rng.uniform(*LAG_RANGE)
    return world


def product_factor(seed: int, product: str) -> float:
    """How well a product converts, against the base market."""
    for pattern, factor in PRODUCT_FACTORS.items():
        if fnmatchcase(product, pattern):
            return factor
    return float(stream(seed, "product", product).uniform(*OTHER_PRODUCTS))


def with_conversions(world: World, factor: float) -> dict[str, Array]:
    """The world with its conversion rates times `factor`."""
    return {**world, "cvr": np.clip(_f8(world, "cvr") * factor, 0.0, 1.0)}


def fitted(world: World, segments: int, creatives: int) -> dict[str, Array]:
    """The default world cut or repeated to a campaign's own sizes, so that a user can try any campaign on it."""
    s, k = np.arange(segments) % world["ctr"].shape[0], np.arange(creatives) % world["ctr"].shape[1]
    cells = {name: world[name][np.ix_(s, k)] for name in ("ctr", "cvr")}
    rows = {name: world[name][s] for name, kind in _SHAPES.items() if kind in ("S", "SB")}
    return {**world, **cells, **rows}


def _f8(world: World, name: str) -> F8:
    return np.asarray(world[name], dtype=np.float64)
