"""How a campaign spends its budgets for the most value, where impressions bought in steps lose value as they add up.

The cost of a day's impressions in a segment rises in steps, and the value of a segment's impressions falls in slots.
Without fatigue all impressions of a segment and day have one value, and the best plan takes the steps with the most
value for their cost first, each day on its own: budgets of days within a total are nested limits, for which that is
optimal. With fatigue the days share the slots, and each campaign is a linear programme. Touch this to solve either
in another way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import bmat, coo_array, csr_array, kron

from gaelp.arrays import F8

UNIT = 1e6  # micros, and impressions are in thousands: the solver's tolerances are absolute


@dataclass(frozen=True)
class AllocationProgramme:
    """What C campaigns can buy: J steps of impressions, M slots of value. Impressions in thousands, money in UNIT."""

    impressions: F8  # [C, D, S, J] that a step buys
    cost: F8  # [C, D, S, J] of a step
    width: F8  # [C, S, M] impressions in a slot
    value: F8  # [C, S, M] of a thousand impressions in the slot
    factor: F8  # [C, D] multiplies the value of every impression of the day
    budget: F8  # [C, D]

    def solved(self, total: F8 | None = None) -> tuple[F8, F8]:
        """Value f8[C] and spend f8[C, D], in micros, of the most profitable plan, by linear programme.

        With a total f8[C] in micros: of the plan of most value for that much money.
        """
        campaigns = range(len(self.budget))
        best = [_solve(self._alone(c), None if total is None else float(total[c])) for c in campaigns]
        return np.array([value for value, _ in best]), np.stack([spend for _, spend in best])

    def by_value_for_cost(self, total: F8 | None = None) -> tuple[F8, F8]:
        """The same where every segment has one slot: the steps with the most value for their cost first."""
        value = self.factor[..., None, None] * self.value[:, None, :, :1] * self.impressions
        flat = (*self.budget.shape, -1)
        cost, value = self.cost.reshape(flat), value.reshape(flat)
        ratio = np.divide(value, cost, out=np.zeros_like(value), where=cost > 0)
        if total is None:
            cost = np.where(ratio > 1.0, cost, 0.0)
        spent = _highest_first(ratio, cost, self.budget)
        if total is not None:
            whole = (len(self.budget), -1)
            spent = _highest_first(ratio.reshape(whole), spent.reshape(whole), total / UNIT).reshape(spent.shape)
        return (spent * ratio).sum(axis=(1, 2)) * UNIT, spent.sum(axis=2) * UNIT

    def _alone(self, c: int) -> _CampaignProgramme:
        own = (self.impressions[c], self.cost[c], self.width[c], self.value[c], self.factor[c], self.budget[c])
        return _CampaignProgramme(*own)


def _highest_first(ratio: F8, cost: F8, limit: F8) -> F8:
    """Money f8[..., N] on each step: the highest ratio first, no more than it costs, and `limit` f8[...] in all."""
    order = np.argsort(-ratio, axis=-1, kind="stable")
    costs = np.take_along_axis(cost, order, axis=-1)
    paid = np.clip(limit[..., None] - (np.cumsum(costs, axis=-1) - costs), 0.0, costs)
    spent = np.empty_like(paid)
    np.put_along_axis(spent, order, paid, axis=-1)
    return spent


@dataclass(frozen=True)
class _CampaignProgramme:
    """The programme of one campaign."""

    impressions: F8  # [D, S, J]
    cost: F8  # [D, S, J]
    width: F8  # [S, M]
    value: F8  # [S, M]
    factor: F8  # [D]
    budget: F8  # [D]


def _solve(campaign: _CampaignProgramme, total: float | None = None) -> tuple[float, F8]:
    """Value in micros and spend f8[D] of the best plan; with a total, of the most value for that much money."""
    days, segments, steps = campaign.impressions.shape
    # Where an impression has the same value on every day, it does not matter which of them uses a slot.
    factor = campaign.factor[:1] if np.ptp(campaign.factor) == 0 else campaign.factor
    gain = (factor[:, None, None] * campaign.value).ravel()
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


def _rows(campaign: _CampaignProgramme, turns: int, total: float | None) -> tuple[csr_array, F8]:
    """Constraints over (steps bought, impressions by slot): what is shown was bought, slots and budgets are finite.

    `turns` is 1 where all days use the slots alike, or D.
    """
    days, segments, steps = campaign.impressions.shape
    slots = campaign.width.shape[1]
    places = turns * segments
    at = np.arange(campaign.impressions.size)
    day, segment = at // (segments * steps), at // steps % segments
    taken = day % turns * segments + segment
    won = coo_array((-campaign.impressions.ravel(), (taken, at)), shape=(places, at.size))
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
