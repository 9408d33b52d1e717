"""How much days vary while nothing changes, in a way that a lasting change hardly raises.

Neighbouring days are compared, and where there are enough of them blocks of BLOCK_DAYS too: days that follow each other
(an agent learns, a platform paces) vary less from one to the next than over a week, and would look like changes.
An estimate counts as far as it lies beyond its own error (the positive-part rule of James and Stein): of few days it is
so uncertain that taking it as it is would double what a change at a low volume takes to be noticed.
Touch this to tell noise from change otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8
from gaelp.evidence.exports.noisy_counts import noise_of

BLOCK_DAYS = 4
FEWEST_BLOCKS = 16
MOST_BY_BLOCKS = 3.0  # times the variance of neighbouring days: beyond that the blocks themselves have changed
_MEDIAN_SQUARE = 0.455  # the median of a squared standard normal value
_MEDIAN_ERROR = 2.33  # relative error of that median as estimated from n values, times sqrt(n)
_PAIRS_OVERLAP = 1.5  # pairs of neighbours tell two thirds of what as many independent ones would


@dataclass(frozen=True)
class Shocks:
    """The variance of the factor by which each day's rate is its own, and how many days such knowledge is worth."""

    variance: float
    days: float


ASSUMED = Shocks(0.04, 2.0)
"""Shocks of 20 %: what is assumed while few days are known."""


def variation_of(counts: F8, exposures: F8, known: Shocks = ASSUMED) -> float:
    """How many times the variance of Poisson counts f8[D] with these exposures is; at least 1.

    `known` is what is known beside the days themselves.
    """
    noise = noise_of(counts, exposures)
    degrees = noise.degrees if math.isfinite(noise.degrees) else 0.0
    excess = noise.phi * _few(counts)
    seen = _beyond_error(excess, math.sqrt(2 / degrees)) if degrees else 1.0
    assumed = 1 + known.variance * float(counts.mean()) if len(counts) else 1.0
    phi = math.exp((degrees * math.log(seen) + known.days * math.log(assumed)) / (degrees + known.days))
    if len(counts) < BLOCK_DAYS * FEWEST_BLOCKS:
        return phi
    events, exposure = _blocks(counts).sum(axis=1), _blocks(exposures).sum(axis=1)
    e, f, pooled = exposure[:-1], exposure[1:], events[:-1] + events[1:]
    some = (e > 0) & (f > 0) & (pooled > 0)
    if some.sum() < FEWEST_BLOCKS - 1:
        return phi
    e, f, pooled, before, after = e[some], f[some], pooled[some], events[:-1][some], events[1:][some]
    squares = (before / e - after / f) ** 2 / (pooled / (e + f) * (1 / e + 1 / f))
    ratio = min(float(np.median(squares)) / _MEDIAN_SQUARE / phi, MOST_BY_BLOCKS)
    return phi * _beyond_error(ratio, _MEDIAN_ERROR / math.sqrt(len(squares) / _PAIRS_OVERLAP))


def deviation_of(values: F8, floor: float) -> float:
    """The deviation of levels f8[D], at least 2 of them and never below `floor`; single days far off count less.

    Von Neumann's mean square successive difference, of differences within three of their own median deviations.
    """
    steps = np.abs(np.diff(values))
    most = 3 * 1.4826 * float(np.median(steps))
    variance = float((np.minimum(steps, most) ** 2 if most > 0 else steps**2).mean()) / 2
    variance *= _few(values)
    if len(values) >= BLOCK_DAYS * FEWEST_BLOCKS:
        between = np.diff(_blocks(values).mean(axis=1)) ** 2 * BLOCK_DAYS / 2
        variance = max(variance, min(float(np.median(between)) / _MEDIAN_SQUARE, MOST_BY_BLOCKS * variance))
    return max(math.sqrt(variance), floor)


def _beyond_error(ratio: float, error: float) -> float:
    """A ratio of variances, shrunk towards 1 by its relative standard error; 1 where it does not lie beyond that."""
    excess = ratio - 1
    return 1 + excess * max(0.0, 1 - (error / excess) ** 2) if excess > 0 else 1.0


def _few(values: F8) -> float:
    """What the variance of few days is multiplied by, because its estimate may be far too low."""
    return (1 + 3 / max(len(values), 1)) ** 2


def _blocks(values: F8) -> F8:
    """The newest whole blocks, f8[B, BLOCK_DAYS]."""
    whole = len(values) // BLOCK_DAYS * BLOCK_DAYS
    return values[len(values) - whole :].reshape(-1, BLOCK_DAYS)
