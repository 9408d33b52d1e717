"""Reads the stored content that a message names by its digest: configuration, market, agent state, plan.

Touch this when messages name another kind of stored content.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from temporalio import activity
from temporalio.exceptions import FailureError

from gaelp.agents.agent_entry_points import UnknownAgent, load_own
from gaelp.agents.agent_failures import InstalledAgent
from gaelp.agents.contract import WorldShape
from gaelp.agents.remote.remote_agent import Ask, RemoteAgent, RemoteConnection
from gaelp.agents.remote.remote_call import Caller
from gaelp.agents.trajectories import Trajectories
from gaelp.confinement.confined_agent import UNHURRIED_SECONDS, ConfinedAgents
from gaelp.confinement.confined_environment import ConfinedEnvironments
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import is_foreign
from gaelp.domain.spending.campaign_records import CampaignsPlan
from gaelp.errors import GaelpError
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from gaelp.messages.episode_batch import BatchResult
from gaelp.records.content_store import ContentStore

if TYPE_CHECKING:
    from gaelp.agents.contract import Agent, State

# Errors of ours, cancellations, and what reading a trajectory may raise are not the agent's.
NOT_ITS_OWN: tuple[type[Exception], ...] = (GaelpError, FailureError, OSError)
PART_OF_TIMEOUT = 0.9  # of an activity: an agent that hangs is told of before Temporal gives the activity up


class Inputs:
    """Reads from the content store; what repeats within a run is kept in memory, a few entries at the most.

    `load` gives the installed agent of a name; by default one that lives in a confined process.
    """

    def __init__(self, store: ContentStore, ask: Ask | None = None, load: Callable[[str], Agent] | None = None) -> None:
        self.store = store
        self._ask = ask or Caller()  # connects when a remote agent is first asked
        self._load = load or ConfinedAgents(_seconds)
        self.environments = ConfinedEnvironments(_seconds)
        self.config = lru_cache(maxsize=8)(self._config)
        self.market = lru_cache(maxsize=4)(self._market)
        self.state = lru_cache(maxsize=16)(self._arrays)
        self.plan = lru_cache(maxsize=2)(self._plan)

    def _config(self, digest: str) -> TrainingConfiguration:
        return TrainingConfiguration.model_validate(self.store.get_document(digest))

    def _plan(self, digest: str) -> CampaignsPlan:
        return CampaignsPlan.model_validate(self.store.get_document(digest))

    def _market(self, digest: str) -> MarketParameters:
        return MarketParameters.from_arrays(self._arrays(digest))

    def _arrays(self, digest: str) -> State:
        return read_only(self.store.get_arrays(digest))

    def agent(self, name: str, config_digest: str, place: str = "", step: int = 0) -> InstalledAgent:
        """The installed agent of that name, for one activity; a remote one is connected as the configuration says.

        `place` and `step`, the number of the first decision, stand in its errors and in a remote agent's tick keys.
        """
        if name != RemoteAgent.name:
            return InstalledAgent(self._load(name), step, NOT_ITS_OWN)
        settings = self.config(config_digest).remote
        where = place or "this activity"
        connection = RemoteConnection(settings, self.store, self._ask, where, step, _activity())
        return InstalledAgent(RemoteAgent(connection), step, NOT_ITS_OWN)

    def incumbent(self, config_digest: str, place: str, step: int = 0) -> InstalledAgent:
        """The incumbent of the configuration: in this process where it is one of ours, as no foreign code runs then."""
        name = self.config(config_digest).incumbent
        own = None if name == RemoteAgent.name else load_own(name)
        if own is None:
            return self.agent(name, config_digest, f"{place}/incumbent", step)
        return InstalledAgent(own, step, NOT_ITS_OWN)

    def simple_rule(self, name: str) -> InstalledAgent:
        """A simple rule, which is one of ours and runs in this process."""
        own = load_own(name)
        if own is None:
            raise UnknownAgent(f"{name!r} is no rule that ships with this package")
        return InstalledAgent(own, 0, NOT_ITS_OWN)

    def trajectories(self, digests: Sequence[str], on_read: Callable[[int], None]) -> Trajectories:
        """Those of a round, read when they are needed; `on_read` is called with the number of each, from 1."""

        def read(number: int) -> State:
            on_read(number + 1)
            return read_only(self.store.get_arrays(digests[number]))

        return Trajectories(len(digests), read)

    def whole(self, result: BatchResult) -> BatchResult:
        """The complete result of a batch, with its entries for each episode."""
        if not result.whole_digest:
            return result
        return BatchResult.model_validate(self.store.get_document(result.whole_digest))

    def memory(self, digest: str, agent: Agent) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """One campaign's memory [1, M]; the agent's initial one where there is none yet."""
        return self.store.get_arrays(digest)["memory"] if digest else agent.initial_memory(1)

    def untrained(self, agent: Agent, config_digest: str, market_digest: str) -> State:
        """The agent's state before any learning, for this market's sizes."""
        config = self.config(config_digest)
        shape = self._shape(config.environment, market_digest)
        return agent.initial_state(shape, stream(config.seed, "initial-state", agent.name))

    def _shape(self, environment: str, market_digest: str) -> WorldShape:
        if is_foreign(environment):
            return self.environments.world_shape(environment)
        return self.market(market_digest).world_shape


def read_only(arrays: State) -> State:
    """The same arrays, made read-only: threads and batches share them, and an agent is somebody else's code."""
    for array in arrays.values():
        array.setflags(write=False)
    return arrays


def _seconds() -> float:
    """How long an agent or an environment may take within the running activity."""
    timeout = activity.info().start_to_close_timeout if activity.in_activity() else None
    return UNHURRIED_SECONDS if timeout is None else PART_OF_TIMEOUT * timeout.total_seconds()


def _activity() -> str:
    """What all attempts of the running activity have in common, and nothing else has."""
    if not activity.in_activity():
        return ""
    info = activity.info()
    return f"{info.workflow_run_id}/{info.activity_id}"
