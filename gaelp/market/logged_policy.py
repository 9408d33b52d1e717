"""What an agent would show with nothing observed yet, hour by hour: the policy that a bandit log is asked about.

Touch this to judge an agent in another situation than the beginning of a campaign.
"""

from __future__ import annotations

import numpy as np

from gaelp.agents.contract import Agent, Observation, State, TickTime, Totals
from gaelp.agents.decision_checks import checked
from gaelp.arrays import F8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.calibration.calibrate import click_value_micros
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream

HOURS = 24


def agent_policy(agent: Agent, state: State, market: MarketParameters, config: TrainingConfiguration) -> F8:
    """The agent's creative shares f8[24, S, K], alike where it gives none. Raises what a broken agent raises."""
    segments, candidates = market.ctr.shape
    observation = Observation.build(
        TickTime(hour=np.arange(HOURS), weekday=np.zeros(HOURS, np.int64), time_left=np.ones(HOURS)),
        Totals.none(HOURS, segments, candidates),
        market.segment_features,
        market.candidate_features,
        np.full(HOURS, int(config.simulation.daily_budget * 1_000_000)),
        click_value_micros(config.economics),
    )
    rng = stream(config.seed, "historical", "policy", agent.name)
    decision, _ = agent.act(state, observation, agent.initial_memory(HOURS), rng)
    decision = checked(decision, observation, agent.name, 0)
    if decision.creative_prob is None:
        return uniform(segments, candidates)
    return decision.creative_prob


def uniform(segments: int, candidates: int) -> F8:
    """Every creative alike, f8[24, S, K]."""
    return np.full((HOURS, segments, candidates), 1.0 / candidates)


def single(best: int, segments: int, candidates: int) -> F8:
    """One creative everywhere, f8[24, S, K]."""
    shares = np.zeros((HOURS, segments, candidates))
    shares[:, :, best] = 1.0
    return shares
