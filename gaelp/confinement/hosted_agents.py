"""In the child: what can be asked of agents. Touch this together with confined_agent.py, which asks.

Nothing that stands here is relied on by the other side: foreign code may have replaced all of it. What is answered is
checked there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gaelp.agents.agent_entry_points import load_agent
from gaelp.agents.agent_failures import BrokenVerb, asked
from gaelp.agents.contract import HEADS, Agent, Observation, State, WorldShape
from gaelp.agents.trajectories import Trajectories
from gaelp.arrays import Array
from gaelp.confinement.frames import Arrays, Head, Pipe, generator_state, set_generator
from gaelp.confinement.limits import AGENTS_KEPT, LARGEST_REQUEST, STATES_KEPT

Answer = tuple[Head, Arrays]


class HostedAgents:
    """Agents by number, each made for one activity, and the states that were sent."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._agents: dict[int, Agent] = {}
        self._states: dict[int, State] = {}
        self.verbs: dict[str, Callable[[Head, Arrays], Answer]] = {
            "load": self._load,
            "initial_state": self._initial_state,
            "initial_memory": self._initial_memory,
            "act": self._act,
            "learn": self._learn,
        }

    def keep(self, number: int, arrays: Arrays) -> None:
        """Keep a state, read-only, under its number; the oldest goes."""
        for array in arrays.values():
            array.setflags(write=False)
        _put(self._states, number, arrays, STATES_KEPT)

    def _load(self, head: Head, _: Arrays) -> Answer:
        agent = load_agent(head["name"])
        _put(self._agents, head["agent"], agent, AGENTS_KEPT)
        about = next(iter((type(agent).__doc__ or "").strip().splitlines()), "")
        return {"heads": list(agent.heads), "epochs": int(getattr(agent, "epochs", 1)), "about": about}, {}

    def _initial_state(self, head: Head, _: Arrays) -> Answer:
        return {}, asked(self._agent(head), "initial_state", WorldShape(**head["shape"]), _generator(head))

    def _initial_memory(self, head: Head, _: Arrays) -> Answer:
        return {}, {"memory": _memory(asked(self._agent(head), "initial_memory", head["campaigns"]))}

    def _act(self, head: Head, arrays: Arrays) -> Answer:
        memory, rng = arrays.pop("memory"), _generator(head)
        state, observation = self._states[head["state"]], Observation.from_arrays(arrays)
        decision, memory = asked(self._agent(head), "act", state, observation, memory, rng)
        given = {name: getattr(decision, name) for name in HEADS if getattr(decision, name) is not None}
        numbers = {name: _numbers(value) for name, value in given.items()}
        odd = [name for name, value in numbers.items() if value is None]
        answer = {name: value for name, value in numbers.items() if value is not None}
        return {"odd": odd, "rng": generator_state(rng)}, {**answer, "memory": _memory(memory)}

    def _learn(self, head: Head, _: Arrays) -> Answer:
        def read(number: int) -> State:
            self._pipe.send({"read": number})
            _, arrays = self._pipe.receive(LARGEST_REQUEST)
            for array in arrays.values():
                array.setflags(write=False)
            return arrays

        trajectories = Trajectories(head["count"], read)
        return {}, asked(self._agent(head), "learn", self._states[head["state"]], trajectories)

    def _agent(self, head: Head) -> Agent:
        if head["agent"] not in self._agents:  # another activity's, asked for in a process that has not made it yet
            _put(self._agents, head["agent"], load_agent(head["name"]), AGENTS_KEPT)
        return self._agents[head["agent"]]


def _put(kept: dict[int, Any], number: int, value: Any, most: int) -> None:
    kept[number] = value
    while len(kept) > most:
        del kept[next(iter(kept))]


def _generator(head: Head) -> np.random.Generator:
    kind = {"Philox": np.random.Philox, "PCG64": np.random.PCG64}[head["rng"]["bit_generator"]]
    rng = np.random.Generator(kind(0))
    set_generator(rng, head["rng"])
    return rng


def _numbers(value: Any) -> Array | None:
    """The values of a head as they can be sent; None where they are no numbers."""
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O" or array.dtype.itemsize > 8:
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return array if array.dtype.kind in "biuf" else None


def _memory(value: Any) -> Array:
    memory = _numbers(value)
    if memory is None:
        raise BrokenVerb(f"returned a {type(value).__name__} that holds no numbers as its memory")
    return memory
