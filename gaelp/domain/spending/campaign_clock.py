"""The days of an ad account, the ticks of a campaign, and when a day has matured, so that its numbers may be judged.

A day is a calendar day of the account's time zone and has 23, 24 or 25 hours; on Lord Howe 23 and a half or 24 and a
half. Where midnight does not exist, because clocks go forward at it, a day begins at one o'clock; where it comes twice,
with the first one. This is the only module that turns instants into days. Touch this to change when a day begins, ends
or has matured.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from math import exp, inf, log
from zoneinfo import ZoneInfo

from gaelp.domain.ad_accounts import Account, AccountKind

HOURS_PER_DAY = 24
MINUTES_PER_HOUR = 60
MINUTES_PER_DAY = HOURS_PER_DAY * MINUTES_PER_HOUR
MINUTE = timedelta(minutes=1)
REPORT_DELAY_HOURS = 72  # platforms correct cost for about three days
CLOCKS_DIFFER = timedelta(minutes=1)  # how far the clocks of two of our machines may be apart
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
        day = self.day_of(instant)
        midnight = self.midnight(day)
        return midnight if midnight >= instant else self.midnight(day + timedelta(days=1))

    def books_close(self, day: date) -> datetime:
        """The instant from which the platform does not correct the day's cost any more, in UTC."""
        return self.midnight(day + timedelta(days=1)) + timedelta(hours=REPORT_DELAY_HOURS)

    def day_minutes(self, first: date, days: int) -> tuple[int, ...]:
        """How many minutes each of some days has; nothing where all of them have 24 hours."""
        midnights = [self.midnight(first + timedelta(days=offset)) for offset in range(days + 1)]
        minutes = tuple((end - begin) // MINUTE for begin, end in pairwise(midnights))
        return () if set(minutes) <= {MINUTES_PER_DAY} else minutes


@dataclass(frozen=True)
class CampaignTicks:
    """The ticks of one campaign by its days' lengths; it knows no time zone, so that a workflow can count by it.

    Each day begins with a tick at its midnight, and ticks are `tick_hours` apart. The last one of a day is longer or
    shorter where the day has not 24 hours: by half a tick at most, so that a day of 25 hours has 25 ticks of an hour
    and 4 of six hours.
    """

    start: datetime  # midnight of the ad account's time zone
    tick_hours: int
    day_minutes: tuple[int, ...] = ()  # of its days; those after the last one that is given have 24 hours

    def ticks_in(self, days: int) -> int:
        """How many ticks its first days have."""
        given = self.day_minutes[:days]
        return sum(map(self._ticks_of, given)) + (days - len(given)) * self._ticks_of(MINUTES_PER_DAY)

    def day_index(self, tick: int) -> int:
        """How many days after the first one a tick belongs to."""
        for day, minutes in enumerate(self.day_minutes):
            if tick < self._ticks_of(minutes):
                return day
            tick -= self._ticks_of(minutes)
        return len(self.day_minutes) + tick // self._ticks_of(MINUTES_PER_DAY)

    def begins_day(self, tick: int) -> bool:
        """Whether a tick is the first one of its day."""
        return tick == self.ticks_in(self.day_index(tick))

    def at(self, tick: int) -> datetime:
        """The instant at which a tick begins."""
        day = self.day_index(tick)
        within = tick - self.ticks_in(day)
        return self.day_begins(day) + within * timedelta(hours=self.tick_hours)

    def day_begins(self, day: int) -> datetime:
        """The midnight at which the day of that index begins."""
        given = self.day_minutes[:day]
        return self.start + (sum(given) + (day - len(given)) * MINUTES_PER_DAY) * MINUTE

    def end_of_day(self, tick: int) -> datetime:
        """The midnight at which the day of a tick ends."""
        return self.day_begins(self.day_index(tick) + 1)

    def _ticks_of(self, minutes: int) -> int:
        """How many ticks a day of that length has."""
        tick = self.tick_hours * MINUTES_PER_HOUR
        return max((2 * minutes + tick) // (2 * tick), 1 if minutes else 0)


@dataclass(frozen=True)
class CampaignClock:
    """The ticks of one campaign by the calendar of its account.

    What is booked and leased goes by the calendar of now: a government may change its clocks while a campaign runs.
    """

    calendar: AccountCalendar
    ticks: CampaignTicks

    @property
    def first_day(self) -> date:
        """The account's day on which the campaign starts."""
        return self.calendar.day_of(self.ticks.start)

    def day(self, tick: int) -> date:
        """The account's day that a tick belongs to."""
        return self.calendar.day_of(self.ticks.at(tick))

    def end_of_day(self, tick: int) -> datetime:
        """The midnight of the account's time zone at which the day of a tick ends, in UTC."""
        return self.calendar.midnight(self.day(tick) + timedelta(days=1))

    def index_of(self, day: date) -> int:
        """How many days after the campaign's first day a day of the account is."""
        return (day - self.first_day).days


def matured_after_days(lag_days: float, window_days: float = inf) -> float:
    """Days from a click by which MATURED_QUANTILE of its orders have come: -l log(1 - q (1 - exp(-w / l))).

    The lag from click to order is exponential with mean `lag_days`, given that it is within the attribution window of
    `window_days`: no order counts after it.
    """
    within = 1.0 - exp(-window_days / lag_days)
    return -lag_days * log(1.0 - MATURED_QUANTILE * within)


def instant_refusal(account: Account, at: datetime, now: datetime) -> str:
    """Why a call as of `at` may not be made `now`, by the caller's own clock; empty where it may.

    An emulator has a clock of its own, which its calls move. A real platform bills by the wall clock, whatever instant
    a message names, and anybody who reaches Temporal can write a message. A day is what is reserved and leased, so a
    call must fall on the account's day of now.
    """
    calendar = AccountCalendar(account.timezone)
    today = {calendar.day_of(now), calendar.day_of(now + CLOCKS_DIFFER)}
    if account.kind is AccountKind.EMULATOR or calendar.day_of(at) in today:
        return ""
    return (
        f"a call as of {at.isoformat()} was asked for at {now.isoformat()}, and account {account.account} is a real "
        "one, which bills by the wall clock: nothing is done for another day than today"
    )
