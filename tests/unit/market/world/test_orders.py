"""Orders after clicks: arrival, value, refunds. Levels are five standard errors at fixed seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.streams import stream
from gaelp.market.world.orders import REFUND_HOURS, Arrivals, Orders, add_arrivals, draw, mean_lag_days
from tests.support.markets import configured

COUNT = 100_000
PLAIN = replace(
    calibrate([], configured()),
    lag_days=1.0,
    window_days=60.0,
    order_value_micros=25_000_000,
    order_spread=0.5,
    refund_rate=0.0,
)


def drawn(conversions: Any = COUNT, seed: int = 1, tick_hours: float = 24, **options: Any) -> Orders:
    """Orders of one campaign, segment and creative, or of the counts given."""
    counts = np.array(conversions, np.int64).reshape(1, 1, 1) if np.ndim(conversions) == 0 else np.array(conversions)
    return draw(counts, replace(PLAIN, **options), tick_hours, stream(seed, "orders"))


def booked(ticks: int, tick: int = 0, **options: Any) -> Arrivals:
    arrivals = Arrivals.empty(ticks, (1, 1, 1))
    add_arrivals(drawn(**options), tick, arrivals)
    return arrivals


def arrived_by(hours: Any, lag_days: float) -> Any:
    """Share of exponential lags that are over."""
    return -np.expm1(-np.maximum(hours, 0.0) / (24.0 * lag_days))


def test_every_conversion_is_one_order_of_its_cell() -> None:
    """Orders are in the order of the cells, as many as conversions, and none where there was none."""
    counts = np.array([[[0, 2], [1, 0]], [[0, 0], [3, 1]]])
    assert drawn(counts).cell.tolist() == [1, 1, 2, 6, 6, 6, 7]
    empty, arrivals = drawn(np.zeros((2, 2, 2), np.int64)), Arrivals.empty(3, (2, 2, 2))
    add_arrivals(empty, 0, arrivals)
    assert len(empty.cell) == 0
    assert not arrivals.matured_conversions.any()
    assert not arrivals.revenue_micros.any()


@pytest.mark.parametrize("tick_hours", [6, 24])
def test_orders_arrive_exponentially_after_a_click_within_the_tick(tick_hours: int) -> None:
    """The share that has arrived by the end of each tick is the exponential lag's, averaged over the click's hour."""
    arrived = np.cumsum(booked(5, tick_hours=tick_hours).matured_conversions.ravel()) / COUNT
    middle = (np.arange(2000) + 0.5) / 2000
    expected = [arrived_by(tick_hours * (periods - middle), 1.0).mean() for periods in range(1, 6)]
    assert np.allclose(arrived, expected, atol=5 * 0.5 / np.sqrt(COUNT))


@pytest.mark.parametrize("window_days", [1.0, 7.0])
def test_attribution_looks_no_further_than_its_window(window_days: float) -> None:
    """With lags of five days on average every order comes within the window of its click, and none is lost to it."""
    orders = drawn(tick_hours=1, lag_days=5.0, window_days=window_days)
    assert len(orders.period) == COUNT and orders.period.max() <= 24 * window_days
    assert orders.period.max() > 24 * window_days - 1
    days = orders.period.mean() / 24  # the click's half hour and the half that the period rounds off cancel
    assert days == pytest.approx(mean_lag_days(5.0, window_days), abs=5 * window_days / np.sqrt(12 * COUNT))


def test_a_window_of_many_lags_cuts_nothing_and_of_few_all_alike() -> None:
    """The mean is then the lag's own, or half the window, also where an exponential is beyond what a float can tell."""
    assert mean_lag_days(1.0, 60.0) == pytest.approx(1.0) and mean_lag_days(0.001, 90.0) == 0.001
    assert mean_lag_days(1e17, 7.0) == 3.5 == pytest.approx(mean_lag_days(1e5, 7.0), rel=1e-4)


def test_what_is_late_appears_nowhere() -> None:
    """Clicks of a later tick see fewer of their orders arrive, exactly those within the horizon, revenue included."""
    orders = drawn(order_spread=0.0)
    early, late = (Arrivals.empty(5, (1, 1, 1)) for _ in range(2))
    add_arrivals(orders, 0, early)
    add_arrivals(orders, 3, late)
    assert np.array_equal(late.matured_conversions[3:], early.matured_conversions[:2])
    assert not late.matured_conversions[:3].any()
    assert late.matured_conversions.sum() == (orders.period < 2).sum() < COUNT
    assert np.array_equal(late.revenue_micros, late.matured_conversions[..., 0, 0] * 25_000_000)


@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_order_values_are_lognormal_with_the_configured_mean(spread: float) -> None:
    """The mean is the order value, the log's standard deviation the spread, and the tail is heavy."""
    value = drawn(order_spread=spread).value_micros
    relative = np.sqrt(np.expm1(spread**2))
    assert abs(value.mean() / 25_000_000 - 1) < 5 * relative / np.sqrt(COUNT)
    assert np.log(value).std() == pytest.approx(spread, abs=5 * spread / np.sqrt(2 * COUNT))
    assert (value > value.mean()).mean() < 0.5 - 0.1 * spread


def test_without_spread_all_orders_are_alike_and_none_is_beyond_what_a_float_holds() -> None:
    """A spread of 0 gives the order value to the micro; impossible values are cut rather than wrapped around."""
    assert set(drawn(order_spread=0.0, order_value_micros=12_345_678).value_micros) == {12_345_678}
    huge = drawn(order_value_micros=1e18).value_micros
    assert 0 < huge.min() <= huge.max() <= 2**53


def test_refunds_take_back_their_share_of_the_revenue() -> None:
    """In the long run revenue is (1 - refund_rate) of what it would be, while the conversions stay counted."""
    gross, net = booked(400), booked(400, refund_rate=0.3)
    assert np.array_equal(gross.matured_conversions, net.matured_conversions)
    assert net.revenue_micros.sum() / gross.revenue_micros.sum() == pytest.approx(0.7, abs=5 * 0.55 / np.sqrt(COUNT))


def test_a_refund_arrives_three_days_after_its_order_on_average() -> None:
    """Refunds wait exponentially, never come before their order, and late ones are censored like late orders."""
    orders = drawn(tick_hours=1, refund_rate=1.0)
    wait = orders.refund_period - orders.period
    assert wait.min() == 0
    assert abs(wait.mean() - REFUND_HOURS) < 5 * REFUND_HOURS / np.sqrt(COUNT)
    arrivals = booked(3, lag_days=1e-6, refund_rate=1.0, order_spread=0.0)
    middle = (np.arange(2000) + 0.5) / 2000
    left = 1 - arrived_by(24.0 * (3 - middle), REFUND_HOURS / 24).mean()
    assert arrivals.revenue_micros.sum() / (25e6 * COUNT) == pytest.approx(left, abs=5 * 0.5 / np.sqrt(COUNT))
    assert arrivals.revenue_micros[2, 0] < 0


def test_refunds_and_spread_do_not_move_one_another() -> None:
    """Switching one on leaves everything else about the orders bit-equal, and what is drawn next as well."""
    plain = drawn(500)
    for option, field in (("refund_rate", "refunded"), ("order_spread", "value_micros")):
        other = drawn(500, **{option: 0.9})
        for name in Orders.__dataclass_fields__:
            assert np.array_equal(getattr(plain, name), getattr(other, name)) == (name != field)
    first, second = stream(4, "r"), stream(4, "r")
    draw(np.array([[[9]]]), PLAIN, 24, first)
    draw(np.array([[[9]]]), replace(PLAIN, refund_rate=0.5), 24, second)
    assert first.random() == second.random()


def test_arrivals_are_the_orders_added_one_by_one() -> None:
    """Entering orders one by one, over several ticks and cells, gives the same arrivals to the micro."""
    ticks, shape = 6, (3, 2, 2)
    counts = stream(2, "counts").integers(0, 4, (ticks, *shape))
    arrivals = Arrivals.empty(ticks, shape)
    conversions, revenue = np.zeros((ticks, 12), int), np.zeros((ticks, 3), int)
    for tick in range(ticks):
        orders = drawn(counts[tick], seed=tick, refund_rate=0.5)
        add_arrivals(orders, tick, arrivals)
        for n, cell in enumerate(orders.cell):
            arrives, back = tick + orders.period[n], tick + orders.refund_period[n]
            entries = [(arrives, orders.value_micros[n])] + [(back, -orders.value_micros[n])] * bool(orders.refunded[n])
            if arrives < ticks:
                conversions[arrives, cell] += 1
            for when, value in entries:
                if when < ticks:
                    revenue[when, cell // 4] += value
    assert np.array_equal(arrivals.matured_conversions.reshape(ticks, -1), conversions)
    assert np.array_equal(arrivals.revenue_micros, revenue)
