"""A hostile agent gets nothing and ends nothing but its own episode."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from gaelp.agents.agent_failures import AgentFailed, InstalledAgent
from gaelp.agents.contract import InvalidDecision, Observation, TickTime, Totals
from gaelp.agents.decision_checks import checked
from gaelp.confinement import kernel_rules, limits
from gaelp.confinement.confined_agent import ConfinedAgents
from gaelp.market.streams import stream
from tests.support import hostile_agents
from tests.support.installed_packages import installed as installed
from tests.support.installed_packages import project_of

pytestmark = pytest.mark.skipif(bool(kernel_rules.lacking()), reason=kernel_rules.lacking() or "confined")
SECRET = "token-of-the-live-worker"


@pytest.fixture
def agents(installed: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConfinedAgents]:
    """The hostile agents, installed, on a machine with secrets, a ledger, keys, a store and a server."""
    home = tmp_path / "home"
    (home / "keys").mkdir(parents=True)
    (home / "store" / "ab").mkdir(parents=True)
    files = [home / "ledger.db", home / "keys" / "alice.pem", home / "store" / "ab" / "content"]
    for file in files:
        file.write_text("private")
    monkeypatch.setenv("GAELP_HOME", str(home))
    monkeypatch.setenv("GAELP_EMULATOR_TOKEN", SECRET)
    with socket.create_server(("127.0.0.1", 0)) as server:
        site = tmp_path / "site"
        targets = {
            "secret": SECRET,
            "files": [*map(str, files), str(site / "hostile.py")],
            "ledger": str(files[0]),
            "ports": [server.getsockname()[1]],
            "memory": limits.memory_bytes(),
            "scratch": limits.LARGEST_SCRATCH,
        }
        installed({"hostile": hostile_agents.module(targets)}, project_of("agents", **hostile_agents.entry_points()))
        made = ConfinedAgents()
        yield made
        made.close()


def observation() -> Observation:
    """Two campaigns of three segments and four candidates."""
    time_ = TickTime(hour=np.zeros(2), weekday=np.zeros(2), time_left=np.ones(2))
    return Observation.build(time_, Totals.none(2, 3, 4), np.zeros((3, 2)), np.zeros((4, 2)), np.full(2, 10**7), 10**6)


def said_of(agents: ConfinedAgents, name: str) -> str:
    """What is said of one decision of that agent."""
    agent = InstalledAgent(agents(f"hostile-{name.replace('_', '-')}"))
    with pytest.raises(AgentFailed) as failed:
        agent.act({"nothing": np.zeros(1)}, observation(), np.zeros((2, 1)), stream(1, "act"))
    assert "\n" not in str(failed.value)
    return str(failed.value)


def still_decides(agents: ConfinedAgents) -> None:
    """An honest agent of the same processes decides as ever."""
    agent = agents("fixed-bid")
    state, memory = agent.initial_state(observation_shape(), stream(1, "state")), agent.initial_memory(2)
    decision, _ = agent.act(state, observation(), memory, stream(1, "act"))
    checked(decision, observation(), "fixed-bid", 0)


def observation_shape():  # type: ignore[no-untyped-def]
    """The sizes of `observation`."""
    from gaelp.agents.contract import WorldShape

    return WorldShape(3, 4, 2, 2)


@pytest.mark.parametrize("attempt", hostile_agents.ATTEMPTS)
def test_an_attempt_gets_nothing(agents: ConfinedAgents, tmp_path: Path, attempt: str) -> None:
    """No environment, memory, file, ledger, network, queue, process or signal is in its reach, nor all memory."""
    if attempt == "files":
        got = said_of(agents, attempt)  # of its own package it may read, and nothing more
        site = tmp_path / "site"
        assert f"got ['read {site}/hostile.py', 'list {site}/hostile.py'] (" in got
        return
    assert "raised RuntimeError: got nothing (" in said_of(agents, attempt)


def test_what_an_agent_may_do_it_can_do(agents: ConfinedAgents) -> None:
    """Files in its own folder, shared memory, threads, time zones and scientific libraries are there."""
    assert "raised RuntimeError: got nothing (" in said_of(agents, "honest")


@pytest.mark.parametrize("way", hostile_agents.ENDS)
def test_an_end_is_its_own_only(agents: ConfinedAgents, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs, dies, fills its folder or floods the pipe is told of in a sentence, and others go on."""
    monkeypatch.setattr(agents, "seconds", lambda: 4.0)
    import re

    begun = time.monotonic()
    assert re.search(hostile_agents.ENDS[way], said_of(agents, way))
    assert time.monotonic() - begun < 15
    monkeypatch.undo()
    still_decides(agents)


@pytest.mark.parametrize(("way", "reason"), [("high", "above the most allowed"), ("forger", "negative number, -5")])
def test_a_decision_is_checked_outside_of_its_reach(agents: ConfinedAgents, way: str, reason: str) -> None:
    """A bid of 2^62, and one by an agent that replaced every check in its own process, are refused here."""
    agent = InstalledAgent(agents(f"hostile-{way}"))
    decision, _ = agent.act({"nothing": np.zeros(1)}, observation(), np.zeros((2, 1)), stream(1, "act"))
    with pytest.raises(InvalidDecision, match=reason):
        checked(decision, observation(), agent.name, 0)


def test_an_answer_that_no_decision_needs_is_not_read(agents: ConfinedAgents) -> None:
    """An array of 320 MB in a decision for two campaigns is refused by its size before any of it is read."""
    assert "answered with its arrays are larger than an answer may be" in said_of(agents, "huge")


def test_nothing_of_a_child_is_left(agents: ConfinedAgents) -> None:
    """Closing ends the processes, and their folders are gone."""
    still_decides(agents)
    (idle,) = agents._idle
    pid, scratch = idle.process.pid, idle.process._scratch
    agents.close()
    assert not scratch.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
