"""The best use of money on steps of wins whose views are worth less and less. Touch this to solve it another way.

Where nothing tires every view of a segment and day is worth the same, and money goes to the steps of the most worth for
it, whatever the other days do: that is the optimum, since budgets of days within a total are a laminar family. Where
creatives tire, days hang together, and each campaign is a linear programme.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import bmat, coo_array, csr_array, kron

from gaelp.arrays import F8

UNIT = 1e6  # micros, and views are in thousands: the solver's tolerances are absolute


@dataclass(frozen=True)
class Offer:
    """What C campaigns can buy: J steps of wins, M slots of worth; views in thousands, money in UNIT micros."""

    wins: F8  # [C, D, S, J] thousands of views that a step wins
    cost: F8  # [C, D, S, J]
    width: F8  # [C, S, M] thousands of views in a slot
    worth: F8  # [C, S, M] of a thousand views
    factor: F8  # [C, D] multiplies the worth of every view of the day
    budget: F8  # [C, D]

    def solved(self, total: F8 | None = None) -> tuple[F8, F8]:
        """Value f8[C] and spend f8[C, D], in micros, of the most profitable plan; with a total f8[C] in micros, of the
        plan of most value for that much money."""
        campaigns = range(len(self.budget))
        best = [_solve(self._alone(c), None if total is None else float(total[c])) for c in campaigns]
        return np.array([value for value, _ in best]), np.stack([spend for _, spend in best])

    def densest(self, total: F8 | None = None) -> tuple[F8, F8]:
        """The same where a segment has one slot: the steps of the most worth for their money, each day's apart."""
        value = self.factor[..., None, None] * self.worth[:, None, :, :1] * self.wins
        flat = (*self.budget.shape, -1)
        cost, value = self.cost.reshape(flat), value.reshape(flat)
        density = np.divide(value, cost, out=np.zeros_like(value), where=cost > 0)
        if total is None:
            cost = np.where(density > 1.0, cost, 0.0)
        spent = _densest(density, cost, self.budget)
        if total is not None:
            whole = (len(self.budget), -1)
            spent = _densest(density.reshape(whole), spent.reshape(whole), total / UNIT).reshape(spent.shape)
        return (spent * density).sum(axis=(1, 2)) * UNIT, spent.sum(axis=2) * UNIT

    def _alone(self, c: int) -> _Campaign:
        return _Campaign(self.wins[c], self.cost[c], self.width[c], self.worth[c], self.factor[c], self.budget[c])


def _densest(density: F8, cost: F8, limit: F8) -> F8:
    """Money f8[..., N] on each step: the densest first, no more than it costs, and `limit` f8[...] in all."""
    order = np.argsort(-density, axis=-1, kind="stable")
    asked = np.take_along_axis(cost, order, axis=-1)
    given = np.clip(limit[..., None] - (np.cumsum(asked, axis=-1) - asked), 0.0, asked)
    spent = np.empty_like(given)
    np.put_along_axis(spent, order, given, axis=-1)
    return spent


@dataclass(frozen=True)
class _Campaign:
    """One campaign of an offer."""

    wins: F8  # [D, S, J]
    cost: F8  # [D, S, J]
    width: F8  # [S, M]
    worth: F8  # [S, M]
    factor: F8  # [D]
    budget: F8  # [D]


def _solve(campaign: _Campaign, total: float | None = None) -> tuple[float, F8]:
    """Value in micros and spend f8[D] of the best plan; with a total, of the most value for that much money."""
    days, segments, steps = campaign.wins.shape
    # Where a view is worth the same on every day, it does not matter which of them uses a slot.
    factor = campaign.factor[:1] if np.ptp(campaign.factor) == 0 else campaign.factor
    gain = (factor[:, None, None] * campaign.worth).ravel()
    price = np.zeros(campaign.cost.size) if total is not None else campaign.cost.ravel()
    rows, limits = _rows(campaign, len(factor), total)
    bounds = np.concatenate([np.ones(campaign.cost.size), np.tile(campaign.width.ravel(), len(factor))])
    solved = linprog(  # type: ignore[call-overload]  # its stubs know no sparse matrix
        np.concatenate([price, -gain]),
        A_ub=rows,
        b_ub=limits,
        bounds=np.stack([np.zeros(len(bounds)), bounds], axis=1),
        method="highs-ds",
    )
    if solved.status != 0:
        raise ArithmeticError(f"the optimum's linear programme was not solved: {solved.message}")
    bought = solved.x[: campaign.cost.size].reshape(days, segments, steps)
    return float(gain @ solved.x[campaign.cost.size :]) * UNIT, (bought * campaign.cost).sum(axis=(1, 2)) * UNIT


def _rows(campaign: _Campaign, turns: int, total: float | None) -> tuple[csr_array, F8]:
    """Constraints over (steps of wins, views by slot): views are won, slots are finite, budgets hold.

    `turns` is 1, or D: whether all days use the slots alike.
    """
    days, segments, steps = campaign.wins.shape
    slots = campaign.width.shape[1]
    places = turns * segments
    at = np.arange(campaign.wins.size)
    day, segment = at // (segments * steps), at // steps % segments
    taken = day % turns * segments + segment
    won = coo_array((-campaign.wins.ravel(), (taken, at)), shape=(places, at.size))
    shown = kron(np.eye(places), np.ones((1, slots)))
    spent = coo_array((campaign.cost.ravel(), (day, at)), shape=(days, at.size))
    blocks: list[list[Any]] = [[won, shown], [spent, None]]
    limits = [np.zeros(places), campaign.budget]
    if turns > 1:  # else the bounds say it
        blocks.append([None, kron(np.ones((1, turns)), np.eye(segments * slots))])
        limits.append(campaign.width.ravel())
    if total is not None:
        blocks.append([coo_array(campaign.cost.reshape(1, -1)), None])
        limits.append(np.array([total / UNIT]))
    return csr_array(bmat(blocks)), np.concatenate(limits)
