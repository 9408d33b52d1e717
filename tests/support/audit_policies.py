"""Policies for the exploit audit: one that lives off a single assumption of the market, and one that does not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaelp.agents.contract import Decision, Observation, State, WorldShape
from gaelp.arrays import F8


class BidsPrice:
    """Knows the best creative of each segment, and bids `factor` times the median prices f8[S] that it learned."""

    name, heads = "bids-price", ("bid_micros", "creative_prob")

    def __init__(self, rates: F8, prices_micros: F8, factor: float) -> None:
        self.share = np.eye(rates.shape[1])[rates.argmax(axis=1)]  # [S, K]
        self.bid = (prices_micros * factor).astype(np.int64)  # [S]

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        return {}

    def initial_memory(self, campaigns: int) -> F8:
        return np.zeros((campaigns, 0))

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        return state

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        campaigns = len(observation.hour)
        return Decision(np.repeat(self.bid[None], campaigns, 0), np.repeat(self.share[None], campaigns, 0)), memory
