"""A stop on the real emulator: a platform that answers late, or whose listing fails, is stopped all the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gaelp.ledger.account_stop import StopOrder, WallClock, stop_account
from gaelp.platforms.emulator.client import EmulatorPlatform
from tests.support.campaign_fixture import CampaignFixture
from tests.support.local_runs import LocalRuns

CLOCK = WallClock(lambda: datetime.now(UTC), time.sleep)


@pytest.fixture
def platform(local_runs: LocalRuns) -> Iterator[EmulatorPlatform]:
    """A stop's own client; faults that a test leaves behind are cleared."""
    settings = local_runs.settings
    client = EmulatorPlatform(settings.emulator_url, settings.emulator_token, timeout_seconds=10.0)
    yield client
    local_runs.control("DELETE", "/faults")
    client.close()


def fault(local_runs: LocalRuns, fixture: CampaignFixture, verb: str, kind: str, seconds: float = 0) -> None:
    """Every further call of the verb fails so."""
    body = {"verb": verb, "kind": kind, "account": fixture.account, "calls": 1000, "seconds": seconds}
    local_runs.control("POST", "/faults", json=body)


def test_a_platform_whose_every_answer_takes_seconds_is_stopped(
    fixture: CampaignFixture, local_runs: LocalRuns, platform: EmulatorPlatform
) -> None:
    """Every answer takes 4.5 seconds: the campaign is paused within 10 and the stop is whole within 40."""
    name = fixture.running().external_name
    fault(local_runs, fixture, "any", "slow", seconds=4.5)
    began = time.monotonic()
    report = stop_account(fixture.ledger, platform, StopOrder(fixture.account, "drill", "Ada"), CLOCK)
    assert report.stopped, report.reason
    assert time.monotonic() - began < 40
    assert report.pauses_sent == (name,)


def test_a_platform_that_lists_nothing_is_sent_pauses(
    fixture: CampaignFixture, local_runs: LocalRuns, platform: EmulatorPlatform
) -> None:
    """Every listing fails: the campaign is paused by the id that the ledger kept, and nobody calls it a stop."""
    running = fixture.running()
    fault(local_runs, fixture, "list", "error-before")
    report = stop_account(fixture.ledger, platform, StopOrder(fixture.account, "drill", "Ada"), CLOCK)
    local_runs.control("DELETE", "/faults")
    found = fixture.found()
    assert found is not None and not found.enabled
    assert not report.stopped and f"pauses were sent to {running.external_name}" in report.reason
