"""Conversions that attribution gives to the ads and that the ads did not bring, told by how far a rate stands out.

An agent sees attributed conversions only, and nothing in them tells an order that an ad brought from one that would
have come anyway. What can be said is how far a segment or a creative stands above the others: honest rates of a click
differ little, and attribution only ever adds. So a rate that stands out upwards is taken for a claim, with a
probability that grows with the distance, and what is believed of a claim is less than an average click's worth: brand
buyers, retargeted people and bargain hunters are who stands out. Rates that are low are believed.

Touch this when claims look otherwise; what it costs and saves is in docs/measurements.md. All arrays are [S, K].
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from gaelp.agents.contract import State
from gaelp.arrays import F8

HONEST = 12.0  # shape of the gamma prior of a rate over the typical one: a log spread of about 0.3
CLAIMED_SHAPE, CLAIMED_MEAN = 2.0, 4.0  # of the prior of a claimed one
PRIOR_CLAIMED = 0.05
PRIOR = 20.0  # conversions that the belief in the typical rate weighs
WORTH = 0.4  # of a typical click's value: what is believed of a claimed click


def believed(state: State) -> dict[str, F8]:
    """The counts of `state` with the conversions that are believed, in the same form.

    `usual_rate` is what a click in each cell would convert by its segment and its creative alone, for counts.py.
    Segments are compared with each other first, and then creatives, by what the rates of the segments let expect of
    them: a creative that was shown where few people buy does not make the others stand out. A single cell is judged by
    its segment and its creative only.
    """
    clicks = np.asarray(state["clicks"], np.float64)
    conversions = np.asarray(state["conversions"], np.float64)
    usual_rate = np.full(clicks.shape, float((conversions.sum() + 1e-3) / (clicks.sum() + 1.0)))
    for axis in (1, 0):
        found, expected = (each.sum(axis=axis, keepdims=True) for each in (conversions, clicks * usual_rate))
        typical = _typical(found, expected)
        share = _believed_share(found, expected * typical)
        conversions = conversions * share
        usual_rate = usual_rate * (found * share + PRIOR * typical) / (expected + PRIOR)
    return {**state, "conversions": conversions, "usual_rate": usual_rate}


def _typical(found: F8, expected: F8) -> float:
    """The lower median of what the groups have of what was expected, where few conversions say little."""
    ordered = np.sort((found + PRIOR) / (expected + PRIOR), axis=None)
    return float(ordered[(len(ordered) - 1) // 2])


def _believed_share(found: F8, expected: F8) -> F8:
    """Share of a group's conversions that is believed."""
    claimed = claim_probability(found, expected)
    worth = WORTH * expected / np.maximum(found, 1.0)
    return np.asarray(1.0 - claimed + claimed * np.minimum(worth, 1.0))


def claim_probability(conversions: F8, expected: F8) -> F8:
    """Probability that a group's rate is a claim, given its conversions and those that the typical rate would bring.

    Bayes' rule with two negative binomial likelihoods, of a gamma prior each; 0 where the rate is not above the
    typical one.
    """
    honest = _log_likelihood(conversions, expected, HONEST, 1.0)
    claimed = _log_likelihood(conversions, expected, CLAIMED_SHAPE, CLAIMED_MEAN)
    odds = np.exp(np.clip(claimed - honest, -50.0, 50.0)) * PRIOR_CLAIMED / (1 - PRIOR_CLAIMED)
    return np.asarray(np.where(conversions > expected, odds / (1.0 + odds), 0.0))


def _log_likelihood(found: F8, expected: F8, shape: float, mean: float) -> F8:
    """Log probability of `found` conversions, without what does not depend on the prior."""
    scale = np.maximum(expected * mean / shape, 1e-12)
    chance = gammaln(found + shape) - gammaln(shape) + found * np.log(scale) - (found + shape) * np.log1p(scale)
    return np.asarray(chance)
