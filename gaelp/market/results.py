"""From the scores of a batch to its result: what is counted, what is summed. Touch this when a batch must tell more.

An episode is one campaign, or the group of own campaigns that share an audience: their rewards are one number, and
counting it for each would make a small sample look large.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from gaelp.market.measures import Scores
from gaelp.market.reporting import COUNTS
from gaelp.training.measures import FAILED_RATIO
from gaelp.training.messages import BatchResult, EpisodeFailure, RegretSplit
from gaelp.training.names import EpisodeState

Array = npt.NDArray[np.generic]
F8 = npt.NDArray[np.float64]
B1 = npt.NDArray[np.bool_]


def batch_result(
    scores: Scores,
    trajectory: Mapping[str, Array],
    failures: Mapping[int, str],
    *,
    together: int,
    index: int,
    purpose: str,
) -> BatchResult:
    """The result without its trajectory's digest.

    Replaced episodes are left out; failed ones stay, with reward 0, the worst ratio and no success.
    """
    keep = scores.counted  # [C], equal within a group
    failed = _failed(failures, len(keep), together)
    first = np.flatnonzero(keep)[::together]  # of each episode that counts
    success = scores.success.reshape(-1, together).all(axis=1).repeat(together)
    earned, instead, optimum = (
        _grouped(amount, together)[first]
        for amount in (scores.profit_micros, scores.incumbent_profit_micros, scores.optimum_micros)
    )
    totals = {name: int(np.asarray(trajectory[name])[:, keep].sum()) for name in (*COUNTS, "revenue_micros")}
    regret = scores.regret
    return BatchResult(
        index=index,
        purpose=purpose,
        state=EpisodeState.SETTLED,
        trajectory_digest=None,
        episodes=len(first),
        failed_episodes=int(failed[first].sum()),
        failures=_told(failures, first, together),
        rewards=tuple(np.where(failed, 0.0, scores.reward)[first].tolist()),
        raw_rewards=tuple(np.where(failed, FAILED_RATIO, scores.ratio)[first].tolist()),
        successes=tuple((success & ~failed)[first].tolist()),
        gains=tuple(((earned - instead) / optimum).tolist()),
        replaced=int((~keep).sum()) // together,
        expected_profit_micros=_sum(scores.profit_micros, keep),
        attributed_profit_micros=_sum(scores.attributed_profit_micros, keep),
        incumbent_profit_micros=_sum(scores.incumbent_profit_micros, keep),
        optimum_micros=_sum(scores.optimum_micros, keep),
        regret=RegretSplit(
            allocation_micros=_sum(regret.allocation, keep),
            estimation_micros=_sum(regret.estimation, keep),
            over_bidding_micros=_sum(regret.over_bidding, keep),
            under_bidding_micros=_sum(regret.under_bidding, keep),
        ),
        revenue_micros=totals["revenue_micros"],
        spend_micros=totals["cost_micros"],
        impressions=totals["impressions"],
        clicks=totals["clicks"],
        conversions=totals["matured_conversions"],
    )


def _failed(failures: Mapping[int, str], campaigns: int, together: int) -> B1:
    """[C] True for every campaign of an episode in which one failed."""
    failed = np.zeros(campaigns, bool)
    failed[list(failures)] = True
    return failed.reshape(-1, together).any(axis=1).repeat(together)


def _told(failures: Mapping[int, str], first: npt.NDArray[np.int64], together: int) -> tuple[EpisodeFailure, ...]:
    place = {int(campaign) // together: number for number, campaign in enumerate(first)}
    reasons = {c // together: failures[c] for c in sorted(failures, reverse=True)}
    return tuple(
        EpisodeFailure(episode=place[group], reason=reasons[group]) for group in sorted(reasons) if group in place
    )


def _grouped(amount: F8, together: int) -> F8:
    """[C] each group's sum, at each of its campaigns."""
    return np.asarray(amount.reshape(-1, together).sum(axis=1).repeat(together))


def _sum(amount: F8, keep: B1) -> int:
    return round(float(amount[keep].sum()))
