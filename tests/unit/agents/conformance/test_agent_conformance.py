"""The conformance kit passes every agent that keeps the rules, and names the rule that another one breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from gaelp.agents.agent_entry_points import UnknownAgent, available, load_agent
from gaelp.agents.conformance.agent_conformance import NonConformance
from gaelp.agents.contract import Decision
from tests.support.installed_packages import conforms

NEEDS_A_SERVER = ("remote",)  # tests of its own give it one


def loadable() -> list[str]:
    """The installed agents that can be loaded without a configuration."""

    def loads(name: str) -> bool:
        try:
            load_agent(name)
        except UnknownAgent:
            return False
        return True

    return [name for name in available() if name not in NEEDS_A_SERVER and loads(name)]


@pytest.mark.parametrize("name", loadable())
def test_every_installed_agent_keeps_every_rule(name: str) -> None:
    """The agents of all installed packages pass the whole kit."""
    conforms(type(load_agent(name)))


class Sound:
    """An agent that keeps every rule; those below break one each."""

    name, heads = "sound", ("bid_micros", "creative_prob")

    def initial_state(self, shape: Any, rng: Any) -> Any:
        return {"seen": np.zeros(1)}

    def initial_memory(self, campaigns: int) -> Any:
        return np.zeros((campaigns, 1))

    def act(self, state: Any, seen: Any, memory: Any, rng: Any) -> Any:
        mask = seen.mask[:, None, :] * np.ones(seen.clicks.shape)
        total = mask.sum(axis=-1, keepdims=True)
        share = np.where(total > 0, mask / np.maximum(total, 1), 1 / mask.shape[-1])
        return Decision(bid_micros=5 * (total[..., 0] > 0).astype(np.int64), creative_prob=share), memory + 1

    def learn(self, state: Any, trajectories: Sequence[Any]) -> Any:
        return {"seen": state["seen"] + len(trajectories)}


class _Forgets(Sound):
    calls = 0

    def act(self, state: Any, seen: Any, memory: Any, rng: Any) -> Any:
        type(self).calls += 1
        decision, memory = super().act(state, seen, memory, rng)
        return Decision(decision.bid_micros * type(self).calls, decision.creative_prob), memory


class _Scribbles(Sound):
    def act(self, state: Any, seen: Any, memory: Any, rng: Any) -> Any:
        memory += 1
        return super().act(state, seen, memory, rng)


class _IgnoresTheMask(Sound):
    def act(self, state: Any, seen: Any, memory: Any, rng: Any) -> Any:
        return Decision(np.full(seen.clicks.shape[:2], 5), np.full(seen.clicks.shape, 1 / seen.clicks.shape[2])), memory


class _IsMadeForOneWorld(Sound):
    def act(self, state: Any, seen: Any, memory: Any, rng: Any) -> Any:
        decision, memory = super().act(state, seen, memory, rng)
        return Decision(np.full((len(seen.hour), 3), 5), decision.creative_prob), memory


class _KeepsText(Sound):
    def initial_state(self, shape: Any, rng: Any) -> Any:
        return {"seen": np.zeros(1), "note": np.array(["text"])}


class _LearnsInPlace(Sound):
    def learn(self, state: Any, trajectories: Sequence[Any]) -> Any:
        state["seen"] += len(trajectories)
        return state


class _TouchesItsInput(Sound):
    def act(self, state: Any, seen: Any, memory: Any, rng: Any) -> Any:
        seen.clicks[...] = seen.clicks
        return super().act(state, seen, memory, rng)


class _TouchesItsTrajectories(Sound):
    def learn(self, state: Any, trajectories: Sequence[Any]) -> Any:
        for each in trajectories:
            each["clicks"].sort(axis=0)
            each["hour"] += 0
        return super().learn(state, trajectories)


class _NeedsTrajectories(Sound):
    def learn(self, state: Any, trajectories: Sequence[Any]) -> Any:
        return {"seen": state["seen"] + trajectories[0]["clicks"].sum()}


class _PromisesMore(Sound):
    heads = ("bid_micros", "creative_prob", "spend_rate")  # type: ignore[assignment]


class _RemembersMore(Sound):
    def act(self, state: Any, seen: Any, memory: Any, rng: Any) -> Any:
        decision, memory = super().act(state, seen, memory, rng)
        return decision, np.concatenate([memory, memory], axis=1)


def test_the_kit_passes_a_sound_agent() -> None:
    """What keeps the rules passes them all."""
    conforms(Sound)


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (_Forgets, "act must give the same decision"),
        (_Scribbles, "act must not change the memory"),
        (_IgnoresTheMask, "mask forbids"),
        (_IsMadeForOneWorld, "bid_micros has shape"),
        (_KeepsText, "arrays of bools, integers or floats"),
        (_LearnsInPlace, "learn must not change the state"),
        (_TouchesItsInput, "act must not change .*the observation .*read-only"),
        (_TouchesItsTrajectories, "learn must not change .*the trajectories .*read-only"),
        (_PromisesMore, "exactly the promised heads"),
        (_RemembersMore, "memory must keep its shape"),
    ],
)
def test_the_kit_names_the_rule_that_is_broken(kind: type, rule: str) -> None:
    """Each broken rule is found, and its message says which."""
    with pytest.raises(NonConformance, match=rule):
        conforms(kind)


def test_the_kit_finds_an_agent_that_cannot_learn_from_nothing() -> None:
    """An empty list of trajectories is a round in which everything failed, and must not raise."""
    with pytest.raises(IndexError):
        conforms(_NeedsTrajectories)
