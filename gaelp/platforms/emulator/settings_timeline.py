"""Which settings were in force at which instant: every write to a campaign, in order.

Instants are integer microseconds since the epoch, so that comparisons are exact. Touch this to change when a write
takes effect.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict

HOUR = 3_600_000_000
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(instant: datetime) -> int:
    """Microseconds since the epoch of an aware instant, exactly."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    """The instant in UTC."""
    return _EPOCH + timedelta(microseconds=us)


class InForce(BaseModel):
    """All settings of a campaign between two writes. Bids are micros per thousand impressions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool
    daily_budget_micros: int
    end_us: int
    bid_micros: tuple[int, ...]  # [S]
    creative_prob: tuple[tuple[float, ...], ...]  # [S][K]
    conversion_factor: float


@dataclass(frozen=True)
class Piece:
    """A stretch of one hour in which a campaign delivers under unchanged settings."""

    start_us: int
    end_us: int
    settings: InForce


@dataclass(frozen=True)
class BudgetEdit:
    """One change of the daily budget, the `number`-th from 0."""

    number: int
    at_us: int
    daily_budget_micros: int


class Timeline:
    """Settings by the instant from which they were in force. Writes are appended and never precede an earlier one.

    Of writes that were replaced before an instant that nobody asks for any more, only instant and budget are kept.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._budgets: list[int] = []
        self._forgotten = 0  # writes whose other settings are not kept, the oldest ones
        self._settings: list[InForce] = []  # of the others
        self._edits: list[int] = []  # indices of the writes that changed the daily budget
        self._edit_starts: list[int] = []

    def append(self, at_us: int, settings: InForce) -> None:
        """From `at_us` on, `settings` hold."""
        if self._starts and at_us < self._starts[-1]:
            raise ValueError("a write may not precede an earlier one")
        if self._settings and settings.daily_budget_micros != self.latest.daily_budget_micros:
            self._edits.append(len(self._starts))
            self._edit_starts.append(at_us)
        self._starts.append(at_us)
        self._budgets.append(settings.daily_budget_micros)
        self._settings.append(settings)

    def forget_before(self, at_us: int) -> None:
        """Keep of what was replaced until `at_us` the budgets only: `pieces` is not asked for an earlier instant."""
        old = bisect_right(self._starts, at_us) - 1 - self._forgotten
        if old > 0:
            del self._settings[:old]
            self._forgotten += old

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def latest(self) -> InForce:
        """The settings as last written."""
        return self._settings[-1]

    def pieces(self, start_us: int, end_us: int) -> list[Piece]:
        """The stretches of [start, end) in which the campaign is enabled and its end time has not come."""
        pieces = []
        first = max(bisect_right(self._starts, start_us) - 1, 0)
        if first < self._forgotten:
            raise ValueError("the settings of that instant are not kept any more")
        for index in range(first, len(self._starts)):
            if self._starts[index] >= end_us:
                break
            settings = self._settings[index - self._forgotten]
            until = self._starts[index + 1] if index + 1 < len(self._starts) else end_us
            begin, stop = max(start_us, self._starts[index]), min(end_us, until, settings.end_us)
            if settings.enabled and begin < stop:
                pieces.append(Piece(begin, stop, settings))
        return pieces

    def next_change(self, after_us: int) -> int | None:
        """The first write at or after an instant."""
        index = bisect_right(self._starts, after_us - 1)
        return self._starts[index] if index < len(self._starts) else None

    def budget_edit(self, at_us: int) -> BudgetEdit | None:
        """The last change of the daily budget at or before an instant."""
        number = bisect_right(self._edit_starts, at_us) - 1
        if number < 0:
            return None
        return BudgetEdit(number, self._edit_starts[number], self._budgets[self._edits[number]])

    def budget_at(self, at_us: int) -> int:
        """The daily budget in force at an instant, or the first one where none was yet."""
        return self._budgets[max(bisect_right(self._starts, at_us) - 1, 0)]

    def highest_budget(self, start_us: int, until_us: int) -> int:
        """The highest daily budget set at any moment of [start, until], even if it was replaced in the same moment."""
        highest = 0
        for index in range(bisect_right(self._starts, until_us) - 1, -1, -1):
            last = index + 1 == len(self._starts)
            if self._starts[index] < start_us and not last and self._starts[index + 1] <= start_us:
                break
            highest = max(highest, self._budgets[index])
        return highest
