"""Sums the counts of trajectories and shrinks the rates made from them, for all agents that learn. All arrays [S, K].

Touch this to change how strongly a rate with few counts is drawn to the mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaelp.agents.contract import Observation, State, WorldShape
from gaelp.arrays import F8

CTR_LEVEL = 0.003  # clicks per impression before any trajectory
LEVEL_CLICKS = 20.0  # clicks that this guess weighs
CTR_STRENGTH = 4.0  # clicks of the cell prior: a log spread of about 0.5 between creatives
RATE_STRENGTH = 40.0  # conversions of the cell prior: a log spread of about 0.16
MEAN_ITERATIONS = 5

FEW = 200.0  # impressions of a round, below which it counts as one without wins

COUNTS = ("impressions", "clicks", "conversions")


def nothing(shape: WorldShape) -> dict[str, F8]:
    """Counts before any trajectory; `dry` [1] is the number of latest rounds in a row without wins."""
    return {**{name: np.zeros((shape.segments, shape.candidates)) for name in COUNTS}, "dry": np.zeros(1)}


def added(state: State, trajectories: Sequence[State]) -> dict[str, F8]:
    """The state's counts plus those of `trajectories`."""
    total = {name: np.array(state[name], np.float64) for name in COUNTS}
    before = total["impressions"].sum()
    for trajectory in trajectories:
        for name, counted in zip(COUNTS, ("impressions", "clicks", "matured_conversions"), strict=True):
            seen = trajectory[counted].sum(axis=(0, 1))
            segments, candidates = seen.shape  # the first of ours, where a task has fewer
            total[name][:segments, :candidates] += seen
    won = total["impressions"].sum() - before
    return {**total, "dry": np.where(won < FEW, np.asarray(state["dry"], np.float64) + 1.0, 0.0)}


def fits(state: State, observation: Observation) -> bool:
    """Whether the state's cells are those of the observation."""
    return state["clicks"].shape == (observation.segment_features.shape[1], observation.mask.shape[1])


def click_posterior(state: State, lean: F8 | float = 1.0) -> tuple[F8, F8]:
    """Gamma posterior (shape, rate in impressions) f8[S, K] of CTR; `lean` f8[K] is each candidate's prior factor."""
    clicks, impressions = _f8(state, "clicks"), _f8(state, "impressions")
    expected = (impressions * lean).sum(axis=1, keepdims=True)
    pooled = (clicks.sum() + LEVEL_CLICKS) / (expected.sum() + LEVEL_CLICKS / CTR_LEVEL)
    level = (clicks.sum(axis=1, keepdims=True) + LEVEL_CLICKS) / (expected + LEVEL_CLICKS / pooled)
    return CTR_STRENGTH + clicks, CTR_STRENGTH / (level * lean) + impressions


def conversion_posterior(state: State) -> tuple[F8, F8]:
    """Gamma posterior (shape, rate) f8[S, K] of a click's value relative to the average click.

    Relative to the mean over cells, not over clicks: the average click of the economics is over creatives and
    segments. So each cell's rate counts with its precision in a gamma-Poisson model, which saturates, and cells that
    were shown most do not set the mean. Immature and censored conversions are missing everywhere alike, so the ratio
    needs no lag model. Where the state says what each cell would usually convert (claimed_conversions.py), the cell's
    prior is that and not the mean.
    """
    conversions, clicks = _f8(state, "conversions"), _f8(state, "clicks")
    if "usual_rate" in state:
        usual = _f8(state, "usual_rate")
        return RATE_STRENGTH * usual / usual.mean() + conversions, RATE_STRENGTH + clicks * float(usual.mean())
    mean = float((conversions.sum() + 1e-3) / (clicks.sum() + 1.0))
    for _ in range(MEAN_ITERATIONS):
        precision = 1.0 / (clicks * mean + RATE_STRENGTH)
        weighted = float((clicks * precision).sum())
        mean = max(float((conversions * precision).sum()) / max(weighted, 1e-9), 1e-6)
    return RATE_STRENGTH + conversions, RATE_STRENGTH + clicks * mean


def click_rates(state: State) -> F8:
    """Posterior mean CTR f8[S, K]."""
    shape, rate = click_posterior(state)
    return shape / rate


def _f8(state: State, name: str) -> F8:
    return np.asarray(state[name], np.float64)
