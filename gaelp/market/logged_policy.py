"""What an agent would show and bid with nothing observed yet, hour by hour: the policy that a log is asked about.

Touch this to judge an agent in another situation than the beginning of a campaign.
"""

from __future__ import annotations

import numpy as np

from gaelp.agents.contract import Agent, Decision, Observation, State, TickTime, Totals
from gaelp.agents.decision_checks import checked
from gaelp.arrays import F8, I8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.calibration.calibrate import click_value_micros
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream

HOURS = 24


def agent_policy(agent: Agent, state: State, market: MarketParameters, config: TrainingConfiguration) -> F8:
    """The agent's creative shares f8[24, S, K], alike where it gives none. Raises what a broken agent raises."""
    shares = _first_decision(agent, state, market, config).creative_prob
    return uniform(*market.ctr.shape) if shares is None else shares


def agent_bids(agent: Agent, state: State, market: MarketParameters, config: TrainingConfiguration) -> F8 | None:
    """The agent's bid in micros per thousand impressions, f8[24], segments weighed by traffic.

    None where it gives no bids. Raises what a broken agent raises.
    """
    bids = _first_decision(agent, state, market, config).bid_micros
    return None if bids is None else np.asarray(np.average(bids, axis=1, weights=market.auctions_per_hour))


def bids_at(bids: F8, market: MarketParameters, hours: I8) -> F8:
    """Of bids by hour f8[24] that of each auction f8[N]; an hour of -1, which is unknown, has the mean over traffic."""
    traffic = market.hourly.reshape(7, HOURS).sum(axis=0)
    return np.asarray(np.append(bids, np.average(bids, weights=traffic))[hours])


def _first_decision(agent: Agent, state: State, market: MarketParameters, config: TrainingConfiguration) -> Decision:
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
    return checked(decision, observation, agent.name, 0)


def uniform(segments: int, candidates: int) -> F8:
    """Every creative alike, f8[24, S, K]."""
    return np.full((HOURS, segments, candidates), 1.0 / candidates)


def single(best: int, segments: int, candidates: int) -> F8:
    """One creative everywhere, f8[24, S, K]."""
    shares = np.zeros((HOURS, segments, candidates))
    shares[:, :, best] = 1.0
    return shares
