"""Bounds and tests for conversions whose days vary more than Poisson counts do.

A day's conversions have variance phi times their mean. phi is 1 for Poisson counts and is never taken to be lower. It
is estimated from neighbouring days, so that a lasting change of the rate does not raise it. Touch this to bound
counts otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from gaelp.arrays import B1, F8, I8
from gaelp.evidence.poisson_bounds import poisson_bounds

_DAYS_PER_DEGREE = 1.5  # overlapping pairs of days tell two thirds of what as many independent ones would


@dataclass(frozen=True)
class Noise:
    """How much more counts vary than Poisson counts, and on how many degrees of freedom that is known."""

    phi: float = 1.0
    degrees: float = math.inf


@dataclass(frozen=True)
class RateRatio:
    """The rate of one stretch by that of another."""

    ratio: float
    low: float
    high: float


def noise_of(counts: F8, exposures: F8) -> Noise:
    """The noise of counts by day, f8[D]; days without exposure are left out.

    Of two neighbours with exposures e and f, (k/e - l/f)^2 / ((k+l)/(e+f) * (1/e + 1/f)) has the mean phi (von
    Neumann's mean square successive difference, with the variance that two Poisson counts of one rate have).
    """
    there = exposures > 0
    counts, exposures = counts[there], exposures[there]
    before, after, e, f = counts[:-1], counts[1:], exposures[:-1], exposures[1:]
    some = before + after > 0
    if some.sum() < 2:
        return Noise()
    before, after, e, f = before[some], after[some], e[some], f[some]
    squares = (before / e - after / f) ** 2 / ((before + after) / (e + f) * (1 / e + 1 / f))
    return Noise(max(1.0, float(squares.mean())), max(2.0, len(squares) / _DAYS_PER_DEGREE))


def mean_bounds(count: float, noise: Noise, tail: float) -> tuple[float, float]:
    """The bounds of the mean of a count, each of which leaves `tail` out.

    The exact Poisson bounds of count / phi, times phi. The upper bound with a known phi of 1 is the usual
    one: 3.00 for no conversion and a tail of 5 %.
    """
    low, high = poisson_bounds(count / noise.phi, tail)
    return low * noise.phi, high * noise.phi


def silence_chance(expected: float, noise: Noise) -> float:
    """The chance that days with so many expected conversions show none: negative binomial, of variance phi * mean."""
    if noise.phi - 1 < 1e-9:
        return math.exp(-expected)
    return math.exp(-expected * math.log(noise.phi) / (noise.phi - 1))


def rate_ratio(one: tuple[float, float], other: tuple[float, float], noise: Noise, tail: float) -> RateRatio | None:
    """The rate of `one` by that of `other`, each (count, exposure); each bound leaves `tail` out.

    Normal in the logarithm, by Student's t for the degrees on which phi is known. None where a count is below 5.
    """
    if min(one[0], other[0]) < 5 or min(one[1], other[1]) <= 0:
        return None
    log = math.log(one[0] / one[1] / (other[0] / other[1]))
    error = math.sqrt(noise.phi * (1 / one[0] + 1 / other[0]))
    reach = float(t.isf(tail, noise.degrees)) * error
    return RateRatio(math.exp(log), math.exp(log - reach), math.exp(log + reach))


def weekday_weights(counts: F8, exposures: F8, weekdays: I8, seen: B1) -> F8:
    """What a unit of exposure on each day counts for, f8[D]: the rates of the weekdays of f8[C, D] pooled over C.

    The rates are those of the days that are `seen`, bool[D]. All 1 below 200 counts: weekdays are not known then.
    """
    weights = np.ones(len(weekdays))
    total, exposure = counts[:, seen].sum(), exposures[:, seen].sum()
    if total < 200:
        return weights
    for weekday in range(7):
        here = weekdays == weekday
        expected = exposures[:, here & seen].sum() * total / exposure
        if expected > 0:
            weights[here] = counts[:, here & seen].sum() / expected
    return weights
