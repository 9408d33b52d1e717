"""Packages of other people, with agents and environments, installed for one test. Touch this to install more."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from gaelp.agents.conformance.agent_conformance import AgentConformance
from gaelp.agents.contract import Agent
from gaelp.market.gym import installed_environments
from gaelp.market.streams import stream

RULES = sorted(name for name in vars(AgentConformance) if name.startswith("test_"))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Install modules as pip would: importable, with the entry points of a pyproject. Undone after the test."""

    def install(modules: Mapping[str, str], *projects: Mapping[str, Any]) -> Path:
        site = tmp_path / "site"
        site.mkdir(exist_ok=True)
        for name, text in modules.items():
            (site / f"{name}.py").write_text(text)
        points: dict[str, dict[str, str]] = {}
        for project in projects:
            for group, entries in project["project"]["entry-points"].items():
                points.setdefault(group, {}).update(entries)
        distribution = site / "own-0.1.dist-info"
        distribution.mkdir(exist_ok=True)
        (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 0.1\n")
        lines = [f"[{g}]\n" + "".join(f"{n} = {v}\n" for n, v in entries.items()) for g, entries in points.items()]
        (distribution / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(site)
        importlib.invalidate_caches()
        return site

    before, known = set(sys.modules), set(gymnasium.registry)
    installed_environments._offer.cache_clear()
    yield install
    installed_environments._offer.cache_clear()
    for name in set(gymnasium.registry) - known:
        del gymnasium.registry[name]
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def conforms(agent: Callable[[], Agent]) -> None:
    """Run the whole kit."""

    class Kit(AgentConformance):
        def agent(self) -> Agent:
            return agent()

    for rule in RULES:
        getattr(Kit(), rule)()


def project_of(group: str, **entries: str) -> dict[str, Any]:
    return {"project": {"entry-points": {f"gaelp.{group}": entries}}}


def played(session: Any, agent: Agent, state: Any) -> Any:
    """The trajectory of an agent in a session, played as `simulate` does it."""
    memory = agent.initial_memory(len(session.observe().hour))
    while not session.done:
        decision, memory = agent.act(state, session.observe(), memory, stream(1, "act", session.tick))
        session.step(decision)
    return session.summary()
