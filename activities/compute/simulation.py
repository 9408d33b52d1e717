"""COMPUTE: simulate and learn, in a process without credentials. Touch this to change what a batch or a round does."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from temporalio import activity

from activities.inputs import Inputs
from gaelp.agents.agent_failures import AgentFailed
from gaelp.domain.episodes import BatchPurpose
from gaelp.domain.exploit_audit import audit_played, market_names
from gaelp.domain.simple_rules import played_rules
from gaelp.domain.trap_exams import WHOLE_LOSS, played_traps
from gaelp.market.audit.audit_exam import EPISODES as AUDIT_EPISODES
from gaelp.market.audit.audit_exam import LARGEST, gains
from gaelp.market.audit.moved_markets import AuditMarket
from gaelp.market.episodes.batch import BatchKey, DecidingAgent, simulate
from gaelp.market.episodes.rule_practice import practised
from gaelp.market.traps.trap_exam import EPISODES, Examinee, losses
from gaelp.market.traps.trap_scenes import SCENES
from gaelp.messages.episode_batch import BatchResult, SimulateBatches, SimulatedBatches
from gaelp.messages.run_context import RunContext
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

LONGEST_SECONDS = 5.0  # for which one call goes on with further batches


class Simulation:
    """Each effect is content in the store, named by its digest: a retry writes the same content again."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    @activity.defn
    def first_checkpoint(self, first: FirstCheckpoint) -> Learned:
        """The agent's state before any learning."""
        context = first.context
        agent = self._inputs.agent(context.agent, context.config_digest)
        state = self._inputs.untrained(agent, context.config_digest, context.market_digest)
        return Learned(checkpoint_digest=self._inputs.store.put_arrays(state))

    @activity.defn
    def simulate_batches(self, batches: SimulateBatches) -> SimulatedBatches:
        """The batches one after another: the first of them at least, and no other after LONGEST_SECONDS or a failure.

        What is left is asked for again, so that one that fails is judged and retried by itself.
        """
        begun = last = time.monotonic()
        results: list[BatchResult] = []
        fastest = math.inf
        for index in batches.indices:
            try:
                results.append(self._batch(batches, index))
            except Exception:
                if not results:
                    raise
                break
            now = time.monotonic()
            fastest, last = min(fastest, now - last), now
            if now - begun > LONGEST_SECONDS:
                break
        return SimulatedBatches(results=tuple(results), batch_seconds=fastest)

    def _batch(self, batches: SimulateBatches, index: int) -> BatchResult:
        """One batch of episodes beside the incumbent on the same seeds."""
        context = batches.context
        config = self._inputs.config(context.config_digest)
        anchor = batches.anchor_checkpoint_digest
        deciding = replace(
            self._deciding(context, f"simulation/{batches.purpose}/{batches.attempt}/{index}"),
            anchor_state=self._inputs.state(anchor) if anchor else None,
            rules={name: self._rule(context, name, digest) for name, digest in batches.rule_checkpoints.items()},
        )
        key = BatchKey(index, batches.purpose, batches.attempt)
        market, worlds = self._inputs.market(context.market_digest), self._inputs.environments.episodes
        trajectory, result = simulate(market, deciding, config, key, worlds)
        store = self._inputs.store
        if batches.purpose is BatchPurpose.TRAIN:
            result = result.model_copy(update={"trajectory_digest": store.put_arrays(trajectory)})
        return result.without_episodes(store.put_document(result))

    def _deciding(self, context: RunContext, place: str) -> DecidingAgent:
        """The agent with the context's checkpoint, beside the incumbent."""
        incumbent = self._inputs.incumbent(context.config_digest, place)
        return DecidingAgent(
            agent=self._inputs.agent(context.agent, context.config_digest, place),
            state=self._inputs.state(context.checkpoint_digest),
            incumbent=incumbent,
            incumbent_state=self._inputs.untrained(incumbent, context.config_digest, context.market_digest),
        )

    def _rule(self, context: RunContext, name: str, checkpoint: str) -> DecidingAgent:
        """A simple rule with its checkpoint; without one it has not learned yet."""
        rule = self._inputs.simple_rule(name)
        untrained = self._inputs.untrained(rule, context.config_digest, context.market_digest)
        state = self._inputs.state(checkpoint) if checkpoint else untrained
        return DecidingAgent(rule, state, rule, untrained)

    @activity.defn
    def learn_rules(self, learn: LearnRules) -> RulesLearned:
        """What the simple rules of the exam know of the run's market."""
        context, inputs = learn.context, self._inputs
        config = inputs.config(context.config_digest)

        def taught(name: str) -> str:
            market = inputs.market(context.market_digest)
            return inputs.store.put_arrays(practised(market, config, self._rule(context, name, "")))

        return RulesLearned(checkpoints={name: taught(name) for name in played_rules(config)})

    @activity.defn
    def play_traps(self, play: PlayTraps) -> TrapsPlayed:
        """The agent in every trap that the configuration asks for: it learns there from nothing, and is examined.

        One that raises loses everything there.
        """
        context = play.context
        config = self._inputs.config(context.config_digest)
        lost: dict[str, tuple[float, ...]] = {}
        for name in played_traps(config):
            place = f"simulation/traps/{play.attempt}/{name}"
            examinee = Examinee(
                self._inputs.agent(context.agent, context.config_digest, place),
                self._inputs.incumbent(context.config_digest, place),
            )
            key = (config.seed, "simulation", "traps", play.attempt, name)
            try:
                lost[name] = tuple(losses(SCENES[name], examinee, key).tolist())
            except AgentFailed:
                lost[name] = (WHOLE_LOSS,) * EPISODES
        return TrapsPlayed(losses_digest=self._inputs.store.put_document(TrapLosses(losses=lost)))

    @activity.defn
    def play_audit(self, play: PlayAudit) -> AuditPlayed:
        """The frozen agent in every market of the exploit audit; in none where nobody asks for it.

        One that raises loses everything.
        """
        context = play.context
        config = self._inputs.config(context.config_digest)
        gained: dict[str, tuple[float, ...]] = {}
        if audit_played(config):
            own = AuditMarket(self._inputs.market(context.market_digest), config)
            place = f"simulation/audit/{play.attempt}"
            key = (config.seed, "simulation", "audit", play.attempt)
            try:
                by_market = gains(own, lambda name: self._deciding(context, f"{place}/{name}"), key)
                gained = {name: tuple(values.tolist()) for name, values in by_market.items()}
            except AgentFailed:
                gained = dict.fromkeys(market_names(), (-LARGEST,) * AUDIT_EPISODES)
        return AuditPlayed(gains_digest=self._inputs.store.put_document(AuditGains(gains=gained)))

    @activity.defn
    def learn(self, learn: LearnRound) -> Learned:
        """The next checkpoint, from the round's trajectories in index order.

        An agent that declares `epochs: int` learns so many times from them. Each epoch's checkpoint is in the store
        and in a heartbeat before the next begins, so that a retry goes on from there.
        """
        context = learn.context
        agent = self._inputs.agent(context.agent, context.config_digest)
        done, checkpoint = _resumed(context.checkpoint_digest)

        def heartbeat(read: int) -> None:
            if activity.in_activity():  # not so in an agent's own thread
                activity.heartbeat(done, checkpoint, read)

        trajectories = self._inputs.trajectories(learn.trajectory_digests, heartbeat)
        for epoch in range(done, max(1, agent.epochs)):
            state = agent.learn(self._inputs.state(checkpoint), trajectories)
            done, checkpoint = epoch + 1, self._inputs.store.put_arrays(state)
            heartbeat(0)
        return Learned(checkpoint_digest=checkpoint)


def _resumed(first: str) -> tuple[int, str]:
    """Epochs done and the checkpoint they led to, as an earlier attempt of this activity left them."""
    match tuple(activity.info().heartbeat_details):
        case (int(done), str(checkpoint), *_):
            return done, checkpoint
    return 0, first
