"""The platform's own bidder, alone and in a little closed loop with a second-price market."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.special import ndtr

from gaelp.arrays import F8
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.streams import stream
from gaelp.market.world import orders
from gaelp.market.world.autobidder import ERROR, REACH, SIGNIFICANT, STEP, Bidder, Kind, Rules, begin, bids, observed
from tests.support.markets import configured

VALUE = 25e6
CPA, ROAS = 10e6, 2.5
TICKS_A_DAY = 4
MEDIAN, SPREAD = 3.0e6, 0.6  # of the highest rival bid
RATES = np.array([1.0, 2.0, 3.0, 4.0]) * 1e-4  # conversions per impression


def bidder(kind: Kind = "target-cpa", campaigns: int = 3, learning: int = 50, lag_days: float = 1.0) -> Bidder:
    rules = Rules(kind, learning, VALUE, 24 / TICKS_A_DAY, lag_days)
    return begin(campaigns, len(RATES), stream(1, "errors"), rules)


def seen(of: Bidder, cost: float, conversions: int, value: float = 0.0, spendable: float | None = None) -> Bidder:
    """After a tick that was the same for all campaigns."""
    whole = np.ones(len(of.multiplier), np.int64)
    limit = None if spendable is None else whole * int(spendable)
    return observed(of, whole * int(cost), whole * conversions, whole * int(value), limit)


def aimed(of: Bidder, target: float) -> Bidder:
    return bids(of, np.full(len(of.multiplier), target), RATES + np.zeros((len(of.multiplier), 1)))[1]


@dataclass(frozen=True)
class Course:
    """Per day and campaign [D, C]; `wrong` is the spread of the log bid around the true rate's, over segments."""

    cost: F8
    conversions: F8
    wrong: F8
    bidder: Bidder

    def cpa(self, days: slice) -> F8:
        return self.cost[days].sum(axis=0) / self.conversions[days].sum(axis=0)


def loop(
    first: Bidder, target: Callable[[int], float], days: int, auctions: int = 40_000, budget: float = np.inf
) -> Course:
    """Auctions a tick and segment, lognormal rivals, conversions after an exponential lag, a budget a day."""
    state, rng, ticks = first, stream(2, "market"), days * TICKS_A_DAY
    campaigns, later = len(first.multiplier), -np.expm1(-1 / TICKS_A_DAY / first.rules.lag_days)
    pending, left = np.zeros(campaigns, np.int64), np.full(campaigns, budget)
    log = np.zeros((3, ticks, campaigns))
    for tick in range(ticks):
        left = np.full(campaigns, budget) if tick % TICKS_A_DAY == 0 else left
        bid, state = bids(state, np.full(campaigns, target(tick // TICKS_A_DAY)), np.tile(RATES, (campaigns, 1)))
        z = np.log(bid / MEDIAN) / SPREAD
        price = MEDIAN * np.exp(SPREAD**2 / 2) * ndtr(z - SPREAD) / ndtr(z) / 1000
        wins = rng.binomial(auctions, ndtr(z))
        share = np.minimum(left / (wins * price).sum(axis=1), 1.0)[:, None]
        wins = rng.binomial(wins, share)
        cost, bought = np.minimum((wins * price).sum(axis=1), left), rng.binomial(wins, RATES).sum(axis=1)
        soon = rng.binomial(bought, later / 2)
        came = soon + rng.binomial(pending, later)
        limit = left.astype(np.int64) if np.isfinite(budget) else None
        pending, left = pending + bought - came, left - cost
        state = observed(state, cost.astype(np.int64), came, came * int(VALUE), limit)
        log[:, tick] = cost, bought, np.log(bid / RATES).std(axis=1)
    cost, bought, wrong = log.reshape(3, days, TICKS_A_DAY, campaigns)
    return Course(cost.sum(axis=1), bought.sum(axis=1), wrong[:, 0], state)


def test_bids_are_the_targets_worth_of_the_estimated_rate() -> None:
    """A CPA target is what a conversion may cost, a ROAS target divides its value; both times rate and multiplier."""
    for kind, target, worth in (("target-cpa", CPA, CPA), ("target-roas", ROAS, VALUE / ROAS)):
        fresh = replace(bidder(kind), multiplier=np.array([1.0, 2.0, 0.5]))
        exact = replace(fresh, error=np.zeros((3, 4)))
        bid, _ = bids(exact, np.full(3, target), np.tile(RATES, (3, 1)))
        assert np.allclose(bid, 1000 * worth * RATES * fresh.multiplier[:, None], atol=1)
        wrong, _ = bids(fresh, np.full(3, target), np.tile(RATES, (3, 1)))
        assert np.allclose(np.log(wrong / bid), ERROR * fresh.error, atol=1e-4)


def test_without_a_usable_target_there_is_no_bid() -> None:
    """Targets of 0, NaN and infinity bid 0 everywhere, and the target before stays in force."""
    known = aimed(bidder(campaigns=4), CPA)
    bid, after = bids(known, np.array([0.0, np.nan, np.inf, CPA]), np.tile(RATES, (4, 1)))
    assert not bid[:3].any()
    assert bid[3].all()
    assert np.array_equal(after.target, np.full(4, CPA))
    never, unaimed = bids(bidder(campaigns=2), np.zeros(2), np.tile(RATES, (2, 1)))
    assert not never.any()
    assert np.array_equal(seen(unaimed, 0, 0).multiplier, np.ones(2))


@pytest.mark.parametrize("kind", ["target-cpa", "target-roas"])
@pytest.mark.parametrize("target", [1e-300, 1e300])
def test_absurd_targets_give_finite_bids(kind: Kind, target: float) -> None:
    """However large or small the target, bids are between 0 and the largest one, and the state stays finite."""
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        bid, after = bids(bidder(kind), np.full(3, target), np.tile([0.0, 1e-9, 0.5, 1.0], (3, 1)))
        after = seen(after, 1e6, 1, VALUE)
    assert bid.min() >= 0
    assert bid.max() <= 10**12
    assert np.all((after.multiplier >= 1 / REACH) & (after.multiplier <= REACH))


def test_orders_worth_nothing_give_no_bids() -> None:
    """An order value of 0 under a ROAS target bids nothing and leaves the state finite."""
    worthless = bidder("target-roas")
    worthless = replace(worthless, rules=replace(worthless.rules, order_value_micros=0.0))
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        bid, after = bids(worthless, np.full(3, ROAS), np.tile(RATES, (3, 1)))
        assert not bid.any()
        assert np.isfinite(seen(after, 0, 3).multiplier).all()


def test_the_estimate_gets_better_with_conversions_and_stays_wrong_in_the_same_direction() -> None:
    """The error of the log estimate is ERROR at first, half of it when learning ends, and a quarter at five times."""
    for conversions, spread in ((0, ERROR), (50, ERROR / 2), (250, ERROR / 4)):
        state = seen(aimed(bidder(campaigns=400), CPA), 0, conversions)
        assert state.learning.all() == (conversions < 50)
        bid, _ = bids(replace(state, multiplier=np.ones(400)), np.full(400, CPA), np.tile(RATES, (400, 1)))
        off = np.log(bid / (1000 * CPA * RATES))
        assert np.allclose(off, spread * state.error, atol=1e-4)
        assert off.std() == pytest.approx(spread, rel=5 / np.sqrt(2 * 1600))


def test_the_bidder_waits_for_conversions_that_are_not_due() -> None:
    """Where orders come late but cost what the target says, the multiplier stays at 1 from the first tick on."""
    plain = replace(calibrate([], configured()), order_value_micros=VALUE, order_spread=0.0, refund_rate=0.0)
    for lag_days in (0.1, 1.0, 5.0):
        market = replace(plain, lag_days=lag_days, window_days=1000.0)
        arrivals = orders.Arrivals.empty(30, (1, 1, 1))
        for tick in range(30):
            conversions, response = np.full((1, 1, 1), 20_000), stream(3, "orders", tick)
            bought = orders.draw(conversions, market, 24 / TICKS_A_DAY, response)
            orders.add_arrivals(bought, tick, arrivals)
        for kind, target in (("target-cpa", CPA), ("target-roas", VALUE / CPA)):
            state = aimed(bidder(kind, campaigns=1, lag_days=lag_days), target)
            for came, value in zip(arrivals.matured_conversions.ravel(), arrivals.revenue_micros[:, 0], strict=True):
                state = seen(state, 20_000 * CPA, int(came), float(value))
                assert state.multiplier[0] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("kind", "target"), [("target-cpa", CPA), ("target-roas", ROAS)])
def test_realised_cost_comes_to_the_target_in_the_long_run(kind: Kind, target: float) -> None:
    """Second prices leave the first days at least a tenth off; the last of 40 days are within 5 % on average."""
    course = loop(bidder(kind, campaigns=60), lambda day: target, 40)
    assert course.cpa(slice(0, 2)).mean() < 0.9 * CPA
    assert course.cpa(slice(25, 40)).mean() == pytest.approx(CPA, rel=0.05)
    assert not course.bidder.learning.any()


def test_the_learning_phase_errs_more() -> None:
    """Bids between segments, and cost per conversion between campaigns, are further off in the first days."""
    course = loop(bidder(campaigns=100, learning=400), lambda day: CPA, 40)
    assert course.wrong[0].mean() > 2 * course.wrong[-1].mean()
    early, late = (np.log(course.cpa(days)) for days in (slice(0, 2), slice(38, 40)))
    assert np.abs(early - np.log(CPA)).mean() > 2 * np.abs(late - np.log(CPA)).mean()


def test_a_significant_change_of_the_target_starts_the_learning_anew() -> None:
    """A new target of more than 20 % clears what was seen and brings the errors back; smaller ones add up to that."""
    learned = seen(aimed(bidder(), CPA), 500 * CPA, 500)
    for factor, anew in ((1.15, False), (0.85, False), (1.3, True), (0.7, True)):
        after = aimed(learned, factor * CPA)
        assert np.all(after.learning == anew)
        assert np.all((after.conversions == 0) == anew)
        assert np.all((after.cost_micros == 0) == anew)
        assert np.array_equal(after.target, np.full(3, factor * CPA))
    assert aimed(aimed(learned, 1.15 * CPA), 1.15**2 * CPA).learning.all()
    assert SIGNIFICANT == 0.2
    course = loop(bidder(campaigns=30), lambda day: CPA if day < 20 else 0.6 * CPA, 60)
    assert course.wrong[20].mean() > 2 * course.wrong[19].mean()
    assert course.cpa(slice(10, 20)).mean() == pytest.approx(CPA, rel=0.05)
    assert course.cpa(slice(45, 60)).mean() == pytest.approx(0.6 * CPA, rel=0.05)


def test_a_roas_target_counts_value_and_a_cpa_target_conversions() -> None:
    """Dear orders raise the bids towards a ROAS whatever their number; a CPA target does not look at their value."""
    for kind, target, counts in (("target-cpa", CPA, True), ("target-roas", VALUE / CPA, False)):
        state = aimed(bidder(kind), target)
        many, dear = seen(state, 10 * CPA, 100, 0.0), seen(state, 10 * CPA, 0, 100 * VALUE)
        up, down = (many, dear) if counts else (dear, many)
        assert np.all(up.multiplier > 1)
        assert np.all(down.multiplier < 1)


def test_no_surprise_moves_the_bids_by_more_than_a_step() -> None:
    """Thousands of conversions for nothing, or a fortune for none, change the log multiplier by STEP at the most."""
    state = aimed(bidder(), CPA)
    assert np.allclose(np.log(seen(state, 0, 10_000).multiplier), STEP)
    assert np.allclose(np.log(seen(state, 10**6 * CPA, 0).multiplier), -STEP)


def test_where_the_market_has_no_more_the_multiplier_stops() -> None:
    """With everything won below the target the multiplier ends at REACH, and the realised cost stays below it."""
    state = aimed(bidder(), 20 * CPA)
    for _ in range(400):
        before, state = state.multiplier, seen(state, 10 * CPA, 10)
        assert np.all(state.multiplier <= before * np.exp(STEP) + 1e-12)
    assert np.array_equal(state.multiplier, np.full(3, REACH))
    assert np.allclose(state.realised, CPA)


def test_a_budget_that_is_used_up_does_not_raise_the_bids() -> None:
    """Where no money is left a surplus changes nothing, and a deficit still lowers the bids."""
    state = aimed(bidder(), CPA)
    for cost, spendable in ((0, 0), (0, 2_000), (CPA, CPA), (99 * CPA, 100 * CPA)):
        assert np.array_equal(seen(state, cost, 4000, spendable=spendable).multiplier, np.ones(3))
        assert np.all(seen(state, cost, 4000).multiplier > 1)
        assert np.all(seen(state, cost, 4000, spendable=2 * cost + CPA).multiplier > 1)
    assert np.all(seen(state, 100 * CPA, 0, spendable=100 * CPA).multiplier < 1)


def test_under_a_budget_that_binds_a_loose_target_is_not_spent_for_its_own_sake() -> None:
    """A target far above what the budget's conversions cost leaves their cost where it is, below the target."""
    course = loop(bidder(campaigns=60), lambda day: 3 * CPA, 30, budget=5 * CPA)
    assert np.all(course.cost <= 5 * CPA + 1)
    assert course.cpa(slice(20, 30)).mean() < 1.05 * course.cpa(slice(0, 10)).mean() < 2 * CPA


def test_realised_target_is_a_number_only_where_something_happened() -> None:
    """CPA and ROAS since the last significant change; NaN before the first conversion or the first cost."""
    for kind, found in (("target-cpa", 2 * CPA), ("target-roas", 1.25)):
        state = aimed(bidder(kind), 1.0)
        assert np.isnan(state.realised).all()
        assert np.allclose(seen(state, 2 * CPA, 1, 2.5 * CPA).realised, found)


def test_errors_are_drawn_once_from_the_stream() -> None:
    """Equal streams give bit-equal bidders, and bidding or observing draws nothing."""
    first, second = bidder(), bidder()
    assert np.array_equal(first.error, second.error)
    assert np.array_equal(seen(aimed(first, CPA), CPA, 1).error, second.error)
