"""An agent in a child process does to the last bit what it does here, and what goes wrong there is told here."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from gaelp.agents.agent_entry_points import UnknownAgent, load_agent
from gaelp.agents.agent_failures import AgentFailed, InstalledAgent
from gaelp.agents.contract import InvalidDecision, Observation, TickTime, Totals, WorldShape
from gaelp.agents.decision_checks import checked
from gaelp.confinement.confined_agent import ConfinedAgents
from gaelp.market.streams import stream
from gaelp.records.content_store import MissingContent, arrays_digest
from tests.support.installed_packages import installed as installed
from tests.support.installed_packages import project_of

SHAPE = WorldShape(3, 4, 2, 2)


@pytest.fixture
def agents() -> Iterator[ConfinedAgents]:
    """Agents of this test."""
    made = ConfinedAgents(lambda: 60.0)
    yield made
    made.close()


def observation(campaigns: int = 2) -> Observation:
    """Campaigns of three segments and four candidates."""
    time = TickTime(hour=np.zeros(campaigns), weekday=np.zeros(campaigns), time_left=np.ones(campaigns))
    features, budget = (np.ones((3, 2)), np.ones((4, 2))), np.full(campaigns, 10**7)
    return Observation.build(time, Totals.none(campaigns, 3, 4), *features, budget, 10**6)


def test_a_confined_agent_does_what_it_does_here(agents: ConfinedAgents) -> None:
    """State, decisions, memory and the generator afterwards are equal to the last bit."""
    here, there = load_agent("linear-thompson"), agents("linear-thompson")
    assert (there.heads, there.epochs) == (here.heads, 1)
    results = []
    for agent in (here, there):
        rng, state = stream(7, "act"), agent.initial_state(SHAPE, stream(7, "state"))
        memory, decisions = agent.initial_memory(2), []
        for _ in range(3):
            decision, memory = agent.act(state, observation(), memory, rng)
            decisions += [decision.bid_micros, decision.creative_prob, memory]
        whole = {str(number): np.asarray(array) for number, array in enumerate(decisions)}
        results.append((arrays_digest(state), arrays_digest(whole), rng.random()))
    assert results[0] == results[1]


def test_one_child_serves_many_activities_and_another_follows_a_dead_one(agents: ConfinedAgents) -> None:
    """The process stays from one agent object to the next; one that was killed meanwhile is replaced unseen."""
    pids = []
    for _ in range(3):
        agents("fixed-bid").initial_memory(2)
        (idle,) = agents._idle
        pids.append(idle.process.pid)
    assert len(set(pids)) == 1
    os.kill(pids[0], signal.SIGKILL)
    idle.process._process.wait()
    assert agents("fixed-bid").initial_memory(2).shape[0] == 2
    assert [each.process.pid for each in agents._idle] != pids[:1]


def test_two_agents_never_share_a_process(agents: ConfinedAgents) -> None:
    """An agent under test cannot reach into the incumbent that it is compared with."""
    for name in ("fixed-bid", "uniform", "fixed-bid"):
        agents(name)
    assert sorted(each.name for each in agents._idle) == ["fixed-bid", "uniform"]
    assert len({each.process.pid for each in agents._idle}) == 2


OWN = """
import numpy as np
from gaelp.agents.contract import Decision

class Own:
    name, heads, epochs = "own", ("bid_micros",), 3
    bid = staticmethod(lambda shape: np.ones(shape, np.int64))
    def initial_state(self, shape, rng): return {"a": np.zeros(1), "name": np.array(["x"])}
    def initial_memory(self, campaigns): return np.zeros((campaigns, 1))
    def act(self, state, seen, memory, rng): return Decision(self.bid(seen.clicks.shape[:2]), None), self.after(memory)
    def after(self, memory): return memory
    def learn(self, state, trajectories): return {"a": sum(t["clicks"] for t in trajectories)}
"""


def own(installed: Callable[..., Path], agents: ConfinedAgents, more: str = "") -> InstalledAgent:
    """The agent above, with a line of its class replaced or added."""
    installed({"own": OWN + more}, project_of("agents", own="own:Own"))
    return InstalledAgent(agents("own"), passing=(UnknownAgent, InvalidDecision, MissingContent))


def act(agent: InstalledAgent):  # type: ignore[no-untyped-def]
    """One decision."""
    return agent.act(agent.initial_state(SHAPE, stream(1)), observation(), np.zeros((2, 1)), stream(1, "act"))


def test_an_agent_of_another_package_is_found_and_learns(
    installed: Callable[..., Path], agents: ConfinedAgents
) -> None:
    """Its heads and epochs are its own, text is kept in its state, and it reads each trajectory when it asks for it."""
    agent = own(installed, agents)
    assert (agent.heads, agent.epochs) == (("bid_micros",), 3)
    state = agent.initial_state(SHAPE, stream(1))
    assert state["name"].tolist() == ["x"]
    read: list[int] = []

    class Lazy(list[int]):
        def __getitem__(self, at):  # type: ignore[no-untyped-def, override]
            read.append(at)
            return {"clicks": np.full(2, at)}

    assert agent.learn(state, Lazy([0, 1, 2]))["a"].tolist() == [3, 3]  # type: ignore[arg-type]
    assert read == [0, 1, 2]


def test_content_that_is_gone_is_not_the_agents_failure(installed: Callable[..., Path], agents: ConfinedAgents) -> None:
    """What reading a trajectory raises here passes unchanged, and the agent's process ends."""

    class Gone(list[int]):
        def __getitem__(self, at):  # type: ignore[no-untyped-def, override]
            raise MissingContent("gone")

    agent = own(installed, agents)
    state = agent.initial_state(SHAPE, stream(1))
    with pytest.raises(MissingContent, match="gone"):
        agent.learn(state, Gone([0, 1]))  # type: ignore[arg-type]
    assert agent.learn(state, [{"clicks": np.ones(1)}])["a"].tolist() == [1]


WRONG = {
    "Own.act = lambda self, *_: 1 / 0": "act at step 0 raised ZeroDivisionError: division by zero (own.py:13)",
    "Own.act = lambda self, *_: {}": "act at step 0 returned a dict and must return (Decision, memory)",
    "Own.after = lambda self, memory: np.zeros((9, 1))": "returned a memory of shape [9, 1], and it must be [2, M]",
    "Own.after = lambda self, memory: np.zeros((2, 9999))": "returned a memory of shape [2, 9999]",
    "Own.after = lambda self, memory: 'all'": "returned a str that holds no numbers as its memory",
    "Own.initial_state = lambda self, *_: {'a': np.array([object()])}": "returned something that cannot be kept: 'a'",
    "Own.initial_state = lambda self, *_: {'a': [1]}": "returned a list as 'a', which must be a numpy array",
    "Own.act = lambda self, *_: __import__('sys').exit(2)": "ended its own process with exit code 2",
    "Own.act = lambda self, *_: open('/etc/passwd')": "raised PermissionError: [Errno 13] Permission denied",
}


@pytest.mark.parametrize("more", WRONG)
def test_what_it_does_wrong_is_a_sentence(installed: Callable[..., Path], agents: ConfinedAgents, more: str) -> None:
    """The agent's name, the verb and the place stand in it, as for an agent that runs here."""
    agent = own(installed, agents, more)
    with pytest.raises(AgentFailed) as failed:
        act(agent)
    assert str(failed.value).startswith("agent 'own': ") and WRONG[more] in str(failed.value)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("lambda shape: [[1.5] * shape[1]] * shape[0]", ""),
        ("lambda shape: [[1], [2, 3]]", "bid_micros is not numeric: it is ragged"),
        ("lambda shape: np.full(shape, 'a lot')", "bid_micros is not numeric"),
        ("lambda shape: np.full(shape, 2**70)", "above the most allowed"),
        ("lambda shape: np.full(shape, np.nan)", "bid_micros has a NaN"),
        ("lambda shape: np.ones(3)", r"bid_micros has shape \(3,\)"),
    ],
)
def test_a_decision_is_judged_as_one_made_here(
    installed: Callable[..., Path], agents: ConfinedAgents, more: str, reason: str
) -> None:
    """Lists, ragged lists, texts, huge numbers and wrong shapes reach the check of decisions, which names them."""
    decision, _ = act(own(installed, agents, f"Own.bid = staticmethod({more})"))
    if not reason:
        assert checked(decision, observation(), "own", 0).bid_micros is not None
        return
    with pytest.raises(InvalidDecision, match=reason):
        checked(decision, observation(), "own", 0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit(9)", "agent 'own' cannot be loaded: it ended its own process with exit code 9"),
        ("import nonsense", r"agent 'own' \(own:Own\) cannot be loaded: ModuleNotFoundError"),
        ("class Own: name = 'own'", r"agent 'own' \(own:Own\) lacks initial_state"),
    ],
)
def test_an_agent_that_cannot_be_loaded_says_why(
    installed: Callable[..., Path], agents: ConfinedAgents, text: str, reason: str
) -> None:
    """A missing module or verb is UnknownAgent, which no retry mends; a process that ends may be tried again."""
    installed({"own": text}, project_of("agents", own="own:Own"))
    with pytest.raises((UnknownAgent, AgentFailed), match=reason) as failed:
        agents("own")
    assert getattr(failed.value, "permanent", False) is ("SystemExit" not in text)


def test_folders_that_hold_secrets_are_not_imported_from(
    installed: Callable[..., Path], agents: ConfinedAgents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package beside the home folder is not found: its folder cannot be read without what lies there."""
    site = installed({"own": OWN}, project_of("agents", own="own:Own"))
    monkeypatch.setenv("GAELP_HOME", str(site / ".gaelp"))
    with pytest.raises(UnknownAgent, match="no agent 'own'"):
        agents("own")
