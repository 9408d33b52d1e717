"""Spending a day's budget: plans and what was spent, the two controllers, and traffic learned in spite of budgets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gaelp.agents.agent_entry_points import load_agent
from gaelp.agents.contract import Observation, State, WorldShape
from gaelp.agents.models import bid_landscape, pacing, valuation
from gaelp.agents.policies.baselines import Counting, LinearBid
from gaelp.agents.policies.linear_thompson import LinearThompson
from gaelp.agents.policies.online_lp import HIGHEST, STEP, OnlineLP
from gaelp.agents.policies.pid_pacing import LOWEST, PidPacing, controlled
from gaelp.arrays import F8
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.streams import stream
from tests.support.markets import configured, observation, regret, trained

SEEN = observation(3, 2, 5)
SHAPE = WorldShape(2, 5, 2, 3)
PACERS: tuple[type[Counting], ...] = (PidPacing, OnlineLP)


def spent(cost_micros: list[float]) -> Observation:
    """The observation after campaigns spent so much."""
    cost = np.zeros(SEEN.cost_micros.shape, np.int64)
    cost[:, 0, 0] = cost_micros
    return replace(SEEN, cost_micros=cost)


def test_the_gap_is_the_share_of_the_plan_that_was_missed() -> None:
    """Half the plan is a gap of a half, twice the plan of minus one, and before any plan there is none."""
    notes = pacing.noted(np.array([8e6, 8e6, 0.0]), SEEN)
    assert pacing.gap(notes, spent([4e6, 16e6, 5e6])) == pytest.approx([0.5, -1.0, 0.0])


def test_a_tick_that_was_cut_counts_as_twice_its_plan() -> None:
    """Where all that was left is gone, how much more it would have been is unknown, and it was not a plan met."""
    poor = replace(SEEN, budget_left_micros=np.array([9_000_000, 9_100_000, 10**9]))
    assert pacing.gap(pacing.noted(np.full(3, 9e6), poor), spent([9e6] * 3)) == pytest.approx([-1.0, 0.0, 0.0])


def test_the_integral_does_not_wind_up() -> None:
    """After a week at the upper limit the first overspent tick lowers the bid at once, and so at the lower limit."""
    integral, last = np.zeros(1), np.zeros(1)
    for _ in range(168):
        output, integral = controlled(np.ones(1), integral, last)
        last = np.ones(1)
    assert output[0] == 0.0
    lowered, _ = controlled(-np.ones(1), integral, last)
    assert lowered[0] < -0.3
    for _ in range(168):
        output, integral = controlled(-np.ones(1), integral, -np.ones(1))
    assert output[0] == LOWEST and controlled(np.ones(1), integral, -np.ones(1))[0][0] > LOWEST + 0.3


def test_a_plan_that_is_met_leaves_the_bid() -> None:
    """In the steady state the integral alone holds the multiplier."""
    output, integral = controlled(np.zeros(1), np.array([-0.7]), np.zeros(1))
    assert output[0] == integral[0] == pytest.approx(-0.7)


def test_the_dual_price_takes_the_step_of_the_paper() -> None:
    """An overspent tick raises the price by the step, an underspent one lowers it to no less than 0."""
    agent = OnlineLP()
    state = agent.initial_state(SHAPE, stream(1, "s"))
    memory = np.concatenate([[[0.5], [0.05], [HIGHEST]], pacing.noted(np.full(3, 8e6), SEEN)], axis=1)
    _, after = agent.act(state, spent([16e6, 0.0, 16e6]), memory, stream(1, "a"))
    assert after[:, 0] == pytest.approx([0.5 + STEP, 0.0, HIGHEST])


@pytest.mark.parametrize("pacer", PACERS)
def test_the_bid_follows_the_spend(pacer: type[Counting]) -> None:
    """A campaign that spent too fast bids less than one on its plan, in every segment."""
    agent = pacer()
    state = agent.initial_state(SHAPE, stream(1, "s"))
    first, memory = agent.act(state, SEEN, agent.initial_memory(3), stream(1, "a"))
    plan = memory[:, -pacing.NOTES]
    after, _ = agent.act(state, spent((plan * [0.5, 0.99, 3.0]).tolist()), memory, stream(1, "a"))
    assert np.allclose(after.bid_micros[:2], first.bid_micros[:2], rtol=1e-6)
    assert np.all(after.bid_micros[2] < 0.9 * first.bid_micros[2])


@pytest.mark.parametrize("pacer", PACERS)
def test_pacers_beat_what_does_not_pace_where_money_is_short(pacer: type[Counting]) -> None:
    """With a tenth of the usual budget and four-hourly ticks, less regret than the same bids unpaced.

    Both use what one of them learned: with so few clicks, which creative looks best is luck, and no pacing's merit.
    """
    sizes = {"rounds": 3, "batches_per_round": 1, "campaigns_per_batch": 16, "days": 4, "daily_budget": "3.00"}

    class Unpaced(pacer):  # type: ignore[misc, valid-type]
        """Forgets what it planned, and so never corrects."""

        def act(self, state: State, seen: Observation, memory: F8, rng: np.random.Generator) -> object:
            return super().act(state, seen, np.zeros_like(memory), rng)

    regrets = []
    for seed in (3, 4, 5):
        config = configured(seed, simulation=sizes, clock={"tick_hours": 4})
        market = calibrate([], config)
        state = trained(market, config, pacer())[0]
        regrets.append([regret(market, config, each(), state) for each in (pacer, Unpaced)])
    paced, unpaced = np.mean(regrets, axis=0)
    assert paced < unpaced - 0.1


def test_traffic_is_learned_in_spite_of_a_budget_that_ends_before_noon() -> None:
    """With four-hourly ticks and a tight budget linear-thompson spends all day, and earns nearly as with daily ticks.

    Ticks that begin with a few cents left win nothing; read as hours without traffic they would stay so for ever.
    """
    sizes = {"rounds": 4, "batches_per_round": 1, "campaigns_per_batch": 16, "days": 3, "daily_budget": "6.00"}
    config = configured(3, simulation=sizes, clock={"tick_hours": 4})
    market = calibrate([], config)
    state, _, _ = trained(market, config, LinearThompson())
    truth = (np.asarray(market.hourly)[:24].reshape(6, 4).sum(axis=1)) * np.sum(market.auctions_per_hour)
    assert np.allclose(np.sum(state["auctions"], axis=0)[::4], truth, rtol=0.2)
    assert regret(market, config, LinearThompson(), state) < 0.15


def test_hours_of_which_nothing_is_known_count_as_the_others() -> None:
    """A tick hour without any uncut tick has the mean traffic of the known ones, an hour without ticks none."""
    auctions = np.zeros((1, 24))
    auctions[0, [0, 6]] = 100.0, 300.0
    starts = np.isin(np.arange(24), [0, 6, 12, 18]).astype(np.float64)
    state = {"auctions": auctions, "tick_starts": starts}
    share = bid_landscape.traffic_share(state, np.array([0, 6, 12, 18]))
    assert share == pytest.approx([100 / 800, 300 / 700, 1 / 2, 1.0])
    untold = {"auctions": auctions, "tick_starts": np.zeros(24)}  # nothing is said of ticks at other hours
    assert bid_landscape.traffic_share(untold, np.array([0, 6])) == pytest.approx([1 / 4, 1.0])
    never = {"auctions": np.zeros((2, 24)), "tick_starts": np.zeros(24)}
    assert bid_landscape.traffic_share(never, np.array([0, 5])) == pytest.approx([1.0, 1.0])


def test_ticks_are_counted_by_the_hour_they_began_at() -> None:
    """Whatever a tick won, and whether its budget cut it."""
    state = bid_landscape.nothing(SHAPE)
    shown = np.full((1, 3, 2, 5), 100)
    trajectory = {
        "impressions": shown,
        "cost_micros": shown * 3000,
        "bid_micros": np.full((1, 3, 2), 5_000_000),
        "budget_left_micros": np.full((1, 3), 10**8),
        "hour": np.full((1, 3), 6),
    }
    assert bid_landscape.added(state, [trajectory])["tick_starts"][6] == 3


def test_who_wins_nothing_bids_more_until_it_does() -> None:
    """Rounds that win next to nothing raise the bids threefold each, up to a limit; a handful of wins ends nothing."""
    agent = LinearBid()
    state = agent.initial_state(SHAPE, stream(1, "s"))
    bids = []
    for rounds in (0, 1, 2, 40, 50):
        decision, _ = agent.act({**state, "dry": np.array([rounds])}, SEEN, np.zeros((3, 0)), stream(1, "a"))
        bids.append(float(decision.bid_micros[0, 0]))
    assert np.array(bids[1:3]) / bids[0] == pytest.approx([3.0, 9.0], rel=1e-4)
    assert bids[3] == bids[4] < 10**12
    few, enough = (np.full((2, 5), count) for count in (1.0, 30.0))
    assert valuation.optimism({**state, "dry": np.array([3]), "impressions": few}, first=0) == 27.0
    assert valuation.optimism({**state, "dry": np.array([3]), "impressions": enough}) == 1.0


HARD: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "a reserve near the median rival": ({"reserve_price": "5.00"}, {}, {}),
    "clicks far likelier than believed": ({"click_rate": 0.2}, {}, {"order_value": "0.50", "target_cpa": "0.20"}),
    "a budget that cuts every day": ({}, {"daily_budget": "3.00"}, {}),
    "a budget that cuts every first-price day": ({"auction": "first-price"}, {"daily_budget": "3.00"}, {}),
    "a currency of small units": (
        {"price_median": "500.00", "auction": "first-price"},
        {"daily_budget": "2700.00"},
        {"order_value": "2275.00", "target_cpa": "910.00"},
    ),
}


@pytest.mark.parametrize("case", HARD)
@pytest.mark.parametrize("name", ["linear-thompson", "vowpalwabbit"])
def test_no_agent_stops_for_good_where_there_is_something_to_earn(name: str, case: str) -> None:
    """A dear market, a wrong first guess, a short budget and another currency are learned, on average over seeds."""
    market, simulation, economics = HARD[case]
    sizes = {"rounds": 8, "batches_per_round": 2, "campaigns_per_batch": 16, "days": 5, **simulation}
    missed = []
    for seed in (3, 4):
        config = configured(seed, simulation=sizes, market=market, economics=economics)
        world = calibrate([], config)
        try:
            agent = load_agent(name)
        except LookupError:
            pytest.skip(f"the extra of {name} is not installed")
        missed.append(regret(world, config, agent, trained(world, config, agent)[0]))
    assert np.mean(missed) < 0.35
