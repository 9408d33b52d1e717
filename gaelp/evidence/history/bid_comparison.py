"""An agent's bids on the later part of a market log, beside the logger, a fixed and a linear bid (docs/history.md).

All are replayed on the same auctions without a budget: a bid wins where it is at least the price, and pays the price.
The two rules bid the multiple of the mean price that brought most on the earlier part. The logger won every auction of
its log, so that no bid wins more than it. Touch this to compare with another rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from gaelp.arrays import F8
from gaelp.evidence.history.off_policy import LOGGING, REPLAYED, TESTED
from gaelp.evidence.history.policy_panel import Auctions, Scale, worth_by_block
from gaelp.messages.log_replay import Estimate, PairedDifference

RULES = {"fixed-bid": 0.0, "linear-bid": 1.0}  # exponent of the predicted click rate in the bid
MULTIPLES = tuple(step / 10 for step in range(41))  # of the mean price
BLOCKS = 200
DRAWS = 1000  # of the bootstrap
TAIL = 0.05  # each side of a 90 % interval


@dataclass(frozen=True)
class ComparedBids:
    """What a thousand auctions bring under each policy, and the agent's lead over each other one in pairs."""

    estimates: tuple[Estimate, ...]
    differences: tuple[PairedDifference, ...]


def compare_bids(
    parts: tuple[Auctions, Auctions], bids: F8, click: float, unit: float, rng: np.random.Generator
) -> ComparedBids:
    """The earlier and the later part, the agent's bids f8[N] on the later, a click's worth in the log's unit.

    `unit` is what 1 in the log's prices is in money, per thousand impressions; `rng` draws blocks.
    """
    before, after = parts
    scale = Scale(float(before.price.mean()), float(before.pctr.mean()), click)
    asked = {TESTED: bids, LOGGING: np.full(after.price.size, np.inf)}
    asked |= {name: scale.bid(policy, after.pctr) for name, policy in _best_rules(before, scale).items()}
    sums, rows = worth_by_block(after, asked.values(), click, BLOCKS)
    drawn = rng.multinomial(BLOCKS, np.full(BLOCKS, 1 / BLOCKS), size=DRAWS).astype(np.float64)
    times = np.vstack([np.ones(BLOCKS), drawn])
    values = dict(zip(asked, unit * (sums @ times.T) / (times @ rows), strict=True))
    return ComparedBids(
        tuple(_estimate(name, values[name], after, bid) for name, bid in asked.items()),
        tuple(_lead(name, values[TESTED] - each) for name, each in values.items() if name != TESTED),
    )


def _best_rules(before: Auctions, scale: Scale) -> Mapping[str, tuple[float, float]]:
    """Of each rule the exponent, and the multiple that brought most on the earlier part: the lowest of equal ones."""
    listed = list(product(RULES.values(), MULTIPLES))
    sums, _ = worth_by_block(before, (scale.bid(each, before.pctr) for each in listed), scale.click, BLOCKS)
    best = sums.sum(axis=1).reshape(len(RULES), len(MULTIPLES)).argmax(axis=1)
    return {name: (exponent, MULTIPLES[at]) for (name, exponent), at in zip(RULES.items(), best, strict=True)}


def _estimate(name: str, values: F8, auctions: Auctions, bids: F8) -> Estimate:
    """`values` f8[1 + DRAWS]: the value itself, then those of the resamples."""
    won = bids >= auctions.price
    value, low, high = _interval(values)
    return Estimate(
        estimator=REPLAYED, policy=name, value=value, low=low, high=high,
        row_ess=float(won.sum()), click_ess=float(auctions.click[won].sum()),
    )  # fmt: skip


def _lead(name: str, values: F8) -> PairedDifference:
    value, low, high = _interval(values)
    return PairedDifference(policy=name, value=value, low=low, high=high)


def _interval(values: F8) -> tuple[float, float, float]:
    low, high = np.quantile(values[1:], [TAIL, 1 - TAIL])
    return float(values[0]), float(low), float(high)
