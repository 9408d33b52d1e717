"""The campaign clock: which day of the ad account an instant and a tick belong to, in 23, 24 and 25 hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from gaelp.domain.ad_accounts import AccountKind
from gaelp.domain.spending.campaign_clock import AccountCalendar, CampaignClock, CampaignTicks, instant_refusal
from tests.support import ledgers as kit

BERLIN = AccountCalendar("Europe/Berlin")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 1, 5), 24), (SPRING, 23), (AUTUMN, 25)])
def test_a_day_lasts_from_midnight_to_midnight_of_the_account(day: date, hours: int) -> None:
    """The clock change makes a day of 23 and one of 25 hours, and every instant in them belongs to that day."""
    begin, end = BERLIN.midnight(day), BERLIN.midnight(day + timedelta(days=1))
    assert end - begin == timedelta(hours=hours)
    assert {BERLIN.day_of(begin + timedelta(hours=h)) for h in range(hours)} == {day}
    assert BERLIN.day_of(end) == day + timedelta(days=1)


# A zone, a day in it on which something happens to the clocks, and how many minutes that day has.
DAYS = [
    ("Europe/Berlin", SPRING, 23 * 60),
    ("Europe/Berlin", AUTUMN, 25 * 60),
    ("America/New_York", date(2026, 3, 8), 23 * 60),
    ("America/New_York", date(2026, 11, 1), 25 * 60),
    ("Australia/Lord_Howe", date(2026, 10, 4), 23 * 60 + 30),
    ("Australia/Lord_Howe", date(2026, 4, 5), 24 * 60 + 30),
    ("America/Santiago", date(2026, 9, 6), 23 * 60),  # has no midnight
    ("Africa/Cairo", date(2026, 4, 24), 23 * 60),  # has none either
    ("America/Havana", date(2026, 11, 1), 25 * 60),  # has two
    ("America/Santiago", date(2026, 4, 4), 25 * 60),  # its last hour comes twice
    ("Pacific/Chatham", date(2026, 9, 27), 23 * 60),  # at +12:45
    ("Pacific/Kiritimati", date(2026, 3, 29), 24 * 60),  # at +14
    ("Pacific/Pago_Pago", date(2026, 3, 29), 24 * 60),  # at -11
    ("Pacific/Apia", date(2011, 12, 30), 0),  # the day that Samoa left out when it moved across the date line
]


@pytest.mark.parametrize(("zone", "day", "minutes"), DAYS)
def test_every_instant_between_two_midnights_belongs_to_the_day(zone: str, day: date, minutes: int) -> None:
    """A day begins with its first instant, whatever the clocks show then, and the one before it belongs to the last."""
    calendar = AccountCalendar(zone)
    begin, end = calendar.midnight(day), calendar.midnight(day + timedelta(days=1))
    assert end - begin == timedelta(minutes=minutes)
    within = [begin + timedelta(minutes=at) for at in range(0, minutes, 15)]
    assert {calendar.day_of(instant) for instant in within} == ({day} if minutes else set())
    assert calendar.day_of(begin - timedelta(microseconds=1)) == day - timedelta(days=1)
    assert calendar.day_of(end) == day + timedelta(days=1)


@pytest.mark.parametrize(("zone", "day", "minutes"), DAYS)
def test_the_next_midnight_is_the_first_instant_of_a_day(zone: str, day: date, minutes: int) -> None:
    """A midnight is its own next one, also where clocks show one o'clock or midnight twice; a later instant has the

    next day's.
    """
    calendar = AccountCalendar(zone)
    begin, end = calendar.midnight(day), calendar.midnight(day + timedelta(days=1))
    assert calendar.next_midnight(begin) == begin
    for after in range(1, minutes, 15):
        assert calendar.next_midnight(begin + timedelta(minutes=after)) == end
    assert calendar.next_midnight(begin + timedelta(microseconds=1)) == (end if minutes else end + timedelta(days=1))
    assert calendar.next_midnight(begin - timedelta(microseconds=1)) == begin


def test_days_of_24_hours_need_no_list() -> None:
    """A campaign without a change of the clocks carries nothing, and one with it the minutes of each day."""
    assert BERLIN.day_minutes(date(2026, 1, 5), 30) == ()
    assert AccountCalendar("UTC").day_minutes(SPRING, 300) == ()
    assert BERLIN.day_minutes(SPRING - timedelta(days=1), 3) == (1440, 1380, 1440)
    assert BERLIN.day_minutes(AUTUMN, 1) == (1500,)
    assert BERLIN.day_minutes(AUTUMN, 0) == ()


def test_a_midnight_is_its_own_next_midnight() -> None:
    """Only an instant after midnight is moved to the following day."""
    midnight = BERLIN.midnight(SPRING)
    assert BERLIN.next_midnight(midnight) == midnight
    assert BERLIN.next_midnight(midnight + timedelta(seconds=1)) == BERLIN.midnight(SPRING + timedelta(days=1))


def _clock(calendar: AccountCalendar, first: date, days: int, tick_hours: int) -> CampaignClock:
    ticks = CampaignTicks(calendar.midnight(first), tick_hours, calendar.day_minutes(first, days))
    return CampaignClock(calendar, ticks)


def test_a_tick_belongs_to_the_day_of_its_24_hours() -> None:
    """With ticks of 6 hours the fifth one begins the second day."""
    clock = _clock(BERLIN, date(2026, 1, 5), 7, tick_hours=6)
    assert [clock.ticks.day_index(tick) for tick in range(5)] == [0, 0, 0, 0, 1]
    assert [tick for tick in range(9) if clock.ticks.begins_day(tick)] == [0, 4, 8]
    assert clock.ticks.ticks_in(7) == 28
    assert clock.ticks.at(5) == BERLIN.midnight(date(2026, 1, 6)) + timedelta(hours=6)
    assert clock.day(4) == date(2026, 1, 6)
    assert clock.ticks.end_of_day(4) == BERLIN.midnight(date(2026, 1, 7))


@pytest.mark.parametrize(
    ("minutes", "tick_hours", "ticks"),
    [
        (1380, 1, 23), (1500, 1, 25), (1410, 1, 24), (1470, 1, 25),
        (1380, 2, 12), (1500, 2, 13), (1380, 3, 8), (1500, 3, 8),
        (1380, 6, 4), (1500, 6, 4), (1380, 24, 1), (1500, 24, 1), (1440, 24, 1), (0, 24, 0), (1440, 1, 24), (60, 6, 1),
    ],
)  # fmt: skip
def test_a_day_has_as_many_ticks_as_fit_it_best(minutes: int, tick_hours: int, ticks: int) -> None:
    """An hour more or less is an hourly tick more or less; longer ticks only lengthen or shorten the day's last one."""
    assert CampaignTicks(datetime(2026, 1, 5, tzinfo=UTC), tick_hours, (minutes,)).ticks_in(1) == ticks


@pytest.mark.parametrize("tick_hours", [1, 2, 3, 4, 6, 8, 12, 24])
@pytest.mark.parametrize(("zone", "day", "minutes"), DAYS)
def test_ticks_leases_and_days_agree_across_a_change_of_the_clocks(
    zone: str, day: date, minutes: int, tick_hours: int
) -> None:
    """Every day begins with a tick at its midnight, each tick lies in the day that it is booked on, and its lease ends

    at that day's end: neither an hour without a lease nor one on a day that is not reserved.
    """
    calendar, first, days = AccountCalendar(zone), day - timedelta(days=2), 5
    clock = _clock(calendar, first, days, tick_hours)
    total = clock.ticks.ticks_in(days)
    instants = [clock.ticks.at(tick) for tick in range(total + 1)]
    assert instants == sorted(set(instants))
    midnights = {calendar.midnight(first + timedelta(days=index)) for index in range(days + 1)}
    assert {instants[tick] for tick in range(total + 1) if clock.ticks.begins_day(tick)} == midnights
    for tick, instant in enumerate(instants[:total]):
        assert clock.day(tick) == calendar.day_of(instant)
        assert clock.ticks.end_of_day(tick) == clock.end_of_day(tick)
        assert clock.end_of_day(tick) == calendar.midnight(clock.day(tick) + timedelta(days=1)) > instant
        assert clock.index_of(clock.day(tick)) == clock.ticks.day_index(tick)
        assert instants[tick + 1] - instant < 1.5 * timedelta(hours=tick_hours)
    assert calendar.day_of(instants[total]) == first + timedelta(days=days)


def test_what_is_booked_goes_by_the_calendar_of_now() -> None:
    """Where the clocks are changed after a campaign began, a tick is booked on the day that it lies in, and no lease

    passes that day's end.
    """
    unaware = CampaignClock(BERLIN, CampaignTicks(BERLIN.midnight(AUTUMN), tick_hours=24))
    assert unaware.ticks.at(1) == BERLIN.midnight(AUTUMN + timedelta(days=1)) - timedelta(hours=1)
    assert unaware.day(1) == AUTUMN
    assert unaware.end_of_day(1) == BERLIN.midnight(AUTUMN + timedelta(days=1)) < unaware.ticks.end_of_day(1)


def test_a_day_is_numbered_from_the_accounts_first_day_and_not_from_utc() -> None:
    """A campaign that starts at midnight in Berlin starts on the day before in UTC."""
    start = datetime(2026, 1, 4, 23, tzinfo=UTC)
    clock = CampaignClock(BERLIN, CampaignTicks(start, tick_hours=24))
    assert clock.first_day == date(2026, 1, 5)
    assert clock.index_of(date(2026, 1, 5)) == 0 and clock.index_of(date(2026, 1, 12)) == 7


def test_the_books_of_a_day_close_three_days_after_it() -> None:
    """The platform corrects cost until then, by the account's own midnight."""
    assert BERLIN.books_close(SPRING) == BERLIN.midnight(date(2026, 4, 2))
    # From the end of the 28th, an hour before the clocks change within the three days.
    assert BERLIN.books_close(date(2026, 3, 27)) == datetime(2026, 3, 30, 23, tzinfo=UTC)


# ---------------------------------------------------------------- calls on a real account

WALL = datetime(2026, 11, 26, 15, 30, tzinfo=UTC)  # in Tokyo it is 00:30 of the 27th
TOKYO = kit.account(kind=AccountKind.REAL, platform="google-ads", timezone="Asia/Tokyo")


@pytest.mark.parametrize(
    ("hours", "refused"),
    [(-0.6, True), (-0.5, False), (0, False), (23.4, False), (23.5, True), (-24, True), (300, True)],
)
def test_a_real_account_takes_calls_of_its_own_day(hours: float, refused: bool) -> None:
    """Its day is that of its time zone, from midnight to midnight."""
    reason = instant_refusal(TOKYO, WALL + timedelta(hours=hours), WALL)
    assert bool(reason) is refused
    assert not refused or "nothing is done for another day than today" in reason


def test_two_clocks_may_differ_by_a_minute() -> None:
    """The worker's clock is half a minute behind that of the workflow, which calls at midnight; two are too many."""
    midnight = datetime(2026, 11, 26, 15, tzinfo=UTC)
    assert instant_refusal(TOKYO, midnight, midnight - timedelta(seconds=30)) == ""
    assert instant_refusal(TOKYO, midnight, midnight - timedelta(seconds=90))


def test_an_emulator_has_a_clock_of_its_own() -> None:
    """Its calls move it, and nothing is really spent."""
    assert instant_refusal(kit.account(), WALL + timedelta(days=300), WALL) == ""
