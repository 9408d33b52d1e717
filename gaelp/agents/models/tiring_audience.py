"""Fatigue, learned: how clicks fall with the impressions that a campaign has had of the same creative in a segment.

The click rate of a creative is taken to fall by the factor exp(-l N) after N impressions, with an l of each segment
(docs/market.md, fatigue). What is kept is sums by segment, creative and bin of N; the likeliest l of a grid follows
from them, with the creatives' own rates profiled out. Touch this for another form of fatigue.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaelp.agents.contract import State, WorldShape
from gaelp.arrays import F8

BINS = 21  # of N: 0, 1, 2-3, 4-7, and so on by powers of two; the last has all above
FALLS = np.geomspace(1e-6, 1e-2, 61)  # grid of l
SURE = 4.0  # by how much the log likelihood of the best l must exceed that of none
NEWEST = 0.5  # weight of the last round in the impressions of a campaign


def nothing(shape: WorldShape) -> dict[str, F8]:
    """Sums before any trajectory; `tired_fall` [S] is l, `reach` [S] a campaign's impressions in a segment."""
    sums = {name: np.zeros((shape.segments, shape.candidates, BINS)) for name in _SUMS}
    return {**sums, "tired_fall": np.zeros(shape.segments), "reach": np.zeros(shape.segments)}


_SUMS = ("tired_impressions", "tired_clicks", "tired_before")


def added(state: State, trajectories: Sequence[State]) -> dict[str, F8]:
    """The state's sums plus those of `trajectories`, and what follows from them."""
    total = {name: np.array(state[name], np.float64) for name in (*_SUMS, "reach")}
    shown, campaigns = np.zeros(len(total["reach"])), 0
    for trajectory in trajectories:
        impressions = np.asarray(trajectory["impressions"], np.float64)
        _add(total, impressions, np.asarray(trajectory["clicks"], np.float64))
        shown[: impressions.shape[2]] += impressions.sum(axis=(0, 1, 3))
        campaigns += impressions.shape[1]
    weight = NEWEST if total["reach"].any() else 1.0
    total["reach"] += weight * (shown / max(campaigns, 1) - total["reach"])
    fall = [_fall(*(total[name][segment] for name in _SUMS)) for segment in range(len(shown))]
    return {**total, "tired_fall": np.array(fall)}


def _add(total: dict[str, F8], impressions: F8, clicks: F8) -> None:
    """Add arrays [T, C, S, K] of one batch."""
    middle = np.cumsum(impressions, axis=0) - impressions / 2
    at = np.minimum(np.log2(middle + 1.0).astype(np.int64), BINS - 1)
    _, _, segments, candidates = impressions.shape
    cell = (
        np.broadcast_to(np.arange(segments * candidates).reshape(segments, candidates), impressions.shape) * BINS + at
    )
    for name, values in zip(_SUMS, (impressions, clicks, impressions * middle), strict=True):
        sums = np.bincount(cell.ravel(), values.ravel(), segments * candidates * BINS)
        total[name][:segments, :candidates] += sums.reshape(segments, candidates, BINS)


def _fall(impressions: F8, clicks: F8, before: F8) -> float:
    """The likeliest l of one segment; 0 unless the data are surely likelier with it. Arrays [K, BINS]."""
    middle = before / np.maximum(impressions, 1.0)
    weights = impressions * np.exp(-FALLS[:, None, None] * middle)  # [G, K, BINS]
    of_cells = clicks.sum(axis=1)
    likelihood = -FALLS * (clicks * middle).sum() - (of_cells * np.log(np.maximum(weights.sum(axis=2), 1e-300))).sum(
        axis=1
    )
    none = -(of_cells * np.log(np.maximum(impressions.sum(axis=1), 1e-300))).sum()
    best = int(likelihood.argmax())
    return float(FALLS[best]) if likelihood[best] > none + SURE else 0.0


def fresh(state: State) -> dict[str, F8]:
    """The counts of `state` with as many first impressions as its impressions were worth."""
    impressions, before = (np.asarray(state[name], np.float64) for name in ("tired_impressions", "tired_before"))
    middle = before / np.maximum(impressions, 1.0)
    fall = np.asarray(state["tired_fall"], np.float64)
    worth = impressions * np.exp(-fall[:, None, None] * middle)
    return {**state, "impressions": worth.sum(axis=2)}


def first_impressions(shown: F8, fall: F8) -> F8:
    """How many first impressions f8[..., S, K] bring as many clicks as `shown` of each; fall f8[S]."""
    rate = np.maximum(fall, 1e-12)[:, None]
    return np.asarray(-np.expm1(-rate * shown) / rate)


def spread(value: F8, tiredness: F8) -> F8:
    """Shares f8[..., S, K] of a campaign's impressions that earn most where creative k is worth value f8[..., S, K] at
    first, and all of a segment's impressions shown of one creative would lower its log by `tiredness` f8[S].

    The shown creatives end equally valuable: v exp(-t x) is the same for all of them, and the shares x sum to one.
    """
    tired = np.maximum(tiredness, 1e-9)[:, None]
    log_value = np.log(np.maximum(value, 1e-300))
    ordered = -np.sort(-log_value, axis=-1)
    level = (np.cumsum(ordered, axis=-1) - tired) / np.arange(1, value.shape[-1] + 1)
    shown = (ordered > level).sum(axis=-1, keepdims=True)
    end = np.take_along_axis(level, shown - 1, axis=-1)
    share = np.maximum(log_value - end, 0.0) / tired
    return np.asarray(share / share.sum(axis=-1, keepdims=True))
