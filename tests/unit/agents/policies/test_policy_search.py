"""The evolution strategy: what it plays, what it moves by, and what moves nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gaelp.agents.contract import State, WorldShape
from gaelp.agents.policies import policy_search
from gaelp.agents.policies.policy_search import DECAY, NAMES, NOISE, PolicySearch
from gaelp.market.streams import stream
from tests.support.markets import observation

AGENT = PolicySearch()
SHAPE = WorldShape(2, 5, 2, 3)
FRESH = AGENT.initial_state(SHAPE, stream(1, "s"))
SEEN = observation(8, 2, 5)


def known(rounds: int = 1) -> dict[str, Any]:
    """A state after some rounds that showed every creative 50,000 times at a CTR of 0.5 %."""
    cells = {name: np.full((2, 5), count) for name, count in (("impressions", 5e4), ("clicks", 250.0))}
    return {**FRESH, **cells, "conversions": np.full((2, 5), 12.0), "rounds": np.array([rounds])}


def lesson(cost_micros: Any, noise: Any) -> State:
    """A tick of campaigns that showed the same, at costs i8[C], having played perturbations f8[C, P]."""
    campaigns = len(noise)
    shown = np.full((1, campaigns, 2, 5), 1000)
    cost = np.repeat(np.asarray(cost_micros, np.int64), 10).reshape(shown.shape) // 10
    memory = np.concatenate([np.zeros((campaigns, NOISE)), noise], axis=1)[None]
    return {
        "impressions": shown,
        "clicks": shown // 200,
        "matured_conversions": shown // 4000,
        "cost_micros": cost,
        "bid_micros": np.full((1, campaigns, 2), 5_000_000),
        "click_value_micros": np.full(campaigns, 600_000),
        "memory": memory,
    }


def test_campaigns_play_opposite_pairs_that_their_memory_keeps() -> None:
    """At the first tick half of the campaigns play the other half's perturbations negated, and go on with them."""
    _, memory = AGENT.act(known(), SEEN, AGENT.initial_memory(8), stream(1, "a"))
    noise = memory[:, NOISE:]
    assert np.array_equal(noise[:4], -noise[4:]) and np.unique(noise[:4]).size == noise[:4].size
    _, later = AGENT.act(known(), SEEN, memory, stream(2, "b"))
    assert np.array_equal(later[:, NOISE:], noise)


def test_a_campaign_that_begins_beside_others_draws_its_own() -> None:
    """Rows of the memory that are empty are drawn, the others stay."""
    _, memory = AGENT.act(known(), SEEN, AGENT.initial_memory(8), stream(1, "a"))
    _, after = AGENT.act(known(), SEEN, np.where(np.arange(8)[:, None] == 3, 0.0, memory), stream(2, "b"))
    assert np.array_equal(np.delete(after, 3, 0)[:, NOISE:], np.delete(memory, 3, 0)[:, NOISE:])
    assert after[3, NOISE:].all() and not np.isin(after[3, NOISE:], memory[3, NOISE:]).any()


def test_the_mean_moves_towards_what_earned_more() -> None:
    """Where a higher level cost money and nothing else mattered, the level falls, and no other parameter as far."""
    noise = stream(3, "noise").normal(size=(64, len(NAMES)))
    cost = 5_000_000 + 1_000_000 * noise[:, NAMES.index("level")]
    after = AGENT.learn(known(), [lesson(cost[:32], noise[:32]), lesson(cost[32:], noise[32:])])
    moved = (after["mean"] - FRESH["mean"]) / FRESH["spread"]
    assert moved[NAMES.index("level")] < -0.3
    assert np.abs(np.delete(moved, NAMES.index("level"))).max() < 0.7 * abs(moved[NAMES.index("level")])


def test_the_spread_narrows_around_an_optimum_and_widens_towards_a_far_one() -> None:
    """The spread falls where both sides cost more, and grows where both extremes cost less."""
    noise = stream(4, "noise").normal(size=(64, len(NAMES)))
    level = noise[:, NAMES.index("level")]
    spread = [
        AGENT.learn(known(), [lesson(5_000_000 + sign * 1_000_000 * level**2, noise)])["spread"][NAMES.index("level")]
        for sign in (1, -1)
    ]
    assert spread[0] < FRESH["spread"][NAMES.index("level")] < spread[1]


def test_leans_of_segments_that_do_not_exist_stay() -> None:
    """With two segments the other six leans neither move nor widen."""
    noise = stream(5, "noise").normal(size=(64, len(NAMES)))
    after = AGENT.learn(known(), [lesson(5_000_000 + 1_000_000 * noise[:, -1], noise)])
    assert np.array_equal(after["mean"][-6:], FRESH["mean"][-6:])
    assert np.array_equal(after["spread"][-6:], FRESH["spread"][-6:])
    assert not np.array_equal(after["mean"][:-6], FRESH["mean"][:-6])


@pytest.mark.parametrize(("state", "drop", "campaigns"), [(FRESH, False, 64), (known(), True, 64), (known(), False, 2)])
def test_what_says_nothing_about_the_parameters_moves_none(state: State, drop: bool, campaigns: int) -> None:
    """Bids without knowledge, trajectories without memory, or too few campaigns teach counts and no parameters."""
    noise = stream(6, "noise").normal(size=(campaigns, len(NAMES)))
    trajectory = lesson(5_000_000 + 1_000_000 * noise[:, 0], noise)
    kept = {name: array for name, array in trajectory.items() if not (drop and name == "memory")}
    after = AGENT.learn(state, [kept])
    assert np.array_equal(after["mean"], FRESH["mean"]) and np.array_equal(after["spread"], FRESH["spread"])
    assert after["impressions"].sum() == np.sum(state["impressions"]) + campaigns * 10_000


def test_perturbations_fade_with_the_rounds() -> None:
    """What is played differs less and less from the parameters themselves, by the stated power of the rounds."""
    spans = []
    for rounds in (1, 7):
        level = NAMES.index("level")
        low = {**known(rounds), "mean": FRESH["mean"] - 3.0 * (np.arange(len(NAMES)) == level)}
        decision, memory = AGENT.act(low, SEEN, AGENT.initial_memory(8), stream(1, "a"))
        noise = memory[:, NOISE + level]
        log_bid = np.log(decision.bid_micros[:, 0])
        spans.append((log_bid[noise.argmax()] - log_bid[noise.argmin()]) / (noise.max() - noise.min()))
    assert spans[1] == pytest.approx(spans[0] * (2 / 8) ** DECAY, rel=0.4)
    assert policy_search._scale(known(7))[0] < 0.1


def test_bids_never_exceed_value_once_it_is_known() -> None:
    """However high the level was driven, the bid is at most a thousand impressions' value."""
    high = {**known(), "mean": FRESH["mean"] + 5.0 * (np.arange(len(NAMES)) == 0)}
    decision, _ = AGENT.act(high, SEEN, AGENT.initial_memory(8), stream(1, "a"))
    assert np.all(decision.bid_micros <= 1.05 * 1000 * 0.005 * 600_000)
    optimistic, _ = AGENT.act(FRESH, SEEN, AGENT.initial_memory(8), stream(1, "a"))
    assert np.all(optimistic.bid_micros > 0)


def test_the_pace_falls_when_a_day_spends_too_fast() -> None:
    """A tick that spent twice its plan lowers the next bids; one that spent less raises them no higher than value."""
    cost = np.zeros(SEEN.cost_micros.shape, np.int64)
    decision, memory = AGENT.act(known(), SEEN, AGENT.initial_memory(8), stream(1, "a"))
    plan = memory[:, policy_search.NOTED]
    cost[:, 0, 0] = np.where(np.arange(8) < 4, 2.5 * plan, 0.1 * plan)
    after, paced = AGENT.act(known(), replace(SEEN, cost_micros=cost), memory, stream(2, "a"))
    assert np.all(paced[:4, policy_search.PACE] < -0.1) and np.all(paced[4:, policy_search.PACE] == 0.0)
    assert np.all(after.bid_micros[:4] < 0.95 * decision.bid_micros[:4])
