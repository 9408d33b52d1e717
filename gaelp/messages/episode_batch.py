"""Messages of the workflow EpisodeBatch: batches of simulated episodes. Touch this when a result counts more."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field

from gaelp.domain.episodes import BatchPurpose, EpisodeAmounts, EpisodeFailure, EpisodeState, RegretSplit
from gaelp.domain.frozen import Frozen
from gaelp.messages.run_context import RunContext

PER_EPISODE = ("rewards", "raw_rewards", "successes", "anchor_rewards", "gains")
LONGEST_REASON = 300  # characters that a message carries of why a batch or an episode failed


class SimulateBatches(Frozen):
    """Starts an EpisodeBatch: batches one after another, each of episodes that advance together.

    Seed, purpose, attempt and its own index key the random draws of a batch: whichever others it is simulated with, it
    comes out the same.
    """

    context: RunContext
    indices: tuple[int, ...]
    purpose: BatchPurpose
    attempt: int = 0  # at the gate; keys the draws of exams, never those of training
    anchor_checkpoint_digest: str = ""  # an earlier state of the agent, played beside it; empty: the incumbent
    rule_checkpoints: dict[str, str] = Field(
        default_factory=dict
    )  # of the simple rules that play beside it, by their names


class BatchResult(Frozen):
    """A finished batch: trajectories by digest, money summed over episodes.

    Between activities it travels without what it says of each episode (`without_episodes`); the complete document is
    in the content store under `whole_digest`.
    """

    index: int
    purpose: BatchPurpose
    state: EpisodeState
    trajectory_digest: str | None
    episodes: int
    whole_digest: str = ""  # of the document with the tuples below; empty where they are in this one
    failed_episodes: int = 0  # counted in the tuples below with reward 0 and no success
    failures: tuple[EpisodeFailure, ...] = ()
    rewards: tuple[float, ...] = ()  # clipped reward r of each episode (docs/gates.md, criterion 1)
    raw_rewards: tuple[float, ...] = ()  # ratio of each episode before it is clipped, for the tail risk
    successes: tuple[bool, ...] = ()
    anchor_rewards: tuple[float, ...] = ()  # of what the exam compares with, on the same worlds
    rule_rewards: dict[str, tuple[float, ...]] = Field(default_factory=dict)  # of each simple rule, on the same worlds
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

    def without_episodes(self, whole_digest: str) -> Self:
        """The result without the tuples that have one entry per episode, and with the first failure only."""
        emptied: dict[str, Any] = {name: () for name in PER_EPISODE}
        first = tuple(EpisodeFailure(episode=f.episode, reason=f.reason[:LONGEST_REASON]) for f in self.failures[:1])
        emptied |= {"amounts": EpisodeAmounts(), "rule_rewards": {}, "failures": first, "whole_digest": whole_digest}
        return self.model_copy(update=emptied)


class SimulatedBatches(Frozen):
    """Finished batches in the order that they were asked in; an activity may return the first of them only."""

    results: tuple[BatchResult, ...]
    batch_seconds: float  # that the fastest took: a measurement of the machine, which enters no digest; 0: none settled
