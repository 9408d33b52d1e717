"""What impressions cost under a frequency cap, at bids that rise as people reach the cap.

A person takes part in m auctions a day and may be shown no more than c impressions. Let an impression have the value u,
and let W_i(r) be the expected profit that remains from a person with i < c impressions and r auctions still to come:
W_i' = S(u + W_{i+1} - W_i), W_c = 0, W_i(0) = 0, where S(y) is the most of P(win) y - price, so that the bid in each
auction is u less what the impression takes from later auctions. Impressions are V = dW_0/du (envelope theorem) and cost
is u V - W_0: as u rises they trace the least cost of any number of impressions.

With a cap of 1 a bidder for a segment can do this, as every person who still counts is alike. With more it would have
to know how many impressions each person had: the curve is then a bound. Either way it is the limit of many people.
Touch this for another kind of cap.
"""

from __future__ import annotations

import numpy as np

from gaelp.arrays import F8
from gaelp.market.scoring.marginal_cost import Landscape

LEVELS, LEVELS_ABOVE_VALUE = 96, 16  # values of an impression, up to the highest that any has and beyond it
DEAREST = 100.0  # times the dearest win: there nearly everybody has reached the cap
INSTANTS = 240  # of a day, denser towards its end
FIRST = 1e-3  # auctions per person still to come at the last instant but one


def least_cost(landscape: Landscape, per_person: F8, cap: int, highest_value: float) -> tuple[F8, F8]:
    """Impressions and their cost per person f8[L, ..., S], rising from 0 along the first axis, of people who take part
    in `per_person` f8[..., S] auctions a day.

    Cost, and the `highest_value` of an impression, are micros per thousand in prices of level 1; the curves are fine up
    to where an impression costs that much.
    """
    left = np.append(0.0, np.geomspace(FIRST, max(float(per_person.max(initial=0.0)), 2 * FIRST), INSTANTS))
    levels = _levels(landscape, highest_value)
    profit, impressions = _days(landscape, levels, left, cap)
    at = np.clip(np.searchsorted(left, per_person) - 1, 0, INSTANTS - 1)
    part = np.clip((per_person - left[at]) / (left[at + 1] - left[at]), 0.0, 1.0)
    segment = np.arange(per_person.shape[-1])
    profit, impressions = (
        (1 - part) * table[:, at, segment] + part * table[:, at + 1, segment] for table in (profit, impressions)
    )
    cost = np.maximum(levels.reshape(-1, *[1] * per_person.ndim) * impressions - profit, 0.0)
    nothing = np.zeros((1, *per_person.shape))
    impressions, cost = (
        np.maximum.accumulate(np.concatenate([nothing, curve]), axis=0) for curve in (impressions, cost)
    )
    return impressions, cost


def _levels(landscape: Landscape, highest_value: float) -> F8:
    """The values f8[L] of an impression for which the curves are computed."""
    cheapest = float(landscape.cheapest.min())
    least = cheapest if 0 < cheapest < np.inf else 1.0
    top, dearest = max(highest_value, 2 * least), max(float(landscape.dearest.max()), highest_value, 2 * least)
    above = np.geomspace(top, DEAREST * dearest, LEVELS_ABOVE_VALUE + 1)[1:]
    return np.append(np.geomspace(0.999 * least, top, LEVELS), above)


def _days(landscape: Landscape, levels: F8, left: F8, cap: int) -> tuple[F8, F8]:
    """W_0 and V_0 f8[L, R, S] for values f8[L] and auctions per person still to come f8[R], by Heun's method."""
    shape = (cap + 1, len(levels), len(landscape.wins))
    profit, impressions = np.zeros(shape), np.zeros(shape)
    course = [(profit[0].copy(), impressions[0].copy())]
    for step in np.diff(left):
        first = _slopes(landscape, levels, profit, impressions)
        second = _slopes(landscape, levels, profit + step * first[0], impressions + step * first[1])
        profit = profit + step / 2 * (first[0] + second[0])
        impressions = impressions + step / 2 * (first[1] + second[1])
        course.append((profit[0], impressions[0]))
    return np.stack([each[0] for each in course], axis=1), np.stack([each[1] for each in course], axis=1)


def _slopes(landscape: Landscape, levels: F8, profit: F8, impressions: F8) -> tuple[F8, F8]:
    """d/dr of W and V f8[c + 1, L, S]; those of people at the cap are 0."""
    limit = np.maximum(levels[:, None] + profit[1:] - profit[:-1], 0.0)
    won, spend = landscape.bought(limit)
    slope, more = np.zeros_like(profit), np.zeros_like(impressions)
    slope[:-1], more[:-1] = won * limit - spend, won * (1.0 + impressions[1:] - impressions[:-1])
    return slope, more
