"""Environments of other packages are listed, and a broken one is named and hides nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gaelp.commands.dispatch import main
from gaelp.domain.config.registered_worlds import VARIANTS
from gaelp.market.gym import installed_environments
from gaelp.market.third_party import foreign_environment
from gaelp.market.third_party.environment_errors import BrokenContract, UnknownEnvironment
from tests.support.installed_packages import project_of


def test_an_unknown_environment_is_refused_with_a_suggestion() -> None:
    """A misspelled id gets the nearest one, a strange one the list."""
    with pytest.raises(UnknownEnvironment, match="did you mean 'gaelp/AdMarket-v0'"):
        installed_environments.load("gaelp/AddMarket-v0")
    with pytest.raises(UnknownEnvironment, match="installed are gaelp/AdMarket-v0"):
        installed_environments.load("zzz")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def register():\n    raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("def register():\n    return ['mine/World-v0']", "must return a tuple of EnvironmentInfo"),
        (
            "from gaelp.market.gym.registration import EnvironmentInfo\n"
            "def register():\n    return (EnvironmentInfo('mine/World-v0', ''),)",
            "did not register mine/World-v0",
        ),
    ],
)
def test_a_broken_package_is_named_and_hides_nothing(
    text: str, message: str, installed: Callable[..., Path], capsys: Any
) -> None:
    """A package whose entry point fails is listed with its reason, beside the environments that work."""
    installed({"broken_world": text}, project_of("environments", broken="broken_world:register"))
    assert {info.id for info in installed_environments.available()} >= set(VARIANTS)
    assert main(["environments"]) == 0
    out = capsys.readouterr().out
    assert "environments 'broken' (broken_world:register)" in out and message in out
    with pytest.raises(UnknownEnvironment, match="broken_world:register"):
        installed_environments.load("mine/World-v0")


def test_an_environment_that_cannot_be_made_is_listed_with_its_reason(
    installed: Callable[..., Path], capsys: Any
) -> None:
    """What raises when it is made is listed with the error, and does not spoil the list."""
    text = (
        "import gymnasium\nfrom gaelp.market.gym.registration import EnvironmentInfo\n"
        "def make():\n    raise OSError('no disk')\n"
        "def register():\n    gymnasium.register('mine/World-v0', make)\n"
        "    return (EnvironmentInfo('mine/World-v0', 'a world'),)\n"
    )
    installed({"unmakeable": text}, project_of("environments", mine="unmakeable:register"))
    assert main(["environments", "--json"]) == 0
    listed = {each["id"]: each for each in json.loads(capsys.readouterr().out)["environments"]}
    assert "OSError: no disk" in listed["mine/World-v0"]["error"] and not listed["gaelp/AdMarket-v0"]["error"]
    with pytest.raises(BrokenContract, match="'mine/World-v0' cannot be made: OSError: no disk"):
        foreign_environment.world_shape("mine/World-v0")


def test_an_environment_that_is_a_vector_only_is_listed_as_one_that_serves(
    installed: Callable[..., Path], capsys: Any
) -> None:
    """An id without an entry point for single worlds, which a batch does not need, is listed with its heads."""
    text = (
        "import gymnasium\nfrom gaelp.market.gym.environment import AdMarketVector\n"
        "from gaelp.market.gym.registration import EnvironmentInfo\n"
        "def register():\n    gymnasium.register('mine/World-v0', vector_entry_point=AdMarketVector)\n"
        "    return (EnvironmentInfo('mine/World-v0', 'a world'),)\n"
    )
    installed({"vectors": text}, project_of("environments", mine="vectors:register"))
    assert main(["environments", "--json"]) == 0
    listed = {each["id"]: each for each in json.loads(capsys.readouterr().out)["environments"]}
    assert not listed["mine/World-v0"]["error"] and "bid_micros" in listed["mine/World-v0"]["heads"]
    assert foreign_environment.world_shape("mine/World-v0").segments > 0
