"""The agent `policy-search`: an evolution strategy over how it bids, shows creatives and paces.

Separable natural evolution strategies (Schaul, Glasmachers and Schmidhuber, "High Dimensions and Heavy Tails for
Natural Evolution Strategies", GECCO 2011) with antithetic perturbations (Salimans et al., arXiv 1703.03864): each
campaign of a batch plays its own perturbation of the policy's parameters, which its memory carries, and learning
moves the parameters towards those that earned more. Touch this to search over other parameters.

An agent does not know whether it trains or is examined, so what it plays is always perturbed; but the perturbation's
scale falls with the rounds, like exploration does in linear-thompson, and its cost falls with the square of the scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaelp.agents.contract import Decision, Observation, State, WorldShape
from gaelp.agents.models import bid_landscape, learned_market, pacing, valuation
from gaelp.agents.models.masked_decisions import allowed, decided
from gaelp.arrays import F8

LEANS = 8  # segments with a bid of their own; segment i plays lean i modulo this
# Parameter: where the search starts, and the standard deviation of its first perturbations. All are logarithms.
START = {
    "level": (0.0, 0.4),  # bid as a share of value
    "morning": (0.0, 0.15),  # bid, times the cosine of the hour
    "evening": (0.0, 0.15),  # bid, times the sine of the hour
    "aim": (np.log(0.95), 0.1),  # share of what is left that the day's remaining traffic is to spend
    "gain": (np.log(0.25), 0.4),  # how fast the bid follows spend that missed its plan
    "sharpness": (0.0, 0.3),  # power of the probability that a creative is the best
    **{f"lean-{index}": (0.0, 0.1) for index in range(LEANS)},  # bid of a segment
}
NAMES = tuple(START)
SIZE = len(START)
DECAY = 0.75  # perturbations after n rounds are their learned spread / (1 + n) ** DECAY
LOWEST_PACE = -4.0  # log; the highest is 0: without a budget the level is the bid
SHARPEST = np.log(4.0)
FLOOR, FIRST_FLOOR, FLOOR_DECAY = 0.02, 0.3, 1.5  # share spread over all creatives: after n rounds first/(1+n)**decay
FEWEST = 4  # campaigns with perturbations below which a round's scores move nothing
BEGUN, PACE, NOTED, NOISE = 0, 1, 2, 2 + pacing.NOTES  # first columns of the memory


class PolicySearch:
    """Bids value times exp(level + day part + lean + pace), never more than value, with tempered Thompson creatives.

    Value and the score of a campaign come from the learned posteriors of clicks and conversions: an impression counts
    with its posterior mean, less what it cost, which is far less noisy than the conversions that happened.
    Memory [C, 5 + P]: whether the campaign began, log pace, pacing's notes, and the P standard normal perturbations.
    """

    name = "policy-search"
    heads = ("bid_micros", "creative_prob")

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        mean, spread = np.array(list(START.values())).T
        return {**learned_market.nothing(shape), "mean": mean, "spread": spread}

    def initial_memory(self, campaigns: int) -> F8:
        return np.zeros((campaigns, NOISE + SIZE))

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        rounds = int(state["rounds"][0])
        noise = _noise(memory, rng)
        parameters = np.asarray(state["mean"], np.float64) + _scale(state) * noise
        played = dict(zip(NAMES, parameters.T, strict=True))
        cells = valuation.cells(state, observation)
        share = _shares(cells, played["sharpness"], rounds, observation, rng)
        value = 1000 * valuation.impression_value(share, cells, 1.0, state) * observation.click_value_micros[:, None]
        step = np.exp(played["gain"]) * pacing.gap(memory[:, NOTED:NOISE], observation)
        pace = np.clip(memory[:, PACE] + step, LOWEST_PACE, 0.0)
        without_wins = valuation.last_round_without_wins(state)
        log_multiplier = 0.0 if without_wins else np.minimum(_log_multiplier(played, observation), 0.0)
        bid = bid_landscape.best_bids(state, value * np.exp(log_multiplier + pace[:, None]))
        plan = (
            np.exp(played["aim"])
            * observation.budget_left_micros
            * bid_landscape.traffic_share(state, observation.hour)
        )
        carried = [np.ones((len(pace), 1)), pace[:, None], pacing.noted(plan, observation), noise]
        decision = decided(valuation.optimism(state) * bid, share, observation)
        return decision, np.concatenate(carried, axis=1)

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        if not trajectories:
            return state
        learned = learned_market.learned(state, trajectories)
        mean, spread = _searched(state, learned, trajectories)
        return {**learned, "mean": mean, "spread": spread}


def _scale(state: State) -> F8:
    """Standard deviation f8[P] of the perturbations that this state plays."""
    return np.asarray(np.asarray(state["spread"], np.float64) / (1.0 + float(state["rounds"][0])) ** DECAY)


def _noise(memory: F8, rng: np.random.Generator) -> F8:
    """The campaigns' perturbations f8[C, P]: drawn in opposite pairs where a campaign begins, else the memory's."""
    begun = memory[:, BEGUN] > 0
    if begun.all():
        return memory[:, NOISE:]
    half = rng.normal(size=((len(memory) + 1) // 2, SIZE))
    drawn = np.concatenate([half, -half])[: len(memory)]
    return np.where(begun[:, None], memory[:, NOISE:], drawn)


def _log_multiplier(played: dict[str, F8], observation: Observation) -> F8:
    """Log of bid over value, f8[C, S], before the pace."""
    angle = 2 * np.pi * observation.hour / 24
    bid = played["level"] + played["morning"] * np.cos(angle) + played["evening"] * np.sin(angle)
    leans = np.stack([played[f"lean-{index}"] for index in range(LEANS)], axis=1)
    return np.asarray(bid[:, None] + leans[:, np.arange(observation.segment_features.shape[1]) % LEANS])


def _shares(cells: State, sharpness: F8, rounds: int, observation: Observation, rng: np.random.Generator) -> F8:
    """Shares f8[C, S, K]: the probability to be best, to the campaign's power, and a floor."""
    power = np.exp(np.minimum(sharpness, SHARPEST))[:, None, None]
    share = valuation.best_probability(cells, 1.0, rng) ** power
    return allowed(valuation.floored(share, max(FLOOR, FIRST_FLOOR / (1 + rounds) ** FLOOR_DECAY)), observation)


def _searched(state: State, total: State, trajectories: Sequence[State]) -> tuple[F8, F8]:
    """The next mean and spread f8[P] of the parameters.

    Bids that knew no values move nothing: what they earned says nothing about the parameters.
    """
    mean, spread = np.asarray(state["mean"], np.float64), np.asarray(state["spread"], np.float64)
    played = [trajectory for trajectory in trajectories if "memory" in trajectory]
    if valuation.optimism(state) > 1 or sum(len(trajectory["click_value_micros"]) for trajectory in played) < FEWEST:
        return mean, spread
    noise = np.concatenate([np.asarray(trajectory["memory"], np.float64)[-1, :, NOISE:] for trajectory in played])
    utility = _utilities(np.concatenate([_scores(total, trajectory) for trajectory in played]))
    used = np.arange(SIZE) < SIZE - LEANS + len(np.asarray(total["clicks"]))
    towards, wider = used * (utility @ noise), used * (utility @ (noise**2 - 1))
    rate = (3 + np.log(SIZE)) / (5 * np.sqrt(SIZE))
    return mean + _scale(state) * towards, spread * np.exp(rate / 2 * wider)


def _scores(total: State, trajectory: State) -> F8:
    """Posterior value of what each campaign showed, less what it cost, f8[C] in micros."""
    rates, relative = valuation.means(total)
    shown = np.asarray(trajectory["impressions"]).sum(axis=0)
    value = (rates * relative)[: shown.shape[1], : shown.shape[2]]
    clicks = (shown * value).sum(axis=(1, 2))
    cost = np.asarray(trajectory["cost_micros"]).sum(axis=(0, 2, 3))
    return np.asarray(clicks * np.asarray(trajectory["click_value_micros"]) - cost)


def _utilities(scores: F8) -> F8:
    """Rank-based weights f8[n] that sum to zero: the better half share, so that one lucky campaign does not decide.

    Equal scores have equal weights: where nobody won anything nothing moves.
    """
    by_rank = np.maximum(0.0, np.log(len(scores) / 2 + 1) - np.log(np.arange(len(scores)) + 1.0))
    _, rank, ties = np.unique(-scores, return_inverse=True, return_counts=True)
    weight = (np.add.reduceat(by_rank, np.cumsum(ties) - ties) / ties)[rank]
    return np.asarray(weight / weight.sum() - 1.0 / len(scores))
