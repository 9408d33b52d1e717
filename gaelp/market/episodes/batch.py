"""A batch of simulated episodes: the agent and the incumbent play it, and it is recorded and scored.

Both meet the same world, which is drawn before either acts; clicks, conversions and prices paid come from response
streams of their own. Touch this to play a batch otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from gaelp.agents.contract import Agent, Decision, InvalidDecision, Observation, State
from gaelp.agents.decision_checks import checked, screened
from gaelp.arrays import F8, Array
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import is_foreign, together
from gaelp.domain.episodes import BatchPurpose
from gaelp.market.episodes.batch_results import batch_result, rewards_of
from gaelp.market.episodes.episode import Episodes
from gaelp.market.parameters import MarketParameters
from gaelp.market.scoring.episode_scores import Scores
from gaelp.market.streams import stream
from gaelp.market.world.drawn_world import draw_world
from gaelp.messages.episode_batch import BatchResult


class EpisodesInPlay(Protocol):
    """Episodes that advance tick by tick: `Episodes`, or those of a foreign environment."""

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
    """The random streams of one deciding agent in a batch."""

    act: np.random.Generator
    fallback: np.random.Generator  # the incumbent's, where it decides a head that the agent does not give
    response: np.random.Generator


@dataclass(frozen=True)
class DecidingAgent:
    """The agent that decides, and the incumbent that decides the heads which the agent does not give."""

    agent: Agent
    state: State
    incumbent: Agent
    incumbent_state: State
    anchor_state: State | None = None  # of the same agent, earlier: what an exam compares with; none: the incumbent
    rules: Mapping[str, DecidingAgent] = field(default_factory=dict)  # simple rules that play beside it, by name

    @property
    def anchor(self) -> DecidingAgent | None:
        """The agent as it was earlier, where there is such a state."""
        return None if self.anchor_state is None else replace(self, state=self.anchor_state)

    @property
    def incumbent_alone(self) -> DecidingAgent:
        """The incumbent in the agent's place: what the agent is compared with."""
        return DecidingAgent(self.incumbent, self.incumbent_state, self.incumbent, self.incumbent_state)


@dataclass(frozen=True)
class BatchKey:
    """Which batch of a run it is; with the seed, all that its random streams depend on."""

    index: int
    purpose: BatchPurpose
    attempt: int  # of the exam; it enters the streams of exams only

    @property
    def stream_names(self) -> tuple[str | int, ...]:
        """What every stream's key of this batch begins with. A permuted exam has the exam's streams."""
        purpose = BatchPurpose.EXAM if self.purpose == BatchPurpose.PERMUTED else self.purpose
        attempt = () if purpose in (BatchPurpose.TRAIN, BatchPurpose.MASTERY) else (self.attempt,)
        return ("simulation", purpose, *attempt, self.index)


OpenEpisodes = Callable[[np.random.Generator], EpisodesInPlay]
"""Opens episodes in one and the same world; the generator draws their responses."""

OpenForeign = Callable[[str, TrainingConfiguration, Sequence[int]], EpisodesInPlay]
"""(environment, configuration, seeds of the campaigns) -> episodes of somebody else's environment."""


def simulate(
    market: MarketParameters,
    deciding: DecidingAgent,
    config: TrainingConfiguration,
    key: BatchKey,
    open_foreign: OpenForeign | None = None,
) -> tuple[dict[str, Array], BatchResult]:
    """One batch of `config.simulation.campaigns_per_batch` episodes: (trajectory, result without its digest).

    Streams are keyed by the seed and the batch's key, and a run's name enters nothing. The trajectory is that of
    Agent.learn. A decision that cannot be carried out fails its episode from that tick on, with the agent's name and
    the step. The anchor meets the same worlds and draws, the simple rules the same worlds. `open_foreign` opens
    episodes of a foreign environment, by default in this process. Raises InvalidDecision where no episode of the batch
    is left, or where the incumbent fails.
    """
    streams, incumbent_streams = _streams(config, key, "agent"), _streams(config, key, "incumbent")
    open_episodes = _opener(market, config, stream(config.seed, *key.stream_names, "world"), open_foreign)
    episodes, reference = open_episodes(streams.response), open_episodes(incumbent_streams.response)
    trajectory, failures = play(episodes, deciding, streams)
    _, incumbent_failures = play(reference, deciding.incumbent_alone, incumbent_streams)
    if incumbent_failures:  # profit that a failed incumbent does not make would lower the bar
        reason = next(iter(incumbent_failures.values()))
        raise InvalidDecision(f"the incumbent failed, and nothing can be compared with it: {reason}")
    scores = episodes.scores(reference.expected_profit_micros())
    episodes.close()
    reference.close()
    result = batch_result(scores, trajectory, failures, together=together(config), index=key.index, purpose=key.purpose)

    def rewards(other: DecidingAgent, who: str) -> tuple[float, ...]:
        """What another policy earned on the same worlds."""
        profit = _profit(open_episodes, other, _streams(config, key, who))
        return rewards_of(profit, scores, together(config))

    incumbent_rewards = rewards_of(scores.incumbent_profit_micros, scores, together(config))
    update = {
        "anchor_rewards": incumbent_rewards if deciding.anchor is None else rewards(deciding.anchor, "agent"),
        "rule_rewards": {name: rewards(rule, name) for name, rule in deciding.rules.items()},
    }
    return trajectory, result.model_copy(update=update)


def _profit(open_episodes: OpenEpisodes, deciding: DecidingAgent, streams: Streams) -> F8:
    """The expected profit of each campaign; nothing of one whose decision cannot be carried out."""
    episodes = open_episodes(streams.response)
    campaigns = len(episodes.observe().hour)
    try:
        _, failures = play(episodes, deciding, streams)
    except InvalidDecision:  # no campaign is left
        failures = dict.fromkeys(range(campaigns), "")
    profit = np.zeros(campaigns) if len(failures) == campaigns else episodes.expected_profit_micros().copy()
    episodes.close()
    profit[list(failures)] = 0.0
    return profit


def play(
    episodes: EpisodesInPlay, deciding: DecidingAgent, streams: Streams
) -> tuple[dict[str, Array], dict[int, str]]:
    """A whole batch: (trajectory with the agent's memory after each tick, reason by campaign that failed)."""
    agent, incumbent = deciding.agent, deciding.incumbent
    campaigns = len(episodes.observe().hour)
    memory, incumbent_memory = agent.initial_memory(campaigns), incumbent.initial_memory(campaigns)
    memories: list[F8] = []
    failures: dict[int, str] = {}
    tick = 0
    while not episodes.done:
        observation = episodes.observe()
        decision, memory = agent.act(deciding.state, observation, memory, streams.act)
        decision, new_failures = screened(decision, observation, agent.name, tick)
        failures = {**new_failures, **failures}
        if len(failures) == campaigns:
            raise InvalidDecision(next(iter(failures.values())))
        if decision.bid_micros is None or decision.creative_prob is None:
            fallback, incumbent_memory = incumbent.act(
                deciding.incumbent_state, observation, incumbent_memory, streams.fallback
            )
            decision = completed(decision, checked(fallback, observation, incumbent.name, tick))
        episodes.step(_without(decision, list(failures)))
        memories.append(np.array(memory, np.float64))
        tick += 1
    return {**episodes.summary(), "memory": np.stack(memories)}, failures


def completed(decision: Decision, fallback: Decision) -> Decision:
    """The decision with the incumbent's heads, `fallback`, where it has none."""
    bid = fallback.bid_micros if decision.bid_micros is None else decision.bid_micros
    share = fallback.creative_prob if decision.creative_prob is None else decision.creative_prob
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
    market: MarketParameters,
    config: TrainingConfiguration,
    rng: np.random.Generator,
    open_foreign: OpenForeign | None,
) -> OpenEpisodes:
    """Opens episodes in one and the same world for each deciding agent, with response draws of its own."""
    if is_foreign(config.environment):
        seeds = rng.integers(2**31, size=config.simulation.campaigns_per_batch).tolist()
        opened = open_foreign or _foreign_here
        return lambda _: opened(config.environment, config, seeds)
    world = draw_world(market, config, rng)
    return lambda response: Episodes(market, config, world, response)


def _foreign_here(environment: str, config: TrainingConfiguration, seeds: Sequence[int]) -> EpisodesInPlay:
    from gaelp.market.third_party.foreign_environment import (
        ForeignEpisodes,  # Gymnasium takes a third of a second to import
    )

    return ForeignEpisodes(environment, config, seeds)


def _streams(config: TrainingConfiguration, key: BatchKey, who: str) -> Streams:
    return Streams(*(stream(config.seed, *key.stream_names, who, use) for use in ("act", "lend", "response")))
