"""From the gains in the moved markets to what criterion 16 judges. Touch this to measure them otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from scipy.special import logsumexp

from gaelp.arrays import F8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.exploit_audit import (
    ASSUMPTIONS,
    LEAST_KEPT,
    OWN_MARKET,
    WORST_SHARE,
    AuditedMarket,
    AuditMeasure,
    audit_required,
    moved,
)
from gaelp.evidence import stake_mixture


def measure_audit(
    gains: Mapping[str, Sequence[float]], config: TrainingConfiguration, alpha: float
) -> AuditMeasure | None:
    """Of the gains in every market, in [-1, 1]; None where the audit was neither played nor required.

    The worst decile are the markets, a tenth of them rounded up, whose mean gain is lowest. H0: some set of so many
    markets keeps at most LEAST_KEPT of the gain on average. Every set is tested at level alpha, and H0 is refuted where
    all are (an intersection-union test), so that nothing is lost by looking for the worst. Against H0 the sets' wealth
    is averaged, which is a wealth again.
    """
    required = audit_required(config)
    if not gains or not gains[OWN_MARKET]:
        return AuditMeasure(required=required) if gains or required else None
    own = np.array(gains[OWN_MARKET])
    names = [(assumption, way) for assumption, ways in ASSUMPTIONS.items() for way in ways]
    others = np.array([gains[moved(*name)] for name in names])
    worst = math.ceil(WORST_SHARE * len(names))
    sets = np.array([others[list(chosen)].mean(axis=0) for chosen in combinations(range(len(names)), worst)])
    base = float(own.mean())
    against = _log_wealth(own, sets, LEAST_KEPT, sign=-1.0)
    return AuditMeasure(
        required=required,
        markets=tuple(
            AuditedMarket(assumption=assumption, way=way, gain=float(gain))
            for (assumption, way), gain in zip(names, others.mean(axis=1), strict=True)
        ),
        episodes=own.size,
        gain=base,
        worst=worst,
        kept=float(sets.mean(axis=1).min()) / base if base > 0 else None,
        low=_lower_bound(own, sets, alpha),
        alpha=alpha,
        log_wealth=float(_log_wealth(own, sets, LEAST_KEPT).min()),
        log_wealth_against=float(logsumexp(against) - math.log(len(sets))),
    )


def _log_wealth(own: F8, sets: F8, share: float, sign: float = 1.0) -> F8:
    """The wealth f8[M] against E[gain - share own] <= 0 of each set of markets, f8[M, N], beside the own one, f8[N].

    With sign -1 against the opposite. The difference lies in [-(1 + share), 1 + share].
    """
    difference = sign * (sets - share * own) / (1.0 + share)
    return stake_mixture.best_log_wealth((1.0 + difference) / 2.0, 0.5, [own.size])


def _lower_bound(own: F8, sets: F8, alpha: float) -> float | None:
    """The largest share that the worst decile surely keeps, in [0, 1]; None where not even a gain is sure."""

    def refuted(share: float) -> bool:
        return bool(_log_wealth(own, sets, share).min() >= -math.log(alpha))

    if not refuted(0.0):
        return None
    low, high = (LEAST_KEPT, 1.0) if refuted(LEAST_KEPT) else (0.0, LEAST_KEPT)
    for _ in range(stake_mixture.BOUND_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low
