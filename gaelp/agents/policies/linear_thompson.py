"""The agent that learns: Thompson sampling of creatives on a linear prior, and bids from a learned landscape.

Touch this to make the agent better; its state is small named arrays, and from 0.1.0 on an old one must stay readable.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaelp.agents.contract import Decision, Observation, State, WorldShape
from gaelp.agents.models import counts, learned_market, pacing, valuation
from gaelp.agents.models.masked_decisions import allowed, decided
from gaelp.arrays import F4, F8

FLOOR = 0.02  # share of impressions spread over all allowed candidates, for ever: off-policy evaluation needs it
FIRST_FLOOR = 0.3
SHARPEST = 3.0  # late steps take Thompson probabilities to a power that grows to this: near-ties get fewer impressions
DECAY = 1.5  # exploration after n steps (valuation.evidence) is its first value / (1 + n) ** DECAY
RIDGE = 20.0  # clicks that the belief in no feature effect weighs


class LinearThompson:
    """Per cell a conjugate posterior of CTR and of a click's relative value; candidate features lean the prior.

    Creatives: the Monte Carlo probability that each is the best, above a floor. Bid: the value of a thousand
    impressions, shaded by one factor for all segments so that the forecast spend of the rest of the day is what is
    left of its budget; that is the optimum of a second-price auction under a budget. In a first-price auction the bid
    is shaded from that value once more, against the rivals learned. Memory [C, 3]: log pace,
    forecast of the tick before, total cost at its start.
    """

    name = "linear-thompson"
    heads = ("bid_micros", "creative_prob")

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        return {**learned_market.nothing(shape), "weights": np.zeros(shape.candidate_features)}

    def initial_memory(self, campaigns: int) -> F8:
        return np.zeros((campaigns, 3))

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        steps = valuation.evidence(state)
        cells = valuation.cells(state, observation)
        lean = lean_of(state, observation.candidate_features[0])
        share = allowed(_shares(cells, lean, steps, rng), observation)
        level = valuation.level(valuation.means(cells, lean)[0], observation)
        clicks = valuation.impression_value(share, cells, lean, state) * level[:, None]
        value = 1000.0 * clicks * observation.click_value_micros[:, None]
        bid, memory = pacing.paced(state, valuation.optimism(state) * value, observation, memory)
        return decided(pacing.explored(bid, steps, rng), share, observation), memory

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        if not trajectories:
            return state
        learned = learned_market.learned(state, trajectories)
        return {**learned, "weights": feature_weights(learned, trajectories)}


def lean_of(state: State, features: F4) -> F8:
    """Prior CTR factor f8[K] of the candidates by their features; 1 where the features are others."""
    weights = np.asarray(state["weights"], np.float64)
    if features.shape[1] != len(weights):
        return np.ones(len(features))
    scores = features.astype(np.float64) @ weights
    return np.asarray(np.exp(np.clip(scores - scores.mean(), -2.0, 2.0)))


def _shares(cells: State, lean: F8, steps: float, rng: np.random.Generator) -> F8:
    """Probability f8[S, K] that each candidate is its segment's best, sharpened late and mixed with the floor."""
    sharpness = np.clip(steps - 2.0, 1.0, SHARPEST)
    share = valuation.best_probability(cells, lean, rng) ** sharpness
    return valuation.floored(share, max(FLOOR, FIRST_FLOOR / (1 + steps) ** DECAY))


def feature_weights(total: State, trajectories: Sequence[State]) -> F8:
    """Ridge regression of the creatives' log CTR on their features, weighted by clicks; of the most that were shown."""
    seen = (np.asarray(trajectory["candidate_features"], np.float64) for trajectory in trajectories)
    features = max(seen, key=len)
    clicks, impressions = (np.asarray(total[name]).sum(axis=0)[: len(features)] for name in ("clicks", "impressions"))
    level = (clicks.sum() + 1.0) / (impressions.sum() + 1.0 / counts.CTR_LEVEL)
    target = np.log((clicks + 1.0) / (impressions * level + 1.0))
    weight = clicks + 1.0
    centred = features - np.average(features, axis=0, weights=weight)
    target = target - np.average(target, weights=weight)
    gram = (centred * weight[:, None]).T @ centred + RIDGE * np.eye(features.shape[1])
    return np.asarray(np.linalg.solve(gram, (centred * weight[:, None]).T @ target))
