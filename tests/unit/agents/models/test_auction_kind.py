"""How a campaign finds out that it pays what it bids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gaelp.agents.contract import State, WorldShape
from gaelp.agents.models import auction_kind, bid_landscape, learned_market
from gaelp.arrays import F8
from tests.support.markets import observation

BIDS = np.tile([6_000_000.0, 9_000_000.0], (3, 1))


def taught(first_price: bool) -> State:
    """What was learned of two segments whose rivals bid around 5 a thousand, in an auction of this kind."""
    state = learned_market.nothing(WorldShape(2, 3, 2, 3))
    state |= {"price_median": np.full(2, np.log(5e6)), "price_spread": np.full(2, 0.6), "auctions": np.ones((2, 24))}
    state["won"] = np.full(state["won"].shape, 10.0)
    return auction_kind.as_if(state, first_price)


def pays(state: State, price: F8, impressions: int) -> list[bool]:
    """What is found after one tick of so many impressions in each cell at a price of a thousand, f8[C, S]."""
    before = auction_kind.watched(state, observation(3, 2, 3), np.zeros((3, auction_kind.COLUMNS)))[0]
    memory = auction_kind.noted(before, BIDS)
    shown = np.full((3, 2, 3), impressions)
    seen = replace(
        observation(3, 2, 3), impressions=shown, cost_micros=np.round(shown * price[:, :, None] / 1000).astype(np.int64)
    )
    found: list[bool] = auction_kind.watched(state, seen, memory)[1].tolist()
    return found


@pytest.mark.parametrize("first_price", [False, True])
def test_it_follows_what_was_paid_and_not_where_it_learned(first_price: bool) -> None:
    """Who pays its bids, or what a sibling bids who bids nearly the same, pays them; who pays rivals' bids does not."""
    state = taught(first_price)
    usual = bid_landscape.mean_second_price(state, BIDS[:1])[0]
    price = np.stack([BIDS[0], 0.97 * BIDS[0], usual])
    assert pays(state, price, 1_000) == [True, True, False]


@pytest.mark.parametrize("first_price", [False, True])
def test_before_it_has_won_enough_it_believes_what_it_learned(first_price: bool) -> None:
    """Ten impressions say nothing."""
    assert pays(taught(first_price), BIDS, 10) == [first_price] * 3


def test_prices_a_fifth_higher_are_no_first_price() -> None:
    """The audit moves the level of prices, and the kind of auction is still told."""
    state = taught(False)
    usual = bid_landscape.mean_second_price(state, BIDS[:1])[0]
    assert pays(state, np.tile(1.1 * usual, (3, 1)), 1_000) == [False] * 3


def test_the_state_is_read_as_of_either_kind() -> None:
    """`as_if` says which kind the landscape is for, and changes nothing else."""
    state = taught(False)
    assert not bid_landscape.pays_its_bid(state)
    other = auction_kind.as_if(state, True)
    assert bid_landscape.pays_its_bid(other)
    assert all(np.array_equal(state[name], other[name]) for name in state if name != "paid")
