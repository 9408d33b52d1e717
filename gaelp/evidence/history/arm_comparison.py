"""The arms of an A/B test beside its control: click rates, their differences, and whether the split was as planned.

Everything counts impressions as independent of each other. Touch this to compare arms otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import Array
from gaelp.evidence.betting import clopper_pearson
from gaelp.evidence.history.off_policy import TAIL


@dataclass(frozen=True)
class ArmResult:
    """What an arm came to; the bounds of an interval leave TAIL out on each side."""

    arm: str
    impressions: int
    clicks: int
    planned: float  # share of the experiment's impressions
    low: float  # of the click rate, by Clopper and Pearson
    high: float
    difference: float | None  # its click rate less the control's; None for the control itself, as its bounds
    difference_low: float | None  # by Newcombe
    difference_high: float | None

    @property
    def rate(self) -> float:
        """Clicks per impression."""
        return self.clicks / self.impressions


@dataclass(frozen=True)
class ExperimentResult:
    """The arms of one experiment, the control first."""

    experiment: str
    arms: tuple[ArmResult, ...]
    split_p: float  # chi-square p-value of the impressions against the planned split


def compare(log: Mapping[str, Array], shares: Mapping[str, float]) -> tuple[ExperimentResult, ...]:
    """The experiments of an A/B test as `load_split_test` gives it, in the order of the log.

    `shares` are in any unit, over 0, and of the arms in their order, the control first; empty: all alike, in the order
    of the log. Raises ValueError (one sentence) where they do not name the log's arms, or an arm has no impressions.
    """
    named = list(dict.fromkeys(log["arm"].tolist()))
    if shares and (wrong := [arm for arm in shares if arm not in named]):
        raise ValueError(f"the log has no arm {wrong[0]!r}; it has {', '.join(named)}")
    if shares and (left := [arm for arm in named if arm not in shares]):
        raise ValueError(f"the log has an arm {left[0]!r}, and its share is not said: name every arm")
    planned = shares or dict.fromkeys(named, 1.0)
    experiments = dict.fromkeys(log["experiment"].tolist())
    return tuple(_experiment(name, log, planned) for name in experiments)


def _experiment(name: str, log: Mapping[str, Array], planned: Mapping[str, float]) -> ExperimentResult:
    from scipy.stats import chisquare  # half a second, for which a compute worker without logs does not wait

    here = log["experiment"] == name
    arms = [arm for arm in planned if (log["arm"][here] == arm).any()]
    of = f" of experiment {name!r}" if name else ""
    if len(arms) < 2:
        raise ValueError(f"arm {arms[0]!r}{of} has no other arm beside it: there is nothing to compare")
    rows = [here & (log["arm"] == arm) for arm in arms]
    shown, clicks = ([int(log[key][each].sum()) for each in rows] for key in ("impressions", "clicks"))
    if not all(shown):
        raise ValueError(f"arm {arms[shown.index(0)]!r}{of} has no impressions: it has no click rate")
    share = np.array([planned[arm] for arm in arms]) / sum(planned[arm] for arm in arms)
    results = []
    for at, arm in enumerate(arms):
        bounds = clopper_pearson(clicks[at], shown[at], TAIL)
        beside = newcombe((shown[at], clicks[at]), (shown[0], clicks[0])) if at else (None, None, None)
        results.append(ArmResult(arm, shown[at], clicks[at], float(share[at]), *bounds, *beside))
    return ExperimentResult(name, tuple(results), float(chisquare(shown, share * sum(shown)).pvalue))


def newcombe(one: tuple[int, int], other: tuple[int, int], tail: float = TAIL) -> tuple[float, float, float]:
    """Difference of two shares of (trials, successes), `one` less `other`; its bounds leave `tail` out on each side.

    Newcombe (1998), Statistics in Medicine 17, 873-890, method 10: Wilson's intervals of both, without correction for
    continuity.
    """
    (share, low, high), (beside, beside_low, beside_high) = _wilson(*one, tail), _wilson(*other, tail)
    difference = share - beside
    below = math.hypot(share - low, beside_high - beside)
    above = math.hypot(high - share, beside - beside_low)
    return difference, difference - below, difference + above


def _wilson(trials: int, successes: int, tail: float) -> tuple[float, float, float]:
    from scipy.stats import binomtest  # as above

    interval = binomtest(successes, trials).proportion_ci(1 - 2 * tail, method="wilson")
    return successes / trials, float(interval.low), float(interval.high)
