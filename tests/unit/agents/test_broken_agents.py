"""Agents of other packages are listed, and a broken one is named and hides nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaelp.agents.agent_entry_points import UnknownAgent, load_agent
from gaelp.commands.dispatch import main
from tests.support.installed_packages import project_of

BROKEN_AGENTS = {
    "no-licence": ("def make():\n    raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "no-file": ("open('/nothing/there')\ndef make(): ...", "FileNotFoundError"),
    "headless": (
        "class Agent:\n    @property\n    def heads(self):\n        return 1 / 0\nmake = Agent",
        "ZeroDivision",
    ),
    "wordless": ("def make(): ...", "lacks initial_state"),
}


@pytest.mark.parametrize("name", BROKEN_AGENTS)
def test_a_broken_agent_is_named_and_hides_nothing(name: str, installed: Callable[..., Path], capsys: Any) -> None:
    """Whatever a package raises is the reason beside its agent's name, and the other agents are listed."""
    text, message = BROKEN_AGENTS[name]
    installed({"broken_agent": text}, project_of("agents", **{name: "broken_agent:make"}))
    assert main(["agents", "--json"]) == 0
    listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)["agents"]}
    assert message in listed[name]["error"] and not listed["fixed-bid"]["error"]
    with pytest.raises(UnknownAgent, match=rf"agent '{name}' \(broken_agent:make\) .*{message}"):
        load_agent(name)


def test_an_agent_whose_heads_are_no_list_hides_nothing(installed: Callable[..., Path], capsys: Any) -> None:
    """An agent that loads and declares no list of heads is listed with its error beside the others."""
    verbs = "initial_state = initial_memory = act = learn = heads = name = None"
    installed({"odd_agent": f"class Odd:\n    {verbs}\n"}, project_of("agents", odd="odd_agent:Odd"))
    assert main(["agents", "--json"]) == 0
    listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)["agents"]}
    assert "declares the heads None: give a tuple" in listed["odd"]["error"] and not listed["fixed-bid"]["error"]


@pytest.mark.parametrize(
    ("declaration", "wrong"),
    [("name, heads = 'other', ('bid_micros',)", "calls itself 'other'"), ("name, heads = 'odd', ('bids',)", "'bids'")],
)
def test_an_agent_that_is_not_what_it_declares_is_refused(
    declaration: str, wrong: str, installed: Callable[..., Path]
) -> None:
    """A run is not given an agent under another name than its own, nor one that decides what nobody knows."""
    text = f"class Odd:\n    initial_state = initial_memory = act = learn = None\n    {declaration}\n"
    installed({"odd_agent": text}, project_of("agents", odd="odd_agent:Odd"))
    with pytest.raises(UnknownAgent, match=rf"agent 'odd' \(odd_agent:Odd\) .*{wrong}"):
        load_agent("odd")
