"""The code of docs/bring_your_own.md works as it stands there."""

from __future__ import annotations

import importlib
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box

from gaelp.agents.agent_entry_points import available, load_agent
from gaelp.agents.conformance.agent_conformance import AgentConformance
from gaelp.commands.dispatch import main
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import VARIANTS
from gaelp.market.gym import installed_environments
from gaelp.market.gym.play_agent import play, untrained
from gaelp.market.streams import stream
from gaelp.market.third_party import foreign_environment
from gaelp.market.third_party.foreign_environment import ForeignEpisodes
from tests.support.installed_packages import conforms, played

PAGE = (Path(__file__).parents[2] / "docs/bring_your_own.md").read_text()
CODE = {name: text for name, text in re.findall(r"```python\n# (\w+)\.py\n(.*?)```", PAGE, re.DOTALL)}
TABLES = [tomllib.loads(text) for text in re.findall(r"```toml\n# pyproject\.toml\n(.*?)```", PAGE, re.DOTALL)]
WEEK = TrainingConfiguration.model_validate({"simulation": {"campaigns_per_batch": 3}})


def test_the_page_has_its_blocks_and_each_is_short() -> None:
    """The page shows an agent, its test, an environment, a loop and a wrapper, each under 30 lines of code."""
    assert set(CODE) == {"thrifty", "test_thrifty", "two_posters", "loop", "boxed"}
    for name, text in CODE.items():
        lines = [line for line in text.splitlines() if line.strip()]
        assert len(lines) < 30, f"{name} has {len(lines)} lines"


def test_the_agent_of_the_page_keeps_every_rule(installed: Callable[..., Path]) -> None:
    """Installed by the page's own lines, the agent is found by name and passes the kit, and so does its test."""
    installed(CODE, TABLES[0])
    assert "thrifty" in available()
    conforms(type(load_agent("thrifty")))
    kit = importlib.import_module("test_thrifty").TestThrifty
    assert issubclass(kit, AgentConformance) and kit().agent().name == "thrifty"


def test_the_agent_of_the_page_learns(installed: Callable[..., Path]) -> None:
    """It earns more in the market after one round than before."""
    installed(CODE, TABLES[0])
    worlds = gymnasium.make_vec("gaelp/AdMarket-v0", num_envs=16, config={"clock": {"tick_hours": 24}})
    agent = load_agent("thrifty")
    first = untrained(agent, worlds)
    trajectory, before = play(agent, first, worlds, seed=1)
    _, after = play(agent, agent.learn(first, [trajectory]), worlds, seed=1, index=1)
    assert after["ratio"].mean() > before["ratio"].mean() + 0.1


@pytest.mark.filterwarnings("ignore:.*For Box action spaces, we recommend")  # bids are micros
def test_the_environment_of_the_page_is_listed_and_checked(installed: Callable[..., Path], capsys: Any) -> None:
    """Installed by the page's own lines it passes Gymnasium's checker, and the command line lists it with its heads."""
    installed(CODE, TABLES[1])
    from gymnasium.utils.env_checker import check_env

    assert installed_environments.load("posters/TwoPosters-v0").phases == ("simulation",)
    check_env(gymnasium.make("posters/TwoPosters-v0").unwrapped, skip_render_check=True)
    assert main(["environments", "--json"]) == 0
    listed = {each["id"]: each for each in json.loads(capsys.readouterr().out)["environments"]}
    assert set(VARIANTS) < set(listed)
    assert listed["posters/TwoPosters-v0"]["heads"] == ["bid_micros", "creative_prob"]
    assert listed["gaelp/AdMarketAutobid-v0"]["heads"] == ["creative_prob", "spend_rate", "target"]


def test_the_environment_of_the_page_is_played_as_a_session(installed: Callable[..., Path]) -> None:
    """An installed agent plays it, learns from its trajectory, and comes near the optimum that it states."""
    installed(CODE, TABLES[1])
    agent = load_agent("linear-thompson")
    state = agent.initial_state(foreign_environment.world_shape("posters/TwoPosters-v0"), stream(1, "s"))
    for number in range(4):
        session = ForeignEpisodes("posters/TwoPosters-v0", WEEK, seeds=(number, 10 + number, 20 + number))
        state = agent.learn(state, [played(session, agent, state)])
    scores = session.scores(np.zeros(3))
    assert session.tick == 48 and scores.counted.all() and scores.success.all()
    assert (scores.reward > 0.7).all() and (scores.ratio <= 1.1).all()


def test_the_loop_of_the_page_runs(installed: Callable[..., Path], capsys: Any) -> None:
    """The plain loop prints what the last info says, and drew a picture."""
    installed(CODE)
    loop = importlib.import_module("loop")
    assert re.match(r"score 0\.\d\d, profit -?\d+\.\d\d of \d+\.\d\d\n", capsys.readouterr().out)
    assert loop.picture.ndim == 3


def test_the_wrapped_environment_is_one_box_each_way(installed: Callable[..., Path]) -> None:
    """What a library of plain boxes meets: a flat observation, actions in [-1, 1], and an episode to the end."""
    installed(CODE)
    world = importlib.import_module("boxed").boxed(clock={"tick_hours": 24}, simulation={"days": 2})
    assert isinstance(world.observation_space, Box) and world.action_space.shape == (16,)
    seen, _ = world.reset(seed=1)
    world.action_space.seed(1)
    over = False
    while not over:
        assert seen in world.observation_space
        seen, _, over, _, info = world.step(world.action_space.sample())
    assert info["impressions"] > 0
    compile(re.findall(r"```python\n# with stable.*?\n(.*?)```", PAGE, re.DOTALL)[0], "page", "exec")
