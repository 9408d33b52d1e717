"""What a campaign's rate may be before anything of it is known: by the portfolio's other campaigns, or by its market.

Other campaigns tell their mean, and by how much campaigns differ; a rate of a campaign has then the Gamma distribution
of that mean and that relative variance (empirical Bayes by moments: Robbins, An empirical Bayes approach to statistics,
1956). What they tell of a day is what their days before it show, so that a change that all of them share on a day
is a change of each. Touch this to let something else tell what a rate should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from gaelp.arrays import F8
from gaelp.evidence.monitoring.day_noise import ASSUMED, Shocks, variation_of
from gaelp.evidence.monitoring.watched_days import Expectation

DIFFER = 0.05  # relative variance of campaigns' rates, as it is assumed while few campaigns are known: 22 %
DIFFER_CAMPAIGNS = 1.0  # that this assumption is worth
SHOCK_DAYS = 10.0  # that other campaigns' shocks are worth beside a campaign's own days
NOTHING = Expectation(0.0, 0.5)  # half an event in no time (Jeffreys): what is expected where nothing is known


@dataclass(frozen=True)
class OtherCampaign:
    """The days of another campaign in order, with its counts f8[D] and their exposures f8[D]."""

    days: Sequence[date]
    counts: F8
    exposures: F8


def known_shocks(others: Sequence[OtherCampaign]) -> Shocks:
    """How much the rates of other campaigns' days vary; what is assumed where there are fewer days than SHOCK_DAYS."""
    days = sum(len(other.days) for other in others)
    if days < SHOCK_DAYS:
        return ASSUMED
    more = sum((variation_of(other.counts, other.exposures) - 1) * len(other.days) for other in others)
    events = sum(float(other.counts.sum()) for other in others)
    return Shocks(more / events if events else ASSUMED.variance, SHOCK_DAYS)


def known_rate(days: Sequence[date], others: Sequence[OtherCampaign], expected: Expectation | None) -> tuple[F8, F8]:
    """Events f8[D] and exposures f8[D] that what is known before each of the days is worth.

    `expected` counts where no other campaign has had an event yet; None: nothing is expected.
    """
    without = expected or NOTHING
    events = np.full(len(days), without.worth)
    exposures = np.full(len(days), without.worth / without.rate if without.rate > 0 else 0.0)
    if not others or not len(days):
        return events, exposures
    before = np.array([_before(days, other) for other in others])  # [C, 2, D]
    counts, of = before[:, 0], before[:, 1]
    told = (counts.sum(axis=0) > 0) & (of.sum(axis=0) > 0)
    rate = counts.sum(axis=0)[told] / of.sum(axis=0)[told]
    worth = 1 / _relative_variance(counts[:, told], of[:, told], rate)
    events[told], exposures[told] = worth, worth / rate
    return events, exposures


def _relative_variance(counts: F8, exposures: F8, rate: F8) -> F8:
    """Of a new campaign's rate f8[D] about the mean rate f8[D] of others, given counts and exposures f8[C, D]."""
    campaigns = (exposures > 0).sum(axis=0)
    means = rate * exposures
    misfit = np.divide((counts - means) ** 2, means, out=np.zeros_like(means), where=means > 0).sum(axis=0)
    reach = rate * (exposures.sum(axis=0) - (exposures**2).sum(axis=0) / exposures.sum(axis=0))
    more = np.maximum(misfit - (campaigns - 1), 0.0)
    seen = np.divide(more, reach, out=np.zeros_like(reach), where=reach > 0)
    degrees = campaigns - 1
    differ = (seen * degrees + DIFFER * DIFFER_CAMPAIGNS) / (degrees + DIFFER_CAMPAIGNS)
    return np.asarray(differ * (1 + 1 / campaigns) + 1 / counts.sum(axis=0), np.float64)


def _before(days: Sequence[date], other: OtherCampaign) -> F8:
    """Counts and exposures of another campaign before each of the days, f8[2, D], in events that vary like chance."""
    phi = variation_of(other.counts, other.exposures)
    sums = np.cumsum([other.counts / phi, other.exposures / phi], axis=1)
    at = np.searchsorted(_numbers(other.days), _numbers(days), side="left")
    return np.concatenate([np.zeros((2, 1)), sums], axis=1)[:, at]


def _numbers(days: Sequence[date]) -> F8:
    return np.array([day.toordinal() for day in days], np.float64)
