"""Empirical-Bayes shrinkage of click rates. Touch this when logs grow rich enough to say more than a level.

Gamma-Poisson: clicks_i ~ Poisson(expected_i * effect_i), effect_i ~ Gamma(a, a) with mean 1; `a` is chosen by marginal
likelihood (negative binomial). With few clicks `a` is large, and the effects are honestly near 1.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from gaelp.arrays import F8, I8

STRENGTHS = np.geomspace(0.5, 5000.0, 60)


def effects(clicks: F8, expected: F8) -> tuple[F8, float]:
    """Posterior mean effects of any shape, and the strength `a` in clicks of the prior that shrank them."""
    observed, mean = clicks.ravel(), expected.ravel()
    a = STRENGTHS[:, None]
    likelihood = gammaln(observed + a) - gammaln(a) + a * np.log(a) - (observed + a) * np.log(mean + a)
    strength = float(STRENGTHS[np.argmax(likelihood.sum(axis=1))])
    return (clicks + strength) / (expected + strength), strength


def click_rates(rows: I8, clicks: I8) -> F8:
    """CTR f8[S, K] from rows and clicks i8[S, K]: level times segment, creative and cell effects, each shrunken.

    The level is (clicks + 1/2) / (rows + 100), so that no log, however empty, gives a rate of zero.
    """
    level = (clicks.sum() + 0.5) / (rows.sum() + 100.0)
    expected = rows * level
    segment, _ = effects(clicks.sum(axis=1).astype(np.float64), expected.sum(axis=1))
    expected = expected * segment[:, None]
    creative, _ = effects(clicks.sum(axis=0).astype(np.float64), expected.sum(axis=0))
    expected = expected * creative
    cell, _ = effects(clicks.astype(np.float64), expected)
    return np.asarray(np.minimum(level * segment[:, None] * creative * cell, 0.5))
