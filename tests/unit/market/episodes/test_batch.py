"""Whole batches: reproduction, budgets, pairing, learning and what the poor agents get."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaelp.agents.agent_entry_points import load_agent
from gaelp.agents.contract import Decision, InvalidDecision
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.measurements import FAILED_RATIO
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.episodes.batch import BatchKey, DecidingAgent, draw_world, simulate
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from tests.support.markets import bandit_log, configured, run, shape_of, trained

SMALL = {"campaigns_per_batch": 8, "days": 3, "rounds": 2, "batches_per_round": 2}


@cache
def market(seed: int = 7, candidates: int = 80) -> MarketParameters:
    """A market from two synthetic logs."""
    logs = [bandit_log(number, rows=20_000, candidates=candidates, ctr=0.0044) for number in (1, 2)]
    return calibrate(logs, configured(seed))


@cache
def lesson(seed: int = 7) -> tuple[Any, list[float]]:
    """linear-thompson after the default rounds of half the batches, and the mean reward of each."""
    config = configured(seed, simulation={"batches_per_round": 2})
    state, rewards, _ = trained(market(seed), config, load_agent("linear-thompson"))
    return state, rewards


def exam(name: str, state: Any, seed: int = 7, index: int = 0) -> Any:
    """One exam batch."""
    return run(market(seed), configured(seed), load_agent(name), state, index, "exam")[1]


def first_state(name: str) -> Any:
    """An agent's state before learning."""
    return load_agent(name).initial_state(shape_of(market()), stream(1, "x"))


def batch(agent: Any, **settings: Any) -> tuple[dict[str, Any], Any]:
    """A small batch of the agent's first state."""
    config = configured(clock={"tick_hours": settings.pop("tick_hours", 24)}, simulation={**SMALL, **settings})
    return run(market(), config, agent, agent.initial_state(shape_of(market()), stream(1, "x")), 0, "train")


def test_training_reduces_regret_below_the_best_baseline() -> None:
    """Reward rises from round to round of training and ends above 0.85 and above every trained baseline's."""
    state, rewards = lesson()
    assert rewards[0] < 0.3 < rewards[2] < rewards[-1]
    result = exam("linear-thompson", state)
    assert np.mean(result.rewards) > 0.85
    assert np.mean(result.successes) > 0.95
    short = configured(simulation={"rounds": 2, "batches_per_round": 1})
    for name in ("fixed-bid", "linear-bid", "best-creative"):
        baseline, _, _ = trained(market(), short, load_agent(name))
        assert np.mean(exam(name, baseline).rewards) < np.mean(result.rewards) - 0.05, name


def test_the_poor_agent_is_poor_and_the_incumbent_about_breaks_even() -> None:
    """uniform earns nothing at all, and fixed-bid neither much nor a loss of note."""
    poor = exam("uniform", first_state("uniform"))
    assert np.mean(poor.rewards) < 0.1 and poor.expected_profit_micros < 0 and not any(poor.successes)
    incumbent = exam("fixed-bid", first_state("fixed-bid"))
    assert -0.1 < incumbent.expected_profit_micros / incumbent.spend_micros < 0.4


def test_a_trained_campaign_of_25_a_day_is_worth_running() -> None:
    """A week at 25 a day brings 20 conversions or more within target CPA, and a third of them would be a loss."""
    config = configured(simulation={"daily_budget": "25.00"})
    result = run(market(), config, load_agent("linear-thompson"), lesson()[0], 0, "exam")[1]
    roi = result.expected_profit_micros / result.spend_micros
    assert result.conversions / result.episodes >= 20
    assert 0.5 < roi < 1.8
    assert result.spend_micros / result.conversions < 10_000_000
    assert result.spend_micros / result.episodes > 0.8 * 7 * 25_000_000


def test_an_unlucky_seed_learns_too() -> None:
    """Other root seeds end above 0.85 as well, without any log."""
    config = configured(11, simulation={"rounds": 5, "batches_per_round": 2})
    synthetic = calibrate([], config)
    agent = load_agent("linear-thompson")
    state, _, _ = trained(synthetic, config, agent)
    assert np.mean(run(synthetic, config, agent, state, 0, "exam")[1].rewards) > 0.85


def test_equal_seeds_are_bit_equal_in_another_process() -> None:
    """The same batch in a process of its own gives the same bytes, whatever ran before it here."""
    lesson()
    program = f"from {__name__} import fingerprint\nprint(fingerprint())"
    root = Path(__file__).resolve().parents[4]
    other = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == fingerprint()


def fingerprint() -> str:
    """A digest of a round of training: trajectories, results and the next state."""
    import hashlib

    digest = hashlib.sha256()
    config, agent = configured(5, simulation=SMALL), load_agent("linear-thompson")
    state = first_state("linear-thompson")
    for number in range(2):
        trajectory, result = run(market(), config, agent, state, number, "train")
        state = agent.learn(state, [trajectory])
        for arrays in (trajectory, state):
            for name in sorted(arrays):
                digest.update(
                    name.encode() + str(arrays[name].dtype).encode() + np.ascontiguousarray(arrays[name]).tobytes()
                )
        digest.update(result.model_dump_json().encode())
    return digest.hexdigest()


def test_seed_index_purpose_and_attempt_key_the_streams() -> None:
    """Each of them changes the batch, but the attempt never changes training."""
    agent, state, config = load_agent("fixed-bid"), first_state("fixed-bid"), configured(simulation=SMALL)

    def traffic_of(seed: int = 7, index: int = 0, purpose: str = "exam", attempt: int = 1) -> bytes:
        chosen = config.model_copy(update={"seed": seed})
        deciding = DecidingAgent(agent, state, agent, state)
        ran, _ = simulate(market(), deciding, chosen, BatchKey(index, purpose, attempt))
        return bytes(ran["impressions"].tobytes())

    base = traffic_of()
    assert base == traffic_of()
    others = [traffic_of(seed=8), traffic_of(index=1), traffic_of(purpose="train"), traffic_of(attempt=2)]
    assert base not in others and len(set(others)) == 4
    assert traffic_of(purpose="train", attempt=1) == traffic_of(purpose="train", attempt=2)


@pytest.mark.parametrize("tick_hours", [1, 6, 24])
@pytest.mark.parametrize("name", ["uniform", "linear-thompson"])
def test_a_day_never_spends_more_than_its_budget(name: str, tick_hours: int) -> None:
    """Whatever the tick, no campaign's day costs more than the daily budget, to the micro."""
    trajectory, result = batch(load_agent(name), tick_hours=tick_hours, daily_budget="5.00")
    per_day = trajectory["cost_micros"].sum(axis=(2, 3)).reshape(3, 24 // tick_hours, 8).sum(axis=1)
    assert 2_000_000 < per_day.max() <= 5_000_000
    assert result.spend_micros == per_day.sum()


def test_trajectories_have_the_promised_arrays() -> None:
    """Shapes and kinds are those that Agent.learn is promised, and conversions never outnumber clicks."""
    trajectory, result = batch(load_agent("linear-thompson"), tick_hours=6)
    for name in ("impressions", "clicks", "matured_conversions", "cost_micros"):
        assert trajectory[name].shape == (12, 8, 4, 80) and trajectory[name].dtype == np.int64
    assert trajectory["creative_prob"].shape == (12, 8, 4, 80) and trajectory["bid_micros"].shape == (12, 8, 4)
    assert trajectory["click_value_micros"].shape == (8,)
    assert np.allclose(trajectory["creative_prob"].sum(axis=-1), 1.0)
    assert trajectory["creative_prob"].min() > 0
    assert np.all(trajectory["matured_conversions"].sum(axis=0) <= trajectory["clicks"].sum(axis=0))
    assert result.state is EpisodeState.SETTLED and result.trajectory_digest is None
    assert result.episodes + result.replaced == 8 == len(result.rewards) + result.replaced


@pytest.mark.parametrize("own", [1, 2])
def test_a_batch_is_the_sum_of_its_episodes(own: int) -> None:
    """Money, counts and regret of a batch are the sums of its episodes' to the micro, and of its trajectory."""
    config = configured(simulation=SMALL, market={"own_campaigns": own})
    trajectory, result = run(market(), config, load_agent("fixed-bid"), first_state("fixed-bid"), 0, "train")
    amounts = result.amounts
    assert len(amounts.rows()) == result.episodes == len(result.rewards) == 8 // own
    for name in (*type(amounts).model_fields,):
        total = getattr(result.regret if name in type(result.regret).model_fields else result, name)
        assert sum(getattr(amounts, name)) == total
    assert result.spend_micros == trajectory["cost_micros"].sum() > 0
    lost = [row["optimum_micros"] - row["expected_profit_micros"] for row in amounts.rows()]
    parts = [sum(row[name] for name in type(result.regret).model_fields) for row in amounts.rows()]
    assert np.allclose(lost, parts, atol=4)


def test_conversions_arrive_late() -> None:
    """With a long lag the first tick matures fewer conversions than with none to speak of."""
    agent, share = load_agent("uniform"), []
    for lag in (0.01, 5.0):
        slow = replace(market(), lag_days=lag, cvr=np.full((4, 80), 0.5), ctr=np.full((4, 80), 0.05))
        trajectory, _ = run(slow, configured(simulation=SMALL), agent, first_state("uniform"), 0, "train")
        share.append(trajectory["matured_conversions"].sum() / trajectory["clicks"].sum())
    assert share[0] > 0.45 and share[1] < 0.2


def test_the_day_shock_moves_traffic_by_the_day() -> None:
    """Without shocks days differ by chance only; with them whole days move together, and the mean stays."""
    config = configured(simulation={"campaigns_per_batch": 200, "days": 2})
    days = {}
    for spread in (0.0, 0.4):
        shocked = replace(market(), day_shock=spread, hourly=np.ones(168))
        traffic = draw_world(shocked, config, stream(1, "w")).traffic
        days[spread] = traffic.reshape(200, 2, 24, 4).sum(axis=(2, 3))
    assert days[0.0].std() / days[0.0].mean() < 0.02
    assert 0.3 < days[0.4].std() / days[0.4].mean() < 0.5
    assert days[0.4].mean() == pytest.approx(days[0.0].mean(), rel=0.07)


class Broken:
    """fixed-bid with one head spoiled at one tick."""

    name = "broken"
    heads = ("bid_micros", "creative_prob")

    def __init__(self, at: int, **spoiled: Any) -> None:
        self.inner, self.at, self.spoiled, self.tick = load_agent("fixed-bid"), at, spoiled, -1

    def initial_state(self, shape: Any, rng: Any) -> Any:
        return self.inner.initial_state(shape, rng)

    def initial_memory(self, campaigns: int) -> Any:
        return self.inner.initial_memory(campaigns)

    def learn(self, state: Any, trajectories: Any) -> Any:
        return state

    def act(self, state: Any, seen: Any, memory: Any, rng: Any) -> Any:
        decision, memory = self.inner.act(state, seen, memory, rng)
        self.tick += 1
        return (replace(decision, **self.spoiled) if self.tick >= self.at else decision), memory


@pytest.mark.parametrize(
    "spoiled",
    [
        {"bid_micros": np.full((8, 4), np.nan)},
        {"bid_micros": np.full((8, 4), -1)},
        {"bid_micros": np.zeros((8, 3), np.int64)},
        {"creative_prob": np.full((8, 4, 80), 0.5)},
        {"spend_rate": np.full(8, 1.5)},
    ],
)
def test_an_invalid_decision_stops_the_batch(spoiled: dict[str, Any]) -> None:
    """NaN, a negative bid, a wrong shape, a wrong sum or rate: refused with the agent's name and the step."""
    with pytest.raises(InvalidDecision, match="agent 'broken' at step 2"):
        batch(Broken(2, **spoiled))


def test_a_missing_head_is_the_incumbents() -> None:
    """An agent that gives no bid has the incumbent's, and one that spends at rate 0 spends nothing."""
    trajectory, _ = batch(Broken(0, bid_micros=None))
    reference, _ = batch(load_agent("fixed-bid"))
    assert np.array_equal(trajectory["bid_micros"], reference["bid_micros"])
    still, _ = batch(Broken(0, spend_rate=np.zeros(8)))
    assert still["cost_micros"].sum() == 0


def test_a_decision_without_a_bid_is_a_decision() -> None:
    """Heads may be absent altogether; the incumbent then gives both."""
    trajectory, _ = batch(Broken(0, bid_micros=None, creative_prob=None))
    assert trajectory["impressions"].sum() > 0
    assert Decision(None, None).bid_micros is None


def test_to_fail_hides_no_loss() -> None:
    """An agent that lost more than it could earn, and then fails, keeps what it lost; one that had not, the floor."""
    config = configured(simulation={**SMALL, "days": 4})
    wild = np.full((8, 4), 90_000_000)

    class Failing(Broken):
        """Bids far above value, and on the last day NaN for the first campaign."""

        def act(self, state: Any, seen: Any, memory: Any, rng: Any) -> Any:
            decision, memory = super().act(state, seen, memory, rng)
            bid = wild.astype(np.float64)
            bid[0] = np.nan if self.tick == 3 else bid[0]
            return replace(decision, bid_micros=bid), memory

    _, failed = run(calibrate([], config), config, Failing(9), first_state("fixed-bid"), 0, "train")
    assert failed.failed_episodes == 1 and failed.failures[0].episode == 0
    assert failed.raw_rewards[0] < FAILED_RATIO and failed.rewards[0] == 0
    early, result = batch(Broken(0, bid_micros=np.where(np.arange(8)[:, None] == 0, np.nan, 0.0) * np.ones((8, 4))))
    assert early["cost_micros"].sum() == 0 and result.raw_rewards[0] == FAILED_RATIO


def test_a_failing_incumbent_lowers_no_bar() -> None:
    """Where the incumbent's decision cannot be carried out nothing is compared with it: the batch fails by its name."""
    config, bad = configured(simulation=SMALL), np.zeros((8, 4))
    bad[3] = np.nan
    state = first_state("fixed-bid")
    for agent in (load_agent("fixed-bid"), Broken(0, bid_micros=None)):  # beside it, and with a head that it decides
        with pytest.raises(InvalidDecision, match="agent 'broken' at step 1: bid_micros has a NaN"):
            deciding = DecidingAgent(agent, state, Broken(1, bid_micros=bad), state)
            simulate(market(), deciding, config, BatchKey(0, "train", 0))


def test_the_anchor_plays_the_same_worlds_with_the_same_draws() -> None:
    """An agent beside itself earns its own rewards to the last bit, beside another state those of that state alone."""
    config, agent = configured(simulation=SMALL), load_agent("linear-thompson")
    untrained, learned = first_state("linear-thompson"), lesson()[0]
    alone = {name: run(market(), config, agent, state, 0, "exam")[1].rewards
             for name, state in (("untrained", untrained), ("learned", learned))}  # fmt: skip
    beside = run(market(), config, agent, learned, 0, "exam", anchor=untrained)[1]
    assert beside.rewards == alone["learned"]
    assert beside.anchor_rewards == pytest.approx(alone["untrained"])
    assert run(market(), config, agent, learned, 0, "exam", anchor=learned)[1].anchor_rewards == pytest.approx(
        beside.rewards
    )


def test_without_an_anchor_the_incumbent_is_one() -> None:
    """The rewards are the incumbent's profit in shares of the optimum; campaigns that share an audience are one."""
    for settings, episodes in (({}, 8), ({"market": {"own_campaigns": 4}}, 2)):
        config = configured(simulation=SMALL, **settings)
        result = run(market(), config, load_agent("uniform"), first_state("uniform"), 0, "exam")[1]
        amounts = result.amounts
        ratios = np.array(amounts.incumbent_profit_micros) / np.array(amounts.optimum_micros)
        assert len(result.anchor_rewards) == result.episodes == episodes
        assert result.anchor_rewards == pytest.approx(np.clip(ratios, 0, 1), abs=1e-6)


def test_an_anchor_that_cannot_act_earns_nothing() -> None:
    """Its failure is no failure of the agent, and leaves the agent's own rewards as they are."""

    class Learner:
        name, heads = "learner", ("bid_micros", "creative_prob")

        def initial_memory(self, campaigns: int) -> Any:
            return np.zeros((campaigns, 1))

        def act(self, state: Any, observation: Any, memory: Any, rng: Any) -> Any:
            decision, _ = INCUMBENT.act({}, observation, INCUMBENT.initial_memory(len(observation.hour)), rng)
            bid = decision.bid_micros if state["sound"] else -decision.bid_micros - 1
            return replace(decision, bid_micros=bid), memory

    INCUMBENT = load_agent("fixed-bid")
    config = configured(simulation=SMALL)
    sound, broken = ({"sound": np.array(value)} for value in (1, 0))
    result = run(market(), config, Learner(), sound, 0, "exam", anchor=broken)[1]  # type: ignore[arg-type]
    assert result.anchor_rewards == (0.0,) * 8 and result.failed_episodes == 0
