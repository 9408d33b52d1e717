"""A single day that stands out: predictive limits of a count, and a robust z of a level.

A count is compared with its negative binomial distribution, given the rate of the days before: a median absolute
deviation of 0 is no difficulty then. The deviation of a level is its median absolute deviation, but never below a
floor, nor so small that a day before would have been a spike: a platform bills most days the budget and some twice as
much, and half of the days say nothing of those. Its distribution is Student's t, with the 37 % of the degrees of
freedom that the estimate is worth. The
evidence of a chance p is 1 / (2 sqrt(p)) (Vovk and Wang, E-values: calibration, combination and applications, Annals
of Statistics 2021). Touch this to tell a spike otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincc, pdtr, pdtrc, stdtr

from gaelp.arrays import F8

PAST_DAYS = 28  # with which a day is compared
FEWEST_DAYS = 7
_EFFICIENCY = 0.37  # of the median absolute deviation, by the deviation of normal values
FARTHEST_BEFORE = 3.0  # deviations that the farthest of the days before is from their middle, at the most
_MAD = 1.4826  # deviation of normal values by their median absolute deviation


@dataclass(frozen=True)
class Spike:
    """How unlikely the last day is, both sides counted, and what was expected of it."""

    chance: float
    rises: bool
    expected: float

    @property
    def e_value(self) -> float:
        """The evidence against a day like those before it."""
        return 1 / (2 * math.sqrt(max(self.chance, 1e-300)))


def spike_of_counts(counts: F8, exposures: F8, phi: float) -> Spike | None:
    """Of the last of counts f8[D], whose days vary `phi` times as much as Poisson counts; None for too few days."""
    before, exposure = counts[-1 - PAST_DAYS : -1], exposures[-1 - PAST_DAYS : -1]
    if len(before) < FEWEST_DAYS or not exposure.sum() > 0 or not exposures[-1] > 0:
        return None
    events = before.sum() + 0.5 * phi  # Jeffreys' prior, in events that vary phi times as much
    mean = float(events / exposure.sum() * exposures[-1])
    excess = phi - 1 + mean * phi / events  # of the variance over the mean, in means
    low, high = _chances(math.floor(counts[-1]), math.ceil(counts[-1]), mean, excess)
    return Spike(min(1.0, 2 * min(low, high)), high < low, mean)


def _chances(most: int, least: int, mean: float, excess: float) -> tuple[float, float]:
    """Of at most so many events, and of at least so many, where their variance is the mean and `excess` means more.

    By the incomplete beta and gamma functions: scipy.stats builds a distribution anew for each question, which takes a
    hundred times as long.
    """
    if excess > 1e-9:
        shape, share = mean / excess, 1 / (1 + excess)
        low, high = betainc(shape, most + 1, share), betaincc(shape, least, share) if least > 0 else 1.0
    else:
        low, high = pdtr(most, mean), pdtrc(least - 1, mean) if least > 0 else 1.0
    return float(low), float(high)


def spike_of_levels(values: F8, floor: float) -> Spike | None:
    """Of the last of values f8[D], whose deviation is at least `floor`; None for too few days."""
    before = values[-1 - PAST_DAYS : -1]
    if len(before) < FEWEST_DAYS:
        return None
    middle = float(np.median(before))
    away = np.abs(before - middle)
    deviation = max(_MAD * float(np.median(away)), float(away.max()) / FARTHEST_BEFORE, floor)
    z = (float(values[-1]) - middle) / deviation / math.sqrt(1 + 1.57 / len(before))
    return Spike(min(1.0, 2 * float(stdtr(_EFFICIENCY * len(before), -abs(z)))), z > 0, middle)
