"""COMPUTE: asks an agent for its decision in a live campaign.

The activity runs in a process without credentials; `decide_here` is for the one that has them. Touch this to change
what the agent is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial

import numpy as np
from temporalio import activity

from activities.inputs import Inputs
from activities.made_for import check_made_for, marked
from gaelp.agents.agent_entry_points import is_harmless, load_harmless
from gaelp.agents.contract import Agent, Decision, Observation, State
from gaelp.agents.decision_checks import checked
from gaelp.domain.spending.campaign_records import Arm
from gaelp.market.episodes.batch import completed
from gaelp.market.streams import stream
from gaelp.messages.live_campaign import Decide, Decided, LiveCampaignInput
from gaelp.records.content_store import ContentStore


def beside_credentials(store: ContentStore) -> Callable[[Decide], Decided | None]:
    """Decides in a process that holds credentials, where no agent can be loaded that must not run there."""
    return Decisions(Inputs(store, load=load_harmless)).decide_here


class Decisions:
    """Reads and writes content; touches nothing else."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    @activity.defn
    def decide(self, decide: Decide) -> Decided:
        """The agent's decision for the next tick; randomness is keyed by seed, phase, campaign and tick."""
        campaign, tick = decide.campaign, decide.campaign.progress.tick
        config = self._inputs.config(campaign.context.config_digest)
        name = campaign.order.plan.agent
        place = f"{campaign.context.phase}/{campaign.order.plan.index}"
        # The control arm's incumbent has learned nothing: one of ours needs no process of its own, which starts slowly.
        control = campaign.order.plan.arm is Arm.CONTROL and name == config.incumbent
        given = self._inputs.incumbent if control else partial(self._inputs.agent, name)
        agent = given(campaign.context.config_digest, place, tick)
        seen = self._inputs.store.get_arrays(decide.observation_digest)
        check_made_for(seen, "observation", campaign)
        observation = Observation.from_arrays(seen)
        rng = stream(config.seed, campaign.context.phase, campaign.order.plan.index, campaign.progress.tick, "decide")
        memory = self._inputs.memory(campaign.progress.memory_digest, agent)
        decision, memory = agent.act(self._state(campaign, agent), observation, memory, rng)
        if decision.bid_micros is None or decision.creative_prob is None:
            decision = completed(decision, self._incumbent(campaign, observation))
        decision = checked(decision, observation, name, tick)
        heads = {f.name: getattr(decision, f.name) for f in fields(decision)}
        arrays = {head: np.asarray(value) for head, value in heads.items() if value is not None}
        return Decided(
            decision_digest=self._inputs.store.put_arrays(marked(arrays, campaign, campaign.progress.memory_digest)),
            memory_digest=self._inputs.store.put_arrays({"memory": memory}),
        )

    def decide_here(self, decide: Decide) -> Decided | None:
        """The same decision beside credentials; None where an agent that it needs must not run there."""
        config = self._inputs.config(decide.campaign.context.config_digest)
        needed = (decide.campaign.order.plan.agent, config.incumbent)
        return self.decide(decide) if all(is_harmless(name) for name in needed) else None

    def _incumbent(self, campaign: LiveCampaignInput, observation: Observation) -> Decision:
        """A head that the agent does not give is the incumbent's."""
        context, index, tick = campaign.context, campaign.order.plan.index, campaign.progress.tick
        config = self._inputs.config(context.config_digest)
        agent = self._inputs.incumbent(context.config_digest, f"{context.phase}/{index}", tick)
        state = self._inputs.untrained(agent, context.config_digest, context.market_digest)
        rng = stream(config.seed, context.phase, index, tick, "incumbent")
        return agent.act(state, observation, agent.initial_memory(1), rng)[0]

    def _state(self, campaign: LiveCampaignInput, agent: Agent) -> State:
        """The checkpoint in the candidate arm; the policy of the control arm has learned nothing."""
        if campaign.order.plan.arm is Arm.CANDIDATE:
            return self._inputs.state(campaign.context.checkpoint_digest)
        return self._inputs.untrained(agent, campaign.context.config_digest, campaign.context.market_digest)
