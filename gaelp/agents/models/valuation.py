"""The value of an impression of each creative and segment, from counts: for agents that draw or rank by posteriors.

Touch this to change how uncertainty becomes shares of impressions. S segments, K candidates, C campaigns.
"""

from __future__ import annotations

import numpy as np

from gaelp.agents.contract import Observation, State
from gaelp.agents.models import counts
from gaelp.arrays import F8

DRAWS = 200  # Monte Carlo draws behind a Thompson probability
OPTIMISM = 3.0  # factor of bids before anything is learned: what is not won is not learned
MOST_OPTIMISM = 6  # rounds without impressions after which that factor grows no further
STEP_CLICKS = 10.0  # clicks per cell after which exploration has fallen as far as after a round of some thirty episodes
LEVEL_CLICKS = 60.0  # clicks that the learned level weighs against a campaign's own


def cells(state: State, observation: Observation) -> State:
    """The state's counts, or empty ones at the learned level where the world has other cells than the training."""
    if counts.fits(state, observation):
        return state
    shape = (observation.segment_features.shape[1], observation.mask.shape[1])
    clicks, impressions = np.asarray(state["clicks"]).sum(), np.asarray(state["impressions"]).sum()
    rate = (clicks + counts.LEVEL_CLICKS) / (impressions + counts.LEVEL_CLICKS / counts.CTR_LEVEL)
    little = np.full(shape, 1.0)
    return {"clicks": little, "impressions": little / rate, "conversions": np.zeros(shape)}


def optimism(state: State, first: int = 1) -> float:
    """Factor of a bid before anything is learned: OPTIMISM to the power of `first` plus the rounds without wins.

    Below a reserve price, or among rivals who bid high, a low bid would win nothing and learn nothing for ever.
    """
    if np.asarray(state["impressions"]).sum() >= counts.FEW:
        return 1.0
    return float(OPTIMISM ** min(int(np.asarray(state["dry"])[0]) + first, MOST_OPTIMISM))


def evidence(state: State) -> float:
    """Steps of learning, by what was seen and not by the number of rounds: clicks per cell, in units of STEP_CLICKS."""
    return float(np.asarray(state["clicks"], np.float64).mean() / STEP_CLICKS)


def last_round_without_wins(state: State) -> bool:
    """Whether the last round won next to nothing."""
    return bool(np.asarray(state["dry"])[0] > 0)


def impression_value(share: F8, cells: State, lean: F8 | float, state: State) -> F8:
    """Value of an impression f8[C, S], in average clicks of the economics: of the creatives as they are shown.

    After a round without wins it is that of the best creative that is shown: what exploring costs must not keep a bid
    below a reserve price that the best creative would pay for.
    """
    rates, relative = means(cells, lean)
    value = rates * relative
    if last_round_without_wins(state):
        return np.asarray(np.where(share > 0, value, 0.0).max(axis=-1))
    return np.asarray((share * value).sum(axis=-1))


def means(cells: State, lean: F8 | float = 1.0) -> tuple[F8, F8]:
    """Posterior means f8[S, K]: CTR, and a click's value relative to the average click."""
    shape, rate = counts.click_posterior(cells, lean)
    value_shape, value_rate = counts.conversion_posterior(cells)
    return np.asarray(shape / rate), np.asarray(value_shape / value_rate)


def best_probability(cells: State, lean: F8 | float, rng: np.random.Generator) -> F8:
    """Monte Carlo probability f8[S, K] that each candidate is its segment's most valuable."""
    best = drawn_values(cells, lean, rng).argmax(axis=-1)
    shape = np.asarray(cells["clicks"])
    return np.asarray((best[..., None] == np.arange(shape.shape[1])).mean(axis=0))


def drawn_values(cells: State, lean: F8 | float, rng: np.random.Generator) -> F8:
    """Draws f8[DRAWS, S, K] of an impression's value, in average clicks of the economics."""
    shape, rate = counts.click_posterior(cells, lean)
    value_shape, value_rate = counts.conversion_posterior(cells)
    drawn = rng.gamma(shape, size=(DRAWS, *shape.shape)) / rate
    return np.asarray(drawn * (rng.gamma(value_shape, size=drawn.shape) / value_rate))


def floored(share: F8, floor: float) -> F8:
    """Shares f8[..., K] that sum to one, with `floor` of them spread over all candidates alike."""
    return np.asarray((1 - floor) * (share / share.sum(axis=-1, keepdims=True)) + floor / share.shape[-1])


def level(rates: F8, observation: Observation, worth: F8 | None = None) -> F8:
    """How a campaign's own clicks compare with the learned rates f8[S, K], f8[C], shrunken to 1.

    `worth` f8[C, S, K] is how many first impressions its impressions were worth; by default as many as they are.
    """
    shown = observation.impressions if worth is None else worth
    clicks = observation.clicks.sum(axis=(1, 2))
    expected = (shown * rates).sum(axis=(1, 2))
    return np.asarray(np.clip((clicks + LEVEL_CLICKS) / (expected + LEVEL_CLICKS), 0.4, 2.0))
