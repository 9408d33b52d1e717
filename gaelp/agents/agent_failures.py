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

from gaelp.agents.contract import Agent, Decision, Observation, State, WorldShape
from gaelp.arrays import F8
from gaelp.errors import GaelpError

LONGEST = 300  # characters of a foreign error that are repeated


class AgentFailed(GaelpError, RuntimeError):
    """An agent raised, or returned what it must not; one sentence with its name, the verb and the place."""


class BrokenVerb(GaelpError):
    """What an agent did wrong when it was asked for something, as the end of a sentence about it."""


class InstalledAgent:
    """Passes every call on to the agent; `step` is the number of the first decision that it is asked for.

    Errors of the types in `passing` are not the agent's own, and stay what they are.
    """

    def __init__(self, agent: Agent, step: int = 0, passing: tuple[type[Exception], ...] = (GaelpError,)) -> None:
        self._agent, self._step, self._passing = agent, step, passing
        self.name, self.heads = agent.name, tuple(agent.heads)
        self.epochs = int(getattr(agent, "epochs", 1))

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        state: State = self._asked("initial_state", shape, rng)
        return state

    def initial_memory(self, campaigns: int) -> F8:
        memory: F8 = self._asked("initial_memory", campaigns)
        return memory

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        decided: tuple[Decision, F8] = self._asked("act", state, observation, memory, rng)
        self._step += 1
        return decided

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        learned: State = self._asked("learn", state, trajectories)
        return learned

    def _asked(self, verb: str, *arguments: Any) -> Any:
        try:
            return asked(self._agent, verb, *arguments, passing=self._passing)
        except BrokenVerb as problem:
            where = f"{verb} at step {self._step}" if verb == "act" else verb
            raise AgentFailed(f"agent {self.name!r}: {where} {problem}") from problem.__cause__


def asked(agent: Agent, verb: str, *arguments: Any, passing: tuple[type[Exception], ...] = ()) -> Any:
    """What the agent answers to one of its verbs, of the type that the verb must return. Raises BrokenVerb."""
    try:
        answer = getattr(agent, verb)(*arguments)
    except Exception as error:
        if isinstance(error, (BrokenVerb, *passing)):
            raise
        text = " ".join(str(error).split())[:LONGEST]
        said = f"raised {type(error).__name__}{': ' + text if text else ''} ({_place(agent, error)})"
        raise BrokenVerb(said) from error
    if verb == "act" and not (isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], Decision)):
        raise BrokenVerb(f"returned {_kind(answer)} and must return (Decision, memory)")
    if verb in ("initial_state", "learn"):
        _check_state(answer)
    return answer


def _check_state(arrays: object) -> None:
    if not isinstance(arrays, Mapping):
        raise BrokenVerb(f"returned {_kind(arrays)} and must return a dictionary of numpy arrays")
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray | np.generic):
            raise BrokenVerb(f"returned {_kind(array)} as {name!r}, which must be a numpy array")


def _place(agent: Agent, error: Exception) -> str:
    """File and line, in the agent's own module if the error passed through it."""
    frames, module = traceback.extract_tb(error.__traceback__), inspect.getmodule(type(agent))
    own = [frame for frame in frames if frame.filename == getattr(module, "__file__", None)]
    frame = (own or list(frames))[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _kind(value: object) -> str:
    return f"a tuple of {len(value)}" if isinstance(value, tuple) else f"a {type(value).__name__}"
