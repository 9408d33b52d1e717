"""Kinds of logs, and how far the evidence of one reaches. Touch this when another kind of log can be ingested."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum


class LogKind(StrEnum):
    """What the rows of a log are; each kind supports other claims."""

    BANDIT = "bandit"  # a row is an impression with its propensity and its click
    MARKET = "market"  # a row is an auction with its price
    REPORT = "report"  # a row is a sum over impressions
    SPLIT_TEST = "split-test"  # a row is a sum over the impressions of one arm of an A/B test


def calibrates(kinds: Collection[str]) -> bool:
    """Whether logs of those kinds calibrate a run's market; else it is made up, and called synthetic."""
    return LogKind.BANDIT in kinds or LogKind.MARKET in kinds


class Quantity(StrEnum):
    """What is compared between a market and the later part of a log (docs/history.md)."""

    CLICK_RATE = "clicks per impression"
    CLICK_COST = "cost per click"
    WIN_RATE_LOW = "won at the lower quartile of prices"
    WIN_RATE_HIGH = "won at the upper quartile of prices"
    CONVERSION_RATE = "conversions per click"
    HOURS = "hours of the day in common"


WIN_RATES = {0.25: Quantity.WIN_RATE_LOW, 0.75: Quantity.WIN_RATE_HIGH}
"""By the share of a log's earlier prices that the bid is not below; at the median every market wins half."""


class Grade(StrEnum):
    """What stands behind an estimate, the strongest first (docs/gates.md, evidence grades)."""

    A = "A"  # a randomised log with propensities, from which another policy's effect can be estimated
    B = "B"  # a market log, whose recorded prices other bids are replayed against
    R = "R"  # a report, which describes what happened
    C = "C"  # nothing that supports a claim


LEAST_RANDOMISED_P = 0.001  # of the chi-square test of items shown against propensities
LEAST_CLICK_ESS = 30  # effective clicks that an estimate from a bandit log needs to be evidence

EPISODE_AUCTIONS = 1000  # of an episode of a replay, as the literature has it
BUDGET_FRACTION = 1 / 32  # its budget as a share of what its auctions cost at the earlier mean price

BOOTSTRAP = "block bootstrap"
_INTERVAL_BY: Mapping[str, str] = {
    "on-policy": "Clopper-Pearson", "ips": "betting", "dm": f"{BOOTSTRAP}; a model alone is no evidence",
    "non-inferiority": "betting; click rate less 95 % of the logging policy's",
}  # fmt: skip


def interval_by(estimator: str, click_ess: float) -> str:
    """How the 90 % interval of an estimate is made (gaelp/evidence/history/off_policy.py), and where it is no evidence.

    From few clicks a bootstrap holds the truth too seldom (docs/measurements.md).
    """
    by = _INTERVAL_BY.get(estimator, BOOTSTRAP)
    return f"{by}; too few clicks, no evidence" if by == BOOTSTRAP and click_ess < LEAST_CLICK_ESS else by
