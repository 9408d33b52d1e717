"""Agents and environments of others: the page that explains them, the package that is written, what is refused."""

from __future__ import annotations

import importlib
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete

from gaelp.agents.conformance.agent_conformance import AgentConformance, NonConformance
from gaelp.agents.contract import Agent, Decision
from gaelp.agents.installed_agents import UnknownAgent, available, load_agent
from gaelp.commands.dispatch import main
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import VARIANTS, is_foreign
from gaelp.market.gym import installed_environments
from gaelp.market.gym.play_agent import play, untrained
from gaelp.market.gym.registration import EnvironmentInfo
from gaelp.market.scoring.episode_scores import Scores
from gaelp.market.streams import stream
from gaelp.market.third_party import foreign_environment
from gaelp.market.third_party.environment_errors import BrokenContract, UnknownEnvironment
from gaelp.market.third_party.foreign_contract import difference
from gaelp.market.third_party.foreign_environment import ForeignEpisodes

PAGE = (Path(__file__).parents[2] / "docs" / "bring_your_own.md").read_text()
CODE = {name: text for name, text in re.findall(r"```python\n# (\w+)\.py\n(.*?)```", PAGE, re.DOTALL)}
TABLES = [tomllib.loads(text) for text in re.findall(r"```toml\n# pyproject\.toml\n(.*?)```", PAGE, re.DOTALL)]
WEEK = TrainingConfiguration.model_validate({"simulation": {"campaigns_per_batch": 3}})
NEEDS_A_SERVER = ("remote",)  # tests of its own give it one
RULES = sorted(name for name in vars(AgentConformance) if name.startswith("test_"))


def loadable() -> list[str]:
    """The installed agents that can be loaded without a configuration."""

    def loads(name: str) -> bool:
        try:
            load_agent(name)
        except UnknownAgent:
            return False
        return True

    return [name for name in available() if name not in NEEDS_A_SERVER and loads(name)]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Install modules as pip would: importable, with the entry points of a pyproject. Undone after the test."""

    def install(modules: Mapping[str, str], *projects: Mapping[str, Any]) -> Path:
        made = tmp_path / "site"
        made.mkdir(exist_ok=True)
        for name, text in modules.items():
            (made / f"{name}.py").write_text(text)
        points: dict[str, dict[str, str]] = {}
        for project in projects:
            for group, entries in project["project"]["entry-points"].items():
                points.setdefault(group, {}).update(entries)
        told = made / "own-0.1.dist-info"
        told.mkdir(exist_ok=True)
        (told / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 0.1\n")
        lines = [f"[{g}]\n" + "".join(f"{n} = {v}\n" for n, v in entries.items()) for g, entries in points.items()]
        (told / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(made)
        importlib.invalidate_caches()
        return made

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


# ---------------------------------------------------------------- the page


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
        state = agent.learn(state, [_played(session, agent, state)])
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


# ---------------------------------------------------------------- the conformance kit


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


# ---------------------------------------------------------------- new-agent


def test_a_new_agent_works_as_it_stands(tmp_path: Path, installed: Callable[..., Path], capsys: Any) -> None:
    """The written package installs under its name, keeps every rule, and its own test passes."""
    assert main(["new-agent", str(tmp_path / "Clever Bidder"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["name"] == "clever-bidder" and any("--set agent=clever-bidder" in line for line in told["next"])
    texts = {Path(file).name: Path(file).read_text() for file in told["files"]}
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
    ("words", "said"),
    [
        (["full"], "full is not empty"),
        (["file"], "file is a file"),
        (["7up"], "'7up' cannot be an agent's name"),
        (["new", "--name", "Über"], "'Über' cannot be an agent's name"),
        (["new", "--name", "fixed-bid"], "an agent 'fixed-bid' is installed already"),
    ],
)
def test_new_agent_refuses_in_one_sentence(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Nothing is written where something is, or under a name that cannot be; exit code 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    assert main(["new-agent", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and len(err.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full", "mine.txt"]


# ---------------------------------------------------------------- the registry


def test_an_unknown_environment_is_refused_with_a_suggestion() -> None:
    """A misspelled id gets the nearest one, a strange one the list."""
    with pytest.raises(UnknownEnvironment, match="did you mean 'gaelp/AdMarket-v0'"):
        installed_environments.load("gaelp/AddMarket-v0")
    with pytest.raises(UnknownEnvironment, match="installed are gaelp/AdMarket-v0"):
        installed_environments.load("zzz")


@pytest.mark.parametrize(
    ("text", "said"),
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
    text: str, said: str, installed: Callable[..., Path], capsys: Any
) -> None:
    """A package whose entry point fails is listed with its reason, beside the environments that work."""
    installed({"broken_world": text}, _project("environments", broken="broken_world:register"))
    assert {info.id for info in installed_environments.available()} >= set(VARIANTS)
    assert main(["environments"]) == 0
    out = capsys.readouterr().out
    assert "environments 'broken' (broken_world:register)" in out and said in out
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
    installed({"unmakeable": text}, _project("environments", mine="unmakeable:register"))
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
    installed({"vectors": text}, _project("environments", mine="vectors:register"))
    assert main(["environments", "--json"]) == 0
    listed = {each["id"]: each for each in json.loads(capsys.readouterr().out)["environments"]}
    assert not listed["mine/World-v0"]["error"] and "bid_micros" in listed["mine/World-v0"]["heads"]
    assert foreign_environment.world_shape("mine/World-v0").segments > 0


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
    text, said = BROKEN_AGENTS[name]
    installed({"broken_agent": text}, _project("agents", **{name: "broken_agent:make"}))
    assert main(["agents", "--json"]) == 0
    listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)["agents"]}
    assert said in listed[name]["error"] and not listed["fixed-bid"]["error"]
    with pytest.raises(UnknownAgent, match=rf"agent '{name}' \(broken_agent:make\) .*{said}"):
        load_agent(name)


def test_an_agent_whose_heads_are_no_list_hides_nothing(installed: Callable[..., Path], capsys: Any) -> None:
    """What loads and does not declare what it decides is told beside the others."""
    verbs = "initial_state = initial_memory = act = learn = heads = name = None"
    installed({"odd_agent": f"class Odd:\n    {verbs}\n"}, _project("agents", odd="odd_agent:Odd"))
    assert main(["agents", "--json"]) == 0
    listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)["agents"]}
    assert "declares the heads None: give a tuple" in listed["odd"]["error"] and not listed["fixed-bid"]["error"]


@pytest.mark.parametrize(
    ("said", "wrong"),
    [("name, heads = 'other', ('bid_micros',)", "calls itself 'other'"), ("name, heads = 'odd', ('bids',)", "'bids'")],
)
def test_an_agent_that_is_not_what_it_says_is_refused(said: str, wrong: str, installed: Callable[..., Path]) -> None:
    """A run is not given an agent under another name than its own, nor one that decides what nobody knows."""
    text = f"class Odd:\n    initial_state = initial_memory = act = learn = None\n    {said}\n"
    installed({"odd_agent": text}, _project("agents", odd="odd_agent:Odd"))
    with pytest.raises(UnknownAgent, match=rf"agent 'odd' \(odd_agent:Odd\) .*{wrong}"):
        load_agent("odd")


# ---------------------------------------------------------------- foreign environments


def _project(group: str, **entries: str) -> dict[str, Any]:
    return {"project": {"entry-points": {f"gaelp.{group}": entries}}}


def _count(*shape: int) -> Box:
    return Box(0, 2**53, shape, np.int64)


COUNTS = {"impressions": _count(2, 3), "clicks": _count(2, 3), "cost_micros": _count(2, 3)}
BIDS = {"bid_micros": Box(0, 1_000_000, (2,), np.int64), "creative_prob": Box(0.0, 1.0, (2, 3), np.float64)}


class Toy(gymnasium.Env[Any, Any]):
    """Three ticks in which every bid above 0 wins ten impressions; `broken` says how it misbehaves."""

    def __init__(self, broken: str = "") -> None:
        self.broken, self.says = broken, {}
        more = {"time_left": Box(0.0, 1.0, (), np.float32)} if broken == "nan" else {}
        self.observation_space, self.action_space = Dict({**COUNTS, **more}), Dict(BIDS)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.tick, self.shown, self.last = 0, np.zeros((2, 3), np.int64), 2 + (self.broken == "uneven") * seed
        return self._seen(), {}

    def step(self, action: Any) -> Any:
        if self.broken == "raises":
            raise RuntimeError("out of paper")
        self.tick += 1
        new = self.np_random.multinomial(10, action["creative_prob"]) * (action["bid_micros"] > 0)[:, None]
        self.shown = self.shown + (-1 if self.broken == "falls" else 1) * new
        over = self.tick > self.last
        info = {"profit_micros": 5e7, "optimum_micros": 1e8, "success": self.np_random.random() < 2}
        if self.broken == "silent":
            info = {}
        if self.broken == "infinite":
            info["profit_micros"] = np.inf
        return self._seen(), 0.0, over, False, {**info, **self.says}

    def _seen(self) -> dict[str, Any]:
        seen = {"impressions": self.shown.copy(), "clicks": self.shown // 2, "cost_micros": self.shown * 1_000_000}
        if self.broken == "nan":
            seen["time_left"] = np.array(np.nan, np.float32)
        return seen


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Toy environments mine/NAME-v0, registered and known to our registry."""
    kinds = ("", "raises", "falls", "silent", "infinite", "uneven", "nan")
    for kind in kinds:
        gymnasium.register(f"mine/Toy{kind}-v0", Toy, kwargs={"broken": kind}, disable_env_checker=True)
    gymnasium.register("mine/Timed-v0", Toy, max_episode_steps=2, disable_env_checker=True)
    names = (*(f"mine/Toy{kind}-v0" for kind in kinds), "mine/Timed-v0")
    monkeypatch.setattr(
        installed_environments, "available", lambda: tuple(EnvironmentInfo(name, "a toy") for name in names)
    )
    yield
    for name in names:
        del gymnasium.registry[name]


def _played(session: Any, agent: Agent, state: Any) -> Any:
    """The trajectory of an agent in a session, played as `simulate` does it."""
    memory = agent.initial_memory(len(session.observe().hour))
    while not session.done:
        decision, memory = agent.act(state, session.observe(), memory, stream(1, "act", session.tick))
        session.step(decision)
    return session.summary()


def test_a_session_has_whole_observations_and_trajectories(toys: None) -> None:
    """What the toy does not observe is filled in, and its trajectory has every array that agents learn from."""
    session, agent = ForeignEpisodes("mine/Toy-v0", WEEK, seeds=(1, 2, 3)), load_agent("fixed-bid")
    first = session.observe()
    assert first.mask.shape == (3, 3) and first.mask.all() and (first.click_value_micros == 600_000).all()
    assert first.segment_features.shape == (3, 2, 2) and first.candidate_features.shape == (3, 3, 1)
    trajectory = _played(session, agent, agent.initial_state(foreign_environment.world_shape("mine/Toy-v0"), stream(1)))
    assert trajectory["impressions"].shape == (3, 3, 2, 3) and (trajectory["impressions"].sum(axis=3) == 10).all()
    assert trajectory["bid_micros"].shape == (3, 3, 2) and (trajectory["bid_micros"] == 1_000_000).all()  # its bound
    assert trajectory["hour"][:, 0].tolist() == [0, 1, 2]
    assert (session.observe().budget_left_micros == 0).all()  # 60 millions spent, of 30 a day
    scores = session.scores(np.full(3, 4e7))
    assert scores.ratio.tolist() == [0.5] * 3 and scores.regret.total.tolist() == [5e7] * 3
    assert session.expected_profit_micros().tolist() == [5e7] * 3


def _toy_scores(info: Mapping[str, Any] = MappingProxyType({}), incumbent: float = 4e7, **simulation: Any) -> Scores:
    """Scores of a toy's three hours, in which a bid spends 60 units, with `info` in place of its own."""
    config = TrainingConfiguration.model_validate({"simulation": {"daily_budget": "60.00", **simulation}})
    session = ForeignEpisodes("mine/Toy-v0", config, seeds=(1,))
    session._worlds.envs[0].unwrapped.says = info
    _played(session, load_agent("fixed-bid"), {})
    return session.scores(np.full(1, incumbent))


def test_success_needs_profit_a_budget_kept_and_the_environments_word(toys: None) -> None:
    """Less than the incumbent's profit, more than the budget of the day that was played, or a target missed: none.

    The budget counts the days that the environment plays, whatever the configuration says of its own episodes.
    """
    assert _toy_scores().success.all()
    assert not _toy_scores(incumbent=6e7).success.any()
    assert not _toy_scores(daily_budget="30.00", days=7).success.any()
    assert not _toy_scores({"success": False}).success.any()


def test_the_smallest_scope_is_of_the_days_that_were_played(toys: None) -> None:
    """One hundredth of one day's budget is scope enough in an episode of three hours."""
    assert _toy_scores({"optimum_micros": 700_000.0}, days=7).counted.all()
    assert not _toy_scores({"optimum_micros": 500_000.0}, days=1).counted.any()


@pytest.mark.parametrize(("name", "lefts"), [("mine/Toy-v0", [1.0, 23 / 24, 22 / 24]), ("mine/Timed-v0", [1.0, 0.5])])
def test_the_time_left_is_what_can_be_known_of_it(name: str, lefts: list[float], toys: None) -> None:
    """An episode is taken to be as long as it was registered, else as the configuration's, here of a day."""
    day = TrainingConfiguration.model_validate({"simulation": {"days": 1}})
    session, agent = ForeignEpisodes(name, day, seeds=(1,)), load_agent("fixed-bid")
    seen = []
    while not session.done:
        seen.append(session.observe().time_left[0])
        session.step(agent.act({}, session.observe(), agent.initial_memory(1), stream(1))[0])
    assert seen == pytest.approx(lefts)


OPTIONAL = ("attributed_profit_micros", "allocation_micros", "estimation_micros", "over_bidding_micros",
            "under_bidding_micros")  # fmt: skip


@pytest.mark.parametrize(
    ("info", "said"),
    [
        *(({name: np.nan}, f"at step 3: '{name}' in its info is no finite number") for name in OPTIONAL),
        ({"attributed_profit_micros": np.ones(2)}, "at step 3: 'attributed_profit_micros' in its info is no finite"),
        ({"attributed_profit_micros": "much"}, "at step 3: 'attributed_profit_micros' in its info is no finite"),
        ({"revenue_micros": np.nan}, "at step 1: 'revenue_micros' in its info is no finite number"),
        ({"revenue_micros": 1e300}, r"at step 1: 'revenue_micros' in its info .* of at most 2\*\*53"),
        ({"success": 0.9}, "at step 3: 'success' in its info is not True or False"),
        ({"success": None}, "at step 3: 'success' in its info is not True or False"),
    ],
)
def test_what_an_environment_may_say_is_checked(info: dict[str, Any], said: str, toys: None) -> None:
    """A measure that it need not give but gives broken is refused with its id, the step and the name."""
    with pytest.raises(BrokenContract, match=f"'mine/Toy-v0' {said}"):
        _toy_scores(info)


def test_what_only_some_campaigns_say_is_refused(toys: None) -> None:
    """Gymnasium would fill in 0 for those that are silent."""
    session = ForeignEpisodes("mine/Toy-v0", WEEK, seeds=(1, 2))
    session._worlds.envs[1].unwrapped.says = {"attributed_profit_micros": 1.0}
    with pytest.raises(BrokenContract, match="1 of 2 campaigns have 'attributed_profit_micros' in their info"):
        _played(session, load_agent("fixed-bid"), {})


def test_what_an_environment_says_is_used(toys: None) -> None:
    """Attributed profit and the parts of the regret are the environment's where it gives them, numpy's bools too."""
    scores = _toy_scores({"success": np.True_, **dict.fromkeys(OPTIONAL, 3.0), "revenue_micros": 2})
    assert scores.success.all() and scores.attributed_profit_micros.tolist() == [3.0]
    assert [vars(scores.regret)[part].tolist() for part in ("allocation", "under_bidding")] == [[3.0], [3.0]]


def test_a_session_is_determined_by_its_seeds(toys: None) -> None:
    """Equal seeds give equal trajectories, each campaign's by its own seed, wherever it stands in the batch."""
    agent = load_agent("fixed-bid")
    one, other = (
        _played(ForeignEpisodes("mine/Toy-v0", WEEK, seeds), agent, {})["impressions"] for seeds in ((1, 2), (2, 1))
    )
    assert np.array_equal(one[:, 0], other[:, 1]) and np.array_equal(one[:, 1], other[:, 0])
    assert not np.array_equal(one[:, 0], one[:, 1])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("raises", "'mine/Toyraises-v0' at step 0 failed with RuntimeError: out of paper"),
        ("falls", "at step 1: impressions fell"),
        ("silent", "at step 3: the info of the last step lacks 'profit_micros'"),
        ("infinite", "at step 3: 'profit_micros' in its info is no finite number"),
        ("uneven", "at step 3: 1 of 2 campaigns of a batch ended"),
        ("nan", "at step 0: time_left has a NaN"),
    ],
)
def test_a_misbehaving_environment_is_named_with_the_step(kind: str, said: str, toys: None) -> None:
    """Whatever foreign code does, the refusal is a sentence with its id and the step."""
    with pytest.raises(BrokenContract, match=said):
        _played(ForeignEpisodes(f"mine/Toy{kind}-v0", WEEK, seeds=(0, 1)), load_agent("fixed-bid"), {})


@pytest.mark.parametrize(
    ("observation", "action", "said"),
    [
        (Box(0, 1), Dict(BIDS), "its observation space is a Box, not a Dict"),
        (Dict({**COUNTS, "mood": _count()}), Dict(BIDS), "its observation space has 'mood'"),
        (Dict({k: v for k, v in COUNTS.items() if k != "clicks"}), Dict(BIDS), "observation space lacks 'clicks'"),
        (Dict({**COUNTS, "clicks": _count(3, 2)}), Dict(BIDS), r"'clicks' has shape \(3, 2\), not \(2, 3\)"),
        (Dict({**COUNTS, "mask": _count(2)}), Dict(BIDS), r"'mask' has shape \(2,\), not \(3\)"),
        (Dict({**COUNTS, "hour": Box(0.0, 1.0, ())}), Dict(BIDS), "'hour' has dtype float32, not an integer's"),
        (Dict(COUNTS), Discrete(3), "its action space is a Discrete"),
        (Dict(COUNTS), Dict({**BIDS, "price": _count(2)}), "its action space has 'price'"),
        (Dict(COUNTS), Dict({"bid_micros": _count(3)}), r"'bid_micros' has shape \(3,\), not \(2\)"),
        (Dict(COUNTS), Dict({"spend_rate": Discrete(2)}), "'spend_rate' is a Discrete, not a Box"),
        (Dict(COUNTS), Dict(BIDS), "^$"),
        (Dict({**COUNTS, "hour": Discrete(24)}), Dict({"target": Box(0.0, 9.0, ())}), "^$"),
    ],
)
def test_the_first_difference_from_the_contract_is_told(observation: Any, action: Any, said: str) -> None:
    """Spaces that are not a part of the contract are told apart in words; those that are pass."""
    assert re.search(said, difference(observation, action))


def test_an_environment_of_another_phase_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that does not claim the simulation phase is not played in it."""
    info = EnvironmentInfo("mine/Live-v0", "a live one", ("live-test",))
    monkeypatch.setattr(installed_environments, "available", lambda: (info,))
    with pytest.raises(BrokenContract, match="serves live-test, not simulation"):
        foreign_environment.world_shape("mine/Live-v0")


def test_our_market_played_as_a_foreign_one_scores_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The detour changes nothing: our environment as a foreign session gives the measures of its own episodes."""
    short = {"simulation": {"days": 2}, "clock": {"tick_hours": 6}}
    config, agent = TrainingConfiguration.model_validate(short), load_agent("fixed-bid")
    market = "gaelp.market.gym.environment:AdMarketVector"
    gymnasium.register("mine/Market-v0", vector_entry_point=market, kwargs={"config": short})
    monkeypatch.setattr(installed_environments, "available", lambda: (EnvironmentInfo("mine/Market-v0", "ours"),))
    try:
        session, worlds = ForeignEpisodes("mine/Market-v0", config, (5, 6)), gymnasium.make_vec("mine/Market-v0", 2)
    finally:
        del gymnasium.registry["mine/Market-v0"]
    trajectory = _played(session, agent, {})
    own, info = play(agent, {}, worlds, seed=5)
    assert np.array_equal(trajectory["impressions"], own["impressions"])
    assert np.array_equal(trajectory["revenue_micros"], own["revenue_micros"])
    assert np.allclose(session.scores(np.zeros(2)).ratio, info["ratio"], rtol=1e-12) and info["ratio"].all()
    assert not is_foreign("gaelp/AdMarket-v0") and is_foreign("mine/Market-v0")
