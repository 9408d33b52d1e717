"""Whether a campaign pays what it bids, found out while it runs: by what it paid of what it offered.

The auction in which an agent plays may be of another kind than the one it learned in, and a campaign of ours may meet
another one that bids the same, whose bid is then the price. What was offered is known from the bids that the memory
carries. Touch this to tell the kinds apart otherwise. C campaigns, S segments.
"""

from __future__ import annotations

import numpy as np

from gaelp.agents.contract import Observation, State
from gaelp.agents.models import bid_landscape
from gaelp.arrays import B1, F8

SEGMENTS = 16  # whose bids the memory carries: the first ones
COLUMNS = 3 + 2 * SEGMENTS  # offered, expected and paid so far; then the last bids, and the impressions before them
ENOUGH = 300.0  # impressions before which a campaign is taken to be where the agent learned
UNCLEAR = 0.97  # an expected price above this share of the bid tells the kinds apart no more


def watched(state: State, observation: Observation, memory: F8) -> tuple[F8, B1]:
    """The sums of memory f8[C, COLUMNS] with the last tick, and which campaigns pay what they bid."""
    bids, before = memory[:, 3 : 3 + SEGMENTS], memory[:, 3 + SEGMENTS :]
    impressions, cost = (_by_segment(each) for each in (observation.impressions, observation.cost_micros))
    won = np.maximum(impressions - before, 0.0)
    expected = _expected_price(state, bids)
    offered = memory[:, 0] + (won * bids).sum(axis=1) / 1000.0
    usual = memory[:, 1] + (won * expected).sum(axis=1) / 1000.0
    paid = cost.sum(axis=1)
    learned = bid_landscape.pays_its_bid(state)
    share, usual_share = (each / np.maximum(offered, 1.0) for each in (paid, usual))
    told = (impressions.sum(axis=1) >= ENOUGH) & (usual_share < UNCLEAR) & bid_landscape.known(state)
    pays = np.where(told, share > (1.0 + usual_share) / 2.0, learned)
    return np.concatenate([np.stack([offered, usual, paid], axis=1), bids, impressions], axis=1), pays


def noted(sums: F8, bid_micros: F8) -> F8:
    """The memory f8[C, COLUMNS] that `watched` reads one tick later, with the bids f8[C, S] made now."""
    kept = np.zeros((len(sums), SEGMENTS))
    count = min(SEGMENTS, bid_micros.shape[1])
    kept[:, :count] = bid_micros[:, :count]
    return np.concatenate([sums[:, :3], kept, sums[:, 3 + SEGMENTS :]], axis=1)


def as_if(state: State, pays_its_bid: bool) -> State:
    """The state of an agent that had learned in an auction of this kind."""
    won = np.asarray(state["won"], np.float64)
    return {**state, "paid": won * 1e12 if pays_its_bid else won * 0.0}


def _expected_price(state: State, bids: F8) -> F8:
    """What a thousand impressions cost on average at bids f8[C, SEGMENTS] where the second price is paid."""
    known = len(np.asarray(state["price_median"]))
    count = min(SEGMENTS, known)
    price = np.zeros(bids.shape)
    price[:, :count] = bid_landscape.mean_second_price(state, bids[:, :count])
    return price


def _by_segment(counts: np.ndarray) -> F8:
    summed = np.asarray(counts, np.float64).sum(axis=2)
    kept = np.zeros((len(summed), SEGMENTS))
    count = min(SEGMENTS, summed.shape[1])
    kept[:, :count] = summed[:, :count]
    return kept
