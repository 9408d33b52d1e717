"""Agents by name: which are installed, and that each of them decides validly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaelp.agents.agent_entry_points import UnknownAgent, available, load_agent, load_own
from gaelp.agents.contract import Observation, WorldShape
from gaelp.agents.decision_checks import checked
from gaelp.market.streams import stream
from tests.support.installed_packages import installed as installed
from tests.support.installed_packages import project_of
from tests.support.markets import observation

NAMES = ("best-creative", "fixed-bid", "linear-bid", "linear-thompson", "uniform")
SEEN = observation(3, 2, 5)


def with_mask(mask: Any) -> Observation:
    """The observation under another mask [3, 5]."""
    return Observation(**{**SEEN.__dict__, "mask": np.asarray(mask, bool)})


def test_the_promised_agents_are_installed() -> None:
    """The five agents of the entry-point group load, each under its own name."""
    assert set(NAMES) <= set(available())
    assert all(load_agent(name).name == name for name in NAMES)


def test_an_unknown_agent_is_refused_with_a_suggestion() -> None:
    """A misspelled name gets the nearest one, a strange one the list."""
    with pytest.raises(UnknownAgent, match="did you mean 'linear-thompson'"):
        load_agent("linear-thomson")
    with pytest.raises(UnknownAgent, match="installed are best-creative"):
        load_agent("zzz")


def test_no_other_package_takes_the_name_of_ours(installed: Callable[..., Path]) -> None:
    """A package that offers an agent as `fixed-bid` gets neither its place nor a process of ours to run in."""
    installed(
        {"taker": "raise SystemExit('imported')"},
        project_of("agents", **{"fixed-bid": "taker:Taker", "own": "taker:Own"}),
    )
    assert load_agent("fixed-bid").name == "fixed-bid"
    own = load_own("fixed-bid")
    assert own is not None and type(own).__module__ == "gaelp.agents.policies.baselines"
    assert load_own("own") is None and load_own("nothing") is None and "own" in available()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("campaigns", "segments", "candidates"), [(1, 4, 80), (24, 4, 80), (3, 1, 1), (2, 2, 3)])
def test_every_agent_decides_validly_for_any_world(name: str, campaigns: int, segments: int, candidates: int) -> None:
    """Live (C = 1), on logs (C = 24) and in worlds of other sizes than it learned, the decision passes the check."""
    agent = load_agent(name)
    state = agent.initial_state(WorldShape(4, 80, 2, 3), stream(1, "s"))
    seen = observation(campaigns, segments, candidates, features=3 if candidates == 80 else 6)
    decision, memory = agent.act(state, seen, agent.initial_memory(campaigns), stream(1, "act"))
    assert checked(decision, seen, name, 0).bid_micros is not None
    assert memory.shape[0] == campaigns


@pytest.mark.parametrize("name", NAMES)
def test_every_agent_respects_the_mask(name: str) -> None:
    """A masked creative gets no share, and a campaign with everything masked no bid."""
    agent = load_agent(name)
    state = agent.initial_state(WorldShape(2, 5, 2, 3), stream(1, "s"))
    seen = with_mask([[True] * 5, [False, True, False, True, False], [False] * 5])
    decision, _ = agent.act(state, seen, agent.initial_memory(3), stream(1, "act"))
    assert decision.creative_prob is not None and decision.bid_micros is not None
    assert np.all(decision.creative_prob[1][:, [0, 2, 4]] == 0)
    assert np.all(decision.bid_micros[2] == 0) and np.all(decision.bid_micros[0] > 0)
    checked(decision, seen, name, 0)


@pytest.mark.parametrize("name", NAMES)
def test_acting_changes_nothing(name: str) -> None:
    """act is pure: state, observation and memory stay, and the same generator gives the same decision."""
    agent = load_agent(name)
    state = agent.initial_state(WorldShape(2, 5, 2, 3), stream(1, "s"))
    before = {key: np.array(value) for key, value in state.items()}
    memory = agent.initial_memory(3)
    first, _ = agent.act(state, SEEN, memory, stream(1, "act"))
    again, _ = agent.act(state, SEEN, memory, stream(1, "act"))
    assert np.array_equal(first.bid_micros, again.bid_micros)
    assert np.array_equal(first.creative_prob, again.creative_prob)
    assert all(np.array_equal(before[key], state[key]) for key in before)
    assert not memory.any()
