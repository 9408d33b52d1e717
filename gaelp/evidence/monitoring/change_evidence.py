"""The evidence that a metric changed for good: a Shiryaev-Roberts sum of e-processes, one for each day of a change.

For a change on day j, E[j, t] is the likelihood of the days j to t with another level by that with the old level, where
the old level is known as well as the days before j and a prior say. While nothing has changed, E[j, .] is a martingale
with mean 1, so that the sum M_t over j has at most the mean t, and an alarm at M >= A comes at most once in A days on
average. Sources: Shin, Ramdas and Rinaldo, E-detectors, arXiv 2203.03532; Pollak, Optimal detection of a change in
distribution, Annals of Statistics 1985 (mixtures over the level after the change). Most of the mixture's weight is on
falls, which are what harms in nearly every metric: a harmful change is noticed sooner, a gain hardly later.

A day adds at most DAY_MOST to log E, which keeps its mean at most 1: one day alone, however far off, is no lasting
change. Counts are Poisson with a rate of Gamma distribution; where their days vary phi times as much, counts and
exposures are divided by phi. Levels are normal with a known deviation. Touch this to weigh evidence otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8, I8

HORIZON_DAYS = 90
"""The newest days that are looked at, so that M has at most this mean; what is older is forgotten."""
DAY_MOST = 4.0  # log
RATIOS = {0.5: 0.55, 0.7: 0.2, 1.4: 0.05, 2.0: 0.2}  # of the rate after by that before: weight
STEPS = {-3.0: 0.25, -1.5: 0.25, 1.5: 0.25, 3.0: 0.25}  # of the level, in deviations: weight


@dataclass(frozen=True)
class ChangeEvidence:
    """log M of a fall and of a rise after each day, and the most likely first day of the change; f8[D], f8[D], i8[D].

    Days before the first one that can be judged have -inf and themselves.
    """

    falls: F8
    rises: F8
    first_days: I8

    @property
    def both(self) -> F8:
        """log M of any change, f8[D]."""
        return np.logaddexp(self.falls, self.rises)


def evidence_of_counts(counts: F8, exposures: F8, prior: tuple[F8 | float, F8 | float], fewest: int) -> ChangeEvidence:
    """Of counts f8[D] with the mean rate * exposures f8[D], both divided by phi before.

    `prior` are the events and the exposure that the prior is worth, for each day of a change f8[D] or for all of them;
    at least `fewest` days precede a change.
    """
    events, exposure = np.concatenate(([0.0], counts.cumsum())), np.concatenate(([0.0], exposures.cumsum()))
    starts = _starts(len(counts), fewest)
    worth, of = (np.broadcast_to(part, len(counts))[starts] for part in prior)
    before, seen = (worth + events[starts])[:, None], (of + exposure[starts])[:, None]
    after = np.maximum(events[None, 1:] - events[starts][:, None], 0.0)
    later = np.maximum(exposure[None, 1:] - exposure[starts][:, None], 0.0)
    parts = {(ratio, weight): _log_ratio(ratio, before, seen, after, later) for ratio, weight in RATIOS.items()}
    return _summed(parts, starts, len(counts), middle=1.0)


def evidence_of_levels(values: F8, prior: tuple[float, float], fewest: int) -> ChangeEvidence:
    """Of values f8[D] in units of their deviation; `prior` are a level and the days that it is worth."""
    sums, days = np.concatenate(([0.0], values.cumsum())), np.arange(len(values) + 1.0)
    starts = _starts(len(values), fewest)
    before = prior[1] + days[starts][:, None]
    old = (prior[0] * prior[1] + sums[starts][:, None]) / before
    after = days[None, 1:] - days[starts][:, None]
    with np.errstate(divide="ignore", invalid="ignore"):  # of days before the change, which do not count
        moved = (sums[None, 1:] - sums[starts][:, None]) / after - old
        variance = 1 / after + 1 / before
        parts = {(step, weight): (step * moved - step**2 / 2) / variance for step, weight in STEPS.items()}
    return _summed(parts, starts, len(values), middle=0.0)


def _log_ratio(ratio: float, before: F8, seen: F8, after: F8, later: F8) -> F8:
    """log of the negative binomial likelihood of `after` events in `later` at `ratio` times the old rate, by that at 1.

    The old rate has the Gamma distribution of `before` events in `seen`; 0 where no exposure says anything of it.
    """
    exposure = np.maximum(seen, 1e-300)
    grown = (before + after) * np.log((exposure + later) / (exposure / ratio + later)) - before * np.log(ratio)
    return np.where(seen > 0, grown, 0.0)


def _starts(days: int, fewest: int) -> I8:
    return np.arange(min(fewest, days), days)


def _summed(parts: dict[tuple[float, float], F8], starts: I8, days: int, *, middle: float) -> ChangeEvidence:
    """The sums over the days f8[J, D] of a change, of levels above and below `middle`; each part has its weight."""
    if not len(starts):
        return ChangeEvidence(np.full(days, -np.inf), np.full(days, -np.inf), np.arange(days))
    ages = np.arange(days)[None, :] - starts[:, None]
    counts = ages >= 0
    falls, rises = (
        np.logaddexp.reduce(
            [np.log(w) + _capped(part, ages) for (at, w), part in parts.items() if (at < middle) == down], axis=0
        )
        for down in (True, False)
    )
    both = np.where(counts, np.logaddexp(falls, rises), -np.inf)
    first_days = np.where(counts.any(axis=0), starts[np.argmax(both, axis=0)], np.arange(days))
    sums = [np.logaddexp.reduce(np.where(counts, way, -np.inf), axis=0) for way in (falls, rises)]
    return ChangeEvidence(sums[0], sums[1], first_days)


def _capped(log_evidence: F8, ages: I8) -> F8:
    """log E[j, t] f8[J, D] of which no day has added more than DAY_MOST; 0 before day j."""
    begun = np.where(ages >= 0, log_evidence, 0.0)
    return np.cumsum(np.minimum(np.diff(begun, prepend=0.0, axis=1), DAY_MOST), axis=1)
