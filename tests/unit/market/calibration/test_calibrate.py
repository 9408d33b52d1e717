"""Calibration from logs, from the real Open Bandit logs where they are, and from nothing."""

from __future__ import annotations

import csv
import gzip
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaelp.market.calibration.calibrate import CalibrationError, calibrate, click_value_micros
from gaelp.market.calibration.shrinkage import click_rates, effects
from gaelp.market.parameters import MarketParameters
from gaelp.records.logs.stored_logs import split
from tests.support.markets import bandit_log, configured

OBD = Path(__file__).resolve().parents[4] / "../shared/data/obd"


def obd(policy: str) -> dict[str, Any]:
    """The real log of campaign "all", without item features."""
    with gzip.open(OBD / policy / "all" / "all.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    times = [datetime.fromisoformat(row["timestamp"]) for row in rows]
    return {
        "time_us": np.array([int(time.timestamp() * 1e6) for time in times]),
        "hour": np.array([time.hour for time in times]),
        "weekday": np.array([time.weekday() for time in times]),
        "action": np.array([int(row["item_id"]) for row in rows]),
        "click": np.array([int(row["click"]) for row in rows]),
        "user_features": np.array([[row[f"user_feature_{k}"] for k in range(4)] for row in rows]),
        "candidate_features": np.zeros((80, 1), np.float32),
    }


def test_market_arrays_have_the_promised_shapes() -> None:
    """Every array that others build on is there, with its shape and kind."""
    market = calibrate([bandit_log(1), bandit_log(2)], configured())
    expected = {
        "ctr": (4, 80),
        "cvr": (4, 80),
        "order_value_micros": (1,),
        "margin": (1,),
        "price_low": (4,),
        "price_cdf": (4, 401),
        "hourly": (168,),
        "auctions_per_hour": (4,),
        "lag_days": (1,),
        "window_days": (1,),
        "day_shock": (1,),
        "candidate_features": (80, 5),
        "segment_feature_index": (1,),
    }
    arrays = market.to_arrays()
    assert {name: arrays[name].shape for name in expected} == expected
    assert all(array.dtype.kind in "iuf" for array in arrays.values())
    assert market.hourly.mean() == pytest.approx(1.0)
    assert market.auctions_per_hour.sum() == pytest.approx(configured().market.hourly_auctions)
    assert market.cvr.mean() == pytest.approx(configured().economics.conversion_rate)


def test_nothing_later_than_the_calibration_share_is_read() -> None:
    """Changing every click of the later part, as records.split cuts it, changes no bit of the market."""
    log = bandit_log(1)
    log["time_us"] = log["time_us"] // 10**10 * 10**10  # many rows of one instant at the cut
    _, later = split(log, configured().historical.calibration_share)
    changed = {**log, "click": log["click"].copy(), "user_features": log["user_features"].copy()}
    rows = len(later["time_us"])
    changed["click"][-rows:], changed["user_features"][-rows:] = 1, "z"
    before, after = (calibrate([rows], configured()).to_arrays() for rows in (log, changed))
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_level_and_spread_are_kept() -> None:
    """CTR keeps the log's level, and between creatives at least the stated spread, also after honest shrinkage."""
    config = configured()
    market = calibrate([bandit_log(1, rows=60_000)], config)
    assert np.log(market.ctr).std(axis=1).min() >= config.market.creative_spread - 1e-9
    assert market.ctr.mean() == pytest.approx(0.004, rel=0.25)


@pytest.mark.parametrize("logs", [(), (bandit_log(1),)])
@pytest.mark.parametrize("rate", [0.0005, 0.3])
def test_a_stated_click_rate_is_the_mean_over_the_traffic(logs: tuple[dict[str, Any], ...], rate: float) -> None:
    """`market.click_rate` sets the level, whatever the log's, and leaves the spread unless rates near 1."""
    market, plain = calibrate(logs, configured(market={"click_rate": rate})), calibrate(logs, configured())
    share = market.auctions_per_hour / market.auctions_per_hour.sum()
    assert (share[:, None] * market.ctr).sum() / market.ctr.shape[1] == pytest.approx(rate, rel=1e-6)
    assert market.ctr.max() <= 1
    if rate < 0.01:
        assert np.allclose(market.ctr / plain.ctr, market.ctr[0, 0] / plain.ctr[0, 0])
    assert 0.0035 < calibrate([], configured()).ctr.mean() < 0.0045


def test_the_auctions_are_those_of_the_configuration() -> None:
    """Kind of auction, reserve, rivals, organic share and the spread of orders reach the market."""
    stated = {"auction": "first-price", "reserve_price": "1.50", "rivals": 3, "organic_share": 0.2, "order_spread": 0.7}
    market = calibrate([], configured(market=stated))
    reached = (market.first_price, market.reserve_micros, market.rivals, market.organic_share, market.order_spread)
    assert reached == (True, 1_500_000.0, 3, 0.2, 0.7)


def test_few_clicks_are_shrunken_and_many_are_believed() -> None:
    """Forty clicks leave creatives nearly alike; a million rows show the better one."""
    rng = np.random.default_rng(1)
    rows = np.full((2, 20), 250)
    few = click_rates(rows, rng.binomial(rows, 0.004))
    assert np.log(few).std() < 0.2
    many = rows * 200
    truth = np.where(np.arange(20) == 3, 0.02, 0.004) * np.ones((2, 1))
    rates = click_rates(many, rng.binomial(many, truth))
    assert np.allclose(rates[:, 3], 0.02, rtol=0.15) and np.allclose(np.delete(rates, 3, axis=1), 0.004, rtol=0.35)
    assert effects(np.zeros(3), np.zeros(3))[0] == pytest.approx(1.0)


def test_the_best_balanced_user_feature_makes_the_segments() -> None:
    """Common values get a segment each, rare and unknown ones the last, here and when rows are assigned later."""
    log = bandit_log(1)
    market = calibrate([log], configured())
    segmentation = market.segmentation
    assert segmentation.feature_index == 1
    assigned, named = segmentation.assign(log["user_features"]), segmentation.values
    assert len(named) == 3 and set(assigned) == {0, 1, 2, 3}
    assert np.all(log["user_features"][assigned == 1, 1] == named[1])
    assert segmentation.assign(np.array([["x", "never seen"]]))[0] == 3


def test_one_or_no_user_feature_gives_one_segment() -> None:
    """A log without user features is a market of one segment."""
    log = bandit_log(1)
    log["user_features"] = np.empty((len(log["click"]), 0), np.str_)
    market = calibrate([log], configured())
    assert market.ctr.shape == (1, 80)
    assert market.segmentation.assign(log["user_features"]).max() == 0


def test_the_root_seed_does_not_change_the_audience() -> None:
    """No log: twelve candidates, bit-equal whatever the root seed; with a log, other items mean another audience."""
    first, other = (calibrate([], configured(seed)) for seed in (1, 2))
    assert first.ctr.shape == (4, 12)
    arrays, others = first.to_arrays(), other.to_arrays()
    assert all(np.array_equal(arrays[name], others[name]) for name in arrays)
    log = bandit_log(1)
    renamed = {**log, "candidate_features": log["candidate_features"][::-1]}
    assert not np.array_equal(calibrate([log], configured(1)).ctr, calibrate([renamed], configured(1)).ctr)


def test_the_hourly_curve_follows_the_log() -> None:
    """An hour with five times the traffic weighs more in every weekday, also those never seen."""
    log = bandit_log(1, rows=20_000)
    log = {name: values[:] for name, values in log.items()}
    noon = np.flatnonzero(log["hour"] == 12).repeat(4)
    for name in ("time_us", "hour", "weekday", "action", "click", "user_features"):
        log[name] = np.concatenate([log[name], log[name][noon]])
    hourly = calibrate([log], configured()).hourly.reshape(7, 24)
    assert np.all(hourly.argmax(axis=1) == 12)
    assert hourly[:, 12].min() > 2.5


def test_click_value_is_the_product_of_the_economics() -> None:
    """Rate x order value x margin x (1 - refunds), in micros."""
    config = configured(economics={"conversion_rate": 0.1, "order_value": "50.00", "margin": 0.4, "refund_rate": 0.5})
    assert click_value_micros(config.economics) == 1_000_000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"time_us": np.array([], np.int64)}, "has no rows"),
        ({"candidate_features": np.zeros((3, 5), np.float32)}, "calibrate on logs of one campaign"),
    ],
)
def test_a_log_that_cannot_calibrate_is_refused(change: dict[str, Any], said: str) -> None:
    """The refusal names the log and the remedy."""
    with pytest.raises(CalibrationError, match=said) as refused:
        calibrate([bandit_log(1), {**bandit_log(2), **change}], configured())
    assert "log 2" in str(refused.value)


def test_an_item_that_is_not_listed_is_refused() -> None:
    """An action beyond the candidates is an error, not another candidate's click."""
    with pytest.raises(CalibrationError, match="lists only 80"):
        calibrate([{**bandit_log(1), "action": np.full(4000, 80)}], configured())


@pytest.mark.skipif(not OBD.exists(), reason="the Open Bandit logs are not here")
def test_the_real_logs_calibrate() -> None:
    """On the real Open Bandit logs CTR is realistic, the curve is the log's, and the segments are balanced."""
    market = calibrate([obd("random"), obd("bts")], configured())
    assert 0.003 < market.ctr.mean() < 0.006
    assert market.segmentation.feature_index == 2
    assert market.auctions_per_hour.min() > 0.1 * market.auctions_per_hour.sum()
    assert market.hourly.reshape(7, 24).mean(axis=0).argmin() in range(16, 22)


def test_a_market_survives_the_content_store() -> None:
    """Read back from its arrays a market is the same to the bit, names of segments included."""
    for market in (calibrate([bandit_log(1)], configured()), calibrate([], configured())):
        arrays = market.to_arrays()
        again = MarketParameters.from_arrays({**arrays, "unknown": np.zeros(1)})
        assert again.segmentation == market.segmentation and again.first_price is market.first_price
        for name, array in again.to_arrays().items():
            assert array.dtype == arrays[name].dtype and np.array_equal(array, arrays[name])


@pytest.mark.parametrize("name", ["ctr", "price_cdf", "margin", "segment_values"])
def test_arrays_that_are_no_market_are_refused_by_name(name: str) -> None:
    """A market that lacks one of its arrays is refused, and the message names the array."""
    arrays = calibrate([], configured()).to_arrays()
    del arrays[name]
    with pytest.raises(ValueError, match=f"the market has no array '{name}'"):
        MarketParameters.from_arrays(arrays)
