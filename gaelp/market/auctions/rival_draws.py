"""Every rival of every auction, drawn: what a bid wins, and the winners' quantiles. Touch this for speed.

A rival is a 32-bit uniform integer. The highest of n, u, is what the highest rival bid's quantile q = (u / 2^32)^n
comes from, so that a bid wins where u < F(bid)^(1/n) 2^32: only winners' quantiles are turned into prices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8, I8, U4

CHUNK = 1 << 15  # auctions that are resolved at once: what is made of them stays in the second-level cache
DRAWN = 1 << 16  # rivals that are drawn at once, for the same reason
RANGE = 2.0**32


@dataclass(frozen=True)
class Winners:
    """The winners of a run of cells, in the order of the cells."""

    cells: slice
    wins: I8  # per cell of the run; a cell may go on in the next run
    highest: U4  # [wins.sum()] the highest rival of each


def fast(response: np.random.Generator) -> np.random.SFC64:
    """A generator of raw words that is three times as fast as the stream it is seeded from."""
    return np.random.SFC64(np.random.SeedSequence(response.integers(2**32, size=8, dtype=np.uint64).tolist()))


def winners(bits: np.random.SFC64, auctions: I8, chance: F8, rivals: int) -> Iterator[Winners]:
    """Resolve `auctions` i8[N] of each cell, of which a bid wins the share `chance` f8[N], against `rivals` each."""
    limit = np.minimum(np.ceil(chance ** (1.0 / rivals) * RANGE), RANGE - 1).astype(np.uint32)
    # Where nothing is bid, no rival needs to be drawn.
    ends = np.cumsum(np.where(limit > 0, auctions, 0))
    total = int(ends[-1]) if len(ends) else 0
    for start in range(0, total, CHUNK):
        stop = min(start + CHUNK, total)
        cells = slice(int(np.searchsorted(ends, start, "right")), int(np.searchsorted(ends, stop, "left")) + 1)
        bounds = np.concatenate([[0], np.minimum(ends[cells], stop) - start])
        highest = _highest(bits, stop - start, rivals)
        at = np.flatnonzero(highest < np.repeat(limit[cells], np.diff(bounds)))
        yield Winners(cells, np.diff(np.searchsorted(at, bounds)), highest.take(at))


def quantile(highest: U4, rivals: int) -> F8:
    """The highest rival bid's quantile f8[n] in (0, 1): u to the power of `rivals`, by squaring."""
    base = np.asarray((highest + 0.5) * (1.0 / RANGE), np.float64)
    power = base
    for digit in f"{rivals:b}"[1:]:
        power = power * power * base if digit == "1" else power * power
    return power


def _highest(bits: np.random.SFC64, auctions: int, rivals: int) -> U4:
    """The highest of `rivals` draws for each of `auctions`; a column of the drawn block is an auction."""
    if rivals == 1:
        return _words(bits, auctions)
    highest = np.empty(auctions, np.uint32)
    step = max(DRAWN // rivals, 256)
    for start in range(0, auctions, step):
        part = highest[start : start + step]
        np.max(_words(bits, rivals * len(part)).reshape(rivals, len(part)), axis=0, out=part)
    return highest


def _words(bits: np.random.SFC64, count: int) -> U4:
    return bits.random_raw((count + 1) // 2).view(np.uint32)[:count]
