"""What the options of the market do to an episode, one at a time, against the same world without them."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from gaelp.agents.agent_entry_points import load_agent
from gaelp.agents.contract import Decision
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.contradictions import contradictions
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.episodes.batch import draw_world
from gaelp.market.episodes.episode import Episodes
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from tests.support.markets import configured, run, shape_of

SIZES = {"campaigns_per_batch": 16, "days": 3, "daily_budget": "20.00"}


def settings(**market: Any) -> TrainingConfiguration:
    """A small batch of six-hour ticks in a market without logs."""
    return configured(clock={"tick_hours": 6}, simulation=SIZES, market=market)


@cache
def plain_market() -> MarketParameters:
    """The synthetic market with every option off."""
    return calibrate([], settings())


def played(config: TrainingConfiguration, bid: int = 6_000_000, market: MarketParameters | None = None) -> Episodes:
    """Episodes played to the end at one bid with all creatives alike."""
    market = market or calibrate([], config)
    world = draw_world(market, config, stream(3, "world"))
    episodes = Episodes(market, config, world, stream(3, "response"))
    segments, candidates = market.ctr.shape
    campaigns = world.campaigns
    decision = Decision(
        bid_micros=np.full((campaigns, segments), bid),
        creative_prob=np.full((campaigns, segments, candidates), 1 / candidates),
    )
    while not episodes.done:
        episodes.step(decision)
    return episodes


def test_reports_come_late_and_complete() -> None:
    """With a lag of twelve hours the agent sees what was true two ticks ago, and never less than that."""
    config = settings(reporting_lag_hours=12)
    market = calibrate([], config)
    episodes = Episodes(market, config, draw_world(market, config, stream(3, "world")), stream(3, "response"))
    decision = Decision(np.full((16, 4), 6_000_000), np.full((16, 4, 12), 1 / 12))
    served = []
    for _ in range(5):
        seen = episodes.observe().impressions.sum()
        assert seen == sum(served[:-2])
        served.append(int(episodes.step(decision).impressions.sum()))
    assert served[0] > 0


def test_the_budget_left_is_todays_less_what_is_reported_of_today() -> None:
    """A new day begins with the whole budget, and yesterday's cost that is reported late takes nothing from it."""
    config = settings(reporting_lag_hours=12)
    market = calibrate([], config)
    episodes = Episodes(market, config, draw_world(market, config, stream(3, "world")), stream(3, "response"))
    decision = Decision(np.full((16, 4), 3_000_000), np.full((16, 4, 12), 1 / 12))
    cost = []
    for tick in range(12):
        reported = sum(cost[tick // 4 * 4 : max(tick - 2, tick // 4 * 4)], np.zeros(16))
        assert np.array_equal(episodes.observe().budget_left_micros, 20_000_000 - reported)
        cost.append(episodes.step(decision).cost_micros.sum(axis=(1, 2)))
    assert all(each.any() for each in cost)


def test_a_platform_may_bill_more_than_the_budget_on_some_days_only() -> None:
    """Over-delivery of 2 bills up to twice the budget on some days and never more; without it no day passes it."""
    costs = {}
    for most in (1.0, 2.0):
        episodes = played(settings(over_delivery=most, hourly_auctions=6000), bid=20_000_000)
        costs[most] = episodes.summary()["cost_micros"].sum(axis=(2, 3)).reshape(3, 4, 16).sum(axis=1)
    assert costs[1.0].max() <= 20_000_000
    assert 25_000_000 < costs[2.0].max() <= 40_000_000
    assert np.mean(costs[2.0] > 20_000_000) < 0.5


def test_fatigue_costs_clicks_and_the_world_stays() -> None:
    """A small audience that tires clicks less on the same traffic, and without fatigue its size changes nothing."""
    tired = played(settings(audience=500, fatigue=0.3)).summary()
    fresh = played(settings(audience=500)).summary()
    endless = played(settings()).summary()
    assert np.array_equal(fresh["impressions"], endless["impressions"])
    assert tired["clicks"].sum() < 0.8 * fresh["clicks"].sum()


def test_a_frequency_cap_bounds_impressions_by_people() -> None:
    """Nobody sees more than the cap a day, so a day's impressions are at most people times cap."""
    shown = played(settings(audience=400, frequency_cap=1)).summary()["impressions"]
    a_day = shown.sum(axis=(2, 3)).reshape(3, 4, 16).sum(axis=1)
    assert 200 < a_day.max() <= 1.1 * 400  # the aggregate market's stated tolerance


def test_own_campaigns_meet_in_the_same_auctions() -> None:
    """Two campaigns that share an audience win together no more than the auctions there were, and pay more for them."""
    together, apart = (played(settings(own_campaigns=n)) for n in (2, 1))
    auctions = together.world.traffic.sum(axis=1)
    assert np.array_equal(auctions[0::2], auctions[1::2])
    wins = together.summary()["impressions"].sum(axis=(0, 3))
    assert np.all(wins[0::2] + wins[1::2] <= auctions[0::2])
    alone = apart.summary()
    unit = {name: s["cost_micros"].sum() / s["impressions"].sum() for name, s in
            (("together", together.summary()), ("apart", alone))}  # fmt: skip
    assert unit["together"] > 1.2 * unit["apart"]


@pytest.mark.parametrize("own", [2, 3])
def test_own_campaigns_keep_their_budgets_hour_by_hour(own: int) -> None:
    """Bids of all sizes, hourly ticks and budgets that run out: no campaign bills a micro more than it may."""
    config = configured(
        clock={"tick_hours": 1}, simulation=SIZES | {"campaigns_per_batch": 12}, market={"own_campaigns": own}
    )
    market = calibrate([], config)
    rng = stream(5, "bids")
    for seed in range(3):
        episodes = Episodes(market, config, draw_world(market, config, stream(seed, "w")), stream(seed, "r"))
        while not episodes.done:
            bid = rng.integers(0, 12_000_000, (12, 4))
            episodes.step(Decision(bid_micros=bid, creative_prob=np.full((12, 4, 12), 1 / 12)))
        log = episodes.summary()
        spent = log["cost_micros"].sum(axis=(2, 3))
        assert np.all(spent <= log["budget_left_micros"]) and log["impressions"].min() >= 0
        assert spent.reshape(3, 24, 12).sum(axis=1).max() <= 20_000_000
        assert np.mean(spent.reshape(3, 24, 12).sum(axis=1)) > 10_000_000


def test_a_campaign_that_may_not_spend_stops_no_other_of_its_group() -> None:
    """One with a spend rate of 0 loses the auctions to the other, in both modes alike."""
    wins = {}
    for resolution in ("aggregate", "per-auction"):
        config = settings(own_campaigns=2, resolution=resolution)
        market = calibrate([], config)
        episodes = Episodes(market, config, draw_world(market, config, stream(1, "w")), stream(1, "r"))
        decision = Decision(
            bid_micros=np.tile([[6_000_000], [5_000_000]], (8, 4)),
            creative_prob=np.full((16, 4, 12), 1 / 12),
            spend_rate=np.tile([0.0, 1.0], 8),
        )
        while not episodes.done:
            episodes.step(decision)
        wins[resolution] = episodes.summary()["impressions"].sum(axis=(0, 2, 3))
        assert not wins[resolution][::2].any()
    assert wins["aggregate"][1::2].mean() == pytest.approx(wins["per-auction"][1::2].mean(), rel=0.02)


def test_organic_conversions_flatter_attribution_and_earn_nothing() -> None:
    """With half of the conversions organic, attributed profit stays and the incremental one falls by half the value."""
    scores = {}
    for share in (0.0, 0.5):
        episodes = played(settings(organic_share=share))
        scores[share] = episodes.scores(episodes.expected_profit_micros())
    assert scores[0.5].attributed_profit_micros == pytest.approx(scores[0.0].attributed_profit_micros)
    assert np.all(scores[0.5].profit_micros < scores[0.0].profit_micros)
    assert scores[0.0].attributed_profit_micros == pytest.approx(scores[0.0].profit_micros)


def test_the_platform_bids_towards_the_target() -> None:
    """Where the platform bids itself, the agent's bids mean nothing and a higher target buys more."""
    config = settings(bidding="target-cpa", hourly_auctions=3000)
    market = calibrate([], config)
    spent = {}
    for target in (2_000_000.0, 20_000_000.0):
        episodes = Episodes(market, config, draw_world(market, config, stream(3, "world")), stream(3, "response"))
        assert episodes.heads[0] == "target"
        decision = Decision(np.zeros((16, 4), np.int64), np.full((16, 4, 12), 1 / 12), target=np.full(16, target))
        while not episodes.done:
            episodes.step(decision)
        spent[target] = int(episodes.summary()["cost_micros"].sum())
    assert 0 < spent[2_000_000.0] < spent[20_000_000.0]


def test_a_sudden_change_moves_prices_and_leaves_traffic() -> None:
    """A price level that jumps in every episode makes impressions dearer, and nobody's auctions fewer."""
    calm, jumpy = played(settings()), played(settings(change=0.7, change_chance=1.0))
    assert np.array_equal(calm.world.traffic, jumpy.world.traffic)
    assert jumpy.summary()["impressions"].sum() < calm.summary()["impressions"].sum()
    assert np.array_equal(calm.summary()["impressions"][:4], jumpy.summary()["impressions"][:4])  # the day before


@pytest.mark.parametrize(
    "option", [{"auction": "first-price"}, {"reserve_price": "3.00"}, {"resolution": "per-auction"}]
)
def test_the_optimum_bounds_what_a_flat_bid_earns(option: dict[str, str]) -> None:
    """Whatever is sold and however it is resolved, regret is not negative beyond noise and its parts sum to it."""
    episodes = played(settings(**option), bid=3_000_000)
    scores = episodes.scores(episodes.expected_profit_micros())
    regret = scores.regret
    parts = regret.allocation + regret.estimation + regret.over_bidding + regret.under_bidding
    assert parts == pytest.approx(regret.total, abs=10.0)
    assert regret.total.mean() > 0
    assert scores.optimum_micros.min() > 0


def test_batches_are_bit_equal_in_any_order_of_completion() -> None:
    """Batches that run one after another, backwards, and at the same time in threads give the same bytes."""
    config, agent = settings(drift=0.05, season=0.2), load_agent("linear-thompson")
    market = calibrate([], config)
    state = agent.initial_state(shape_of(market), stream(1, "x"))

    def fingerprint(index: int) -> str:
        trajectory, result = run(market, config, agent, state, index, "train")
        told = b"".join(np.ascontiguousarray(trajectory[name]).tobytes() for name in sorted(trajectory))
        return hashlib.sha256(told + result.model_dump_json().encode()).hexdigest()

    forwards = [fingerprint(index) for index in range(4)]
    backwards = [fingerprint(index) for index in reversed(range(4))]
    with ThreadPoolExecutor(4) as pool:
        crowd = list(pool.map(fingerprint, range(4)))
    assert forwards == backwards[::-1] == crowd
    assert len(set(forwards)) == 4


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    ("economics", "market", "replaced"),
    [
        ({"order_value": "0.00"}, {}, 4),
        ({"margin": 0}, {}, 4),
        ({"refund_rate": 1}, {}, 4),
        ({"conversion_rate": 0}, {}, 4),
        ({"order_value": "0.00", "target_cpa": "0.00"}, {"bidding": "target-roas"}, 4),
        ({"target_cpa": "0.00"}, {"bidding": "target-cpa"}, 0),
        ({}, {"hourly_auctions": 1}, 4),
        ({}, {"hourly_auctions": 10**9}, 0),
        ({}, {"audience": 1, "fatigue": 1, "frequency_cap": 1}, 4),
        ({}, {"audience": 100, "frequency_cap": 100}, 0),
        ({}, {"price_median": "0.00"}, 0),
        ({}, {"price_median": "1000000.00", "price_spread": 3}, None),
        ({}, {"price_spread": 0.01, "creative_spread": 10, "click_rate": 1e-6}, 4),
        ({}, {"click_rate": 0.5, "day_shock": 1, "drift": 1, "season": 0.99, "order_spread": 3}, 0),
        ({}, {"change": 3, "change_chance": 1, "over_delivery": 2, "reporting_lag_hours": 10**6}, 0),
    ],
)
def test_the_worst_that_can_be_configured_is_finite(economics: Any, market: Any, replaced: int | None) -> None:
    """At the ends of every range measures are finite, nothing is divided by 0, and worthless episodes are replaced."""
    sizes = {"campaigns_per_batch": 4, "days": 2}
    config = configured(clock={"tick_hours": 6}, simulation=sizes, market=market, economics=economics)
    episodes = played(config)
    scores = episodes.scores(np.zeros(4))
    told = {**vars(scores), **vars(scores.regret), **episodes.summary()}
    arrays = [np.asarray(value) for name, value in told.items() if name != "regret"]
    assert all(np.isfinite(array).all() for array in arrays)
    assert replaced is None or (~scores.counted).sum() == replaced


def test_impossible_markets_are_refused_all_at_once() -> None:
    """Every impossible value of a market is named in one refusal."""
    wrong = {"rivals": 0, "over_delivery": 3, "click_rate": 0, "auction": "third-price", "hurry": 1}
    with pytest.raises(ValidationError) as refused:
        settings(**wrong)
    assert {error["loc"][-1] for error in refused.value.errors()} == set(wrong)
    found = contradictions(settings(fatigue=0.2, frequency_cap=2, own_campaigns=3))
    assert [one.paths[0] for one in found if one.paths[0] != "live_test.days"] == [
        "market.audience",
        "simulation.campaigns_per_batch",
    ]
