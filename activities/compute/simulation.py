"""COMPUTE: simulate and learn, in a process without credentials. Touch this to change what a batch or a round does."""

from __future__ import annotations

from temporalio import activity

from activities.compute.trajectories import Trajectories
from activities.inputs import Inputs
from gaelp.domain.episodes import BatchPurpose
from gaelp.market.episodes.batch import BatchKey, DecidingAgent, simulate
from gaelp.messages.episode_batch import BatchResult, SimulateBatch
from gaelp.messages.simulation_training import FirstCheckpoint, Learned, LearnRound


class Simulation:
    """Each effect is content in the store, named by its digest: a retry writes the same content again."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    @activity.defn
    def first_checkpoint(self, first: FirstCheckpoint) -> Learned:
        """The agent's state before any learning."""
        agent = self._inputs.agent(first.agent, first.config_digest)
        state = self._inputs.untrained(agent, first.config_digest, first.market_digest)
        return Learned(checkpoint_digest=self._inputs.store.put_arrays(state), episodes=0)

    @activity.defn
    def simulate_batch(self, batch: SimulateBatch) -> BatchResult:
        """One batch of episodes beside the incumbent on the same seeds."""
        config = self._inputs.config(batch.config_digest)
        place = f"simulation/{batch.purpose}/{batch.attempt}/{batch.index}"
        incumbent = self._inputs.agent(config.incumbent, batch.config_digest, f"{place}/incumbent")
        deciding = DecidingAgent(
            agent=self._inputs.agent(batch.agent, batch.config_digest, place),
            state=self._inputs.state(batch.checkpoint_digest),
            incumbent=incumbent,
            incumbent_state=self._inputs.untrained(incumbent, batch.config_digest, batch.market_digest),
        )
        key = BatchKey(batch.index, batch.purpose, batch.attempt)
        trajectory, result = simulate(self._inputs.market(batch.market_digest), deciding, config, key)
        store = self._inputs.store
        if batch.purpose is BatchPurpose.TRAIN:
            result = result.model_copy(update={"trajectory_digest": store.put_arrays(trajectory)})
        return result.told(store.put_document(result))

    @activity.defn
    def learn(self, learn: LearnRound) -> Learned:
        """The next checkpoint, from the round's trajectories in index order.

        An agent that declares `epochs: int` learns so many times from them. Each epoch's checkpoint is in the store
        and in a heartbeat before the next begins, so that a retry goes on from there.
        """
        agent = self._inputs.agent(learn.agent, learn.config_digest)
        done, checkpoint = _resumed(learn.checkpoint_digest)

        def told(read: int) -> None:
            if activity.in_activity():  # not so in an agent's own thread
                activity.heartbeat(done, checkpoint, read)

        trajectories = Trajectories(self._inputs.store, learn.trajectory_digests, told)
        for epoch in range(done, max(1, agent.epochs)):
            state = agent.learn(self._inputs.state(checkpoint), trajectories)
            done, checkpoint = epoch + 1, self._inputs.store.put_arrays(state)
            told(0)
        return Learned(checkpoint_digest=checkpoint, episodes=len(trajectories))


def _resumed(first: str) -> tuple[int, str]:
    """Epochs done and the checkpoint they led to, as an earlier attempt of this activity left them."""
    match tuple(activity.info().heartbeat_details):
        case (int(done), str(checkpoint), *_):
            return done, checkpoint
    return 0, first
