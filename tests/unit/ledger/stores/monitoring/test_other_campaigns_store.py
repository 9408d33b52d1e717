"""What the ledger tells a campaign's detectors of the run's other campaigns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gaelp.domain.ids import campaign_id
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import DayReached
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stores.monitoring.other_campaigns_store import MOST_OTHERS
from tests.support.ledgers import NOW, account

REQUEST = "run-a/scaled#1"


def days_of(clicks: int) -> tuple[DayReport, ...]:
    day = DayReport(
        day=NOW.date(), impressions=100, clicks=clicks, conversions=1.0, cost_micros=1, served_micros=1,
        revenue_micros=2, final=True, matured=True,
    )  # fmt: skip
    return (day,)


def reached(number: int, clicks: int, phase: Phase = Phase.SCALED, run: str = "run-a") -> DayReached:
    return DayReached(
        campaign=campaign_id(run, phase, number), day=1, daily_budget_micros=10, days=days_of(clicks)
    )  # fmt: skip


def others(ledger: Ledger, number: int = 0, phase: Phase = Phase.SCALED) -> list[int]:
    books = ledger.monitoring_books("acme", campaign_id("run-a", phase, number), REQUEST)
    return [day.clicks for days in books.others for day in days]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """One account, and nothing that a campaign has reported."""
    opened = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    opened.put_account(account(), at=NOW)
    yield opened
    opened.close()


def test_a_campaign_is_told_of_the_others_and_not_of_itself(ledger: Ledger) -> None:
    """Those of its phase as they reached their last day, those of any phase of its run that settled, once each."""
    assert others(ledger) == []
    for each in (reached(0, 1), reached(1, 2), reached(2, 3), reached(3, 4, Phase.LIVE_TEST), reached(1, 5, run="b")):
        ledger.keep_reached(each, NOW)
    assert sorted(others(ledger)) == [2, 3]
    ledger.keep_days("acme", campaign_id("run-a", Phase.SCALED, 1), days_of(20), NOW)
    ledger.keep_days("acme", campaign_id("run-a", Phase.LIVE_TEST, 0), days_of(30), NOW)
    ledger.keep_days("acme", campaign_id("run-a", Phase.SCALED, 0), days_of(40), NOW)
    assert sorted(others(ledger)) == [3, 20, 30]
    assert sorted(others(ledger, 0, Phase.LIVE_TEST)) == [4, 20, 40]


def test_the_newest_of_many_are_told(ledger: Ledger) -> None:
    """Of a hundred campaigns MOST_OTHERS are read, so that a look costs the same however many there are."""
    for number in range(1, MOST_OTHERS + 4):
        ledger.keep_reached(reached(number, number), NOW + timedelta(hours=number))
    assert sorted(others(ledger)) == list(range(4, MOST_OTHERS + 4))
