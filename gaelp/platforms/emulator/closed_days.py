"""The days of a campaign whose every hour is known to each report from now on, summed.

A campaign's hours would take the server's memory, and its reports time, in proportion to its age. Touch this when a
report needs more of an old day than its sums.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gaelp.arrays import I8
from gaelp.domain.platform_records import DayReport

DAY_BYTES = 2000  # of a day's row, about


@dataclass(frozen=True)
class ClosedDay:
    """A day as it is reported, its orders left out, and when its last hour of delivery ended."""

    row: DayReport
    delivered_until_us: int


@dataclass
class ClosedDays:
    """All closed days of one campaign: those before `until_us`."""

    until_us: int = 0
    hours: int = 0
    days: dict[int, ClosedDay] = field(default_factory=dict)  # by days since the epoch
    counts: I8 = field(default_factory=lambda: np.zeros((4, 0, 0), np.int64))  # [4, S, K], as of an hour
    orders: I8 = field(default_factory=lambda: np.zeros((4, 0), np.int64))  # [4, N]: as of an hour, and the click's day

    @property
    def size(self) -> int:
        """About how many bytes of memory they take."""
        return self.counts.nbytes + self.orders.nbytes + len(self.days) * DAY_BYTES
