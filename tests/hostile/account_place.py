"""Where and when the days of a sequence's account are. Touch this to put a sequence elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Place:
    """A time zone, and the day on which the campaigns begin."""

    zone: str = "UTC"
    first_day: date = date(2026, 1, 5)

    @property
    def start(self) -> datetime:
        """The instant at which they begin."""
        return self.begins(self.first_day)

    def day_of(self, instant: datetime) -> date:
        """The day that the account's clocks show."""
        return instant.astimezone(ZoneInfo(self.zone)).date()

    def begins(self, day: date) -> datetime:
        """The first instant at which the account's clocks show the day."""
        return datetime.combine(day, time.min, ZoneInfo(self.zone)).astimezone(UTC)


SOMEWHERE = Place()
