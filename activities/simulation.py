"""COMPUTE: simulate and learn, in a process without credentials. Touch this to change what a batch or a round does."""

from __future__ import annotations

from temporalio import activity

from activities.inputs import Inputs
from gaelp.market.simulator import simulate
from gaelp.training.messages import BatchResult, FirstCheckpoint, Learned, LearnRound, SimulateBatch


class Simulation:
    """Each effect is content in the store, named by its digest: a retry writes the same content again."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    @activity.defn
    def first_checkpoint(self, first: FirstCheckpoint) -> Learned:
        """The agent's state before any learning."""
        agent = self._inputs.agent(first.agent)
        state = self._inputs.untrained(agent, first.config_digest, first.market_digest)
        return Learned(checkpoint_digest=self._inputs.store.put_arrays(state), episodes=0)

    @activity.defn
    def simulate_batch(self, batch: SimulateBatch) -> BatchResult:
        """One batch of episodes beside the incumbent on the same seeds."""
        config = self._inputs.config(batch.config_digest)
        incumbent = self._inputs.agent(config.incumbent)
        trajectory, result = simulate(
            self._inputs.market(batch.market_digest),
            self._inputs.agent(batch.agent),
            self._inputs.state(batch.checkpoint_digest),
            incumbent,
            self._inputs.untrained(incumbent, batch.config_digest, batch.market_digest),
            config,
            index=batch.index,
            purpose=batch.purpose,
            attempt=batch.attempt,
        )
        if batch.purpose == "exam":
            return result
        return result.model_copy(update={"trajectory_digest": self._inputs.store.put_arrays(trajectory)})

    @activity.defn
    def learn(self, learn: LearnRound) -> Learned:
        """The next checkpoint, from the round's trajectories in index order."""
        trajectories = [self._inputs.store.get_arrays(digest) for digest in learn.trajectory_digests]
        state = self._inputs.agent(learn.agent).learn(self._inputs.state(learn.checkpoint_digest), trajectories)
        digest = self._inputs.store.put_arrays(state)
        return Learned(checkpoint_digest=digest, episodes=len(trajectories))
