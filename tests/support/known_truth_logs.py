"""Logs whose truth is known, by a market and a logging policy, at any size; what is spoiled is an argument.

Touch this to spoil a log in another way.
"""

from __future__ import annotations

import numpy as np

SEGMENTS, ITEMS = 3, 8
TRUTH = np.linspace(0.5, 1.5, SEGMENTS * ITEMS).reshape(ITEMS, SEGMENTS).T  # of an item in a segment, times the level
BETTER = np.full((SEGMENTS, ITEMS), 0.05) + 0.6 * np.eye(ITEMS)[-1]  # prefers the item that is best everywhere


def bandit_log(
    seed: int,
    rows: int,
    level: float = 0.02,
    missing: int | None = None,
    propensity_factor: float = 1.0,
    biased_item: int | None = None,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A log of a randomised policy and the segment of each row.

    Spoiled: `missing` is an item that is never shown although the propensities say so, `propensity_factor` scales the
    logged propensities, and `biased_item` was shown twice as often as they say.
    """
    rng = np.random.default_rng(seed)
    said = rng.dirichlet(np.full(ITEMS, 8.0), SEGMENTS)
    done = said.copy()
    if missing is not None:
        done[:, missing] = 0
    if biased_item is not None:
        done[:, biased_item] *= 2
    done /= done.sum(axis=1, keepdims=True)
    segment = rng.integers(0, SEGMENTS, rows)
    action = (rng.random(rows)[:, None] > done.cumsum(axis=1)[segment]).sum(axis=1).clip(0, ITEMS - 1)
    click = (rng.random(rows) < level * TRUTH[segment, action]).astype(np.int64)
    propensity = np.minimum(said[segment, action] * propensity_factor, 1.0)
    return {"action": action, "propensity": propensity, "click": click, "hour": rng.integers(0, 24, rows)}, segment


def market_log(
    seed: int, rows: int, ctr: float = 0.01, later_ctr: float = 1.0, order: bool = True
) -> dict[str, np.ndarray]:
    """Auctions whose price rises with the predicted click rate, which is the true one.

    Spoiled: in the later half the true rate is `later_ctr` times the predicted one; without `order` the later half's
    clicks fall where they were predicted least.
    """
    rng = np.random.default_rng(seed)
    pctr = np.minimum(ctr * np.exp(rng.normal(0, 0.8, rows) - 0.32), 1.0)
    price = np.clip(60 * np.exp(rng.normal(0, 0.6, rows)) * (pctr / ctr) ** 0.3, 1, 300).astype(np.int64)
    true, half = pctr.copy(), rows // 2
    true[half:] *= later_ctr
    if not order:
        ranks = np.argsort(np.argsort(true[half:]))
        true[half:] = np.sort(true[half:])[::-1][ranks]
    click = (rng.random(rows) < np.minimum(true, 1.0)).astype(np.int64)
    return {"market_price": price, "click": click, "pctr": pctr}


def report_log(
    seed: int, events: float, days: int = 120, level: float = 1.0, noise: float = 0.0
) -> dict[str, np.ndarray]:
    """Three campaigns with a week's rhythm and about `events` conversions a day, each of which five clicks go with.

    Spoiled: from the third month on `level` times as much every second week, or `noise` as the standard deviation of
    a day's logarithm.
    """
    rng = np.random.default_rng(seed)
    day, campaign = np.tile(np.arange(days), 3), np.repeat(np.arange(3), days)
    mean = events * (1 + 0.2 * campaign) * np.array([1, 1.1, 1.05, 1, 0.95, 0.8, 0.7])[day % 7]
    mean = mean * np.where((day >= 60) & (day // 7 % 2 == 0), level, 1.0) * np.exp(noise * rng.normal(size=day.size))
    clicks = rng.poisson(5 * mean)
    return {
        "day": 20_000 + day, "campaign": campaign.astype(str), "currency": np.full(day.size, "EUR"), "clicks": clicks,
        "cost_micros": clicks * 400_000, "conversions": rng.poisson(mean).astype(np.float64),
    }  # fmt: skip
