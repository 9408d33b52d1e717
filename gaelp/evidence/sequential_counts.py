"""The exact test of a count at planned looks: how many successes at each look refute a success rate.

Up to look l of L at most alpha l/L is spent, so that the chance of ever crossing is at most alpha where the rate is
the threshold, and smaller where it is lower. Sources: Lan and DeMets, Discrete sequential boundaries for clinical
trials, Biometrika 1983, with the spending function alpha l/L; Jennison and Turnbull, Group Sequential Methods, 1999,
chapter 12, for the recursion over the binomial distribution.

Touch this to change how a count is tested.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from scipy.stats import binom

from gaelp.arrays import B1, F8, I8

BOUND_STEPS = 12  # halvings of the interval in which a bound lies


@dataclass(frozen=True)
class PlannedLooks:
    """Episodes after each look so far, and how many looks there may be in all; fixed before the first episode."""

    episodes: tuple[int, ...]
    most: int


@lru_cache(maxsize=4096)
def critical_counts(looks: PlannedLooks, rate: float, alpha: float) -> tuple[int, ...]:
    """The smallest count at each look that refutes H0: success rate <= `rate`; above the episodes where none does.

    The count of a look depends on that look and on earlier ones only.
    """
    alive, spent, counts = np.ones(1), 0.0, list[int]()  # `alive`: distribution of the count, not crossed so far
    for number, added in enumerate(_added(looks.episodes), start=1):
        alive = _advanced(alive, added, rate)
        tail = np.append(np.cumsum(alive[::-1])[::-1], 0.0)
        critical = int(np.argmax(tail <= max(alpha * number / looks.most - spent, 0.0)))
        counts.append(critical)
        spent += float(tail[critical])
        alive = alive[:critical]
    return tuple(counts)


def crossing_chances(looks: PlannedLooks, critical: Sequence[int], rate: float) -> F8:
    """The chance f8[l] to have crossed by each look where the true success rate is `rate`."""
    alive, crossed = np.ones(1), list[float]()
    for added, count in zip(_added(looks.episodes), critical, strict=True):
        alive = _advanced(alive, added, rate)
        crossed.append(float(alive[count:].sum()))
        alive = alive[:count]
    return np.cumsum(crossed)


def crossed(counts: I8, critical: Sequence[int]) -> B1:
    """Whether counts i8[..., l] ever reach their critical counts; bool[...]."""
    return np.asarray((counts >= np.array(critical)).any(axis=-1))


def lower_bound(counts: Sequence[int], looks: PlannedLooks, alpha: float, tested: float) -> float:
    """The largest rate that is refuted with all below it, by bisection; at least `tested` where that is refuted.

    `counts` are the successes after each look.
    """

    def refuted(rate: float) -> bool:
        return bool(crossed(np.array(counts), critical_counts(looks, rate, alpha)))

    if not looks.episodes or tested <= 0:
        return 0.0
    low, high = (tested, 1.0) if refuted(tested) else (0.0, tested)
    for _ in range(BOUND_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def more_episodes(successes: int, episodes: int, rate: float, alpha: float) -> int | None:
    """How many more episodes at the present rate would refute H0, about; None where the rate is not above `rate`.

    By the normal approximation of one look: ((z sqrt(rate (1 - rate))) / (estimate - rate))^2 episodes in all.
    """
    if not episodes or not successes / episodes > rate:
        return None
    needed = (NormalDist().inv_cdf(1 - alpha) / (successes / episodes - rate)) ** 2 * rate * (1 - rate)
    return max(1, math.ceil(needed) - episodes)


def _added(episodes: Sequence[int]) -> list[int]:
    return [after - before for before, after in zip((0, *episodes), episodes, strict=False)]


def _advanced(alive: F8, added: int, rate: float) -> F8:
    return np.convolve(alive, binom.pmf(np.arange(added + 1), added, rate))
