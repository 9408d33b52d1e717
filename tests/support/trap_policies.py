"""Policies for the trap exams: one that knows what is true, and naive ones that believe what each trap reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gaelp.agents.contract import Decision, Observation, State, WorldShape
from gaelp.agents.policies.baselines import BestCreative
from gaelp.arrays import F8, I8, Array
from gaelp.market.parameters import MarketParameters
from gaelp.market.traps.trap_scenes import SCENES
from gaelp.market.traps.trap_worlds import OpenScene

VALUE_MICROS = 10_000_000.0  # of a conversion, by the default economics


class Policy:
    """Bids the true value of the best creative unless a subclass says otherwise; remembers `columns` numbers."""

    name, heads, columns = "policy", ("bid_micros", "creative_prob", "target"), 0

    def __init__(self, market: MarketParameters) -> None:
        self.worth = market.ctr * market.cvr * VALUE_MICROS  # [S, K] of an impression

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        return {"worth": self.worth}

    def initial_memory(self, campaigns: int) -> F8:
        return np.ones((campaigns, self.columns))

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        return state

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        factor, memory = self.factor(observation, memory)
        worth = np.asarray(state["worth"])
        share = np.eye(worth.shape[1])[worth.argmax(axis=1)]
        bid = 1000 * worth.max(axis=1)[None, :] * factor[:, None]
        campaigns = len(observation.hour)
        target = np.full(campaigns, self.target(observation))
        return Decision(bid.astype(np.int64), np.repeat(share[None], campaigns, 0), target=target), memory

    def factor(self, observation: Observation, memory: F8) -> tuple[F8, F8]:
        return np.ones(len(observation.hour)), memory

    def target(self, observation: Observation) -> float:
        return VALUE_MICROS


class LowTarget(Policy):
    """Gives the platform a third of what a conversion is worth."""

    def target(self, observation: Observation) -> float:
        return VALUE_MICROS / 3


class Tinkerer(Policy):
    """Changes the target every day."""

    def target(self, observation: Observation) -> float:
        day = round(7 * (1 - float(observation.time_left[0])))
        return VALUE_MICROS * (1.3 if day % 2 else 1.0)


class Panicking(Policy):
    """Cuts its bids where the cost per conversion that has arrived is above its worth."""

    def factor(self, observation: Observation, memory: F8) -> tuple[F8, F8]:
        cost = observation.cost_micros.sum(axis=(1, 2))
        conversions = np.maximum(observation.matured_conversions.sum(axis=(1, 2)), 0.5)
        return np.minimum(1.0, VALUE_MICROS * conversions / np.maximum(cost, 1)), memory


class BidsToAverage(Policy):
    """Raises its bids for as long as the average conversion costs less than it is worth."""

    columns = 1

    def factor(self, observation: Observation, memory: F8) -> tuple[F8, F8]:
        cost = observation.cost_micros.sum(axis=(1, 2))
        cheap = cost < 0.06 * observation.clicks.sum(axis=(1, 2)) * VALUE_MICROS
        moved = memory * np.where(cheap, 1.6, 1 / 1.1)[:, None]
        return moved[:, 0], moved


class KeepsVolume(Policy):
    """Raises its bids by as much as it wins less than on the first day."""

    columns = 3  # impressions of the first day, of all days, and the factor

    def factor(self, observation: Observation, memory: F8) -> tuple[F8, F8]:
        total = observation.impressions.sum(axis=(1, 2)).astype(float)
        last = np.maximum(total - np.where(memory[:, 1] > 1, memory[:, 1], 0), 1.0)
        first = np.where(memory[:, 0] > 1, memory[:, 0], np.maximum(total, 1.0))
        factor = np.clip(memory[:, 2] * np.where(total > 0, first / last, 1.0), 1.0, 10.0)
        return factor, np.stack([first, total, factor], axis=1)


class Believer(Policy):
    """Takes every reported rate as it stands: orders for each impression of a cell, whatever they rest on."""

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        sizes = (shape.segments, shape.candidates)
        return {"worth": self.worth.mean() * np.ones(sizes), "shown": np.zeros(sizes), "sold": np.zeros(sizes)}

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        shown = state["shown"] + _summed(trajectories, "impressions")
        sold = state["sold"] + _summed(trajectories, "matured_conversions")
        return {
            "worth": np.where(shown > 0, sold / np.maximum(shown, 1), 0.0) * VALUE_MICROS,
            "shown": shown,
            "sold": sold,
        }

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        if state["shown"].any():
            return super().act(state, observation, memory, rng)
        campaigns, (segments, candidates) = len(observation.hour), state["shown"].shape
        bid: I8 = np.full((campaigns, segments), int(1000 * state["worth"].mean()))
        return Decision(bid, np.full((campaigns, segments, candidates), 1 / candidates)), memory


class Pooled(BestCreative):
    """Our own baseline, which ranks creatives over all segments and counts clicks only."""

    def __init__(self, market: MarketParameters) -> None:
        del market


def _summed(trajectories: Sequence[State], name: str) -> Array:
    return sum((np.asarray(each[name]).sum(axis=(0, 1)) for each in trajectories), np.zeros(()))


NAIVE: Mapping[str, type] = {
    "immature-days": Panicking,
    "average-cost": BidsToAverage,
    "organic-harvest": Believer,
    "high-season": Believer,
    "halo": Believer,
    "changed-definition": Believer,
    "learning-reset": Tinkerer,
    "lucky-winner": Believer,
    "price-war": KeepsVolume,
    "cheap-autobidder": Policy,
    "double-tag": Believer,
    "two-platforms": Believer,
    "mix-shift": Pooled,
    "coupon-returns": Believer,
    "junk-placements": Pooled,
}
RIGHT: Mapping[str, type] = {name: LowTarget if name == "cheap-autobidder" else Policy for name in NAIVE}


def made(kind: type, trap: str) -> Policy:
    """A policy of that kind for a trap, of which Policy knows the truth."""
    policy: Policy = kind(OpenScene.of(SCENES[trap].exam).market)
    return policy
