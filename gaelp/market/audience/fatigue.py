"""A finite audience: who tires of a creative and who has seen enough today. Touch this to change fatigue or the cap.

Views fall on people at random. N earlier views of a creative over A people leave a click tendency of
E[(1 - f)^N_i] = exp(-f N / A) with N_i ~ Poisson(N / A). Under a frequency cap c a person's views today are
min(X, c) with X ~ Poisson(L), where L are the views per person that there would have been without the cap; what is
known, the views per person so far, is E[min(X, c)], which is solved for L. All of it is exact for many people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import pdtr, pdtrc

from gaelp.arrays import F8, I8

NEWTON_STEPS = 40


@dataclass(frozen=True)
class Audience:
    """The people that C campaigns can reach, and what they have seen. Own campaigns that meet share their people."""

    people: F8  # [S] reachable per segment, at least 1
    fatigue: float  # share of the click tendency lost with each earlier view of the same creative
    frequency_cap: int  # views of all own campaigns that meet, per person and day; 0: no cap
    exposures: I8  # [C, S, K] views so far in the episode
    today: I8  # [C, S] views so far this day

    def tired(self, shown: I8) -> F8:
        """Multiplier f8[C, S, K] of CTR, averaged over the views i8[C, S, K] that come now.

        The j-th of them meets a person with N + j earlier views in expectation, and the sum over j is geometric.
        """
        if self.fatigue <= 0:
            return np.ones(shown.shape)
        rate = -np.log1p(-np.minimum(self.fatigue / self.people, 1 - 1e-12))[:, None]
        count = np.maximum(shown, 1)
        return np.asarray(np.exp(-rate * self.exposures) * np.expm1(-rate * count) / np.expm1(-rate) / count)


def uncapped(views: F8, cap: int) -> F8:
    """L f8[...] such that E[min(Poisson(L), cap)] is `views` f8[...] per person; infinite at the cap."""
    target = np.minimum(views, cap)
    level = np.array(target, np.float64)
    # The expectation is concave in L, so that Newton's steps rise to the solution and never pass it.
    for _ in range(NEWTON_STEPS):
        missing = target - capped_mean(level, cap)
        if not (missing > 1e-12).any():
            break
        level = level + np.maximum(missing, 0.0) / np.maximum(pdtr(cap - 1, level), 1e-12)
    return np.where(target >= cap * (1 - 1e-9), np.inf, level)


def capped_mean(level: F8, cap: int) -> F8:
    """E[min(X, cap)] for X ~ Poisson(level)."""
    return np.asarray(level * pdtr(cap - 2, level) if cap > 1 else 0.0) + cap * pdtrc(cap - 1, level)


def reached(people: F8, cap: int, today: I8, attempts: I8, response: np.random.Generator) -> I8:
    """How many of `attempts` i8[..., S] (auctions that would be won) meet somebody below the cap, given views `today`.

    Drawn with the mean and the variance of throwing the attempts at people one by one.
    """
    level = uncapped(today / people, cap)
    lost, variance = _lost(people, cap, level, attempts)
    share = np.clip(1.0 - variance / np.maximum(lost, 1e-12), 1e-6, 1.0)
    trials = np.maximum(np.rint(lost / share), 1.0)
    drawn = response.binomial(trials.astype(np.int64), np.minimum(lost / trials, 1.0))
    room = np.maximum(np.floor(people * cap).astype(np.int64) - today, 0)
    return np.asarray(np.minimum(np.where(np.isfinite(level), attempts - np.minimum(drawn, attempts), 0), room))


def _lost(people: F8, cap: int, level: F8, attempts: I8) -> tuple[F8, F8]:
    """Mean and variance of the attempts that meet somebody at the cap.

    A person gains f = min(Y, cap - X), Y ~ Poisson(attempts per person), X = min(Poisson(level), cap). Both sums over
    people are known, which takes from the variance of f what Y and X explain of it.
    """
    known = np.where(np.isfinite(level), level, 0.0)
    rate = np.maximum(attempts / people, 1e-300)
    gain, square, with_y, with_x, seen, seen_square = (np.zeros(attempts.shape) for _ in range(6))
    for i in range(cap):
        beyond, room = pdtrc(i, rate), pdtr(cap - i - 1, known)
        gain = gain + room * beyond
        square = square + (2 * i + 1) * room * beyond
        with_y = with_y + room * rate * (pdtrc(i - 1, rate) if i else 1.0)
        with_x = with_x + beyond * (known * pdtr(cap - i - 2, known) if i < cap - 1 else 0.0)
        seen = seen + pdtrc(i, known)
        seen_square = seen_square + (2 * i + 1) * pdtrc(i, known)
    spread = seen_square - seen**2
    explained = (with_y - rate * gain) ** 2 / rate
    explained = explained + np.where(spread > 1e-12, (with_x - seen * gain) ** 2 / np.maximum(spread, 1e-12), 0.0)
    lost = np.maximum(attempts - people * gain, 0.0)
    return lost, people * np.maximum(square - gain**2 - explained, 0.0)
