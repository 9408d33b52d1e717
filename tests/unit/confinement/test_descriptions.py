"""The command line learns what is installed without importing it, and what it asks gets no token."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaelp.commands.dispatch import main
from tests.support.installed_packages import installed as installed
from tests.support.installed_packages import project_of

SPY = """
import os
import numpy as np

class Spy:
    name, heads = "spy", ("bid_micros",)
    def initial_state(self, shape, rng): ...
    initial_memory = act = learn = initial_state

Spy.__doc__ = " ".join(sorted(os.environ))
"""
ENVIRONMENT = """
import gymnasium
from gaelp.market.gym.registration import EnvironmentInfo

def register():
    gymnasium.register("spy/World-v0", entry_point="nowhere:Nothing")
    return (EnvironmentInfo("spy/World-v0", "a spy"),)
"""
CONFIGURATION = ["--config", "quick-test", "--set", "historical.logs=[]", "--set", "agent=spy"]


@pytest.fixture
def spies(installed: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages that tell of their process, and a token in ours."""
    monkeypatch.setenv("GAELP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GAELP_EMULATOR_TOKEN", "secret")
    monkeypatch.setenv("OTHER_API_KEY", "secret")
    projects = project_of("agents", spy="spy:Spy", leaver="leaver:Leaver", last="spy:Nothing")
    installed(
        {"spy": SPY, "leaver": "raise SystemExit(7)", "spy_world": ENVIRONMENT},
        projects,
        project_of("environments", spies="spy_world:register"),
    )


def test_agents_are_described_without_being_imported_here(spies: None, capsys: Any) -> None:
    """The child has no variable of ours; an agent whose module exits, or has no such class, costs only its own line."""
    assert main(["agents", "--json"]) == 0
    listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)["agents"]}
    assert listed["spy"]["heads"] == ["bid_micros"] and "OMP_NUM_THREADS" in listed["spy"]["about"]
    assert "GAELP" not in listed["spy"]["about"] and "KEY" not in listed["spy"]["about"]
    assert listed["leaver"]["error"] == "agent 'leaver' cannot be loaded: it ended its own process with exit code 7"
    assert "AttributeError" in listed["last"]["error"] and listed["last"]["phases"] == []
    assert listed["linear-thompson"]["error"] == "" and len(listed["linear-thompson"]["phases"]) == 4
    assert "spy" not in sys.modules and "leaver" not in sys.modules


def test_environments_are_described_without_being_imported_here(spies: None, capsys: Any) -> None:
    """One that cannot be made says so in its line; ours are there with their heads."""
    assert main(["environments", "--json"]) == 0
    listed = {each["id"]: each for each in json.loads(capsys.readouterr().out)["environments"]}
    assert "cannot be made: ModuleNotFoundError" in listed["spy/World-v0"]["error"]
    assert "bid_micros" in listed["gaelp/AdMarket-v0"]["heads"] and "spy_world" not in sys.modules


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["agent=leaver"], "agent 'leaver' cannot be loaded: it ended its own process with exit code 7"),
        (["incumbent=last"], "cannot be loaded: AttributeError"),
        (["environment=spy/Wurld-v0"], "no environment 'spy/Wurld-v0'"),
    ],
)
def test_validate_asks_in_a_child(spies: None, capsys: Any, changes: list[str], said: str) -> None:
    """A configuration that names what cannot be loaded is refused with exit code 2, and nothing of it runs here."""
    settings = [part for change in changes for part in ("--set", change)]
    assert main(["validate", *CONFIGURATION, *settings]) == 2
    assert said in capsys.readouterr().err
    assert not {"spy", "leaver", "spy_world"} & set(sys.modules)
