"""Decisions that keep to the mask: shares only for candidates that may be shown, and no bid where none may.

Touch this to change what an agent does with a candidate that is not allowed.
"""

from __future__ import annotations

import numpy as np

from gaelp.agents.contract import Decision, Observation
from gaelp.arrays import F8


def allowed(share: F8, observation: Observation) -> F8:
    """Candidate shares f8[S, K] for every campaign, f8[C, S, K], zero where the mask forbids.

    Where nothing is left of `share` the allowed candidates share equally; where nothing is allowed all do (the bid
    must then be 0).
    """
    mask = observation.mask[:, None, :].astype(np.float64)
    masked = share * mask
    open_to = np.where(mask.sum(axis=-1, keepdims=True) > 0, mask, 1.0)
    masked = np.where(masked.sum(axis=-1, keepdims=True) > 0, masked, open_to)
    return np.asarray(masked / masked.sum(axis=-1, keepdims=True))


def alike(observation: Observation) -> F8:
    """All allowed candidates alike, f8[C, S, K]."""
    return allowed(np.ones((observation.segment_features.shape[1], observation.mask.shape[1])), observation)


def decided(bid: F8, share: F8, observation: Observation) -> Decision:
    """The decision of bids f8[C, S], rounded to micros, and shares f8[C, S, K]; no bid where nothing may be shown."""
    open_to = np.asarray(observation.mask, np.float64).max(axis=1, keepdims=True)
    return Decision(bid_micros=np.round(bid * open_to).astype(np.int64), creative_prob=share)
