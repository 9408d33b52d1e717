"""The baselines that are always present (H5), and `uniform`, which is poor on purpose. Touch them and history moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaelp.agents import counts
from gaelp.agents.contract import F8, Decision, Observation, State, WorldShape

HEADS = ("bid_micros", "creative_prob")
CLICKS_PER_MILLE = 6.0  # what the fixed bid believes a thousand impressions give
NAIVE_CLICKS_PER_MILLE = 20.0  # what a naive bidder believes who never looked
SHADE = 0.8  # share of the estimated value that the linear rules bid


class _Baseline:
    """No memory, no learning; a subclass says more where it does more."""

    name = ""
    heads = HEADS

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        return {"rounds": np.zeros(1, np.int64)}

    def initial_memory(self, campaigns: int) -> F8:
        return np.zeros((campaigns, 0))

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        return {**state, "rounds": np.asarray(state["rounds"]) + 1}


class FixedBid(_Baseline):
    """The incumbent: all creatives alike, and one CPM bid, 6 clicks' value per thousand impressions."""

    name = "fixed-bid"
    clicks_per_mille = CLICKS_PER_MILLE

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        segments = observation.segment_features.shape[1]
        bid = self.clicks_per_mille * np.repeat(observation.click_value_micros.astype(np.float64)[:, None], segments, 1)
        return _decision(bid, _uniform(observation), observation), memory


class Uniform(FixedBid):
    """The deliberately poor agent: all creatives alike, and a bid that wins nearly everything."""

    name = "uniform"
    clicks_per_mille = NAIVE_CLICKS_PER_MILLE


class _Counting(_Baseline):
    """Learns click counts per cell."""

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        return {"rounds": np.zeros(1, np.int64), **counts.nothing(shape)}

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        return {"rounds": np.asarray(state["rounds"]) + 1, **counts.added(state, trajectories)}

    def _rates(self, state: State, observation: Observation) -> F8:
        """CTR f8[S, K]: its own cells, or the overall level where the world has other cells than it learned."""
        rates = counts.click_rates(state)
        if counts.fits(state, observation):
            return rates
        return np.full((observation.segment_features.shape[1], observation.mask.shape[1]), rates.mean())


class LinearBid(_Counting):
    """Bids in proportion to the segment's estimated CTR over all creatives, which it shows alike."""

    name = "linear-bid"

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        rate = self._rates(state, observation).mean(axis=1)
        bid = SHADE * 1000 * rate * observation.click_value_micros[:, None]
        return _decision(bid, _uniform(observation), observation), memory


class BestCreative(_Counting):
    """Shows the one creative of the highest posterior mean CTR over all segments, at a linear bid."""

    name = "best-creative"

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        rates = self._rates(state, observation)
        if not np.asarray(state["impressions"]).any():
            share = _uniform(
                observation
            )  # nothing is known yet: every creative is shown, or one would stay the only one
        else:
            best = np.where(observation.mask, rates.mean(axis=0), -1.0).argmax(axis=1)
            one = np.eye(rates.shape[1])[best][:, None, :]
            share = counts.allowed(np.repeat(one, rates.shape[0], axis=1), observation)
        bid = SHADE * 1000 * (share * rates).sum(axis=-1) * observation.click_value_micros[:, None]
        return _decision(bid, share, observation), memory


def _uniform(observation: Observation) -> F8:
    return counts.allowed(np.ones((observation.segment_features.shape[1], observation.mask.shape[1])), observation)


def _decision(bid: F8, share: F8, observation: Observation) -> Decision:
    bid = counts.closed_where_nothing_is_allowed(bid, observation)
    return Decision(bid_micros=np.round(bid).astype(np.int64), creative_prob=share)
