"""The market in Gymnasium: registered ids, their spaces, seeds, what they refuse and what they draw."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from gaelp.agents.agent_entry_points import load_agent
from gaelp.agents.contract import InvalidDecision
from gaelp.configuration.loading import QUICK_TEST_CONFIG
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.market_sections import Market
from gaelp.domain.config.registered_worlds import VARIANTS, applied, configured
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.gym import registration, spaces
from gaelp.market.gym.environment import AdMarket, AdMarketVector
from gaelp.market.gym.play_agent import play, untrained
from gaelp.personas.panel import with_panel

SHORT = {"simulation": {"days": 2, "daily_budget": "30.00"}, "clock": {"tick_hours": 6}}
STANDARD = "gaelp/AdMarket-v0"
# Bids are micros, because that is the contract; whoever wants [-1, 1] wraps it (docs/bring_your_own.md).
EXPECTED = "For Box action spaces, we recommend using a symmetric and normalized space"


def one(environment: str = STANDARD, **options: Any) -> AdMarket:
    """A short campaign."""
    made = gymnasium.make(environment, **{"config": SHORT, **options}).unwrapped
    assert isinstance(made, AdMarket)
    return made


def several(count: int, environment: str = STANDARD, **options: Any) -> AdMarketVector:
    """Short campaigns that advance together."""
    made = gymnasium.make_vec(environment, num_envs=count, **{"config": SHORT, **options})
    assert isinstance(made, AdMarketVector)
    return made


def fixed(world: Any, bid: int = 2_500_000) -> dict[str, Any]:
    """An action of equal shares and equal bids for a market of manual bidding."""
    shares = np.ones(world.action_space["creative_prob"].shape)
    return {"bid_micros": np.full(world.action_space["bid_micros"].shape, bid), "creative_prob": shares}


def episode(world: Any, action: Any = None, **reset: Any) -> tuple[list[Any], list[Any], dict[str, Any]]:
    """Observations, rewards and the last info of one episode; actions sampled with seed 5 where none is given."""
    world.action_space.seed(5)
    seen, info = world.reset(**reset)
    observations, rewards, over = [seen], [], np.False_
    while not np.all(over):
        seen, reward, over, _, info = world.step(world.action_space.sample() if action is None else action)
        observations.append(seen)
        rewards.append(reward)
    return observations, rewards, info


def equal(one: Any, other: Any) -> bool:
    """Bit-equal nests of dictionaries, lists and arrays."""
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(equal(a, b) for a, b in zip(one, other, strict=True))
    return np.asarray(one).dtype == np.asarray(other).dtype and np.array_equal(one, other, equal_nan=True)


# ---------------------------------------------------------------- the ids


@pytest.mark.parametrize("environment", VARIANTS)
def test_the_checker_of_gymnasium_passes(environment: str) -> None:
    """check_env passes on every registered id, and warns of nothing but the unit of bids."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env(one(environment), skip_render_check=environment != STANDARD)  # one class draws them all
    assert not [str(warning.message) for warning in caught if EXPECTED not in str(warning.message)]


def test_registering_twice_is_harmless() -> None:
    """The entry point may be called again: it tells the same ids and overrides nothing."""
    before = {name: gymnasium.spec(name) for name in VARIANTS}
    assert [info.id for info in registration.register()] == list(VARIANTS)
    assert all(gymnasium.spec(name) is before[name] for name in VARIANTS)


def test_the_worlds_are_different_worlds() -> None:
    """Each id has a market of its own: the same seed and actions give other rewards under every id of manual bids."""
    played = {name: episode(one(name), seed=1)[1] for name in VARIANTS if "Autobid" not in name}
    assert len({tuple(map(float, rewards)) for rewards in played.values()}) == len(played)


def test_a_setting_of_the_user_outweighs_the_world() -> None:
    """An id fills in what nobody set, and nothing else; what was set to its default stays, however often applied."""
    config = TrainingConfiguration(environment="gaelp/AdMarketDrift-v0", market=Market(drift=0.01, season=0.0))
    settled = applied(config)
    assert (settled.market.drift, settled.market.season, settled.market.fatigue) == (0.01, 0.0, 0.1)
    stored = TrainingConfiguration.model_validate(settled.model_dump())
    assert applied(stored) == settled
    moved = applied(settled.model_copy(update={"environment": "gaelp/AdMarketFirstPrice-v0"}))
    assert (moved.market.auction, moved.market.drift, moved.market.fatigue) == ("first-price", 0.01, 0.0)
    profile = QUICK_TEST_CONFIG.model_copy(update={"historical": TrainingConfiguration().historical})
    assert one("gaelp/AdMarketFirstPrice-v0", config=profile)._campaigns.market.first_price
    assert applied(settled) == settled
    assert applied(TrainingConfiguration()) == TrainingConfiguration()
    assert configured("gaelp/AdMarketFirstPrice-v0", None).market.auction == "first-price"


# ---------------------------------------------------------------- spaces


def test_the_observation_is_the_contract() -> None:
    """The observation has exactly the contract's fields and lies in its space at every tick, single and vector."""
    for world in (one(), several(3)):
        observations, _, _ = episode(world, seed=1)
        assert len(observations) == 9
        assert set(observations[0]) == set(spaces.FIELDS)
        assert all(seen in world.observation_space for seen in observations)


def test_the_action_space_has_the_heads_that_the_world_takes() -> None:
    """A market of manual bids takes bids and no target; a platform that bids itself takes a target and no bids."""
    assert set(one().action_space) == {"bid_micros", "creative_prob", "spend_rate"}
    assert set(one("gaelp/AdMarketAutobid-v0").action_space) == {"target", "creative_prob", "spend_rate"}


def test_a_vector_environment_batches_the_single_spaces() -> None:
    """The vector's spaces are the single one's with an axis of campaigns, and its reset mode is declared."""
    world, alone = several(3), one()
    assert world.single_observation_space == alone.observation_space
    assert world.observation_space == batch_space(alone.observation_space, 3)
    assert world.action_space == batch_space(alone.action_space, 3)
    assert world.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


# ---------------------------------------------------------------- seeds


def test_equal_seeds_give_bit_equal_trajectories() -> None:
    """A seed determines everything, in a fresh environment and in one that has played before; another one differs."""
    first, again, played = one(), one(), one()
    episode(played, seed=99)
    told = episode(first, seed=3)
    assert equal(told, episode(again, seed=3))
    assert equal(told, episode(played, seed=3))
    assert not equal(told, episode(again, seed=4))


def test_resets_without_a_seed_go_on_in_order() -> None:
    """A reset begins the next episode of the seed; options name any of them."""
    world = one()
    first, second = episode(world, seed=3), episode(world)
    assert not equal(first[1], second[1])
    assert equal(second, episode(one(), seed=3, options={"index": 1}))
    with pytest.raises(ValueError, match=r"options\['index'\] is -1"):
        world.reset(options={"index": -1})


def test_a_vector_of_one_is_the_single_environment() -> None:
    """With num_envs=1 and the same seed, observations, rewards and measures are bit-equal to the single one's."""
    alone, together = one(), several(1)
    seen, rewards, info = episode(alone, fixed(alone), seed=3)
    seen_too, rewards_too, info_too = episode(together, fixed(together), seed=3)
    assert equal(seen, [spaces.alone(each) for each in seen_too])
    assert equal(rewards, [float(each[0]) for each in rewards_too])
    assert equal(info, {name: value[0].item() for name, value in info_too.items()})


def test_the_step_after_the_last_begins_the_next_episode() -> None:
    """A vector environment resets itself: the next step gives the next episode's first observation and no reward."""
    world, other = several(2), several(2)
    episode(world, seed=3)
    seen, reward, terminated, truncated, info = world.step(world.action_space.sample())
    assert equal((seen, info), other.reset(seed=3, options={"index": 1}))
    assert not reward.any() and not terminated.any() and not truncated.any()


def test_the_single_environment_wants_a_reset() -> None:
    """A step before any reset, and one after the last, is refused and plays nothing."""
    world = one()
    with pytest.raises(ResetNeeded, match="call reset"):
        world.step(fixed(world))
    episode(world, seed=1)
    with pytest.raises(ResetNeeded, match="call reset"):
        world.step(fixed(world))


def test_what_was_returned_is_not_touched_again() -> None:
    """An observation that the user keeps stays as it was, and spoiling it spoils nothing."""
    world, other = several(2), several(2)
    kept, _ = world.reset(seed=3)
    other.reset(seed=3)
    before = {name: value.copy() for name, value in kept.items()}
    seen, *_ = world.step(fixed(world))
    assert equal(kept, before)
    for value in (*kept.values(), *seen.values()):
        value[...] = 0
    other.step(fixed(other))
    assert equal(world.step(fixed(world)), other.step(fixed(other)))


# ---------------------------------------------------------------- reward and measures


def test_rewards_add_up_to_the_expected_profit() -> None:
    """The sum of a campaign's rewards is its expected incremental profit in daily budgets, in every world."""
    for environment in VARIANTS:
        world = several(3, environment)
        _, rewards, info = episode(world, seed=2)
        assert np.allclose(np.sum(rewards, axis=0), info["profit_micros"] / 30_000_000, rtol=1e-9, atol=1e-9)


def test_the_last_info_has_the_measures() -> None:
    """The last info has gate 1's reward, profit, optimum, the parts of the regret and totals that fit together."""
    world = several(3)
    observations, _, info = episode(world, fixed(world), seed=2)
    assert info["score"].shape == (3,) and ((info["score"] > 0) & (info["score"] < 1)).all()
    assert np.allclose(info["optimum_micros"] - info["profit_micros"], info["regret_micros"])
    parts = ("allocation_micros", "estimation_micros", "over_bidding_micros", "under_bidding_micros")
    assert np.allclose(sum(info[part] for part in parts), info["regret_micros"])
    assert np.array_equal(info["impressions"], observations[-1]["impressions"].sum(axis=(1, 2)))
    assert np.array_equal(info["episode_spend_micros"], observations[-1]["cost_micros"].sum(axis=(1, 2)))


def test_doing_nothing_costs_and_earns_nothing() -> None:
    """With every bid off the rewards are exactly 0, whatever the weights."""
    world = one()
    off = {**fixed(world, 0), "creative_prob": np.zeros(world.action_space["creative_prob"].shape)}
    _, rewards, info = episode(world, off, seed=2)
    assert rewards == [0.0] * 8 and info["impressions"] == 0 and info["profit_micros"] == 0


def test_weights_are_divided_by_their_sum() -> None:
    """Weights that do not sum to one play exactly as the probabilities that they are proportional to."""
    shares = np.random.Generator(np.random.Philox(key=1)).random(one().action_space["creative_prob"].shape)
    weights = {**fixed(one()), "creative_prob": shares}
    scaled = {**weights, "creative_prob": shares / shares.sum(axis=-1, keepdims=True)}
    assert equal(episode(one(), weights, seed=2), episode(one(), scaled, seed=2))


def test_a_spend_rate_of_zero_spends_nothing() -> None:
    """spend_rate may be left out, and holds back what it says where it is given."""
    world = one()
    _, _, spent = episode(world, fixed(world), seed=2)
    _, _, held = episode(world, {**fixed(world), "spend_rate": np.array(0.0)}, seed=2)
    assert spent["episode_spend_micros"] > 0 and held["episode_spend_micros"] == 0


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        ({"bid_micros": np.full(4, np.nan)}, "bid_micros has a NaN"),
        ({"bid_micros": np.full(3, 5)}, r"bid_micros has shape \(1, 3\)"),
        ({"bid_micros": np.full(4, -1)}, "bid_micros has a negative number"),
        ({"creative_prob": np.full((4, 12), np.nan)}, "creative_prob has a NaN"),
        ({"creative_prob": np.full((4, 12), -0.1)}, "creative_prob has a negative number"),
        ({"creative_prob": np.zeros((4, 12))}, "creative_prob sums to 0"),
        ({"creative_prob": np.full((4, 12), "much")}, "creative_prob is not numeric"),
        ({"spend_rate": np.array(1.5)}, "spend_rate has 1.5, above the most allowed"),
        ({"target": np.array(1.0)}, "has target, but this market takes bid_micros"),
    ],
)
def test_a_bad_action_names_the_step(spoiled: dict[str, Any], said: str) -> None:
    """Every kind of nonsense is refused with the head and the step."""
    world = one()
    world.reset(seed=1)
    world.step(fixed(world))
    with pytest.raises(InvalidDecision, match=said) as refused:
        world.step({**fixed(world), **spoiled})
    assert "at step 1" in str(refused.value)


def test_an_action_without_a_head_is_refused() -> None:
    """An action that lacks a head, or is no dictionary, is refused in words."""
    world = one()
    world.reset(seed=1)
    with pytest.raises(InvalidDecision, match="the action at step 0 lacks creative_prob"):
        world.step({"bid_micros": np.full(4, 5)})
    with pytest.raises(InvalidDecision, match="is a ndarray, not a dictionary"):
        world.step(np.zeros(3))  # type: ignore[arg-type]


def test_wrong_arguments_of_make_are_refused() -> None:
    """An unknown setting, an impossible one and an unknown render mode are refused when the world is made."""
    with pytest.raises(ValueError, match="nonsense"):
        gymnasium.make(STANDARD, config={"market": {"nonsense": 1}})
    with pytest.raises(ValueError, match="an audience without end, which neither tires"):
        gymnasium.make(STANDARD, config={"market": {"fatigue": 0.1}})
    with pytest.raises(ValueError, match="own_campaigns is 2: use make_vec with a multiple"):
        several(3, config={"market": {"own_campaigns": 2}})
    with pytest.raises(ValueError, match="render_mode 'human' is not offered"):
        AdMarket(render_mode="human")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"config": {"personas": {"source": "recorded"}}}, "config has personas.* give market=with_panel"),
        ({"config": {"historical": {"logs": ["mine"]}}}, "config has historical.* give market=calibrate"),
        ({"config": {"agent": "mine", "limits": {}}}, "config has agent, limits, and .*: leave it out"),
        ({"config": QUICK_TEST_CONFIG}, r"reads no logs \(obd-random-all, obd-bts-all\): give market=calibrate"),
        ({"config": {"seed": 3}}, "config has seed, and an environment reads"),
        ({"config": {"market": {"auctoin": "x"}}}, r"^config\.market\.auctoin is no setting: did you mean auction\?$"),
        (
            {"config": {"economics": {"margin": 2}, "clock": {"tick_hours": 5}}},
            r"^config\.economics\.margin: .*got 2; ",
        ),
        ({"config": "quick-test"}, "config is 'quick-test': give a TrainingConfiguration"),
        ({"market": {}}, "market is a dict, not MarketParameters: make one by .*calibrate"),
    ],
)
def test_nothing_given_is_passed_over_in_silence(given: dict[str, Any], said: str) -> None:
    """What an environment would not read, and what is no market, is refused with what to give instead."""
    with pytest.raises((ValueError, TypeError), match=said):
        gymnasium.make(STANDARD, **given)
    with pytest.raises(ValueError, match="num_envs is 0: at least one"):
        several(0)
    with pytest.raises(ValueError, match="options has 'idx': 'index', which names"):
        one().reset(options={"idx": 3})


def test_the_recorded_panel_is_there_without_a_run() -> None:
    """With the panel in it a market's creatives are worth other amounts, and its level is the same."""
    config = TrainingConfiguration.model_validate({"personas": {"source": "recorded", "weight": 1.0}})
    plain = calibrate((), config)
    leaning = with_panel(plain, config.personas)
    assert not np.allclose(leaning.ctr, plain.ctr, rtol=0.01)
    assert np.allclose(leaning.ctr.mean(axis=1), plain.ctr.mean(axis=1))
    gymnasium.make(STANDARD, config=config, market=leaning).reset(seed=1)
    with pytest.raises(ValueError, match=r"personas\.source is none: only recorded ratings"):
        with_panel(plain, TrainingConfiguration().personas)


# ---------------------------------------------------------------- agents and pictures


def test_an_agent_of_the_contract_learns_in_it() -> None:
    """practice plays an installed agent in the vector environment, gives a trajectory it learns from, and repeats."""
    worlds, agent = several(8), load_agent("linear-thompson")
    state = untrained(agent, worlds)
    trajectory, before = play(agent, state, worlds, seed=1)
    _, again = play(agent, state, worlds, seed=1)
    assert equal(before, again)
    assert trajectory["memory"].shape == (8, 8, agent.initial_memory(1).shape[1])
    state = agent.learn(state, [trajectory, play(agent, state, worlds, seed=1, index=1)[0]])
    _, after = play(agent, state, worlds, seed=2)
    assert after["ratio"].mean() > before["ratio"].mean()


def test_render_draws_the_campaign_so_far() -> None:
    """With rgb_array a picture comes at every stage and changes with the campaign; without it there is none."""
    world = one(render_mode="rgb_array")
    with pytest.raises(ResetNeeded):
        world.render()
    world.reset(seed=1)
    blank = world.render()
    world.step(fixed(world))
    drawn = world.render()
    assert drawn is not None and blank is not None and drawn.shape == blank.shape and drawn.dtype == np.uint8
    assert (drawn != blank).mean() > 0.01
    silent = one()
    silent.reset(seed=1)
    assert silent.render() is None
