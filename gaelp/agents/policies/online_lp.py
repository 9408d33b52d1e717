"""The baseline `online-lp`: the dual price of the budget, moved by subgradient steps. Touch this to tune it.

Adaptive pacing of Balseiro and Gur, "Learning in Repeated Auctions with Budgets" (Management Science 65(9), 2019):
the linear program max sum of (value - price) under a budget has the dual price l >= 0, its optimal bid in a
second-price auction is value / (1 + l), and l takes a step after each period by the spend that missed its target.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaelp.agents.contract import Decision, Observation, State, WorldShape
from gaelp.agents.models import bid_landscape, learned_market, pacing
from gaelp.agents.models.masked_decisions import decided
from gaelp.agents.policies.baselines import Counting, greedy
from gaelp.arrays import F8

STEP = 0.2  # of the dual price, per share of a tick's target that was missed
HIGHEST = 30.0  # of the dual price


class OnlineLP(Counting):
    """Per segment the creative of the highest estimated CTR, at value / (1 + l). Memory [C, 4]: l, pacing's notes.

    The target of a tick is what is left of the day's budget in proportion to the tick's share of the traffic left
    (the paper's B / T for traffic that is not even). An episode begins at l = 0: nothing is carried between them.
    """

    name = "online-lp"

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        return learned_market.nothing(shape)

    def initial_memory(self, campaigns: int) -> F8:
        return np.zeros((campaigns, 1 + pacing.NOTES))

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        price = np.clip(memory[:, 0] - STEP * pacing.gap(memory[:, 1:], observation), 0.0, HIGHEST)
        rates = self.rates(state, observation)
        share = greedy(state, rates, observation)
        value = 1000 * (share * rates).sum(axis=-1) * observation.click_value_micros[:, None]
        target = observation.budget_left_micros * bid_landscape.traffic_share(state, observation.hour)
        memory = np.concatenate([price[:, None], pacing.noted(target, observation)], axis=1)
        return decided(value / (1.0 + price)[:, None], share, observation), memory

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        return learned_market.learned(state, trajectories)
