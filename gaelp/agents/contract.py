"""What an agent is: the observation it sees, the decision it gives, and the two verbs `act` and `learn`.

Axes: C campaigns, S segments, K candidates (creatives or items). Money is integer micros; bids are per thousand
impressions (CPM). Touch this only after a look at every agent and every environment: a change affects all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol, Self

import numpy as np

from gaelp.arrays import B1, F4, F8, I8, Array
from gaelp.errors import GaelpError

State = Mapping[str, Array]
"""An agent's learned state, or a trajectory, as named arrays; stored and named by digest."""


@dataclass(frozen=True)
class TickTime:
    """When a tick of C campaigns begins, in the time zone of their account."""

    hour: I8  # [C] 0-23
    weekday: I8  # [C] 0 = Monday
    time_left: F8  # [C] share of the campaign's life still to come, in [0, 1]


@dataclass(frozen=True)
class Totals:
    """What was reported of C campaigns since each began; conversions are matured ones only."""

    impressions: I8  # [C, S, K]
    clicks: I8  # [C, S, K]
    matured_conversions: I8  # [C, S, K]
    cost_micros: I8  # [C, S, K]

    @classmethod
    def none(cls, campaigns: int, segments: int, candidates: int) -> Self:
        """Totals of campaigns of which nothing was reported yet."""
        shape = (campaigns, segments, candidates)
        return cls(*(np.zeros(shape, np.int64) for _ in fields(cls)))


@dataclass(frozen=True)
class Observation:
    """What is known at a tick. Counts are totals since the campaign began; conversions are matured ones only."""

    hour: I8  # [C] 0-23
    weekday: I8  # [C] 0 = Monday
    time_left: F8  # [C] share of the campaign's life still to come, in [0, 1]
    budget_left_micros: I8  # [C] of today's platform budget
    impressions: I8  # [C, S, K]
    clicks: I8  # [C, S, K]
    matured_conversions: I8  # [C, S, K]
    cost_micros: I8  # [C, S, K]
    segment_features: F4  # [C, S, F]
    candidate_features: F4  # [C, K, G]
    mask: B1  # [C, K] False: this candidate may not be shown
    click_value_micros: I8  # [C] contribution of an average click, from the configuration's economics

    @classmethod
    def build(
        cls,
        time: TickTime,
        totals: Totals,
        segment_features: Array,
        candidate_features: Array,
        budget_left_micros: Array,
        click_value_micros: int,
    ) -> Self:
        """The observation of C campaigns that may show every candidate and share features and click value.

        segment_features [S, F], candidate_features [K, G]; budget_left_micros [C]. The features are read-only views.
        """
        campaigns = len(totals.impressions)
        segment, candidate = (
            np.broadcast_to(np.asarray(features, np.float32), (campaigns, *features.shape))
            for features in (segment_features, candidate_features)
        )
        return cls(
            hour=np.asarray(time.hour, np.int64),
            weekday=np.asarray(time.weekday, np.int64),
            time_left=np.asarray(time.time_left, np.float64),
            budget_left_micros=np.asarray(budget_left_micros, np.int64),
            **vars(totals),
            segment_features=segment,
            candidate_features=candidate,
            mask=np.ones((campaigns, len(candidate_features)), bool),
            click_value_micros=np.full(campaigns, click_value_micros, np.int64),
        )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Self:
        """The inverse of `to_arrays`; arrays of other names are ignored. Raises KeyError where a field is missing."""
        return cls(**{field.name: np.asarray(arrays[field.name]) for field in fields(cls)})

    def to_arrays(self) -> dict[str, Array]:
        """The fields by name, as the content store and Gymnasium take them."""
        return dict(vars(self))


@dataclass(frozen=True)
class Decision:
    """What to do until the next tick. A head that is None is left to the incumbent."""

    bid_micros: I8 | None  # [C, S] per thousand impressions; 0 = off
    creative_prob: F8 | None  # [C, S, K] sums to one over K
    spend_rate: F8 | None = None  # [C] in [0, 1]: share of what is left that may go until the next tick
    target: F8 | None = None  # [C] CPA in micros, or ROAS (value / cost), where the platform bids itself


LARGEST_BID_MICROS = 10**12
"""No bid is higher: sums of money stay far from what an integer holds."""
HEADS = tuple(head.name for head in fields(Decision))
"""All that may be decided; a world takes some of them."""


@dataclass(frozen=True)
class WorldShape:
    """The sizes an agent's state is made for."""

    segments: int
    candidates: int
    segment_features: int
    candidate_features: int


class Agent(Protocol):
    """Two verbs. Both are pure: randomness comes in as `rng`, everything remembered goes out again."""

    name: str
    heads: tuple[str, ...]

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        """The state before any learning."""
        ...

    def initial_memory(self, campaigns: int) -> F8:
        """Memory [C, M] at the start of an episode; M may be 0."""
        ...

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        """Decide for C campaigns at once."""
        ...

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        """The next state from a round's trajectories, read in the order given.

        A trajectory has (T ticks): impressions, clicks, matured_conversions, cost_micros i8 [T, C, S, K] counted per
        tick; bid_micros i8 [T, C, S]; creative_prob f8 [T, C, S, K]; segment_features f4 [S, F];
        candidate_features f4 [K, G]; click_value_micros i8 [C]. A task of a curriculum may have fewer segments and
        candidates than the state was made for: they are the first of them. One is in memory at a time, the one last
        looked into: keep sums, not arrays. An agent that declares `epochs: int` learns so many times from the same
        trajectories, and after a crash only the unfinished epoch is repeated.
        """
        ...


class InvalidDecision(GaelpError, ValueError):
    """An agent's decision has a wrong shape, a NaN, a negative bid or probabilities that do not sum to one."""

    permanent = True
