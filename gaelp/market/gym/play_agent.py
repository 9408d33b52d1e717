"""An agent of the contract in our vector environment, without a run around it. Touch this to practise differently.

For notebooks, tests and first tries: a run does the same at scale, through the workflow and beside the incumbent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from gaelp.agents.contract import Agent, State
from gaelp.market.gym import spaces
from gaelp.market.gym.environment import AdMarketVector
from gaelp.market.streams import stream

Worlds = VectorEnv[Any, Any, Any]


def untrained(agent: Agent, worlds: Worlds, seed: int = 0) -> State:
    """The agent's state before any learning, for the sizes of `worlds`."""
    shape = spaces.shape_of(_ours(worlds).single_observation_space)
    return agent.initial_state(shape, stream(seed, "practice", "untrained"))


def play(
    agent: Agent, state: State, worlds: Worlds, *, seed: int, index: int = 0
) -> tuple[State, dict[str, np.ndarray[Any, Any]]]:
    """One episode of all campaigns: the trajectory as Agent.learn reads it, and the measures of the last tick's info.

    Raises InvalidDecision where the agent does not give the heads that the world takes.
    """
    environment = _ours(worlds)
    rng = stream(seed, "practice", index)
    values, info = environment.reset(seed=seed, options={"index": index})
    memory, memories = agent.initial_memory(environment.num_envs), []
    ended = np.zeros(environment.num_envs, bool)
    while not ended.all():
        decision, memory = agent.act(state, spaces.observation(values), memory, rng)
        memories.append(memory)
        values, _, ended, _, info = environment.step(spaces.action(decision))
    return {**environment.trajectory(), "memory": np.stack(memories)}, info


def _ours(worlds: Worlds) -> AdMarketVector:
    ours = worlds.unwrapped
    if not isinstance(ours, AdMarketVector):
        raise TypeError(f"this needs gymnasium.make_vec of an environment of ours, not {type(ours).__name__}")
    return ours
