"""Bids where the winner pays what it bid: what is learned of rivals whom nobody shows, and how far a bid is shaded."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import lognorm

from gaelp.agents.contract import State, WorldShape
from gaelp.agents.models import bid_landscape, first_price
from gaelp.agents.policies.linear_thompson import LinearThompson
from gaelp.market.auctions.price_curves import PriceCurves
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.parameters import MarketParameters
from tests.support.markets import configured, trained


@cache
def lesson(auction: str) -> tuple[MarketParameters, State]:
    """A market, and linear-thompson's state after four rounds in it."""
    config = configured(3, simulation={"rounds": 4, "batches_per_round": 2}, market={"auction": auction})
    market = calibrate([], config)
    return market, trained(market, config, LinearThompson())[0]


@pytest.mark.parametrize("auction", ["first-price", "second-price"])
def test_the_kind_of_auction_is_told_by_what_was_paid(auction: str) -> None:
    """Only where the winner paid what it bid are bids shaded below worth; before any win nothing is concluded."""
    _, state = lesson(auction)
    worth = np.full((1, len(np.asarray(state["price_median"]))), 8e6)
    assert bid_landscape.pays_its_bid(state) == (auction == "first-price")
    assert np.all((bid_landscape.best_bids(state, worth) < worth) == (auction == "first-price"))
    assert not bid_landscape.pays_its_bid(bid_landscape.nothing(_shape_of(state)))


def _shape_of(state: State) -> WorldShape:
    return WorldShape(*np.asarray(state["clicks"]).shape, 1, 1)


def test_the_rivals_are_learned_from_wins_alone() -> None:
    """What a bid wins, and what it costs, is near the market's truth though no rival's bid was ever seen."""
    market, state = lesson("first-price")
    curves = PriceCurves.of(market)
    median, spread = np.asarray(state["price_median"]), np.asarray(state["price_spread"])
    bids = np.exp(median + np.linspace(-0.5, 0.5, 5)[:, None] * spread)
    spent = bid_landscape.spend_per_auction(state, bids) * 1000
    # The level of traffic and the chance to win are told apart by the bend of the curve only: their product is judged.
    auctions = np.asarray(state["auctions"]).sum(axis=1) / (24 * market.auctions_per_hour)
    assert np.allclose(spent * auctions, curves.spend(bids), rtol=0.15)


@pytest.mark.parametrize("spread", [0.2, 0.6, 1.2])
def test_a_shaded_bid_earns_the_most_and_is_below_worth(spread: float) -> None:
    """No bid of a fine grid earns a thousandth more than the shaded one, from poor to very dear impressions."""
    rivals = lognorm(spread, scale=5e6)
    for worth in (2e6, 5e6, 2e7, 5e8):
        bid = float(first_price.shaded(np.array([[worth]]), np.log([5e6]), np.array([spread]))[0, 0])
        grid = np.geomspace(worth * 1e-3, worth, 20_000)
        assert 0 < bid < worth
        assert rivals.cdf(bid) * (worth - bid) >= 0.999 * (rivals.cdf(grid) * (worth - grid)).max()


def test_bids_too_alike_to_tell_leave_a_typical_rival() -> None:
    """Wins at one single bid say nothing of the rivals: the typical spread around that bid, and no grid's edge."""
    won, ticks = np.zeros((24, 3)), np.zeros((24, 3))
    won[0, 1], ticks[0, 1] = 5000.0, 10.0
    medians = np.log(2e6) + np.linspace(-4, 4, 101)
    median, spread = first_price.fitted(won, ticks, np.log([1e6, 2e6, 4e6]), medians, bid_landscape.SPREADS)
    assert spread == pytest.approx(first_price.TYPICAL_SPREAD, abs=0.05)
    assert median == pytest.approx(np.log(2e6), abs=0.1)


def test_unknown_rivals_are_bid_below_value() -> None:
    """A round that won in first-price auctions and learned no volumes bids half its value, not all of it."""
    state = {**bid_landscape.nothing(_shape_of(lesson("first-price")[1]))}
    at = np.full((4, bid_landscape.BINS), 100.0)
    state |= {"won": at, "won_log_bid": at * np.log(5e6), "paid": at * 5e3}
    worth = np.full((1, 4), 6e6)
    assert np.allclose(bid_landscape.best_bids(state, worth), worth / 2)
    assert not bid_landscape.known(state)


@pytest.mark.parametrize("segments", [1, 2, 6])
def test_rivals_of_other_segments_are_unknown(segments: int) -> None:
    """A state that learned four segments bids half of worth in a world with fewer or more, and never what is no bid."""
    state = lesson("first-price")[1]
    worth = np.full((3, segments), 6e6)
    assert np.array_equal(bid_landscape.best_bids(state, worth), worth / 2)


def test_where_every_tick_was_cut_the_rivals_are_guessed() -> None:
    """Without one tick that a budget did not cut there is no volume to read, and the middle of the grid stands."""
    nothing = np.zeros((24, 3))
    medians = np.linspace(10.0, 14.0, 9)
    fitted = first_price.fitted(nothing, nothing, np.log([1e6, 2e6, 4e6]), medians, bid_landscape.SPREADS)
    assert fitted == (12.0, first_price.TYPICAL_SPREAD)
