"""The rules that every agent keeps, as one class to inherit. Touch this when the contract gains a rule.

    class TestMyAgent(AgentConformance):
        def agent(self) -> Agent:
            return MyAgent()

Each rule is a test and its failure names the rule. There is no I/O in it and it takes well under a second. What agents
are given is read-only here, as the state and the trajectories of a run are, which batches share.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from gaelp.agents.conformance.conformance_samples import HOME, TICKS, generator, late, observation, trajectory
from gaelp.agents.contract import HEADS, Agent, Decision, InvalidDecision, Observation, State, WorldShape
from gaelp.agents.decision_checks import checked
from gaelp.arrays import F8, Array
from gaelp.errors import GaelpError

STORED = "biuf"  # kinds of arrays that a checkpoint may hold: bool, integers, floats
ELSEWHERE = (
    WorldShape(segments=2, candidates=6, segment_features=5, candidate_features=1),
    WorldShape(segments=1, candidates=1, segment_features=2, candidate_features=3),
)


class NonConformance(GaelpError, AssertionError):
    """The agent breaks a rule; the message names it."""


def require(holds: bool, rule: str, value: object = "") -> None:
    """Raise NonConformance naming the rule."""
    if not holds:
        raise NonConformance(f"{rule} Found: {value}" if value != "" else rule)


class AgentConformance:
    """Rules by name."""

    def agent(self) -> Agent:
        """A fresh agent under test."""
        raise NotImplementedError

    def test_it_names_itself_and_its_heads(self) -> None:
        """`name` is a word and `heads` are heads of the contract, at least one."""
        agent = self.agent()
        require(isinstance(agent.name, str) and bool(agent.name), "`name` must be the agent's name.", agent.name)
        known = bool(agent.heads) and set(agent.heads) <= set(HEADS)
        require(known, f"`heads` must be some of {', '.join(HEADS)}.", agent.heads)

    def test_the_state_is_arrays_that_can_be_stored(self) -> None:
        """The state is a mapping of names to arrays of bools, integers or floats, before and after learning."""
        for state in self._states():
            for name, value in state.items():
                plain = isinstance(name, str) and isinstance(value, np.ndarray) and value.dtype.kind in STORED
                require(plain, "The state must map names to arrays of bools, integers or floats.", name)

    def test_equal_seeds_give_equal_states(self) -> None:
        """initial_state is a function of the shape and the generator."""
        first, again = self._fresh(), self._fresh()
        require(_equal(first, again), "initial_state must give the same state for equal generators.")

    def test_a_decision_is_valid(self) -> None:
        """In the world it was made for, the decision has the promised heads, exact shapes and finite numbers."""
        for state in self._states():
            self._decide(state, observation(HOME))

    def test_a_decision_is_valid_in_other_worlds(self) -> None:
        """With other segments, candidates, features and campaigns than it was made for it decides validly."""
        for state in self._states():
            for shape in ELSEWHERE:
                for campaigns in (1, 5):
                    self._decide(state, observation(shape, campaigns))

    def test_a_decision_is_valid_late_in_an_episode(self) -> None:
        """With counts, money spent and nothing left of the budget it decides validly."""
        for state in self._states():
            self._decide(state, late(observation(HOME)))

    def test_the_mask_is_respected(self) -> None:
        """A candidate that the mask forbids gets no share, and a campaign without any allowed one no bid."""
        mask = np.ones((3, HOME.candidates), bool)
        mask[1, ::2] = False
        mask[2] = False
        observed = replace(observation(HOME, 3), mask=mask)
        for state in self._states():
            decision, _ = self._decide(state, observed)
            if decision.creative_prob is not None:
                forbidden = np.asarray(decision.creative_prob)[1][:, ::2]
                require(not forbidden.any(), "A candidate that the mask forbids must get no share.", forbidden)
            if decision.bid_micros is not None:
                bid = np.asarray(decision.bid_micros)[2]
                require(not bid.any(), "A campaign whose mask forbids everything must not bid.", bid)

    def test_act_is_pure(self) -> None:
        """Equal inputs give equal outputs, and state, observation and memory stay as they were."""
        agent, observed = self.agent(), _shown(late(observation(HOME)))
        for state in self._states():
            memory = _sealed(agent.initial_memory(2))
            before = (_copied(state), _copied(vars(observed)), memory.copy())
            first, next_memory = _acted(agent, state, observed, memory, 5)
            require(_equal(before[0], state), "act must not change the state.")
            require(_equal(before[1], vars(observed)), "act must not change the observation.")
            require(np.array_equal(before[2], memory), "act must not change the memory it is given.")
            again, next_memory_again = _acted(agent, state, observed, memory, 5)
            same = _equal(_given(first), _given(again)) and np.array_equal(next_memory, next_memory_again)
            require(same, "act must give the same decision and memory for equal inputs.")

    def test_memory_keeps_its_shape(self) -> None:
        """Memory is f8[C, M], M the same at every tick, and finite."""
        agent = self.agent()
        memory, state = agent.initial_memory(2), self._fresh()
        width = memory.shape
        require(len(width) == 2 and width[0] == 2, "initial_memory must be of shape [C, M].", width)
        for tick in range(TICKS):
            _, memory = _acted(agent, state, _shown(observation(HOME)), _sealed(memory), tick)
            require(memory.shape == width, "The memory must keep its shape.", memory.shape)
            require(bool(np.isfinite(memory).all()), "The memory must be finite.")

    def test_learning_from_nothing_is_harmless(self) -> None:
        """learn with an empty list returns a state that decides."""
        state = _learned(self.agent(), self._fresh(), [])
        self._decide(state, observation(HOME))

    def test_learning_is_pure(self) -> None:
        """learn gives the same state for equal inputs and changes neither the state nor the trajectories."""
        agent, state, trajectories = self.agent(), self._fresh(), [self._trajectory()]
        before, trajectory_before = _copied(state), _copied(trajectories[0])
        first = _learned(agent, state, trajectories)
        require(_equal(before, state), "learn must not change the state it is given.")
        require(_equal(trajectory_before, trajectories[0]), "learn must not change the trajectories.")
        again = _learned(self.agent(), state, trajectories)
        require(_equal(first, again), "learn must give the same state for equal inputs.")

    def test_the_state_survives_a_round_trip(self) -> None:
        """A state that was stored as arrays and read again decides as before, in another instance of the agent."""
        for state in self._states():
            buffer = io.BytesIO()
            np.savez(buffer, allow_pickle=False, **{name: np.asarray(value) for name, value in state.items()})
            buffer.seek(0)
            with np.load(buffer, allow_pickle=False) as arrays:
                stored = _read_only({name: arrays[name] for name in arrays.files})
            observed = observation(HOME)
            here, there = self._decide(state, observed)[0], self._decide(stored, observed)[0]
            require(_equal(_given(here), _given(there)), "A stored state must decide as the one it was stored from.")

    # ------------------------------------------------------------

    def _fresh(self) -> State:
        return _read_only(self.agent().initial_state(HOME, generator(1)))

    def _states(self) -> tuple[State, State]:
        """Before any learning, and after a round."""
        fresh = self._fresh()
        return fresh, _learned(self.agent(), fresh, [self._trajectory(), self._trajectory()])

    def _trajectory(self) -> State:
        """The kit's trajectory with a memory of this agent's width."""
        memory = self.agent().initial_memory(2)
        return _read_only({**trajectory(HOME), "memory": np.repeat(memory[None], TICKS, axis=0)})

    def _decide(self, state: State, observed: Observation) -> tuple[Decision, F8]:
        agent, campaigns = self.agent(), len(observed.hour)
        decision, memory = _acted(agent, state, _shown(observed), _sealed(agent.initial_memory(campaigns)), 3)
        try:
            decision = checked(decision, observed, agent.name, 0)
        except InvalidDecision as error:
            raise NonConformance(f"A decision must pass the check of every world. Found: {error}") from error
        given = set(_given(decision))
        require(given == set(agent.heads), "A decision must have exactly the promised heads.", sorted(given))
        require(memory.shape[0] == campaigns, "The memory must have a row for each campaign.", memory.shape)
        return decision, memory


def _acted(agent: Agent, state: State, observed: Observation, memory: F8, key: int) -> tuple[Decision, F8]:
    with _unwritten("act must not change the memory, the state or the observation it is given."):
        return agent.act(state, observed, memory, generator(key))


def _learned(agent: Agent, state: State, trajectories: Sequence[State]) -> State:
    """The state as an activity would give it to the next batch."""
    with _unwritten("learn must not change the state or the trajectories it is given."):
        return _read_only(agent.learn(state, trajectories))


@contextmanager
def _unwritten(rule: str) -> Iterator[None]:
    """Names the rule where an array that is read-only was written to."""
    try:
        yield
    except ValueError as error:
        require("read-only" not in str(error), rule, error)
        raise


def _shown(observed: Observation) -> Observation:
    return Observation.from_arrays(_read_only(observed.to_arrays()))


def _read_only(arrays: State) -> State:
    """Read-only copies of what are arrays; the rest is for a rule to find."""
    return {name: _sealed(value) if isinstance(value, np.ndarray) else value for name, value in arrays.items()}


def _sealed(array: Array) -> Array:
    copied = np.array(array)
    copied.setflags(write=False)
    return copied


def _given(decision: Decision) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    return {head: np.asarray(value) for head, value in vars(decision).items() if value is not None}


def _copied(arrays: State) -> State:
    return {name: np.array(value) for name, value in arrays.items()}


def _equal(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
