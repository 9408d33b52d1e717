"""An installed agent whose failures say whose they are. Touch this to tell an agent's author more.

Agents are other people's code: what they raise would reach a person as `'clicks'`, and no word of where it came from.
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
    """The agent as it is; `step` is the number of the first decision that it is asked for."""

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
        given = self._called("act", state, observation, memory, rng)
        if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], Decision)):
            raise self._failed("act", f"returned {_kind(given)} and must return (Decision, memory)")
        self._step += 1
        return given

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        return self._state("learn", state, trajectories)

    def _state(self, verb: str, *arguments: Any) -> State:
        given = self._called(verb, *arguments)
        if not isinstance(given, Mapping):
            raise self._failed(verb, f"returned {_kind(given)} and must return a dictionary of numpy arrays")
        for name, array in given.items():
            if not isinstance(array, np.ndarray | np.generic):
                raise self._failed(verb, f"returned {_kind(array)} as {name!r}, which must be a numpy array")
        state: State = given
        return state

    def _called(self, verb: str, *arguments: Any) -> Any:
        try:
            return getattr(self._agent, verb)(*arguments)
        except NOT_ITS_OWN:
            raise
        except Exception as error:
            text = " ".join(str(error).split())[:LONGEST]
            said = f"raised {type(error).__name__}{': ' + text if text else ''} ({self._place(error)})"
            raise self._failed(verb, said) from error

    def _failed(self, verb: str, said: str) -> AgentFailed:
        where = f"{verb} at step {self._step}" if verb == "act" else verb
        return AgentFailed(f"agent {self.name!r}: {where} {said}")

    def _place(self, error: Exception) -> str:
        """File and line, in the agent's own module if the error passed through it."""
        frames, module = traceback.extract_tb(error.__traceback__), inspect.getmodule(type(self._agent))
        own = [frame for frame in frames if frame.filename == getattr(module, "__file__", None)]
        frame = (own or list(frames))[-1]
        return f"{Path(frame.filename).name}:{frame.lineno}"


def _kind(given: object) -> str:
    return f"a tuple of {len(given)}" if isinstance(given, tuple) else f"a {type(given).__name__}"
