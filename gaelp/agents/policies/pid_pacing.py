"""The baseline `pid-pacing`: linear bids times a multiplier that a PID controller steers. Touch this to tune it.

Bids follow Zhang, Rong, Wang, Zhu and Wang, "Feedback Control of Real-Time Display Advertising" (WSDM 2016): the
controller's output u is the log of the multiplier. It tracks a day's spend in proportion to its traffic. Where the
output is at its limit, the integral term is corrected (anti-windup by back-calculation, Åström and Hägglund, Advanced
PID Control, 2006, section 3.5).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaelp.agents.contract import Decision, Observation, State, WorldShape
from gaelp.agents.models import bid_landscape, learned_market, pacing
from gaelp.agents.models.masked_decisions import decided
from gaelp.agents.policies.baselines import SHADE, Counting, greedy
from gaelp.arrays import F8

# Log multiplier per share of a tick's plan that was missed. Spend rises with about the fourth power of a low bid, so
# that a larger proportional part swings from tick to tick between twice the plan and half of it.
PROPORTIONAL, INTEGRAL, DERIVATIVE = 0.1, 0.2, 0.05
LOWEST = -4.0  # log multiplier; the highest is 0: a bid above value loses money
AIM = 0.97  # share of what is left that is planned: a budget exactly used up tells nothing


class PidPacing(Counting):
    """Linear bids on each segment's best creative, times exp(u). Memory [C, 5]: integral, last gap, and pacing's notes.

    The gap is the share of the last tick's planned spend that was missed (negative where it spent more); u is
    proportional, integral and derivative in it, within [LOWEST, 0].
    """

    name = "pid-pacing"

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        return learned_market.nothing(shape)

    def initial_memory(self, campaigns: int) -> F8:
        return np.zeros((campaigns, 2 + pacing.NOTES))

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        gap = pacing.gap(memory[:, 2:], observation)
        log_multiplier, integral = controlled(gap, memory[:, 0], memory[:, 1])
        rates = self.rates(state, observation)
        share = greedy(state, rates, observation)
        value = 1000 * (share * rates).sum(axis=-1) * observation.click_value_micros[:, None]
        plan = AIM * observation.budget_left_micros * bid_landscape.traffic_share(state, observation.hour)
        noted = np.concatenate([np.stack([integral, gap], axis=1), pacing.noted(plan, observation)], axis=1)
        return decided(SHADE * value * np.exp(log_multiplier)[:, None], share, observation), noted

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        return learned_market.learned(state, trajectories)


def controlled(gap: F8, integral: F8, last_gap: F8) -> tuple[F8, F8]:
    """The controller's output f8[C] and its next integral.

    What the limits cut off the output is taken back from the integral, or it would wind up while they bind and keep
    the bids there long after.
    """
    moved = integral + INTEGRAL * gap
    wanted = PROPORTIONAL * gap + moved + DERIVATIVE * (gap - last_gap)
    given = np.clip(wanted, LOWEST, 0.0)
    return given, moved + given - wanted
