"""COMPUTE for `certify` alone: batches are draws of stated distributions; everything else of a run is as always.

The activities have the names of those in simulation.py, so that the workflows are the real ones. Only
`worker.py --certify` serves them, and they refuse every agent that is not one of `certify`. Touch this when a batch
result needs one more thing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from temporalio import activity

from activities.compute.simulation import Simulation
from activities.inputs import Inputs
from gaelp.agents.agent_entry_points import load_agent
from gaelp.agents.contract import Agent
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import BatchPurpose, EpisodeAmounts, EpisodeState
from gaelp.domain.exploit_audit import audit_played, market_names
from gaelp.domain.gates.exam_rules import block_episodes
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.trap_exams import played_traps
from gaelp.evidence.certification.certified_names import HARVESTER, HARVESTING_AGENT, kind_of, stated_agent
from gaelp.evidence.certification.simulated_exams import exam_plan
from gaelp.evidence.certification.stated_agents import (
    StatedAgent,
    Stretch,
    drawn_anchors,
    drawn_rewards,
    drawn_successes,
)
from gaelp.market.audit.audit_exam import EPISODES as AUDIT_EPISODES
from gaelp.market.streams import stream
from gaelp.market.traps.trap_exam import EPISODES
from gaelp.messages.episode_batch import BatchResult, SimulateBatches, SimulatedBatches
from gaelp.messages.simulation_training import (
    AuditGains,
    AuditPlayed,
    FirstCheckpoint,
    Learned,
    LearnRound,
    LearnRules,
    PlayAudit,
    PlayTraps,
    RulesLearned,
    TrapLosses,
    TrapsPlayed,
)
from gaelp.records.content_store import ContentStore

OPTIMUM_MICROS = 100_000_000  # of each episode; rewards are shares of it


def harvester(name: str) -> Agent:
    """The agent behind the name of a harvesting trial. Raises NotCertified."""
    kind_of(name)
    return load_agent(HARVESTING_AGENT)


class StatedWorlds:
    """Its own agents are drawn; the harvesting one plays in the real market."""

    def __init__(self, store: ContentStore) -> None:
        self._inputs = Inputs(store, load=harvester)
        self._real = Simulation(self._inputs)

    @property
    def activities(self) -> list[Callable[..., Any]]:
        """What the worker of `certify` serves."""
        examined = self.learn_rules, self.play_traps, self.play_audit
        return [self.first_checkpoint, self.simulate_batches, *examined, self.learn]

    @activity.defn
    def first_checkpoint(self, first: FirstCheckpoint) -> Learned:
        """A state that says whose it is, so that no two trials share one."""
        if kind_of(first.context.agent) == HARVESTER:
            return self._real.first_checkpoint(first)
        stated_agent(first.context.agent, self._inputs.config(first.context.config_digest))
        return self._checkpoint(first.context.agent, 0)

    @activity.defn
    def learn(self, learn: LearnRound) -> Learned:
        """Another state: the agent has learned, so that criterion 3 compares with the first one."""
        if kind_of(learn.context.agent) == HARVESTER:
            return self._real.learn(learn)
        return self._checkpoint(learn.context.agent, 1)

    @activity.defn
    def simulate_batches(self, batches: SimulateBatches) -> SimulatedBatches:
        """All of them: a batch is drawn in a millisecond."""
        if kind_of(batches.context.agent) == HARVESTER:
            return self._real.simulate_batches(batches)
        return SimulatedBatches(
            results=tuple(self._drawn(batches, index) for index in batches.indices), batch_seconds=0
        )

    @activity.defn
    def learn_rules(self, learn: LearnRules) -> RulesLearned:
        """None: a stated world has nothing that a rule could bid for."""
        return (
            self._real.learn_rules(learn) if kind_of(learn.context.agent) == HARVESTER else RulesLearned(checkpoints={})
        )

    @activity.defn
    def play_traps(self, play: PlayTraps) -> TrapsPlayed:
        """A stated agent falls into none: it is wrong in one respect at the most, and that is not this one."""
        if kind_of(play.context.agent) == HARVESTER:
            return self._real.play_traps(play)
        lost = dict.fromkeys(played_traps(self._inputs.config(play.context.config_digest)), (0.0,) * EPISODES)
        return TrapsPlayed(losses_digest=self._inputs.store.put_document(TrapLosses(losses=lost)))

    @activity.defn
    def play_audit(self, play: PlayAudit) -> AuditPlayed:
        """A stated agent keeps its gain in every market: its rewards are stated, and rest on no assumption."""
        if kind_of(play.context.agent) == HARVESTER:
            return self._real.play_audit(play)
        asked = audit_played(self._inputs.config(play.context.config_digest))
        gained = dict.fromkeys(market_names(), (1.0,) * AUDIT_EPISODES) if asked else {}
        return AuditPlayed(gains_digest=self._inputs.store.put_document(AuditGains(gains=gained)))

    def _checkpoint(self, agent: str, rounds: int) -> Learned:
        state = {"rounds": np.array([rounds]), "agent": np.frombuffer(agent.encode(), np.uint8)}
        return Learned(checkpoint_digest=self._inputs.store.put_arrays(state))

    def _drawn(self, batches: SimulateBatches, index: int) -> BatchResult:
        context, purpose, store = batches.context, batches.purpose, self._inputs.store
        config = self._inputs.config(context.config_digest)
        agent = stated_agent(context.agent, config)
        rng = stream(config.seed, "stated-world", context.agent, purpose, batches.attempt, index)
        result = _drawn_batch(agent, _stretch(config, batches, index), (index, purpose), rng)
        if purpose is BatchPurpose.TRAIN:
            result = result.model_copy(update={"trajectory_digest": store.put_arrays({"batch": np.array([index])})})
        return result.without_episodes(store.put_document(result))


def _stretch(config: TrainingConfiguration, batches: SimulateBatches, index: int) -> Stretch:
    """Which episodes of the looks, or of the block, the batch has."""
    size, alpha = config.simulation.campaigns_per_batch, alpha_for(max(1, batches.attempt))
    block = block_episodes(config.simulation.consistency_episodes, alpha)
    looks = exam_plan(config, alpha).looks.episodes[-1]
    return Stretch(index * size, size, block if batches.purpose is BatchPurpose.BLOCK else looks)


def _drawn_batch(
    agent: StatedAgent, stretch: Stretch, named: tuple[int, BatchPurpose], rng: np.random.Generator
) -> BatchResult:
    number, (index, purpose) = stretch.number, named
    played = agent if purpose is not BatchPurpose.BLOCK else agent.without_luck()
    rewards = np.broadcast_to(drawn_rewards(played, stretch, 1, rng), (1, number))[0]
    anchors = np.broadcast_to(drawn_anchors(played, number, 1, rng), (1, number))[0]
    successes = drawn_successes(played, stretch, 1, rng)[0]
    profit = tuple(int(each) for each in rewards * OPTIMUM_MICROS)
    known = {"expected_profit_micros": profit, "optimum_micros": (OPTIMUM_MICROS,) * number}
    nothing = {name: (0,) * number for name in EpisodeAmounts.model_fields if name not in known}
    return BatchResult(
        index=index,
        purpose=purpose,
        state=EpisodeState.SETTLED,
        trajectory_digest=None,
        episodes=number,
        rewards=tuple(map(float, rewards)),
        raw_rewards=tuple(map(float, rewards)),
        successes=tuple(map(bool, successes)),
        anchor_rewards=tuple(map(float, anchors)),
        gains=tuple(map(float, rewards)),
        amounts=EpisodeAmounts(**known, **nothing),
        expected_profit_micros=sum(profit),
        optimum_micros=OPTIMUM_MICROS * number,
    )
