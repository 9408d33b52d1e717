"""Another package's environment is played as our market is, and what it does wrong is named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete

from gaelp.agents.agent_entry_points import load_agent
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import is_foreign
from gaelp.market.gym import installed_environments
from gaelp.market.gym.play_agent import play
from gaelp.market.gym.registration import EnvironmentInfo
from gaelp.market.scoring.episode_scores import Scores
from gaelp.market.streams import stream
from gaelp.market.third_party import foreign_environment
from gaelp.market.third_party.environment_errors import BrokenContract
from gaelp.market.third_party.foreign_contract import difference
from gaelp.market.third_party.foreign_environment import ForeignEpisodes
from tests.support.installed_packages import played

WEEK = TrainingConfiguration.model_validate({"simulation": {"campaigns_per_batch": 3}})


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


def test_a_session_has_whole_observations_and_trajectories(toys: None) -> None:
    """What the toy does not observe is filled in, and its trajectory has every array that agents learn from."""
    session, agent = ForeignEpisodes("mine/Toy-v0", WEEK, seeds=(1, 2, 3)), load_agent("fixed-bid")
    first = session.observe()
    assert first.mask.shape == (3, 3) and first.mask.all() and (first.click_value_micros == 600_000).all()
    assert first.segment_features.shape == (3, 2, 2) and first.candidate_features.shape == (3, 3, 1)
    trajectory = played(session, agent, agent.initial_state(foreign_environment.world_shape("mine/Toy-v0"), stream(1)))
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
    played(session, load_agent("fixed-bid"), {})
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
    ("info", "message"),
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
def test_the_info_of_an_environment_is_checked(info: dict[str, Any], message: str, toys: None) -> None:
    """A measure that it need not give but gives broken is refused with its id, the step and the name."""
    with pytest.raises(BrokenContract, match=f"'mine/Toy-v0' {message}"):
        _toy_scores(info)


def test_info_of_only_some_campaigns_is_refused(toys: None) -> None:
    """Gymnasium would fill in 0 for those that are silent."""
    session = ForeignEpisodes("mine/Toy-v0", WEEK, seeds=(1, 2))
    session._worlds.envs[1].unwrapped.says = {"attributed_profit_micros": 1.0}
    with pytest.raises(BrokenContract, match="1 of 2 campaigns have 'attributed_profit_micros' in their info"):
        played(session, load_agent("fixed-bid"), {})


def test_the_info_of_an_environment_is_used(toys: None) -> None:
    """Attributed profit and the parts of the regret are the environment's where it gives them, numpy's bools too."""
    scores = _toy_scores({"success": np.True_, **dict.fromkeys(OPTIONAL, 3.0), "revenue_micros": 2})
    assert scores.success.all() and scores.attributed_profit_micros.tolist() == [3.0]
    assert [vars(scores.regret)[part].tolist() for part in ("allocation", "under_bidding")] == [[3.0], [3.0]]


def test_a_session_is_determined_by_its_seeds(toys: None) -> None:
    """Equal seeds give equal trajectories, each campaign's by its own seed, wherever it stands in the batch."""
    agent = load_agent("fixed-bid")
    one, other = (
        played(ForeignEpisodes("mine/Toy-v0", WEEK, seeds), agent, {})["impressions"] for seeds in ((1, 2), (2, 1))
    )
    assert np.array_equal(one[:, 0], other[:, 1]) and np.array_equal(one[:, 1], other[:, 0])
    assert not np.array_equal(one[:, 0], one[:, 1])


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("raises", "'mine/Toyraises-v0' at step 0 failed with RuntimeError: out of paper"),
        ("falls", "at step 1: impressions fell"),
        ("silent", "at step 3: the info of the last step lacks 'profit_micros'"),
        ("infinite", "at step 3: 'profit_micros' in its info is no finite number"),
        ("uneven", "at step 3: 1 of 2 campaigns of a batch ended"),
        ("nan", "at step 0: time_left has a NaN"),
    ],
)
def test_a_misbehaving_environment_is_named_with_the_step(kind: str, message: str, toys: None) -> None:
    """Whatever foreign code does, the refusal is a sentence with its id and the step."""
    with pytest.raises(BrokenContract, match=message):
        played(ForeignEpisodes(f"mine/Toy{kind}-v0", WEEK, seeds=(0, 1)), load_agent("fixed-bid"), {})


@pytest.mark.parametrize(
    ("observation", "action", "message"),
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
def test_the_first_difference_from_the_contract_is_named(observation: Any, action: Any, message: str) -> None:
    """Spaces outside the contract are refused with the first difference in words; spaces of the contract pass."""
    assert re.search(message, difference(observation, action))


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
    trajectory = played(session, agent, {})
    own, info = play(agent, {}, worlds, seed=5)
    assert np.array_equal(trajectory["impressions"], own["impressions"])
    assert np.array_equal(trajectory["revenue_micros"], own["revenue_micros"])
    assert np.allclose(session.scores(np.zeros(2)).ratio, info["ratio"], rtol=1e-12) and info["ratio"].all()
    assert not is_foreign("gaelp/AdMarket-v0") and is_foreign("mine/Market-v0")
