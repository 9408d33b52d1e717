"""A call on a real account is made for today only, whatever instant its message names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gaelp.domain.ad_accounts import AccountKind
from gaelp.domain.spending.instants import instant_refusal
from tests.support import ledgers as kit

NOW = datetime(2026, 11, 26, 15, 30, tzinfo=UTC)  # in Tokyo it is 00:30 of the 27th
TOKYO = kit.account(kind=AccountKind.REAL, platform="google-ads", timezone="Asia/Tokyo")


@pytest.mark.parametrize(
    ("hours", "refused"),
    [(-0.6, True), (-0.5, False), (0, False), (23.4, False), (23.5, True), (-24, True), (300, True)],
)
def test_a_real_account_takes_calls_of_its_own_day(hours: float, refused: bool) -> None:
    """Its day is that of its time zone, from midnight to midnight."""
    reason = instant_refusal(TOKYO, NOW + timedelta(hours=hours), NOW)
    assert bool(reason) is refused
    assert not refused or "nothing is done for another day than today" in reason


def test_two_clocks_may_differ_by_a_minute() -> None:
    """The worker's clock is half a minute behind that of the workflow, which calls at midnight; two are too many."""
    midnight = datetime(2026, 11, 26, 15, tzinfo=UTC)
    assert instant_refusal(TOKYO, midnight, midnight - timedelta(seconds=30)) == ""
    assert instant_refusal(TOKYO, midnight, midnight - timedelta(seconds=90))


def test_an_emulator_has_a_clock_of_its_own() -> None:
    """Its calls move it, and nothing is really spent."""
    assert instant_refusal(kit.account(), NOW + timedelta(days=300), NOW) == ""
