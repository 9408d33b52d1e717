"""COMPUTE: an agent's turn in a live campaign, in a process without credentials.

Touch this to change what the agent is given.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from temporalio import activity

from activities.inputs import Inputs
from gaelp.agents.contract import Agent, Decision, Observation, State
from gaelp.agents.installed_agents import checked
from gaelp.domain.spending.campaign_records import Arm
from gaelp.market.episodes.batch import completed
from gaelp.market.streams import stream
from gaelp.messages.live_campaign import CampaignInput, Decide, Decided


class Decisions:
    """Pure but for the content it reads and writes."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    @activity.defn
    def decide(self, decide: Decide) -> Decided:
        """The agent's decision for the next tick; randomness is keyed by seed, phase, campaign and tick."""
        campaign = decide.campaign
        config = self._inputs.config(campaign.config_digest)
        name = campaign.plan.agent
        place = f"{campaign.phase}/{campaign.plan.index}"
        agent = self._inputs.agent(name, campaign.config_digest, place, campaign.tick)
        arrays = self._inputs.store.get_arrays(decide.observation_digest)
        observation = Observation.from_arrays(arrays)
        rng = stream(config.seed, campaign.phase, campaign.plan.index, campaign.tick, "decide")
        memory = self._inputs.memory(campaign.memory_digest, agent)
        decision, memory = agent.act(self._state(campaign, agent), observation, memory, rng)
        if decision.bid_micros is None or decision.creative_prob is None:
            decision = completed(decision, self._incumbent(campaign, observation))
        decision = checked(decision, observation, name, campaign.tick)
        heads = {f.name: getattr(decision, f.name) for f in fields(decision)}
        given = {head: np.asarray(value) for head, value in heads.items() if value is not None}
        return Decided(
            decision_digest=self._inputs.store.put_arrays(given),
            memory_digest=self._inputs.store.put_arrays({"memory": memory}),
        )

    def _incumbent(self, campaign: CampaignInput, observation: Observation) -> Decision:
        """A head that the agent does not give is the incumbent's."""
        config = self._inputs.config(campaign.config_digest)
        place = f"{campaign.phase}/{campaign.plan.index}/incumbent"
        agent = self._inputs.agent(config.incumbent, campaign.config_digest, place, campaign.tick)
        state = self._inputs.untrained(agent, campaign.config_digest, campaign.market_digest)
        rng = stream(config.seed, campaign.phase, campaign.plan.index, campaign.tick, "incumbent")
        return agent.act(state, observation, agent.initial_memory(1), rng)[0]

    def _state(self, campaign: CampaignInput, agent: Agent) -> State:
        """The checkpoint for the candidate; the control arm's policy has learned nothing."""
        if campaign.plan.arm is Arm.CANDIDATE:
            return self._inputs.state(campaign.checkpoint_digest)
        return self._inputs.untrained(agent, campaign.config_digest, campaign.market_digest)
