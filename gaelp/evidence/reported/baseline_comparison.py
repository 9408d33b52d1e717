"""The agent beside the baselines, on the same episodes or the same rows of a log, with paired intervals at 90 %.

It measures only; the gate judges by its own numbers. Touch this to compare with one more baseline, or elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F8
from gaelp.domain.gates.measurements import Anchor
from gaelp.domain.log_evidence import LEAST_CLICK_ESS
from gaelp.evidence.history.off_policy import LOGGING, REPLAYED, TESTED
from gaelp.evidence.reported.earnings import Bounded
from gaelp.messages.episode_batch import BatchResult
from gaelp.messages.log_replay import LogEvidence

SHOWN = "snips"  # the estimator of a log's comparison; the table of estimates has all of them
NAMES = {TESTED: "agent", LOGGING: "logging policy"}

TAIL = 0.05  # each side of a 90 % interval
DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True)
class ComparedPolicy:
    """A policy's value, and how much more the agent has on the same episodes or rows; none for the agent itself."""

    policy: str
    value: Bounded
    agents_lead: Bounded | None = None


@dataclass(frozen=True)
class Comparison:
    """The agent first, then what it is compared with."""

    place: str  # "exam", or a log's name
    unit: str
    n: int  # episodes or rows
    policies: tuple[ComparedPolicy, ...]


def in_exam(batches: Sequence[BatchResult], anchor: Anchor) -> Comparison | None:
    """Reward on the exam's episodes, of the simple rules and the anchor of criterion 3 too.

    None where no batch tells every episode.
    """
    sound = [batch for batch in batches if batch.rewards and len(batch.amounts.optimum_micros) == len(batch.rewards)]
    if not sound:
        return None
    agent = np.array([reward for batch in sound for reward in batch.rewards])
    optimum = np.array([each for batch in sound for each in batch.amounts.optimum_micros], np.float64)
    profits = np.array([each for batch in sound for each in batch.amounts.incumbent_profit_micros], np.float64)
    share = np.divide(profits, optimum, out=np.zeros_like(profits), where=optimum > 0)
    others = {"incumbent": np.clip(share, 0.0, 1.0)} | _simple_rules(sound)
    anchors = np.array([reward for batch in sound for reward in batch.anchor_rewards])
    if anchor is not Anchor.INCUMBENT:
        others["as it entered the phase"] = anchors
    others = {name: rewards for name, rewards in others.items() if rewards.size == agent.size}
    times = _draws(agent.size)
    policies = [ComparedPolicy(NAMES[TESTED], _mean(agent, times))]
    policies += [ComparedPolicy(name, _mean(each, times), _mean(agent - each, times)) for name, each in others.items()]
    return Comparison("exam", "share of the attainable profit", agent.size, tuple(policies))


def _simple_rules(batches: Sequence[BatchResult]) -> dict[str, F8]:
    """The rewards of each simple rule that played every batch."""
    names = [name for name in batches[0].rule_rewards if all(name in batch.rule_rewards for batch in batches)]
    return {name: np.array([r for batch in batches for r in batch.rule_rewards[name]]) for name in names}


def on_log(log: LogEvidence) -> Comparison | None:
    """Clicks per impression by SNIPS, or what a market log's auctions brought; None where a log compares nothing."""
    leads = {each.policy: Bounded(each.value, each.low, each.high) for each in log.differences}
    values = {
        each.policy: Bounded(each.value, each.low, each.high)
        for each in log.estimates
        if each.estimator in (SHOWN, REPLAYED) or each.policy == LOGGING
    }
    if TESTED not in values:
        return None
    others = [ComparedPolicy(NAMES.get(name, name), value, leads.get(name))
              for name, value in values.items() if name != TESTED]  # fmt: skip
    agent = ComparedPolicy(NAMES[TESTED], values[TESTED])
    unit = log.unit or f"clicks per impression, {SHOWN.upper()}"
    few = "; too few clicks, no evidence" if _rests_on_few(log) else ""
    return Comparison(log.log, f"{unit}{few}", log.rows, (agent, *others))


def _rests_on_few(log: LogEvidence) -> bool:
    """Whether a policy has too few clicks for its interval; one whose bids win nothing brings nothing for certain."""
    return any(
        each.click_ess < LEAST_CLICK_ESS
        for each in log.estimates
        if each.estimator == SHOWN or (each.estimator == REPLAYED and each.row_ess > 0)
    )


def _draws(n: int) -> F8:
    """How often each of n episodes counts in each resample, f8[DRAWS, n]; the same for equal n."""
    rng = np.random.Generator(np.random.Philox(0))
    return rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(np.float64) / n


def _mean(values: F8, times: F8) -> Bounded:
    low, high = np.quantile(times @ values, [TAIL, 1 - TAIL])
    return Bounded(float(values.mean()), float(low), float(high))
