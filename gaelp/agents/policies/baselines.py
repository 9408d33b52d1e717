"""The baselines that every agent is compared with, and `uniform`, which is poor on purpose.

The two that pace, pid-pacing and online-lp, have modules of their own and are built on `Counting`. Touch this knowing
that results of earlier runs are no longer comparable.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaelp.agents.contract import Decision, Observation, State, WorldShape
from gaelp.agents.models import counts, valuation
from gaelp.agents.models.masked_decisions import alike, allowed, decided
from gaelp.arrays import F8

HEADS = ("bid_micros", "creative_prob")
CLICKS_PER_MILLE = 6.0  # what the fixed bid believes a thousand impressions give
NAIVE_CLICKS_PER_MILLE = 20.0  # what a bidder believes who never looked at the numbers
SHADE = 0.8  # share of the estimated value that the linear rules bid
EXPLORE = 0.05  # share of impressions that the greedy rules spread over all creatives: rates need all of them shown


class Baseline:
    """No memory, no learning; a subclass says more where it does more."""

    name = ""
    heads = HEADS

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        return {"rounds": np.zeros(1, np.int64)}

    def initial_memory(self, campaigns: int) -> F8:
        return np.zeros((campaigns, 0))

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        return {**state, "rounds": np.asarray(state["rounds"]) + 1}


class FixedBid(Baseline):
    """The incumbent: all creatives alike, and one CPM bid, 6 clicks' value per thousand impressions."""

    name = "fixed-bid"
    clicks_per_mille = CLICKS_PER_MILLE

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        segments = observation.segment_features.shape[1]
        bid = self.clicks_per_mille * np.repeat(observation.click_value_micros.astype(np.float64)[:, None], segments, 1)
        return decided(bid, alike(observation), observation), memory


class Uniform(FixedBid):
    """The deliberately poor agent: all creatives alike, and a bid that wins nearly everything."""

    name = "uniform"
    clicks_per_mille = NAIVE_CLICKS_PER_MILLE


class Counting(Baseline):
    """Learns click counts per cell."""

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        return {"rounds": np.zeros(1, np.int64), **counts.nothing(shape)}

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        return {"rounds": np.asarray(state["rounds"]) + 1, **counts.added(state, trajectories)}

    def rates(self, state: State, observation: Observation) -> F8:
        """CTR f8[S, K]: its own cells, or the overall level where the world has other cells than it learned.

        After rounds that won nothing at all it is taken for higher, or the bids would go on winning nothing.
        """
        rates = counts.click_rates(state) * valuation.optimism(state, first=0)
        if counts.fits(state, observation):
            return rates
        return np.full((observation.segment_features.shape[1], observation.mask.shape[1]), rates.mean())


class LinearBid(Counting):
    """Bids in proportion to the segment's estimated CTR over all creatives, which it shows alike."""

    name = "linear-bid"

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        rate = self.rates(state, observation).mean(axis=1)
        bid = SHADE * 1000 * rate * observation.click_value_micros[:, None]
        return decided(bid, alike(observation), observation), memory


class BestCreative(Counting):
    """Shows the one creative of the highest posterior mean CTR over all segments, at a linear bid."""

    name = "best-creative"

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        rates = self.rates(state, observation)
        if not np.asarray(state["impressions"]).any():
            share = alike(observation)  # nothing is known yet, and a creative never shown stays unknown
        else:
            best = np.where(observation.mask, rates.mean(axis=0), -1.0).argmax(axis=1)
            one = np.eye(rates.shape[1])[best][:, None, :]
            share = allowed(np.repeat(one, rates.shape[0], axis=1), observation)
        bid = SHADE * 1000 * (share * rates).sum(axis=-1) * observation.click_value_micros[:, None]
        return decided(bid, share, observation), memory


def greedy(state: State, rates: F8, observation: Observation) -> F8:
    """The best allowed creative of each segment, f8[C, S, K], and a little of all; all alike before any count."""
    if not np.asarray(state["impressions"]).any():
        return alike(observation)
    masked = np.where(observation.mask[:, None, :], rates, -1.0)
    best = (masked.argmax(axis=-1)[..., None] == np.arange(rates.shape[1])).astype(np.float64)
    return (1 - EXPLORE) * allowed(best, observation) + EXPLORE * alike(observation)
