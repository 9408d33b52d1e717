"""A market log makes the market that a run trains in. Touch with gaelp/market/calibration/market_log.py."""

from __future__ import annotations

import gzip
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaelp.agents.contract import Decision
from gaelp.market.auctions.price_curves import PriceCurves
from gaelp.market.calibration.calibrate import SYNTHETIC_CTR, CalibrationError, calibrate
from gaelp.market.episodes.episode import Episodes
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from gaelp.market.world.drawn_world import draw_world
from gaelp.records.logs.stored_logs import split
from tests.support.markets import auction_log, bandit_log, configured

IPINYOU = Path(__file__).resolve().parents[4] / "../shared/data/ipinyou_1458"


def win_rates(market: MarketParameters, bids: list[float], unit: float) -> np.ndarray:
    """P(win) [bids, S] of bids in the log's unit, of which 1 is `unit` micros."""
    curves = PriceCurves.of(market)
    return np.stack([curves.win_rate(np.full(len(market.ctr), bid * unit)) for bid in bids])


def test_the_prices_of_each_exchange_are_the_logs() -> None:
    """At every whole bid the share won lies, within a point for the hours' sake, between the shares of earlier prices
    below and not above it; their median is `market.price_median`, in a second and in a first-price market alike."""
    log = auction_log(1)
    early, _ = split(log, 0.5)
    for auction in ("second-price", "first-price"):
        market = calibrate([log], configured(market={"price_median": "2.00", "auction": auction}))
        median = np.sort(early["market_price"])[(len(early["market_price"]) - 1) // 2]
        assert market.segmentation.values == ("a",)
        for at, exchange in enumerate("ab"):
            prices = early["market_price"][early["exchange"] == exchange]
            for bid, won in zip(
                [1, 20, 57, 200, 300], win_rates(market, [1, 20, 57, 200, 300], 2e6 / median), strict=True
            ):
                assert (prices < bid).mean() - 0.01 <= won[at] <= (prices <= bid).mean() + 0.01


def test_clicks_hours_and_shares_are_the_logs() -> None:
    """Exchange b has twice the click rate and a quarter of the traffic, and evenings are nearly three times as busy."""
    market = calibrate([auction_log(1, rows=200_000)], configured())
    assert market.ctr.shape == (2, configured().market.creatives)
    assert market.ctr.mean(axis=1) == pytest.approx([0.005, 0.01], rel=0.15)
    assert market.auctions_per_hour / market.auctions_per_hour.sum() == pytest.approx([0.75, 0.25], abs=0.01)
    curve = market.hourly.reshape(7, 24).mean(axis=0)
    assert 2.3 < curve[18:].mean() / curve[:18].mean() < 3  # three days, shrunken to the mean


def test_creatives_that_the_log_names_are_the_markets() -> None:
    """Three creatives, of which the last is clicked three times as often."""
    market = calibrate([auction_log(1, rows=200_000, creatives=True)], configured())
    assert market.ctr.shape == (2, 3) and market.candidate_features.shape == (3, 3)
    assert market.ctr[:, 2] / market.ctr[:, :2].mean(axis=1) == pytest.approx([3, 3], rel=0.25)


def test_beside_a_bandit_log_it_gives_prices_alone() -> None:
    """Segments, items, click rates and hours are the bandit log's, and all its segments have the prices of all."""
    bandit, log = bandit_log(1), auction_log(1)
    alone, beside = calibrate([bandit], configured()), calibrate([log, bandit], configured())
    assert np.array_equal(alone.ctr, beside.ctr) and np.array_equal(alone.hourly, beside.hourly)
    early, _ = split(log, 0.5)
    median = np.sort(early["market_price"])[(len(early["market_price"]) - 1) // 2]
    won = win_rates(beside, [40.5], 5.5e6 / median)[0]
    assert won == pytest.approx(np.full(4, (early["market_price"] <= 40).mean()), abs=0.01)


def test_several_market_logs_are_refused() -> None:
    """In whatever order, and with a bandit log between them: no log's prices are left out in silence."""
    one, other = auction_log(1), auction_log(2)
    for logs in ([one, other], [other, bandit_log(1), one]):
        with pytest.raises(CalibrationError, match=r"2 of the logs are market logs.*ingest .* as one file"):
            calibrate(logs, configured())


def test_nothing_later_than_the_calibration_share_changes_the_market() -> None:
    """Neither prices nor clicks of the later part; equal logs give equal bits, whatever the root seed."""
    log = auction_log(1)
    _, later = split(log, 0.5)
    changed = {**log, **{key: log[key].copy() for key in ("market_price", "click", "exchange")}}
    rows = len(later["click"])
    changed["market_price"][-rows:], changed["click"][-rows:], changed["exchange"][-rows:] = 1, 1, "c"
    markets = [calibrate([each], configured(seed)).to_arrays() for each, seed in ((log, 7), (changed, 7), (log, 8))]
    for other in markets[1:]:
        assert all(np.array_equal(markets[0][name], other[name]) for name in other)


def dear_evenings(seed: int) -> dict[str, Any]:
    """A log of one exchange in which an auction from 18 to 23 h costs three times as much."""
    log = auction_log(seed, rows=200_000, exchanges=False)
    return log | {"market_price": np.where(log["hour"] >= 18, 3, 1) * np.minimum(log["market_price"], 100)}


def test_the_prices_of_each_hour_are_the_logs() -> None:
    """At every bid an hour wins within 2 points of what its own earlier prices allow, and all hours together, by their
    traffic, what the prices of all hours do, by which the optimum of a day is found."""
    log = dear_evenings(1)
    early, _ = split(log, 0.5)
    market = calibrate([log], configured())
    unit = 5.5e6 / np.sort(early["market_price"])[(len(early["market_price"]) - 1) // 2]
    hours = PriceCurves.by_hour(market)
    for hour, bid in product(range(24), (20, 57, 120)):
        prices = early["market_price"][early["hour"] == hour]
        won = hours[hour].win_rate(np.array([bid * unit]))[0]
        assert (prices < bid).mean() - 0.02 <= won <= (prices <= bid).mean() + 0.02
    weight = market.hourly.reshape(7, 24).sum(axis=0) / market.hourly.sum()
    for bid in (20.0, 57.0, 120.0, 300.0):
        bids = np.full(len(market.ctr), bid * unit)
        together = weight @ np.stack([each.win_rate(bids) for each in hours])
        assert together == pytest.approx(PriceCurves.of(market).win_rate(bids), abs=1e-9)
    assert np.array_equal(MarketParameters.from_arrays(market.to_arrays()).prices.by_hour, market.prices.by_hour)


@pytest.mark.parametrize("resolution", ["aggregate", "per-auction"])
@pytest.mark.parametrize("tick_hours", [1, 24])
def test_a_campaign_meets_the_prices_of_each_hour(resolution: str, tick_hours: int) -> None:
    """A steady bid wins in the evening what the evening's prices allow, and a day's tick wins the hours' sum; no budget
    is overspent by a micro."""
    log = dear_evenings(1)
    config = configured(
        market={"resolution": resolution, "hourly_auctions": 2000}, clock={"tick_hours": tick_hours},
        simulation={"campaigns_per_batch": 8},
    )  # fmt: skip
    market = calibrate([log], config)
    early, _ = split(log, 0.5)
    unit = 5.5e6 / np.sort(early["market_price"])[(len(early["market_price"]) - 1) // 2]
    for budget, binds in ((10**15, False), (3_000_000, True)):
        world = replace(draw_world(market, config, stream(1, "world")), daily_budget_micros=budget)
        episodes = Episodes(market, config, world, stream(1, "response"))
        won, shape = np.zeros(24 // tick_hours), (world.campaigns, *market.ctr.shape)
        steady = Decision(np.full(shape[:2], round(57.5 * unit)), np.full(shape, 1 / shape[2]))
        for tick in range(24 // tick_hours):
            played = episodes.step(steady)
            won[tick] = played.impressions.sum()
            assert (played.cost_micros.sum(axis=(1, 2)) <= played.spendable_micros).all()
        allowed = np.array([(early["market_price"][early["hour"] == hour] <= 57).mean() for hour in range(24)])
        traffic = world.traffic[:, :24].sum(axis=(0, 2))
        expected = (allowed * traffic).reshape(-1, tick_hours).sum(axis=1)
        if binds:
            assert won.sum() < expected.sum() / 2
        else:
            assert won == pytest.approx(expected, rel=0.1)


def test_without_times_every_hour_has_the_same_prices() -> None:
    """As campaign 1458 of the public log, whose rows have none."""
    unknown = {key: np.full(20_000, -1) for key in ("time_us", "hour", "weekday")}
    assert calibrate([auction_log(1) | unknown], configured()).prices.by_hour is None


@pytest.mark.parametrize(("changed", "rate"), [({"click": -1}, SYNTHETIC_CTR), ({"time_us": -1, "hour": -1}, 0.006)])
def test_what_a_log_does_not_know_is_assumed(changed: dict[str, int], rate: float) -> None:
    """Without clicks the level is that of no log; without times every hour is alike, and the rest is the log's."""
    log = auction_log(1, rows=100_000)
    market = calibrate([log | {key: np.full(100_000, value) for key, value in changed.items()}], configured())
    assert np.average(market.ctr.mean(axis=1), weights=market.auctions_per_hour) == pytest.approx(rate, rel=0.1)
    assert bool(np.ptp(market.hourly) == 0) is ("time_us" in changed)


def test_a_log_without_a_price_level_is_refused() -> None:
    """Where half of the prices are 0 there is no level to put them to."""
    log = auction_log(1)
    log["market_price"] = np.where(np.arange(20_000) % 3 > 0, 0, log["market_price"])
    with pytest.raises(CalibrationError, match="half of the market log's prices are 0"):
        calibrate([log], configured())


@pytest.mark.skipif(not IPINYOU.exists(), reason="the shared logs are not here")
def test_the_prices_of_a_public_log_are_not_smeared() -> None:
    """At every whole bid up to 301 the market of campaign 1458 wins what its earlier half allows."""
    with gzip.open(next(IPINYOU.glob("*train*")), "rt") as file:
        rows = np.array([line.split()[:2] for line in file], np.int64)
    log: dict[str, Any] = {
        "time_us": np.full(len(rows), -1), "hour": np.full(len(rows), -1), "weekday": np.full(len(rows), -1),
        "market_price": rows[:, 1], "click": rows[:, 0], "exchange": np.full(len(rows), ""),
        "creative": np.full(len(rows), ""),
    }  # fmt: skip
    early = np.sort(rows[: len(rows) // 2, 1])
    bids = np.arange(1, 302)
    unit = 5.5e6 / early[(len(early) - 1) // 2]
    won = win_rates(calibrate([log], configured()), [float(bid) for bid in bids], unit)[:, 0]
    assert (np.searchsorted(early, bids) / len(early) <= won + 1e-9).all()
    assert (won <= np.searchsorted(early, bids, side="right") / len(early) + 1e-9).all()
