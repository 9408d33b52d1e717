"""An installed agent whose errors name the agent, what it was asked to do, and the line of its code.

Agents are other people's code: without this, a KeyError of theirs would reach a person as `'clicks'`. Touch this to put
more into the error that an agent's author reads.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from temporalio.exceptions import FailureError

from gaelp.agents.contract import Agent, Decision, Observation, State, WorldShape
from gaelp.arrays import F8
from gaelp.errors import GaelpError

LONGEST = 300  # characters of a foreign error that are repeated
# Errors of ours, cancellations, and what reading a trajectory may raise are not the agent's.
NOT_ITS_OWN: tuple[type[Exception], ...] = (GaelpError, FailureError, OSError)


class AgentFailed(GaelpError, RuntimeError):
    """An agent raised, or returned what it must not; one sentence with its name, the verb and the place."""


class InstalledAgent:
    """Passes every call on to the agent; `step` is the number of the first decision that it is asked for."""

    def __init__(self, agent: Agent, step: int = 0) -> None:
        self._agent, self._step = agent, step
        self.name, self.heads = agent.name, tuple(agent.heads)
        self.epochs = int(getattr(agent, "epochs", 1))

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        return self._state("initial_state", shape, rng)

    def initial_memory(self, campaigns: int) -> F8:
        memory: F8 = self._called("initial_memory", campaigns)
        return memory

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        result = self._called("act", state, observation, memory, rng)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], Decision)):
            raise self._failed("act", f"returned {_kind(result)} and must return (Decision, memory)")
        self._step += 1
        return result

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        return self._state("learn", state, trajectories)

    def _state(self, verb: str, *arguments: Any) -> State:
        arrays = self._called(verb, *arguments)
        if not isinstance(arrays, Mapping):
            raise self._failed(verb, f"returned {_kind(arrays)} and must return a dictionary of numpy arrays")
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray | np.generic):
                raise self._failed(verb, f"returned {_kind(array)} as {name!r}, which must be a numpy array")
        state: State = arrays
        return state

    def _called(self, verb: str, *arguments: Any) -> Any:
        try:
            return getattr(self._agent, verb)(*arguments)
        except NOT_ITS_OWN:
            raise
        except Exception as error:
            text = " ".join(str(error).split())[:LONGEST]
            problem = f"raised {type(error).__name__}{': ' + text if text else ''} ({self._place(error)})"
            raise self._failed(verb, problem) from error

    def _failed(self, verb: str, problem: str) -> AgentFailed:
        where = f"{verb} at step {self._step}" if verb == "act" else verb
        return AgentFailed(f"agent {self.name!r}: {where} {problem}")

    def _place(self, error: Exception) -> str:
        """File and line, in the agent's own module if the error passed through it."""
        frames, module = traceback.extract_tb(error.__traceback__), inspect.getmodule(type(self._agent))
        own = [frame for frame in frames if frame.filename == getattr(module, "__file__", None)]
        frame = (own or list(frames))[-1]
        return f"{Path(frame.filename).name}:{frame.lineno}"


def _kind(value: object) -> str:
    return f"a tuple of {len(value)}" if isinstance(value, tuple) else f"a {type(value).__name__}"
