"""Logs, markets and trained agents for the tests of market and agents. Touch this when a log gains a column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gaelp.agents.agent_entry_points import load_agent
from gaelp.agents.contract import Agent, Observation, State, TickTime, Totals, WorldShape
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.episodes.batch import BatchKey, DecidingAgent, simulate
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from gaelp.messages.episode_batch import BatchResult

HOUR_US = 3_600_000_000
EVENINGS = np.where(np.arange(24) >= 18, 3.0, 1.0) / 36


def configured(seed: int = 7, **sections: Mapping[str, Any]) -> TrainingConfiguration:
    """A configuration with day-long ticks, and `section={"key": value}` where given."""
    return TrainingConfiguration.model_validate({"seed": seed, "clock": {"tick_hours": 24}, **sections})


def bandit_log(seed: int, rows: int = 4000, candidates: int = 80, ctr: float = 0.004) -> dict[str, Any]:
    """A week's uniformly randomised log; user feature 1 is the best balanced one."""
    rng = stream(seed, "test-log")
    time = np.sort(rng.integers(0, 7 * 24 * HOUR_US, rows))
    users = np.stack([rng.choice(["x", "y"], rows, p=[0.9, 0.1]), rng.choice(list("abcdef"), rows)], axis=1)
    return {
        "time_us": time,
        "hour": time // HOUR_US % 24,
        "weekday": time // (24 * HOUR_US),
        "position": rng.integers(0, 3, rows),
        "action": rng.integers(0, candidates, rows),
        "propensity": np.full(rows, 1 / candidates),
        "click": rng.binomial(1, ctr, rows),
        "user_features": users.astype(np.str_),
        "candidate_features": stream(9, "features").normal(size=(candidates, 5)).astype(np.float32),
        "item_ids": np.arange(candidates).astype(np.str_),
    }


def auction_log(seed: int, rows: int = 20_000, exchanges: bool = True, creatives: bool = False) -> dict[str, Any]:
    """A week's won auctions: exchange b is dearer and clicked more often than a, and evenings are busy."""
    rng = stream(seed, "test-auctions")
    time = np.sort(rng.integers(0, 7 * 24, rows) // 24 * 24 + rng.choice(24, rows, p=EVENINGS)) * HOUR_US
    exchange = rng.choice(["a", "b"], rows, p=[0.75, 0.25]) if exchanges else np.full(rows, "")
    dear = np.where(exchange == "b", 2.0, 1.0)
    creative = rng.choice(["x", "y", "z"], rows) if creatives else np.full(rows, "")
    return {
        "time_us": time,
        "hour": time // HOUR_US % 24,
        "weekday": time // (24 * HOUR_US),
        "market_price": np.minimum(40 * dear * np.exp(0.7 * rng.normal(size=rows)), 300).astype(np.int64),
        "click": rng.binomial(1, 0.005 * dear * np.where(creative == "z", 3.0, 1.0)),
        "bid": np.full(rows, 300),
        "pctr": np.full(rows, 0.006),
        "exchange": exchange,
        "creative": creative,
    }


def shape_of(market: MarketParameters) -> WorldShape:
    """The sizes of a market."""
    return market.world_shape


def run(
    market: MarketParameters,
    config: TrainingConfiguration,
    agent: Agent,
    state: State,
    index: int,
    purpose: str,
    anchor: State | None = None,
) -> tuple[dict[str, Any], BatchResult]:
    """One batch beside the incumbent fixed-bid, and beside an anchor's state where one is given."""
    incumbent = load_agent("fixed-bid")
    reference = incumbent.initial_state(shape_of(market), stream(config.seed, "reference"))
    return simulate(
        market, DecidingAgent(agent, state, incumbent, reference, anchor), config, BatchKey(index, purpose, attempt=1)
    )


def trained(
    market: MarketParameters, config: TrainingConfiguration, agent: Agent
) -> tuple[State, list[float], list[State]]:
    """The state after the configured rounds, the mean reward of each round, and the state each round began with."""
    state = agent.initial_state(shape_of(market), stream(config.seed, "first"))
    rewards, states = [], []
    for number in range(config.simulation.rounds):
        states.append(state)
        batches = config.simulation.batches_per_round
        ran = [run(market, config, agent, state, number * batches + b, "train") for b in range(batches)]
        state = agent.learn(state, [trajectory for trajectory, _ in ran])
        rewards.append(float(np.mean([reward for _, result in ran for reward in result.rewards])))
    return state, rewards, states


def regret(market: MarketParameters, config: TrainingConfiguration, agent: Agent, state: State) -> float:
    """Mean share of the optimal profit that was missed on one exam batch; above 1 where money was lost."""
    return 1.0 - float(np.mean(run(market, config, agent, state, 0, "exam")[1].raw_rewards))


def observation(campaigns: int, segments: int, candidates: int, features: int = 3) -> Observation:
    """A first tick: nothing seen, hours 0 to C-1, a large budget."""
    return Observation.build(
        TickTime(np.arange(campaigns) % 24, np.zeros(campaigns), np.ones(campaigns)),
        Totals.none(campaigns, segments, candidates),
        np.ones((segments, 2)),
        np.ones((candidates, features)),
        np.full(campaigns, 10**9),
        600_000,
    )
