"""The days of an ad account, the ticks of a campaign, and when a day has matured, so that its numbers may be judged.

A day is a calendar day of the account's time zone and has 23, 24 or 25 hours. This is the only module that turns
instants into days. Touch this to change when a day begins, ends or has matured.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import exp, inf, log
from zoneinfo import ZoneInfo

HOURS_PER_DAY = 24
REPORT_DELAY_HOURS = 72  # platforms correct cost for about three days
MATURED_QUANTILE = 0.9  # of the lag from click to order: a day whose clicks are younger does not decide


@dataclass(frozen=True)
class AccountCalendar:
    """The calendar of an ad account; `timezone` is an IANA name."""

    timezone: str

    def local(self, instant: datetime) -> datetime:
        """The same instant as the account's clocks show it."""
        return instant.astimezone(ZoneInfo(self.timezone))

    def day_of(self, instant: datetime) -> date:
        """The account's day on which the instant lies."""
        return self.local(instant).date()

    def midnight(self, day: date) -> datetime:
        """The instant at which a day begins, in UTC."""
        return datetime.combine(day, time.min, ZoneInfo(self.timezone)).astimezone(UTC)

    def next_midnight(self, instant: datetime) -> datetime:
        """The first instant of a day at or after `instant`, in UTC."""
        local = self.local(instant)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        if midnight < local:
            midnight += timedelta(days=1)
        return midnight.astimezone(UTC)

    def books_close(self, day: date) -> datetime:
        """The instant after which the platform does not correct the day's cost any more."""
        last = datetime.combine(day, time.max, ZoneInfo(self.timezone))
        return (last + timedelta(hours=REPORT_DELAY_HOURS)).astimezone(UTC)


@dataclass(frozen=True)
class CampaignClock:
    """The time of one campaign: tick 0 is at `start`, and ticks are `tick_hours` apart."""

    calendar: AccountCalendar
    start: datetime
    tick_hours: int

    @property
    def first_day(self) -> date:
        """The account's day on which the campaign starts."""
        return self.calendar.day_of(self.start)

    def day_index(self, tick: int) -> int:
        """How many days after the first one a tick belongs to: a day of a campaign has 24 hours of ticks."""
        return tick * self.tick_hours // HOURS_PER_DAY

    def begins_day(self, tick: int) -> bool:
        """Whether a tick is the first one of its day."""
        return tick * self.tick_hours % HOURS_PER_DAY == 0

    def ticks_in(self, days: int) -> int:
        """How many ticks so many days have."""
        return days * HOURS_PER_DAY // self.tick_hours

    def day(self, tick: int) -> date:
        """The account's day that a tick belongs to."""
        return self.first_day + timedelta(days=self.day_index(tick))

    def index_of(self, day: date) -> int:
        """How many days after the campaign's first day a day of the account is."""
        return (day - self.first_day).days

    def end_of_day(self, tick: int) -> datetime:
        """The midnight of the account's time zone at which the day of a tick ends, in UTC."""
        return self.calendar.midnight(self.day(tick) + timedelta(days=1))


def matured_after_days(lag_days: float, window_days: float = inf) -> float:
    """Days from a click by which MATURED_QUANTILE of its orders have come: -l log(1 - q (1 - exp(-w / l))).

    The lag from click to order is exponential with mean `lag_days`, given that it is within the attribution window of
    `window_days`: no order counts after it.
    """
    within = 1.0 - exp(-window_days / lag_days)
    return -lag_days * log(1.0 - MATURED_QUANTILE * within)
