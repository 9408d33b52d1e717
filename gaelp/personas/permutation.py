"""Which share of an agent's gain depends on the personas' ratings.

The exam is repeated on a market whose ratings are permuted among the creatives: the gain that is lost there depends on
the ratings. Touch this to word or to bound that share in another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8

_TOO_FEW = " (too few episodes for an interval)"
CONFIDENCE = 1.645  # standard errors of a two-sided 90 % interval


@dataclass(frozen=True)
class RatingShare:
    """A share in [0, 1] with its 90 % interval; None where there is no gain of which to take a share."""

    share: float | None
    low: float | None
    high: float | None
    sentence: str


def share_resting_on_ratings(
    gain: Sequence[float], permuted_gain: Sequence[float], *, paired: bool = False
) -> RatingShare:
    """1 - mean(permuted gain) / mean(gain), clipped to [0, 1].

    `gain` f8[n]: per exam episode, what the agent earned above its reference (any unit) in the market with ratings;
    `permuted_gain` f8[m]: the same agent in the market with permuted ratings. `paired`: gain i and permuted gain i are
    of one seed, which an episode left out of either side would shift. The interval is the delta method's for a ratio
    of means (Casella and Berger, 5.5.4), clipped likewise; with fewer than two episodes on a side there is none.
    ValueError on empty, non-finite, or paired but unequally many gains.
    """
    first, second = np.asarray(gain, np.float64), np.asarray(permuted_gain, np.float64)
    if not first.size or not second.size or not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("gains must be finite, and at least one on each side")
    if paired and first.size != second.size:
        raise ValueError(f"{first.size} and {second.size} gains are no pairs")
    if first.mean() <= CONFIDENCE * _standard_error(first) or first.mean() <= 0:
        return RatingShare(None, None, None, "No gain to speak of, so nothing rests on the personas' ratings.")
    ratio = float(second.mean() / first.mean())
    share = _clip(1.0 - ratio)
    if min(first.size, second.size) < 2:
        return RatingShare(share, None, None, f"{share:.0%} of the gain rests on the personas' ratings{_TOO_FEW}.")
    error = _ratio_error(first, second, ratio, paired)
    low, high = _clip(1.0 - ratio - CONFIDENCE * error), _clip(1.0 - ratio + CONFIDENCE * error)
    if high == 0:
        none = "None of the gain rests on the personas' ratings: it is no smaller with them permuted."
        return RatingShare(share, low, high, none)
    sentence = f"{share:.0%} of the gain rests on the personas' ratings (90 % interval {low:.0%} to {high:.0%})."
    return RatingShare(share, low, high, sentence)


def _ratio_error(first: F8, second: F8, ratio: float, paired: bool) -> float:
    if paired:
        return float(_standard_error(second - ratio * first) / first.mean())
    variance = _standard_error(second) ** 2 + (ratio * _standard_error(first)) ** 2
    return float(np.sqrt(variance) / first.mean())


def _standard_error(values: F8) -> float:
    return float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else 0.0


def _clip(share: float) -> float:
    return float(min(max(share, 0.0), 1.0))
