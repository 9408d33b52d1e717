"""Agents that live in child processes, asked as if they were here. Touch this together with hosted_agents.py.

One child process holds one agent's package, so that an agent cannot touch the incumbent that it is compared with. A
child serves many batches. What it answers is somebody else's: sizes are bounded before anything is allocated, types are
checked here, and decisions where every decision is (gaelp/agents/decision_checks.py).
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from gaelp.agents.agent_entry_points import UnknownAgent
from gaelp.agents.agent_failures import LONGEST, AgentFailed, BrokenVerb
from gaelp.agents.contract import HEADS, Decision, Observation, State, WorldShape
from gaelp.arrays import F8, Array
from gaelp.confinement import limits
from gaelp.confinement.confined_process import ConfinedProcess, Serve
from gaelp.confinement.frames import Arrays, BrokenFrame, Head, generator_state, set_generator

UNHURRIED_SECONDS = 3600.0
Seconds = Callable[[], float]


class AgentProcess:
    """A child process that holds one agent's package, and the states that it was sent."""

    def __init__(self, name: str) -> None:
        self.name, self.process = name, ConfinedProcess(name)
        self._states: dict[int, tuple[int, State]] = {}  # by identity: the number it was sent under, and the state
        self._numbers = itertools.count()

    def number(self, state: State, seconds: float) -> int:
        """The number by which the child knows this state; sends it where the child has not got it yet."""
        if id(state) not in self._states:
            number = next(self._numbers)
            self.process.tell({"verb": "state", "state": number}, state, seconds=seconds)
            self._states[id(state)] = (number, state)  # kept, so that no other state gets its identity
            while len(self._states) > limits.STATES_KEPT:
                del self._states[next(iter(self._states))]
        return self._states[id(state)][0]


class ConfinedAgents:
    """Gives agents by name. `seconds` says how long one that is made now may take, over all its calls."""

    def __init__(self, seconds: Seconds = lambda: UNHURRIED_SECONDS) -> None:
        self.seconds = seconds
        self._idle: list[AgentProcess] = []  # the one used last stands last
        self._lock, self._numbers = threading.Lock(), itertools.count()

    def __call__(self, name: str) -> ConfinedAgent:
        """A fresh agent of that name. Raises UnknownAgent, and AgentFailed where its process ends or is late."""
        return ConfinedAgent(self, name, next(self._numbers))

    @contextmanager
    def process(self, name: str) -> Iterator[AgentProcess]:
        """A process of that agent, for one call; it is kept afterwards, if it still runs."""
        with self._lock:
            known = [each for each in self._idle if each.name == name]
            if known:
                self._idle.remove(known[-1])
        process = known[-1] if known and known[-1].process.alive else AgentProcess(name)
        if known and known[-1] is not process:
            known[-1].process.close()
        try:
            yield process
        finally:
            self._keep(process)

    def close(self) -> None:
        """End all processes that wait for a call."""
        with self._lock:
            idle, self._idle = self._idle, []
        for each in idle:
            each.process.close()

    def _keep(self, process: AgentProcess) -> None:
        if not process.process.alive:
            process.process.close()
            return
        with self._lock:
            self._idle.append(process)
            spare = self._idle[: -limits.PROCESSES_KEPT]
            del self._idle[: -limits.PROCESSES_KEPT]
        for each in spare:
            each.process.close()


class ConfinedAgent:
    """One agent, made anew in its child process; see gaelp/agents/contract.py for the verbs."""

    def __init__(self, agents: ConfinedAgents, name: str, number: int) -> None:
        self.name, self._agents, self._number = name, agents, number
        self._deadline = time.monotonic() + agents.seconds()
        try:
            answer, _ = self._ask({"verb": "load"})
        except BrokenVerb as problem:
            raise AgentFailed(f"agent {name!r} cannot be loaded: it {problem}") from problem
        self.heads, self.epochs, self.about = _declared(name, answer)

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        """The state before any learning."""
        head = {"verb": "initial_state", "shape": vars(shape), "rng": generator_state(rng)}
        return self._ask(head, most=limits.LARGEST_STATE)[1]

    def initial_memory(self, campaigns: int) -> F8:
        """Memory [C, M]."""
        return _memory(self._ask({"verb": "initial_memory", "campaigns": campaigns})[1], campaigns)

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        """Decide for C campaigns at once; `rng` stands afterwards where the agent left it."""
        given = {**observation.to_arrays(), "memory": np.asarray(memory)}
        most = max(limits.LARGEST_ANSWER, 4 * sum(array.nbytes for array in given.values()))
        answer, arrays = self._ask({"verb": "act", "rng": generator_state(rng)}, given, state=state, most=most)
        try:
            set_generator(rng, answer.get("rng"))
        except BrokenFrame as error:
            raise BrokenVerb(f"answered with {error}") from error
        decision: dict[str, Any] = {"bid_micros": None, "creative_prob": None}
        decision |= {head: arrays[head] for head in HEADS if head in arrays}
        decision |= {head: _no_numbers() for head in HEADS if head in _texts(answer.get("odd"))}
        return Decision(**decision), _memory(arrays, len(observation.hour))

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        """The next state; the child asks for one trajectory after another."""
        head = {"verb": "learn", "count": len(trajectories)}

        def serve(number: int) -> Mapping[str, Array]:
            if not 0 <= number < len(trajectories):
                raise BrokenVerb(f"asked for trajectory {number} of {len(trajectories)}")
            return dict(trajectories[number])

        return self._ask(head, state=state, most=limits.LARGEST_STATE, serve=serve)[1]

    def _ask(
        self,
        head: Head,
        arrays: Mapping[str, Array] | None = None,
        *,
        state: State | None = None,
        most: int = limits.LARGEST_ANSWER,
        serve: Serve | None = None,
    ) -> tuple[Head, Arrays]:
        """Raises BrokenVerb, and UnknownAgent where the child cannot load the agent."""
        seconds = max(0.0, self._deadline - time.monotonic())
        with self._agents.process(self.name) as process:
            head = {**head, "agent": self._number, "name": self.name}
            if state is not None:
                head["state"] = process.number(state, seconds)
            answer, given = process.process.ask(head, arrays, seconds=seconds, most=most, serve=serve)
        if "unknown" in answer:
            raise UnknownAgent(_text(answer["unknown"], 4 * LONGEST))
        if "problem" in answer:
            raise BrokenVerb(_text(answer["problem"], 2 * LONGEST))
        return answer, given


def _declared(name: str, answer: Head) -> tuple[tuple[str, ...], int, str]:
    """Heads, epochs and one line about the agent, as they may be relied on."""
    heads, epochs = tuple(_texts(answer.get("heads"))), answer.get("epochs")
    if not heads or not set(heads) <= set(HEADS) or type(epochs) is not int:
        raise UnknownAgent(f"agent {name!r} declares heads or epochs that are none: see agents/contract.py")
    return heads, epochs, _text(answer.get("about"), LONGEST)


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _text(value: object, longest: int) -> str:
    return " ".join(str(value).split())[:longest]


def _memory(arrays: Arrays, campaigns: int) -> F8:
    memory = arrays.get("memory")
    if memory is None or memory.dtype.kind not in "biuf":
        raise BrokenVerb("returned no memory")
    if memory.ndim != 2 or len(memory) != campaigns or memory.shape[1] > limits.MOST_MEMORY:
        allowed = f"[{campaigns}, M] with M up to {limits.MOST_MEMORY}"
        raise BrokenVerb(f"returned a memory of shape {list(memory.shape)}, and it must be {allowed}")
    return memory


def _no_numbers() -> Array:
    """In the place of a head that holds no numbers: the check of decisions says so."""
    return np.array([object()], dtype=object)
