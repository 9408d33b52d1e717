"""Sample observations and a trajectory that the tests of the conformance kit give to an agent.

Touch this when the contract gains a field.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gaelp.agents.contract import Observation, State, TickTime, Totals, WorldShape

TICKS = 3
HOME = WorldShape(segments=3, candidates=4, segment_features=2, candidate_features=3)


def generator(key: int) -> np.random.Generator:
    """A generator of its own."""
    return np.random.Generator(np.random.Philox(key=key))


def observation(shape: WorldShape, campaigns: int = 2) -> Observation:
    """A first tick: nothing seen, everything allowed."""
    rng = generator(7)
    segment = rng.normal(size=(shape.segments, shape.segment_features)).astype(np.float32)
    candidate = rng.normal(size=(shape.candidates, shape.candidate_features)).astype(np.float32)
    return Observation.build(
        TickTime(np.arange(campaigns) % 24, np.arange(campaigns) % 7, np.ones(campaigns)),
        Totals.none(campaigns, shape.segments, shape.candidates),
        segment,
        candidate,
        np.full(campaigns, 30_000_000),
        600_000,
    )


def late(first_tick: Observation) -> Observation:
    """The last tick of a campaign that spent its budget."""
    counts = generator(11).integers(0, 500, first_tick.impressions.shape)
    return replace(
        first_tick,
        time_left=np.full(len(first_tick.hour), 0.01),
        budget_left_micros=np.zeros(len(first_tick.hour), np.int64),
        impressions=counts * 50,
        clicks=counts // 5,
        matured_conversions=counts // 100,
        cost_micros=counts * 300_000,
    )


def trajectory(shape: WorldShape, campaigns: int = 2) -> State:
    """A short trajectory as Agent.learn reads it, of a uniform policy; the first creative is by far the best."""
    rng = generator(13)
    cells = (TICKS, campaigns, shape.segments, shape.candidates)
    shown = rng.integers(500, 1500, cells)
    clicks = rng.binomial(shown, np.where(np.arange(shape.candidates) == 0, 0.02, 0.002))
    first_tick = observation(shape, campaigns)
    return {
        "impressions": shown,
        "clicks": clicks,
        "matured_conversions": rng.binomial(clicks, 0.1),
        "cost_micros": shown * 3_000,
        "revenue_micros": rng.integers(0, 50_000_000, cells[:2]),
        "bid_micros": rng.integers(2_000_000, 8_000_000, cells[:3]),
        "creative_prob": np.full(cells, 1.0 / shape.candidates),
        "hour": np.repeat(np.arange(TICKS)[:, None], campaigns, axis=1),
        "weekday": np.zeros(cells[:2], np.int64),
        "budget_left_micros": np.full(cells[:2], 30_000_000),
        "segment_features": first_tick.segment_features[0],
        "candidate_features": first_tick.candidate_features[0],
        "click_value_micros": first_tick.click_value_micros,
    }
