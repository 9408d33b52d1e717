"""Which shares of a limit a booking crosses: each once, the highest of several, and never for a limit that is not."""

from __future__ import annotations

import pytest

from gaelp.ledger.rules.reservation_rules import RunLimits, crossed
from gaelp.ledger.rules.running_totals import Scope
from tests.support import ledgers as kit
from tests.support.ledgers import UNIT

SHARES = (0.5, 0.8, 0.95)


@pytest.mark.parametrize(
    ("before", "rise", "severity", "says"),
    [
        (40, 10, None, ""),  # exactly half is not more than half
        (40, 11, "low", "51.00 USD of the run's limit of 100.00 USD are counted: more than 50%"),
        (51, 10, None, ""),
        (40, 45, "low", "more than 80%"),
        (90, 6, "medium", "more than 95%"),
        (96, 4, None, ""),
        (60, 0, None, ""),
    ],
)
def test_a_booking_alerts_by_the_highest_share_that_it_crosses(
    before: int, rise: int, severity: str | None, says: str
) -> None:
    """What was above a share already is not told again."""
    limits = RunLimits(run_micros=100 * UNIT, alerts=SHARES)
    alerts = crossed(kit.booking(1), limits, {Scope.RUN: before * UNIT}, rise * UNIT, "USD")
    assert [(alert.severity, alert.limit) for alert in alerts] == ([(severity, "run's limit")] if severity else [])
    assert all(alert.evidence.endswith(says) for alert in alerts)


def test_each_limit_alerts_by_itself_and_none_without_a_limit_or_a_share() -> None:
    """Three limits, of which the booking crosses two; without limits or shares there is nothing to cross."""
    limits = RunLimits(30 * UNIT, 1000 * UNIT, 20 * UNIT, alerts=SHARES)
    used = {Scope.RUN: 0, Scope.CAMPAIGN: 0, Scope.ACCOUNT_DAY: 0}
    booking = kit.booking(1)
    alerts = crossed(booking, limits, used, 19 * UNIT, "USD")
    assert [alert.limit for alert in alerts] == ["run's limit per account and day", "campaign's limit"]
    assert booking.day.isoformat() in alerts[0].evidence
    assert crossed(booking, RunLimits(alerts=SHARES), used, 19 * UNIT, "USD") == ()
    assert crossed(booking, RunLimits(30 * UNIT), used, 19 * UNIT, "USD") == ()
