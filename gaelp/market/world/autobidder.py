"""The platform's own bidder: it bids towards an advertiser's target and has to learn first. Touch this to change how.

It knows the conversion rates up to an error that shrinks with the conversions it has seen, and a slow controller
corrects what the error leaves. A significant change of the target makes it learn anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from gaelp.agents.contract import LARGEST_BID_MICROS
from gaelp.arrays import B1, F8, I8

Kind = Literal["target-cpa", "target-roas"]

PER_MILLE = 1000
SIGNIFICANT = 0.2
"""Change of the target, relative to the one it learned with, above which it learns anew."""
ERROR = 0.5
"""Standard deviation of the log estimate before anything is seen; half of it when the learning phase ends."""
STEP = 0.1
"""Largest change of the log multiplier in one tick."""
USED_UP = 0.02
"""A remainder below this share of what could be spent, or of a conversion's cost, is none."""
REACH = 10.0
"""The multiplier stays within [1 / REACH, REACH]."""
DEAREST_CONVERSION_MICROS = 1e15
"""No target is taken for more than this, so that nothing here becomes infinite."""


@dataclass(frozen=True)
class Rules:
    """What does not change within an episode."""

    kind: Kind
    learning_conversions: int
    order_value_micros: float
    tick_hours: float
    lag_days: float


@dataclass(frozen=True)
class Bidder:
    """Its state for C campaigns and S segments; counts and money since the last significant change of the target."""

    rules: Rules
    error: F8  # [C, S] standard normal, drawn once: what it is wrong about, it stays wrong about
    learned_with: F8  # [C] the target of the last significant change; NaN before the first
    target: F8  # [C] the target in force; NaN before the first
    multiplier: F8  # [C]
    conversions: I8  # [C]
    cost_micros: I8  # [C]
    value_micros: I8  # [C]
    awaited: F8  # [C] conversions that the cost so far should bring at the target and that are not due yet

    @property
    def learning(self) -> B1:
        """[C] True: still in the learning phase."""
        return np.asarray(self.conversions < self.rules.learning_conversions)

    @property
    def realised(self) -> F8:
        """[C] CPA in micros, or ROAS, since the last significant change; NaN where it divides by nothing."""
        top, bottom = self.cost_micros, self.conversions
        if self.rules.kind == "target-roas":
            top, bottom = self.value_micros, self.cost_micros
        ratio: F8 = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
        return ratio


def begin(campaigns: int, segments: int, rng: np.random.Generator, rules: Rules) -> Bidder:
    """A bidder that has seen nothing. Draws C x S standard normals."""
    none, nothing = np.full(campaigns, np.nan), np.zeros(campaigns, np.int64)
    error = rng.standard_normal((campaigns, segments))
    return Bidder(rules, error, none, none, np.ones(campaigns), nothing, nothing, nothing, np.zeros(campaigns))


def bids(bidder: Bidder, target: F8, rate: F8) -> tuple[I8, Bidder]:
    """Bids in micros per thousand impressions i8[C, S], and the bidder with the targets in force.

    `target` f8[C] is a CPA in micros per conversion or a ROAS (value over cost); 0, NaN or infinite: no bid, and the
    bidder remembers the target before. `rate` f8[C, S] is the true expected number of attributed conversions of an
    impression; the bidder uses rate x exp(error x spread), where spread = ERROR / sqrt(1 + 3 n / learning_conversions)
    and n counts the conversions seen. Target CPA: bid = 1000 x target x estimate x multiplier; target ROAS:
    1000 x estimate x order value / target x multiplier.
    """
    bidder = _aimed(bidder, target)
    spread = ERROR / np.sqrt(1.0 + 3.0 * bidder.conversions / bidder.rules.learning_conversions)
    estimate = rate * np.exp(bidder.error * spread[:, None])
    worth = np.where(_usable(target), _cost_of_a_conversion(bidder) * bidder.multiplier, 0.0)
    bid = np.floor(np.minimum(PER_MILLE * worth[:, None] * estimate, LARGEST_BID_MICROS))
    return bid.astype(np.int64), bidder


def observed(
    bidder: Bidder, cost_micros: I8, conversions: I8, value_micros: I8, spendable_micros: I8 | None = None
) -> Bidder:
    """The bidder after a tick in which it spent and in which conversions arrived, i8[C] each.

    `spendable_micros` i8[C] is what the tick could spend; none: no limit. Where it is used up the multiplier does not
    rise, for higher bids would buy fewer conversions for the same money.

    Whatever the lag, it compares conversions with the cost that is due: that of which it expects them by now. The
    log multiplier moves by surplus / (learning_conversions + due + awaited), at most STEP, where surplus is what came
    beyond what was due, all in conversions at the target (for target ROAS in mean order values at the target). An
    integral controller: a lasting multiplier needs a finite surplus, so realised cost per conversion comes to the
    target as conversions add up.
    """
    rules = bidder.rules
    bought = np.nan_to_num(cost_micros / _cost_of_a_conversion(bidder))
    age = rules.tick_hours / (24.0 * rules.lag_days)
    soon, later = 1.0 + np.expm1(-age) / age, -np.expm1(-age)
    due = bidder.awaited * later + bought * soon
    awaited = bidder.awaited + bought - due
    came = conversions if rules.kind == "target-cpa" else value_micros / _order_value(rules)
    highest = np.where(_used_up(bidder, cost_micros, spendable_micros), 0.0, STEP)
    step = np.clip((came - due) / (rules.learning_conversions + due + awaited), -STEP, highest)
    return replace(
        bidder,
        multiplier=np.clip(bidder.multiplier * np.exp(step), 1.0 / REACH, REACH),
        conversions=bidder.conversions + conversions,
        cost_micros=bidder.cost_micros + cost_micros,
        value_micros=bidder.value_micros + value_micros,
        awaited=awaited,
    )


def _aimed(bidder: Bidder, target: F8) -> Bidder:
    """With the usable targets in force, and nothing seen where they are significantly new."""
    usable = _usable(target)
    anew = usable & ~(np.abs(target / bidder.learned_with - 1.0) <= SIGNIFICANT)
    return replace(
        bidder,
        learned_with=np.where(anew, target, bidder.learned_with),
        target=np.where(usable, target, bidder.target),
        conversions=np.where(anew, 0, bidder.conversions),
        cost_micros=np.where(anew, 0, bidder.cost_micros),
        value_micros=np.where(anew, 0, bidder.value_micros),
    )


def _used_up(bidder: Bidder, cost_micros: I8, spendable_micros: I8 | None) -> B1:
    """The remainder counts as nothing where it is a small share, or may not even pay for one more impression."""
    if spendable_micros is None:
        return np.zeros(len(cost_micros), bool)
    small = np.maximum(USED_UP * spendable_micros, USED_UP * _cost_of_a_conversion(bidder))
    return np.asarray(spendable_micros - cost_micros <= small)


def _usable(target: F8) -> B1:
    return np.isfinite(target) & (target > 0)


def _cost_of_a_conversion(bidder: Bidder) -> F8:
    """Micros [C] that a conversion may cost at the target; NaN before the first target."""
    cpa = bidder.target if bidder.rules.kind == "target-cpa" else _order_value(bidder.rules) / bidder.target
    return np.minimum(cpa, DEAREST_CONVERSION_MICROS)


def _order_value(rules: Rules) -> float:
    """An order worth nothing counts a micro, so that it can be divided by."""
    return max(rules.order_value_micros, 1.0)
