"""The agent that learns: Thompson sampling of creatives on a linear prior, and bids from a learned landscape.

Touch this to make the agent better; its state is small named arrays, so an old checkpoint must stay readable.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaelp.agents import counts, landscape
from gaelp.agents.contract import F8, Decision, Observation, State, WorldShape

DRAWS = 200  # Monte Carlo draws behind a Thompson probability
FLOOR = 0.02  # share of impressions spread over all allowed candidates, for ever: off-policy evaluation needs it
FIRST_FLOOR = 0.3
SHARPEST = 3.0  # late rounds take Thompson probabilities to a power that grows to this: less play among near-ties
OPTIMISM = 3.0  # factor of the first round's bids, which know nothing: what is not won is not learned
BID_JITTER = 0.03  # log standard deviation of the bid, for ever: the landscape stays measurable
FIRST_BID_JITTER = 0.6
DECAY = 1.5  # exploration after n rounds is its first value / (1 + n) ** DECAY
RIDGE = 20.0  # clicks that the belief in no feature effect weighs
LEVEL_CLICKS = 60.0  # clicks that the learned level weighs against a campaign's own
MOST_PACE = 0.4  # a late report must not look like a spend that never came
PACE_GAIN = 0.3  # how fast spend that missed its forecast moves the next one
BOOK = 0.9  # forecast spend aimed at, as a share of what is left: a budget used up early was spent at too high bids
MULTIPLIERS = np.geomspace(0.05, 1.0, 240)


class LinearThompson:
    """Per cell a conjugate posterior of CTR and of a click's relative value; candidate features lean the prior.

    Creatives: the Monte Carlo probability that each is the best, above a floor. Bid: the value of a thousand
    impressions, shaded by one factor for all segments so that the forecast spend of the rest of the day is what is
    left of its budget; that is the optimum of a second-price auction under a budget. Memory [C, 3]: log pace,
    forecast of the tick before, total cost at its start.
    """

    name = "linear-thompson"
    heads = ("bid_micros", "creative_prob")

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        weights = np.zeros(shape.candidate_features)
        return {
            "rounds": np.zeros(1, np.int64),
            "weights": weights,
            **counts.nothing(shape),
            **landscape.nothing(shape),
        }

    def initial_memory(self, campaigns: int) -> F8:
        return np.zeros((campaigns, 3))

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        rounds = int(state["rounds"][0])
        cells = _for(state, observation)
        lean = _lean(state, observation.candidate_features[0])
        share = counts.allowed(_best_shares(cells, lean, rounds, rng), observation)
        shape, rate = counts.click_posterior(cells, lean)
        value_shape, value_rate = counts.conversion_posterior(cells)
        worth = (share * (shape / rate) * (value_shape / value_rate)).sum(axis=-1)
        level = _level(shape / rate, observation)
        value = 1000.0 * worth * level[:, None] * observation.click_value_micros[:, None]
        bid, memory = _paced(state, value if rounds else OPTIMISM * value, observation, memory)
        jitter = max(BID_JITTER, FIRST_BID_JITTER / (1 + rounds) ** DECAY)
        bid = bid * np.exp(rng.normal(0.0, jitter, bid.shape))
        bid = counts.closed_where_nothing_is_allowed(bid, observation)
        return Decision(bid_micros=np.round(bid).astype(np.int64), creative_prob=share), memory

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        if not trajectories:
            return state
        seen = counts.added(state, trajectories)
        return {
            "rounds": np.asarray(state["rounds"]) + 1,
            "weights": _weights(seen, np.asarray(trajectories[-1]["candidate_features"], np.float64)),
            **seen,
            **landscape.added(state, trajectories),
        }


def _for(state: State, observation: Observation) -> State:
    """The state's cells, or empty ones at the learned level where the world has other cells than the training."""
    if counts.fits(state, observation):
        return state
    cells = (observation.segment_features.shape[1], observation.mask.shape[1])
    clicks, impressions = np.asarray(state["clicks"]).sum(), np.asarray(state["impressions"]).sum()
    rate = (clicks + counts.LEVEL_CLICKS) / (impressions + counts.LEVEL_CLICKS / counts.CTR_LEVEL)
    little = np.full(cells, 1.0)
    return {"clicks": little, "impressions": little / rate, "conversions": np.zeros(cells)}


def _lean(state: State, features: F8 | np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> F8:
    """Prior CTR factor f8[K] of the candidates by their features; 1 where the features are others."""
    weights = np.asarray(state["weights"], np.float64)
    if features.shape[1] != len(weights):
        return np.ones(len(features))
    scores = features.astype(np.float64) @ weights
    return np.asarray(np.exp(np.clip(scores - scores.mean(), -2.0, 2.0)))


def _best_shares(cells: State, lean: F8, rounds: int, rng: np.random.Generator) -> F8:
    """Probability f8[S, K] that each candidate is its segment's best, mixed with the floor."""
    shape, rate = counts.click_posterior(cells, lean)
    value_shape, value_rate = counts.conversion_posterior(cells)
    drawn = rng.gamma(shape, size=(DRAWS, *shape.shape)) / rate
    drawn *= rng.gamma(value_shape, size=drawn.shape) / value_rate
    best = drawn.argmax(axis=-1)
    share = (best[..., None] == np.arange(shape.shape[1])).mean(axis=0) ** np.clip(rounds - 2.0, 1.0, SHARPEST)
    share /= share.sum(axis=-1, keepdims=True)
    floor = max(FLOOR, FIRST_FLOOR / (1 + rounds) ** DECAY)
    return np.asarray((1 - floor) * share + floor / shape.shape[1])


def _level(rates: F8, observation: Observation) -> F8:
    """How a campaign's own clicks compare with what was learned, f8[C], shrunken to 1."""
    clicks = observation.clicks.sum(axis=(1, 2))
    expected = (observation.impressions * rates).sum(axis=(1, 2))
    return np.asarray(np.clip((clicks + LEVEL_CLICKS) / (expected + LEVEL_CLICKS), 0.4, 2.0))


def _paced(state: State, value: F8, observation: Observation, memory: F8) -> tuple[F8, F8]:
    """Bids f8[C, S] that spend what is left of the day's budget, never above value, and the next memory."""
    cost = observation.cost_micros.sum(axis=(1, 2)).astype(np.float64)
    if not landscape.known(state) or len(np.asarray(state["price_median"])) != value.shape[1]:
        return value, np.stack([memory[:, 0], np.zeros(len(cost)), cost], axis=1)
    pace = _pace(memory, cost)
    tick, rest = landscape.auctions_left(state, observation.hour)
    bids = value[:, None, :] * MULTIPLIERS[:, None]
    per_auction = landscape.spend_per_auction(state, bids)
    spend = (per_auction * rest[:, None, :]).sum(axis=-1)
    left = observation.budget_left_micros.astype(np.float64)
    chosen = np.maximum((spend <= (BOOK * left * np.exp(pace))[:, None]).sum(axis=1) - 1, 0)
    rows = np.arange(len(left))
    forecast = (per_auction[rows, chosen] * tick).sum(axis=-1) * np.exp(-pace)
    return bids[rows, chosen], np.stack([pace, np.minimum(forecast, left), cost], axis=1)


def _pace(memory: F8, cost: F8) -> F8:
    """Log pace f8[C] after the last tick: more where it spent less than forecast."""
    spent, forecast = cost - memory[:, 2], memory[:, 1]
    miss = np.where(forecast > 0, np.log(np.maximum(forecast, 1.0) / np.maximum(spent, 1.0)), 0.0)
    return np.asarray(np.clip(memory[:, 0] + PACE_GAIN * np.clip(miss, -0.5, 0.5), -MOST_PACE, MOST_PACE))


def _weights(seen: State, features: F8) -> F8:
    """Ridge regression of the creatives' log CTR on their features, weighted by clicks."""
    clicks, impressions = (np.asarray(seen[name]).sum(axis=0) for name in ("clicks", "impressions"))
    level = (clicks.sum() + 1.0) / (impressions.sum() + 1.0 / counts.CTR_LEVEL)
    target = np.log((clicks + 1.0) / (impressions * level + 1.0))
    weight = clicks + 1.0
    centred = features - np.average(features, axis=0, weights=weight)
    target = target - np.average(target, weights=weight)
    gram = (centred * weight[:, None]).T @ centred + RIDGE * np.eye(features.shape[1])
    return np.asarray(np.linalg.solve(gram, (centred * weight[:, None]).T @ target))
