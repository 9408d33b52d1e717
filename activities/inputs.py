"""What activities read by digest: configuration, market, agent state. Touch this when one more thing travels so."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from gaelp.agents.contract import WorldShape
from gaelp.agents.registry import load_agent
from gaelp.market.streams import stream
from gaelp.records.store import ContentStore
from gaelp.training.config import TrainingConfiguration

if TYPE_CHECKING:
    from gaelp.agents.contract import Agent, State


class Inputs:
    """Reads from the content store; what repeats within a run is kept in memory, a few entries at the most."""

    def __init__(self, store: ContentStore) -> None:
        self.store = store
        self.config = lru_cache(maxsize=8)(self._config)
        self.market = lru_cache(maxsize=4)(self._arrays)
        self.state = lru_cache(maxsize=8)(self._arrays)

    def _config(self, digest: str) -> TrainingConfiguration:
        return TrainingConfiguration.model_validate(self.store.get_document(digest))

    def _arrays(self, digest: str) -> State:
        return self.store.get_arrays(digest)

    def agent(self, name: str) -> Agent:
        """The installed agent of that name."""
        return load_agent(name)

    def memory(self, digest: str, agent: Agent) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """One campaign's memory [1, M]; the agent's initial one where there is none yet."""
        return self.store.get_arrays(digest)["memory"] if digest else agent.initial_memory(1)

    def untrained(self, agent: Agent, config_digest: str, market_digest: str) -> State:
        """The agent's state before any learning, for this market's sizes."""
        market = self.market(market_digest)
        segments, candidates = market["ctr"].shape
        shape = WorldShape(
            segments=segments,
            candidates=candidates,
            segment_features=market["segment_features"].shape[1],
            candidate_features=market["candidate_features"].shape[1],
        )
        return agent.initial_state(shape, stream(self.config(config_digest).seed, "initial-state", agent.name))
