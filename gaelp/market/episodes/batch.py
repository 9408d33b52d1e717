"""A batch of simulated episodes: who acts, what is recorded, what it was worth. Touch this to play them otherwise.

Candidate and incumbent meet the same world, drawn before either acts; clicks, conversions and prices paid come from
response streams of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from gaelp.agents.contract import Agent, Decision, InvalidDecision, Observation, State
from gaelp.agents.installed_agents import checked, screened
from gaelp.arrays import F8, Array
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import is_foreign, together
from gaelp.domain.episodes import BatchPurpose
from gaelp.market.auctions.aggregate_auctions import Market
from gaelp.market.episodes.batch_results import batch_result
from gaelp.market.episodes.episode import Episodes
from gaelp.market.scoring.episode_scores import Scores
from gaelp.market.streams import stream
from gaelp.market.world.drawn_world import draw_world
from gaelp.messages.episode_batch import BatchResult


class Session(Protocol):
    """A world in play: `Episodes`, or a foreign environment that is played like it."""

    @property
    def done(self) -> bool: ...

    def observe(self) -> Observation: ...

    def step(self, decision: Decision) -> object: ...

    def summary(self) -> dict[str, Array]: ...

    def expected_profit_micros(self) -> F8: ...

    def scores(self, incumbent_profit_micros: F8) -> Scores: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Streams:
    """The random streams of one actor in a batch."""

    act: np.random.Generator
    lend: np.random.Generator  # the incumbent's, where it lends a head
    response: np.random.Generator


@dataclass(frozen=True)
class Actor:
    """Who decides, and who lends the heads that it does not give."""

    agent: Agent
    state: State
    incumbent: Agent
    incumbent_state: State


def simulate(
    market: Market,
    agent: Agent,
    state: State,
    incumbent: Agent,
    incumbent_state: State,
    config: TrainingConfiguration,
    *,
    index: int,
    purpose: BatchPurpose,
    attempt: int,
) -> tuple[dict[str, Array], BatchResult]:
    """One batch of `config.simulation.campaigns_per_batch` episodes: (trajectory, result without its digest).

    Streams are keyed (seed, "simulation", purpose, attempt where the purpose is an exam, index, what); a run's name
    enters nothing, and a permuted exam has the exam's. The trajectory is that of Agent.learn. A decision that cannot
    be carried out fails its episode from that tick on, with the agent's name and the step; InvalidDecision where no
    episode of the batch is left.
    """
    drawn = BatchPurpose.EXAM if purpose == BatchPurpose.PERMUTED else purpose
    keys: tuple[str | int, ...] = ("simulation", drawn, *((attempt,) if drawn == BatchPurpose.EXAM else ()), index)
    mine, theirs = _streams(config, keys, "agent"), _streams(config, keys, "incumbent")
    open_session = _opener(market, config, stream(config.seed, *keys, "world"))
    episodes, reference = open_session(mine.response), open_session(theirs.response)
    trajectory, failures = play(episodes, Actor(agent, state, incumbent, incumbent_state), mine)
    _, failing = play(reference, Actor(incumbent, incumbent_state, incumbent, incumbent_state), theirs)
    if failing:  # what it does not earn would lower the bar
        raise InvalidDecision(
            f"the incumbent failed, and nothing can be compared with it: {next(iter(failing.values()))}"
        )
    scores = episodes.scores(reference.expected_profit_micros())
    episodes.close()
    reference.close()
    result = batch_result(scores, trajectory, failures, together=together(config), index=index, purpose=purpose)
    return trajectory, result


def play(session: Session, actor: Actor, streams: Streams) -> tuple[dict[str, Array], dict[int, str]]:
    """A whole batch: (trajectory with the agent's memory after each tick, reason by campaign that failed)."""
    seen = session.observe()
    campaigns = len(seen.hour)
    memory, lent = actor.agent.initial_memory(campaigns), actor.incumbent.initial_memory(campaigns)
    remembered: list[F8] = []
    failures: dict[int, str] = {}
    tick = 0
    while not session.done:
        seen = session.observe()
        decision, memory = actor.agent.act(actor.state, seen, memory, streams.act)
        decision, wrong = screened(decision, seen, actor.agent.name, tick)
        failures = {**wrong, **failures}
        if len(failures) == campaigns:
            raise InvalidDecision(next(iter(failures.values())))
        if decision.bid_micros is None or decision.creative_prob is None:
            given, lent = actor.incumbent.act(actor.incumbent_state, seen, lent, streams.lend)
            decision = completed(decision, checked(given, seen, actor.incumbent.name, tick))
        session.step(_without(decision, list(failures)))
        remembered.append(np.array(memory, np.float64))
        tick += 1
    return {**session.summary(), "memory": np.stack(remembered)}, failures


def completed(decision: Decision, lent: Decision) -> Decision:
    """The decision with the incumbent's heads where it has none."""
    bid = lent.bid_micros if decision.bid_micros is None else decision.bid_micros
    share = lent.creative_prob if decision.creative_prob is None else decision.creative_prob
    return replace(decision, bid_micros=bid, creative_prob=share)


def _without(decision: Decision, failed: list[int]) -> Decision:
    """The decision with failed campaigns off; the campaigns are rows, so this loops over nothing."""
    if not failed or decision.bid_micros is None:
        return decision
    bid = decision.bid_micros.copy()
    bid[failed] = 0
    rate = np.ones(len(bid)) if decision.spend_rate is None else decision.spend_rate.copy()
    rate[failed] = 0.0
    return replace(decision, bid_micros=bid, spend_rate=rate)


def _opener(
    market: Market, config: TrainingConfiguration, rng: np.random.Generator
) -> Callable[[np.random.Generator], Session]:
    """Opens the same world for each actor, with response draws of its own."""
    if is_foreign(config.environment):
        from gaelp.market.third_party.foreign_environment import (
            ForeignEpisodes,  # Gymnasium takes a third of a second to import
        )

        seeds = rng.integers(2**31, size=config.simulation.campaigns_per_batch).tolist()
        return lambda _: ForeignEpisodes(config.environment, config, seeds)
    world = draw_world(market, config, rng)
    return lambda response: Episodes(market, config, world, response)


def _streams(config: TrainingConfiguration, keys: tuple[str | int, ...], actor: str) -> Streams:
    return Streams(*(stream(config.seed, *keys, actor, what) for what in ("act", "lend", "response")))
