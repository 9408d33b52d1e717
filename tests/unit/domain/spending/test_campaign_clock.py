"""The campaign clock: which day of the ad account an instant and a tick belong to, in 23, 24 and 25 hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from gaelp.domain.spending.campaign_clock import AccountCalendar, CampaignClock

BERLIN = AccountCalendar("Europe/Berlin")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 1, 5), 24), (SPRING, 23), (AUTUMN, 25)])
def test_a_day_lasts_from_midnight_to_midnight_of_the_account(day: date, hours: int) -> None:
    """The clock change makes a day of 23 and one of 25 hours, and every instant in them belongs to that day."""
    begin, end = BERLIN.midnight(day), BERLIN.midnight(day + timedelta(days=1))
    assert end - begin == timedelta(hours=hours)
    assert {BERLIN.day_of(begin + timedelta(hours=h)) for h in range(hours)} == {day}
    assert BERLIN.day_of(end) == day + timedelta(days=1)


def test_a_midnight_is_its_own_next_midnight() -> None:
    """Only an instant after midnight is moved to the following day."""
    midnight = BERLIN.midnight(SPRING)
    assert BERLIN.next_midnight(midnight) == midnight
    assert BERLIN.next_midnight(midnight + timedelta(seconds=1)) == BERLIN.midnight(SPRING + timedelta(days=1))


def test_a_tick_belongs_to_the_day_of_its_24_hours() -> None:
    """With ticks of 6 hours the fourth one begins the second day."""
    clock = CampaignClock(BERLIN, BERLIN.midnight(date(2026, 1, 5)), tick_hours=6)
    assert [clock.day_index(tick) for tick in range(5)] == [0, 0, 0, 0, 1]
    assert [tick for tick in range(9) if clock.begins_day(tick)] == [0, 4, 8]
    assert clock.ticks_in(7) == 28
    assert clock.day(4) == date(2026, 1, 6)
    assert clock.end_of_day(4) == BERLIN.midnight(date(2026, 1, 7))


def test_a_day_is_numbered_from_the_accounts_first_day_and_not_from_utc() -> None:
    """A campaign that starts at midnight in Berlin starts on the day before in UTC."""
    start = datetime(2026, 1, 4, 23, tzinfo=UTC)
    clock = CampaignClock(BERLIN, start, tick_hours=24)
    assert clock.first_day == date(2026, 1, 5)
    assert clock.index_of(date(2026, 1, 5)) == 0 and clock.index_of(date(2026, 1, 12)) == 7


def test_the_books_of_a_day_close_three_days_after_it() -> None:
    """The platform corrects cost until then, by the account's own midnight."""
    assert BERLIN.books_close(SPRING) == BERLIN.midnight(date(2026, 4, 2)) - timedelta(microseconds=1)
