"""Messages of the workflow EpisodeBatch: one batch of simulated episodes. Touch this when it says one more thing."""

from __future__ import annotations

from typing import Any, Self

from gaelp.domain.episodes import BatchPurpose, EpisodeAmounts, EpisodeFailure, EpisodeState, RegretSplit
from gaelp.domain.frozen import Frozen


class SimulateBatch(Frozen):
    """One batch of episodes that advance together. (seed, phase, index, purpose) key its random streams."""

    run: str
    config_digest: str
    market_digest: str
    checkpoint_digest: str
    agent: str
    index: int
    purpose: BatchPurpose
    attempt: int = 0  # keys the exam's streams, never the training's


class BatchResult(Frozen):
    """A finished batch: trajectories by digest, money summed over episodes.

    Between activities it travels without what it says of each episode: `whole_digest` names the whole one.
    """

    index: int
    purpose: BatchPurpose
    state: EpisodeState
    trajectory_digest: str | None
    episodes: int
    whole_digest: str = ""  # of the document with the tuples below; none: they are here
    failed_episodes: int = 0  # counted in the tuples below with reward 0 and no success
    failures: tuple[EpisodeFailure, ...] = ()
    rewards: tuple[float, ...] = ()  # clipped r per episode (gates.md 1)
    raw_rewards: tuple[float, ...] = ()  # unclipped ratio, for CVaR
    successes: tuple[bool, ...] = ()
    gains: tuple[float, ...] = ()  # expected profit above the incumbent's, in shares of the optimum
    amounts: EpisodeAmounts = EpisodeAmounts()
    replaced: int = 0  # episodes whose optimum was below 1 % of the budget
    expected_profit_micros: int = 0  # incremental, of the impressions won
    attributed_profit_micros: int = 0  # the same with the organic conversions that last-click attribution harvests
    incumbent_profit_micros: int = 0  # expected, on the same worlds
    optimum_micros: int = 0
    regret: RegretSplit = RegretSplit()
    revenue_micros: int = 0  # realised within the episode, attributed, net of refunds
    spend_micros: int = 0
    impressions: int = 0
    clicks: int = 0
    conversions: int = 0
    reason: str = ""

    def told(self, whole_digest: str) -> Self:
        """The result as it travels: without its tuples, and with one failure to show for all."""
        nothing: dict[str, Any] = {name: () for name in ("rewards", "raw_rewards", "successes", "gains")}
        nothing |= {"amounts": EpisodeAmounts(), "failures": self.failures[:1], "whole_digest": whole_digest}
        return self.model_copy(update=nothing)
