"""The arms of a bandit log by the run's market and by the log's later part (docs/gates.md, criterion 7).

An arm is an item that is always shown. Predicted is its click rate in the run's market, its segments weighed as in the
later rows; actual is SNIPS on these rows (Swaminathan & Joachims 2015). Touch this to rank arms otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from gaelp.arrays import B1, F8, I8, Array
from gaelp.domain.log_evidence import LEAST_CLICK_ESS
from gaelp.errors import GaelpError
from gaelp.evidence.history.bandit_rows import BLOCKS
from gaelp.evidence.history.off_policy import SHOWN
from gaelp.evidence.history.panel_measurements import ranked
from gaelp.evidence.history.policy_panel import split_half_reliability
from gaelp.messages.log_replay import ArmsEvidence

FEWEST_ARMS = 8  # fewer come in the right order by chance too often
MOST_ARMS = 80  # the most shown ones


class NoArms(GaelpError, ValueError):
    """The log's arms cannot be ranked; the message says why."""


def measure_arms(log: Mapping[str, Array], segment: I8, market_ctr: F8) -> ArmsEvidence:
    """The market's click rates f8[S, K] beside later rows: action, propensity, click and segment [N]. Raises NoArms."""
    clicks = int(log["click"].sum())
    if clicks < LEAST_CLICK_ESS:
        raise NoArms(f"it has {clicks} later clicks, and at least {LEAST_CLICK_ESS} are needed")
    action, weight = np.asarray(log["action"]), 1 / np.asarray(log["propensity"], np.float64)
    arms = _shown(action, weight, market_ctr.shape[1])
    if arms.size < FEWEST_ARMS:
        raise NoArms(f"{arms.size} of its items have {SHOWN} effective rows, and {FEWEST_ARMS} are needed")
    share = np.bincount(segment, minlength=market_ctr.shape[0]) / segment.size
    half = np.arange(action.size) * BLOCKS // action.size % 2 == 1
    hit = np.asarray(log["click"], bool)

    def rates(rows: B1 | slice) -> F8:
        counted, clicked = (
            np.bincount(action[rows], each[rows], minlength=market_ctr.shape[1]) for each in (weight, weight * hit)
        )
        return np.asarray(np.divide(clicked, counted, out=np.zeros_like(clicked), where=counted > 0)[arms])

    correlation, most_carried, regret = ranked((share @ market_ctr)[arms], rates(slice(None)))
    return ArmsEvidence(
        arms=arms.size,
        clicks=clicks,
        reliability=_number(split_half_reliability(rates(half), rates(~half))),
        correlation=_number(correlation),
        most_carried=_number(most_carried),
        regret=_number(regret),
    )


def _number(value: float) -> float | None:
    """None for NaN, which JSON has not."""
    return None if math.isnan(value) else value


def _shown(action: I8, weight: F8, items: int) -> I8:
    """Items with enough effective rows, the most shown ones where there are too many, by number."""
    total, squares = (np.bincount(action, each, minlength=items) for each in (weight, weight**2))
    rows = np.divide(total**2, squares, out=np.zeros(items), where=squares > 0)
    most = np.argsort(-rows, kind="stable")[:MOST_ARMS]
    return np.sort(most[rows[most] >= SHOWN])
