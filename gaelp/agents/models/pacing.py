"""Spending a day's budget: bids that a learned landscape paces, and what controllers by feedback share.

Touch this to change how the agents spread a budget over a day. Money is micros; C campaigns, S segments.
"""

from __future__ import annotations

import numpy as np

from gaelp.agents.contract import Observation, State
from gaelp.agents.models import bid_landscape, valuation
from gaelp.arrays import F8

MOST_PACE = 0.4  # a late report must not look like a spend that never came
PACE_GAIN = 0.3  # how fast spend that missed its forecast moves the next one
SPEND_TARGET = 0.9  # forecast spend, as a share of what is left: a budget used up early was spent at too high bids
MOST_HALVINGS = 8
JITTER = 0.03  # log standard deviation of explored bids, for ever
FIRST_JITTER, DECAY = 0.6, 1.5  # after n steps of learning it is the first / (1 + n) ** decay, and no less than that
MULTIPLIERS = np.geomspace(0.05, 1.0, 240)
USED_UP = 0.999  # a tick that spent this share of what was left was cut: how much it would have spent is unknown
NOTES = 3  # columns of `noted`, which an agent carries in its memory


def paced(state: State, value: F8, observation: Observation, memory: F8) -> tuple[F8, F8]:
    """Bids f8[C, S] that spend what is left of the day's budget, never above value f8[C, S], and the next memory.

    Under a budget the best bids are those for values that are all lower by one and the same factor.

    `state` holds a landscape; memory [C, 3]: log pace, forecast of the tick before, total cost at its start.
    """
    cost = total_cost(observation)
    if not bid_landscape.known(state) or len(np.asarray(state["price_median"])) != value.shape[1]:
        return bid_landscape.best_bids(state, value) * _exploration_factor(state), np.stack(
            [memory[:, 0], np.zeros(len(cost)), cost], axis=1
        )
    pace = _pace(memory, cost)
    tick, rest = bid_landscape.auctions_left(state, observation.hour)
    bids = bid_landscape.best_bids(state, value[:, None, :] * MULTIPLIERS[:, None])
    per_auction = bid_landscape.spend_per_auction(state, bids)
    spend = (per_auction * rest[:, None, :]).sum(axis=-1)
    left = observation.budget_left_micros.astype(np.float64)
    chosen = np.maximum((spend <= (SPEND_TARGET * left * np.exp(pace))[:, None]).sum(axis=1) - 1, 0)
    rows = np.arange(len(left))
    forecast = (per_auction[rows, chosen] * tick).sum(axis=-1) * np.exp(-pace)
    return bids[rows, chosen], np.stack([pace, np.minimum(forecast, left), cost], axis=1)


def _exploration_factor(state: State) -> float:
    """Factor of bids whose budget was used up in every tick so far: half as much each round, until one tick is not."""
    always_cut = bid_landscape.cut(state) and np.asarray(state["tick_starts"]).any()
    if not always_cut or valuation.last_round_without_wins(state):
        return 1.0
    return float(0.5 ** min(int(np.asarray(state["rounds"])[0]), MOST_HALVINGS))


def explored(bid: F8, steps: float, rng: np.random.Generator) -> F8:
    """Bids f8[C, S] with noise that falls with the steps of learning and never ends: the landscape stays measurable."""
    return np.asarray(bid * np.exp(rng.normal(0.0, max(JITTER, FIRST_JITTER / (1 + steps) ** DECAY), bid.shape)))


def total_cost(observation: Observation) -> F8:
    """Cost f8[C] since the campaign began."""
    return np.asarray(observation.cost_micros.sum(axis=(1, 2)).astype(np.float64))


def noted(plan: F8, observation: Observation) -> F8:
    """What `gap` must know one tick later, f8[C, 3]: the plan in micros, the total cost and what was left before it."""
    return np.stack([plan, total_cost(observation), observation.budget_left_micros.astype(np.float64)], axis=1)


def gap(notes: F8, observation: Observation) -> F8:
    """Share of the last tick's plan that was not spent, f8[C] in [-1, 1]; negative where it spent more.

    A tick that used up all that was left was cut, and counts as twice the plan; before any plan the gap is 0.
    """
    plan, before, left = notes.T
    spent = total_cost(observation) - before
    missed = np.where(spent >= USED_UP * left, -1.0, 1.0 - spent / np.maximum(plan, 1.0))
    return np.asarray(np.where(plan > 0, np.clip(missed, -1.0, 1.0), 0.0))


def _pace(memory: F8, cost: F8) -> F8:
    """Log pace f8[C] after the last tick: more where it spent less than forecast."""
    spent, forecast = cost - memory[:, 2], memory[:, 1]
    miss = np.where(forecast > 0, np.log(np.maximum(forecast, 1.0) / np.maximum(spent, 1.0)), 0.0)
    return np.asarray(np.clip(memory[:, 0] + PACE_GAIN * np.clip(miss, -0.5, 0.5), -MOST_PACE, MOST_PACE))
