"""The bare numpy kernels that ours is held against: the same draws and nothing else. Touch this to write a faster one.

Buffers are reused, rivals lie along the slow axis and chunks fit the cache, so that no ratio flatters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gaelp.arrays import F8, I8, Array

CHUNK = 16_384


def every_rival(rng: np.random.Generator, auctions: int, rivals: int, win_rate: float) -> tuple[int, float]:
    """Second-price auctions with all rival bids drawn, uniform: (wins, sum of the prices that the winner pays)."""
    bid = np.float32(win_rate ** (1 / rivals))
    bids, highest = np.empty((rivals, CHUNK), np.float32), np.empty(CHUNK, np.float32)
    wins, paid = 0, 0.0
    for done in range(0, auctions, CHUNK):
        size = min(CHUNK, auctions - done)
        rng.random(out=bids, dtype=np.float32)
        np.maximum.reduce(bids, axis=0, out=highest)
        won, paid_now = _sold(highest[:size], bid)
        wins, paid = wins + won, paid + paid_now
    return wins, paid


def every_rival_in_words(bits: np.random.SFC64, auctions: int, rivals: int, win_rate: float) -> tuple[int, float]:
    """The same with 32-bit words in place of float32 uniforms: what the market draws, and all that numpy can do."""
    bid = np.uint32(win_rate ** (1 / rivals) * 2**32)
    highest = np.empty(CHUNK, np.uint32)
    wins, paid = 0, 0.0
    for done in range(0, auctions, CHUNK):
        bids = bits.random_raw(rivals * CHUNK // 2).view(np.uint32).reshape(rivals, CHUNK)
        np.maximum.reduce(bids, axis=0, out=highest)
        won, paid_now = _sold(highest[: min(CHUNK, auctions - done)], bid)
        wins, paid = wins + won, paid + paid_now / 2**32
    return wins, paid


def highest_rival(rng: np.random.Generator, auctions: int, win_rate: float) -> tuple[int, float]:
    """The same with only the highest rival bid drawn, from its own distribution."""
    highest, bid = np.empty(CHUNK, np.float32), np.float32(win_rate)
    wins, paid = 0, 0.0
    for done in range(0, auctions, CHUNK):
        rng.random(out=highest, dtype=np.float32)
        won, paid_now = _sold(highest[: min(CHUNK, auctions - done)], bid)
        wins, paid = wins + won, paid + paid_now
    return wins, paid


def _sold(highest: Array, bid: Any) -> tuple[int, float]:
    won = highest < bid
    return int(np.count_nonzero(won)), float(highest[won].sum(dtype=np.float64))


def cells(
    rng: np.random.Generator, auctions: I8, win_rate: float, ctr: F8, cvr: F8, price: float, spread: float
) -> tuple[I8, I8, I8, F8]:
    """Counts of cells [n]: wins, clicks and conversions binomial, cost normal with the mean and spread of a sum."""
    wins = rng.binomial(auctions, win_rate)
    clicks = rng.binomial(wins, ctr)
    conversions = rng.binomial(clicks, cvr)
    cost = price * wins + spread * np.sqrt(wins) * rng.standard_normal(len(wins))
    return wins, clicks, conversions, cost
