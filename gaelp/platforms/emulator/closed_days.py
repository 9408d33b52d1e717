"""The days of a campaign whose every hour is known to each report from now on, summed.

A campaign's hours would take the server's memory, and its reports time, in proportion to its age. Touch this when a
report needs more of an old day than its sums.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from gaelp.arrays import I8

DAY_BYTES = 500  # of a day's row, about


@dataclass(frozen=True)
class DaySums:
    """A day as it is reported, its orders left out, and when its last hour of delivery ended."""

    impressions: int
    clicks: int
    cost_micros: int  # billed
    served_micros: int
    final: bool
    delivered_until_us: int
    hourly_cost_micros: tuple[int, ...]  # [24]

    def packed(self) -> I8:
        """i8[30], a tenth of the memory."""
        plain = (self.impressions, self.clicks, self.cost_micros, self.served_micros, int(self.final))
        return np.array((*plain, self.delivered_until_us, *self.hourly_cost_micros), np.int64)

    @classmethod
    def unpacked(cls, packed: I8) -> Self:
        """What was packed."""
        impressions, clicks, cost, served, final, until, *hourly = packed.tolist()
        return cls(impressions, clicks, cost, served, bool(final), until, tuple(hourly))


@dataclass
class ClosedDays:
    """All closed days of one campaign: those before `until_us`."""

    until_us: int = 0
    hours: int = 0
    days: dict[int, I8] = field(default_factory=dict)  # packed sums by days since the epoch
    counts: I8 = field(default_factory=lambda: np.zeros((4, 0, 0), np.int64))  # [4, S, K], as of an hour
    orders: I8 = field(default_factory=lambda: np.zeros((4, 0), np.int64))  # [4, N]: as of an hour, and the click's day

    @property
    def size(self) -> int:
        """About how many bytes of memory they take."""
        return self.counts.nbytes + self.orders.nbytes + len(self.days) * DAY_BYTES
