"""From the scores of a batch to its result: what is counted, what is summed. Touch this when a batch must tell more.

An episode is one campaign, or the group of own campaigns that share an audience: their rewards are one number, and
counting it for each would make a small sample look large.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gaelp.arrays import B1, F8, I8, Array
from gaelp.domain.episodes import BatchPurpose, EpisodeAmounts, EpisodeFailure, EpisodeState, RegretSplit
from gaelp.domain.gates.measurements import FAILED_RATIO
from gaelp.market.scoring.episode_scores import Scores
from gaelp.messages.episode_batch import BatchResult

COUNTED = {  # amount: array of the trajectory
    "spend_micros": "cost_micros",
    "impressions": "impressions",
    "clicks": "clicks",
    "conversions": "matured_conversions",
}
PARTS = ("estimation", "allocation", "over_bidding", "under_bidding")


def batch_result(
    scores: Scores,
    trajectory: Mapping[str, Array],
    failures: Mapping[int, str],
    *,
    together: int,
    index: int,
    purpose: BatchPurpose,
) -> BatchResult:
    """The result without its trajectory's digest.

    Replaced episodes are left out; failed ones stay, with reward 0, no success, and FAILED_RATIO or what they lost if
    that is worse: to fail must not hide a loss.
    """
    keep = scores.counted  # [C], equal within a group
    failed = _failed(failures, len(keep), together)
    first = np.flatnonzero(keep)[::together]  # of each episode that counts
    amounts = {name: _whole(_grouped(amount, together)[first]) for name, amount in _amounts(scores, trajectory).items()}
    totals = {name: int(amount.sum()) for name, amount in amounts.items()}
    gain = amounts["expected_profit_micros"] - amounts["incumbent_profit_micros"]
    return BatchResult(
        index=index,
        purpose=purpose,
        state=EpisodeState.SETTLED,
        trajectory_digest=None,
        episodes=len(first),
        failed_episodes=int(failed[first].sum()),
        failures=_failures_by_episode(failures, first, together),
        rewards=tuple(np.where(failed, 0.0, scores.reward)[first].tolist()),
        raw_rewards=tuple(np.where(failed, np.minimum(FAILED_RATIO, scores.ratio), scores.ratio)[first].tolist()),
        successes=tuple((scores.success & ~failed)[first].tolist()),
        gains=tuple((gain / amounts["optimum_micros"]).tolist()),
        amounts=EpisodeAmounts(**{name: tuple(amount.tolist()) for name, amount in amounts.items()}),
        replaced=int((~keep).sum()) // together,
        regret=RegretSplit(**{name: totals.pop(name) for name in RegretSplit.model_fields}),
        **totals,
    )


def rewards_of(profit_micros: F8, scores: Scores, together: int) -> tuple[float, ...]:
    """The rewards of another policy of expected profit f8[C] in the episodes that count, in shares of their optimum."""
    first = np.flatnonzero(scores.counted)[::together]
    profit, optimum = (_grouped(amount, together)[first] for amount in (profit_micros, scores.optimum_micros))
    return tuple(np.clip(profit / optimum, 0.0, 1.0).tolist())


def _amounts(scores: Scores, trajectory: Mapping[str, Array]) -> dict[str, F8]:
    """The amounts of EpisodeAmounts, of each campaign f8[C]."""
    counted = {field: np.asarray(trajectory[name]).sum(axis=(0, 2, 3)) for field, name in COUNTED.items()}
    regret = {f"{part}_micros": getattr(scores.regret, part) for part in PARTS}
    return {
        "expected_profit_micros": scores.profit_micros,
        "attributed_profit_micros": scores.attributed_profit_micros,
        "incumbent_profit_micros": scores.incumbent_profit_micros,
        "optimum_micros": scores.optimum_micros,
        **regret,
        "revenue_micros": np.asarray(trajectory["revenue_micros"]).sum(axis=0),
        **counted,
    }


def _failed(failures: Mapping[int, str], campaigns: int, together: int) -> B1:
    """[C] True for every campaign of an episode in which one failed."""
    failed = np.zeros(campaigns, bool)
    failed[list(failures)] = True
    return failed.reshape(-1, together).any(axis=1).repeat(together)


def _failures_by_episode(failures: Mapping[int, str], first: I8, together: int) -> tuple[EpisodeFailure, ...]:
    place = {int(campaign) // together: number for number, campaign in enumerate(first)}
    reasons = {c // together: failures[c] for c in sorted(failures, reverse=True)}
    return tuple(
        EpisodeFailure(episode=place[group], reason=reasons[group]) for group in sorted(reasons) if group in place
    )


def _grouped(amount: F8, together: int) -> F8:
    """[C] each group's sum, at each of its campaigns."""
    return np.asarray(amount.reshape(-1, together).sum(axis=1).repeat(together))


def _whole(amount: F8) -> I8:
    return np.asarray(np.rint(amount).astype(np.int64))
