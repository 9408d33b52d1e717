"""The frequency cap: how many of the auctions that would be won meet somebody who has not reached the cap today.

Under a cap c a person's impressions today are min(X, c) with X ~ Poisson(L), where L are the impressions per person
that there would have been without the cap. Known is the mean so far, E[min(X, c)], which is solved for L. All of it is
exact for many people. Touch this for another kind of cap, together with scoring/frequency_capped_cost.py.
"""

from __future__ import annotations

import numpy as np
from scipy.special import pdtr, pdtrc

from gaelp.arrays import F8, I8
from gaelp.market.audience.fatigue import FiniteAudience

NEWTON_STEPS = 40


def uncapped(impressions: F8, cap: int) -> F8:
    """L f8[...] such that E[min(Poisson(L), cap)] is `impressions` f8[...] per person; infinite at the cap."""
    target = np.minimum(impressions, cap)
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


def below_cap(audience: FiniteAudience, today: I8, attempts: I8, response: np.random.Generator) -> I8:
    """How many of `attempts` i8[..., S] (auctions that would be won) meet somebody below the cap.

    `today` i8[..., S] are the impressions of the day so far. Drawn with the mean and the variance of showing the
    attempts to people at random, one by one.
    """
    people, cap = audience.people, audience.frequency_cap
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
    finite = np.where(np.isfinite(level), level, 0.0)
    rate = np.maximum(attempts / people, 1e-300)
    gain, square, with_y, with_x, mean, mean_square = (np.zeros(attempts.shape) for _ in range(6))
    for i in range(cap):
        beyond, room = pdtrc(i, rate), pdtr(cap - i - 1, finite)
        gain = gain + room * beyond
        square = square + (2 * i + 1) * room * beyond
        with_y = with_y + room * rate * (pdtrc(i - 1, rate) if i else 1.0)
        with_x = with_x + beyond * (finite * pdtr(cap - i - 2, finite) if i < cap - 1 else 0.0)
        mean = mean + pdtrc(i, finite)
        mean_square = mean_square + (2 * i + 1) * pdtrc(i, finite)
    spread = mean_square - mean**2
    explained = (with_y - rate * gain) ** 2 / rate
    explained = explained + np.where(spread > 1e-12, (with_x - mean * gain) ** 2 / np.maximum(spread, 1e-12), 0.0)
    lost = np.maximum(attempts - people * gain, 0.0)
    return lost, people * np.maximum(square - gain**2 - explained, 0.0)
