"""The check that every decision passes before a world acts on it: types, shapes, bounds, and shares that sum to one.

Touch this to change which values a decision may contain.
"""

from __future__ import annotations

import numpy as np

from gaelp.agents.contract import LARGEST_BID_MICROS, Decision, InvalidDecision, Observation
from gaelp.agents.models.masked_decisions import alike
from gaelp.arrays import B1, F8, Array

SUM_TOLERANCE = 1e-6


def checked(decision: Decision, observation: Observation, agent: str, step: int) -> Decision:
    """The decision with exact dtypes and probabilities that sum to one; heads that are None stay None.

    Raises InvalidDecision naming the agent, the step and the head.
    """
    whole, failures = screened(decision, observation, agent, step)
    if failures:
        raise InvalidDecision(next(iter(failures.values())))
    return whole


def screened(decision: Decision, observation: Observation, agent: str, step: int) -> tuple[Decision, dict[int, str]]:
    """As `checked`, but what is wrong fails its campaign only: {campaign: reason}, in the campaigns' order.

    In a failed campaign every head that was given is off: bid 0, allowed candidates alike, spend_rate and target 0. A
    head of the wrong shape, or that is not numeric, fails every campaign.
    """
    campaigns, candidates = observation.mask.shape
    cells = (campaigns, observation.segment_features.shape[1])
    screen = _Screen(campaigns, f"agent {agent!r} at step {step}")
    bid = screen.numbers("bid_micros", decision.bid_micros, cells, LARGEST_BID_MICROS)
    bid = None if bid is None else np.floor(bid)
    share = screen.numbers("creative_prob", decision.creative_prob, (*cells, candidates), 1.0 + SUM_TOLERANCE)
    share = (
        None if share is None else screen.shares(share, np.ones(cells, bool) if bid is None else bid > 0, observation)
    )
    rate = screen.numbers("spend_rate", decision.spend_rate, (campaigns,), 1.0)
    target = screen.numbers("target", decision.target, (campaigns,), np.inf)
    if screen.failures:
        share = None if share is None else np.where(screen.failed[:, None, None], alike(observation), share)
        bid, rate, target = screen.off(bid), screen.off(rate), screen.off(target)
    whole = Decision(None if bid is None else bid.astype(np.int64), share, rate, target)
    return whole, dict(sorted(screen.failures.items()))


class _Screen:
    """Why campaigns failed; the first reason of a campaign stays."""

    def __init__(self, campaigns: int, where: str) -> None:
        self.failures: dict[int, str] = {}
        self.failed = np.zeros(campaigns, bool)
        self._where = where

    def numbers(self, head: str, given: Array | None, shape: tuple[int, ...], most: float) -> F8 | None:
        """The head as finite numbers in [0, most]; zeros where it is not so."""
        if given is None:
            return None
        numbers, wrong = _numeric(given, shape)
        if numbers is None:
            self._fail(np.ones(shape[0], bool), f"{head} {wrong}")
            return np.zeros(shape)
        rows = numbers.reshape(shape[0], -1)
        least, largest = rows.min(axis=1, initial=0.0), rows.max(axis=1, initial=0.0)
        broken = ~(np.isfinite(least) & np.isfinite(largest))
        bad = broken | (least < 0) | (largest > most)
        if not bad.any():
            return numbers
        self._fail(broken, f"{head} has a NaN or an infinite number")
        self._fail(least < 0, f"{head} has a negative number, {{:.6g}}", least)
        self._fail(largest > most, f"{head} has {{:.6g}}, above the most allowed, {most:.6g}", largest)
        return np.where(bad.reshape(-1, *[1] * (len(shape) - 1)), 0.0, numbers)

    def shares(self, share: F8, open_segments: B1, observation: Observation) -> F8:
        """Shares that sum to one exactly; where a bid is open they must keep to the mask."""
        total = share.sum(axis=-1)
        worst = np.take_along_axis(total, np.abs(total - 1.0).argmax(axis=1)[:, None], axis=1)[:, 0]
        reason = "creative_prob sums to {:.6g} over the candidates, not to 1"
        self._fail(np.abs(worst - 1.0) > SUM_TOLERANCE, reason, worst)
        forbidden = (share * ~observation.mask[:, None, :]).any(axis=-1) & open_segments
        self._fail(np.asarray(forbidden.any(axis=1)), "creative_prob is positive for a candidate that the mask forbids")
        return np.asarray(share / np.where(total > 0, total, 1.0)[..., None])

    def off(self, head: F8 | None) -> F8 | None:
        """Zeros where the campaign failed."""
        if head is None:
            return None
        return np.where(self.failed.reshape(-1, *[1] * (head.ndim - 1)), 0.0, head)

    def _fail(self, which: B1, text: str, values: F8 | None = None) -> None:
        """`values` [C] stand where `text` has a brace."""
        for campaign in np.flatnonzero(which & ~self.failed).tolist():
            reason = text if values is None else text.format(values[campaign])
            self.failures[campaign] = f"{self._where}: {reason}"
        self.failed |= which


def _numeric(given: Array, shape: tuple[int, ...]) -> tuple[F8 | None, str]:
    """The numbers, or what is wrong with all of them."""
    try:
        array = np.asarray(given)
        if array.dtype.kind not in "biufO":
            return None, f"is not numeric: it holds {array.dtype}"
        numbers = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):  # their texts repeat what a foreign agent said
        return None, "is not numeric: it is ragged, or holds something that is no number"
    if numbers.shape != shape:
        return None, f"has shape {numbers.shape}, the observation needs {shape}"
    return numbers, ""
