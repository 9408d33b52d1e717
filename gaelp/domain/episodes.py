"""Episodes: their states, the purposes of their batches, and what is counted of each. Touch this to count one more
thing in every simulated episode.
"""

from __future__ import annotations

from enum import StrEnum

from gaelp.domain.frozen import Frozen


class EpisodeState(StrEnum):
    """Where an episode (a simulated batch, a replayed log, a live campaign) is in its life."""

    PLANNED = "planned"
    RESERVED = "reserved"
    LAUNCHING = "launching"
    RUNNING = "running"
    MATURING = "maturing"
    SETTLED = "settled"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BatchPurpose(StrEnum):
    """What a batch of simulated episodes is for."""

    TRAIN = "train"
    EXAM = "exam"
    BLOCK = "block"  # the announced block of the exam (docs/gates.md, criterion 4)
    MASTERY = "mastery"  # an exam of a task of the curriculum
    PERMUTED = "permuted"  # the exam again, in the market where the ratings of personas are permuted


class EpisodeFailure(Frozen):
    """An episode that a bad decision ended: which campaign of its batch, and why, naming agent and step."""

    episode: int
    reason: str


class RegretSplit(Frozen):
    """Where the optimum less the expected profit went, in micros; the parts sum to it exactly but for rounding."""

    allocation_micros: int = 0  # the same spend elsewhere: other segments, hours, days
    estimation_micros: int = 0  # creatives worth less than the segment's best
    over_bidding_micros: int = 0  # days that spent more than the optimum spends
    under_bidding_micros: int = 0  # days that spent less


class EpisodeAmounts(Frozen):
    """The amounts of each episode of a batch, in the order of the batch's rewards; those of campaigns that share one
    episode are summed. The batch's own amounts are the totals.
    """

    expected_profit_micros: tuple[int, ...] = ()  # incremental, of the impressions won
    attributed_profit_micros: tuple[int, ...] = ()  # with the organic conversions that last-click attribution harvests
    incumbent_profit_micros: tuple[int, ...] = ()  # expected, on the same worlds
    optimum_micros: tuple[int, ...] = ()
    estimation_micros: tuple[int, ...] = ()  # the parts of RegretSplit
    allocation_micros: tuple[int, ...] = ()
    over_bidding_micros: tuple[int, ...] = ()
    under_bidding_micros: tuple[int, ...] = ()
    revenue_micros: tuple[int, ...] = ()  # realised within the episode, attributed, net of refunds
    spend_micros: tuple[int, ...] = ()
    impressions: tuple[int, ...] = ()
    clicks: tuple[int, ...] = ()
    conversions: tuple[int, ...] = ()

    def rows(self) -> list[dict[str, int]]:
        """One row per episode."""
        columns = {name: getattr(self, name) for name in type(self).model_fields}
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
