"""The agent `incremental-thompson`: linear-thompson that distrusts claims, spreads tired creatives, and watches prices.

Beyond linear-thompson it models three things that the numbers do not say openly: conversions that the ads did not bring
(claimed_conversions.py), clicks that fall with every impression of the same creative (tiring_audience.py), and an
auction that charges what is bid though it learned in another (auction_kind.py). Touch this to model a fourth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gaelp.agents.contract import Decision, Observation, State, WorldShape
from gaelp.agents.models import (
    auction_kind,
    claimed_conversions,
    counts,
    learned_market,
    pacing,
    tiring_audience,
    valuation,
)
from gaelp.agents.models.masked_decisions import allowed, decided
from gaelp.agents.policies.linear_thompson import DECAY, FIRST_FLOOR, FLOOR, SHARPEST, feature_weights, lean_of
from gaelp.arrays import B1, F8

TIRED = 0.02  # log fall of a creative that had all impressions of its segment, from which on they are spread
PACING = 3  # columns of the memory


class IncrementalThompson:
    """Memory [C, 3 + auction_kind.COLUMNS]: pacing's three, then the watched prices."""

    name = "incremental-thompson"
    heads = ("bid_micros", "creative_prob")

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        tiring = tiring_audience.nothing(shape)
        return {**learned_market.nothing(shape), **tiring, "weights": np.zeros(shape.candidate_features)}

    def initial_memory(self, campaigns: int) -> F8:
        return np.zeros((campaigns, PACING + auction_kind.COLUMNS))

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        steps = valuation.evidence(state)
        cells, fall, reach = _known(state, observation)
        lean = lean_of(state, observation.candidate_features[0])
        share = allowed(_shares(cells, (lean, fall * reach), steps, rng), observation)
        worth = tiring_audience.first_impressions(np.asarray(observation.impressions, np.float64), fall)
        level = valuation.level(valuation.means(cells, lean)[0], observation, worth)
        clicks = (
            _value(share, cells, lean, fall * reach)
            if fall.any()
            else valuation.impression_value(share, cells, lean, state)
        )
        value = valuation.optimism(state) * 1000.0 * clicks * level[:, None] * observation.click_value_micros[:, None]
        sums, pays = auction_kind.watched(state, observation, memory[:, PACING:])
        bid, paced = _bids(state, value, observation, memory[:, :PACING], pays)
        decision = decided(pacing.explored(bid, steps, rng), share, observation)
        noted = auction_kind.noted(sums, np.asarray(decision.bid_micros, np.float64))
        return decision, np.concatenate([paced, noted], axis=1)

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        if not trajectories:
            return state
        learned = {**learned_market.learned(state, trajectories), **tiring_audience.added(state, trajectories)}
        return {**learned, "weights": feature_weights(learned, trajectories)}


def _known(state: State, observation: Observation) -> tuple[State, F8, F8]:
    """Counts that are believed, with first impressions; fall and reach f8[S] of the segments."""
    if counts.fits(state, observation):
        cells = claimed_conversions.believed(tiring_audience.fresh(state))
        return cells, np.asarray(state["tired_fall"], np.float64), np.asarray(state["reach"], np.float64)
    none = np.zeros(observation.segment_features.shape[1])
    return valuation.cells(state, observation), none, none


def _shares(cells: State, priors: tuple[F8, F8], steps: float, rng: np.random.Generator) -> F8:
    """Shares f8[S, K]: the mean over posterior draws of what would be best, sharpened late where nothing tires."""
    lean, tiredness = priors
    value = valuation.drawn_values(cells, lean, rng)
    best = (value.argmax(axis=-1)[..., None] == np.arange(value.shape[-1])).mean(axis=0)
    best = best ** np.clip(steps - 2.0, 1.0, SHARPEST)
    tired = tiredness > TIRED
    if tired.any():
        best[tired] = tiring_audience.spread(value[:, tired], tiredness[tired]).mean(axis=0)
    return valuation.floored(best, max(FLOOR, FIRST_FLOOR / (1 + steps) ** DECAY))


def _value(share: F8, cells: State, lean: F8, tiredness: F8) -> F8:
    """What one more impression at the end of the episode brings, f8[C, S], in average clicks of the economics."""
    rates, relative = valuation.means(cells, lean)
    return np.asarray((share * rates * relative * np.exp(-tiredness[:, None] * share)).sum(axis=-1))


def _bids(state: State, value: F8, observation: Observation, memory: F8, pays: B1) -> tuple[F8, F8]:
    """Bids and memory as pacing has them, for campaigns in an auction of either kind."""
    kinds = {
        kind: pacing.paced(auction_kind.as_if(state, kind), value, observation, memory) for kind in set(pays.tolist())
    }
    if len(kinds) == 1:
        return next(iter(kinds.values()))
    first, second = kinds[True], kinds[False]
    column = pays[:, None]
    return np.where(column, first[0], second[0]), np.where(column, first[1], second[1])
