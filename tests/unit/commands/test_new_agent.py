"""`starter.py new-agent` writes a package that works, and refuses what it cannot write."""

from __future__ import annotations

import importlib
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaelp.agents.agent_entry_points import load_agent
from gaelp.commands.dispatch import main
from tests.support.installed_packages import RULES


def test_a_new_agent_works_as_it_stands(tmp_path: Path, installed: Callable[..., Path], capsys: Any) -> None:
    """The written package installs under its name, keeps every rule, and its own test passes."""
    assert main(["new-agent", str(tmp_path / "Clever Bidder"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["name"] == "clever-bidder" and any("--set agent=clever-bidder" in line for line in document["next"])
    texts = {Path(file).name: Path(file).read_text() for file in document["files"]}
    assert set(texts) == {"pyproject.toml", "clever_bidder_agent.py", "test_clever_bidder_agent.py"}
    assert "$" not in "".join(texts.values())
    modules = {name.removesuffix(".py"): text for name, text in texts.items() if name.endswith(".py")}
    installed(modules, tomllib.loads(texts["pyproject.toml"]))
    assert load_agent("clever-bidder").name == "clever-bidder"
    own = importlib.import_module("test_clever_bidder_agent")
    kit = own.TestCleverBidderAgent
    for rule in RULES:
        getattr(kit(), rule)()
    own.test_it_earns_more_after_learning()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["full"], "full is not empty"),
        (["file"], "file is a file"),
        (["7up"], "'7up' cannot be an agent's name"),
        (["new", "--name", "Über"], "'Über' cannot be an agent's name"),
        (["new", "--name", "fixed-bid"], "an agent 'fixed-bid' is installed already"),
    ],
)
def test_new_agent_refuses_in_one_sentence(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Nothing is written where something is, or under a name that cannot be; exit code 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    assert main(["new-agent", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and len(err.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full", "mine.txt"]
