"""What views cost under a frequency cap, at bids that rise as people fill up. Touch this for another kind of cap.

A person meets m auctions a day and takes no more than c views. To a bidder for whom a view is worth u, one who has had
i < c views with r auctions still to come is worth W_i(r): W_i' = S(u + W_{i+1} - W_i), W_c = 0, W_i(0) = 0, where S(y)
is the most of P(win) y - price, so that each auction is bid for at u less what the view takes from later ones. Views
are V = dW_0/du (envelope theorem) and cost is u V - W_0: as u rises they trace the least cost of any number of views.

With a cap of 1 the bidder of a segment can do this, as every person who still counts is alike. With more it would have
to know how many views each person had: the curve is then a bound. Either way it is the limit of many people.
"""

from __future__ import annotations

import numpy as np

from gaelp.arrays import F8
from gaelp.market.scoring.marginal_cost import Landscape

LEVELS, DEAR_LEVELS = 96, 16  # worths of a view, up to the most that any is worth and beyond it
DEAREST = 100.0  # times the dearest win: there nearly everybody is full
INSTANTS = 240  # of a day, denser towards its end
FIRST = 1e-3  # auctions per person still to come at the last instant but one


def least_cost(landscape: Landscape, per_person: F8, cap: int, most_worth: float) -> tuple[F8, F8]:
    """Views and their cost per person f8[L, ..., S], rising from 0 along the first axis, of those who meet
    `per_person` f8[..., S] auctions a day. Cost, and `most_worth` of a view, are micros per thousand in prices of level
    1; the curves are fine up to where a view costs that much.
    """
    left = np.append(0.0, np.geomspace(FIRST, max(float(per_person.max(initial=0.0)), 2 * FIRST), INSTANTS))
    cheapest = float(landscape.cheapest.min())
    least = cheapest if 0 < cheapest < np.inf else 1.0
    top, dearest = max(most_worth, 2 * least), max(float(landscape.dearest.max()), most_worth, 2 * least)
    worth = np.append(
        np.geomspace(0.999 * least, top, LEVELS), np.geomspace(top, DEAREST * dearest, DEAR_LEVELS + 1)[1:]
    )
    value, views = _days(landscape, worth, left, cap)
    at = np.clip(np.searchsorted(left, per_person) - 1, 0, INSTANTS - 1)
    part = np.clip((per_person - left[at]) / (left[at + 1] - left[at]), 0.0, 1.0)
    segment = np.arange(per_person.shape[-1])
    value, views = ((1 - part) * table[:, at, segment] + part * table[:, at + 1, segment] for table in (value, views))
    cost = np.maximum(worth.reshape(-1, *[1] * per_person.ndim) * views - value, 0.0)
    nothing = np.zeros((1, *per_person.shape))
    views, cost = (np.maximum.accumulate(np.concatenate([nothing, curve]), axis=0) for curve in (views, cost))
    return views, cost


def _days(landscape: Landscape, worth: F8, left: F8, cap: int) -> tuple[F8, F8]:
    """W_0 and V_0 f8[L, R, S] for worths f8[L] and auctions per person still to come f8[R], by Heun's method."""
    shape = (cap + 1, len(worth), len(landscape.wins))
    value, views = np.zeros(shape), np.zeros(shape)
    told = [(value[0].copy(), views[0].copy())]
    for step in np.diff(left):
        first = _slopes(landscape, worth, value, views)
        second = _slopes(landscape, worth, value + step * first[0], views + step * first[1])
        value = value + step / 2 * (first[0] + second[0])
        views = views + step / 2 * (first[1] + second[1])
        told.append((value[0], views[0]))
    return np.stack([each[0] for each in told], axis=1), np.stack([each[1] for each in told], axis=1)


def _slopes(landscape: Landscape, worth: F8, value: F8, views: F8) -> tuple[F8, F8]:
    """d/dr of W and V f8[c + 1, L, S]; those of the full are 0."""
    now = np.maximum(worth[:, None] + value[1:] - value[:-1], 0.0)
    won, spend = landscape.bought(now)
    slope, more = np.zeros_like(value), np.zeros_like(views)
    slope[:-1], more[:-1] = won * now - spend, won * (1.0 + views[1:] - views[:-1])
    return slope, more
