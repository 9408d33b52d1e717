"""The configuration's own limits, beside the caps that a person approved."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from gaelp.domain.platform_records import CampaignReport
from gaelp.domain.spending.campaign_clock import REPORT_DELAY_HOURS
from tests.support.campaign_fixture import UNIT, CampaignFixture


@pytest.mark.parametrize(
    ("limit", "name"),
    [("campaign", "campaign's limit"), ("run", "run's limit"), ("daily", "run's limit per account and day")],
)
def test_the_runs_own_limits_reach_the_ledger(fixtures: Callable[..., CampaignFixture], limit: str, name: str) -> None:
    """A first day whose worst case is 50.00 is refused by each limit that is a cent smaller, under its own name."""
    fixture = fixtures(limits={limit: Decimal("49.99")})
    refused = fixture.launch()
    assert not refused.launched
    assert f"the {name} of 49.99 USD leaves 49.99 USD" in refused.reason
    assert fixture.ledger.open_exposure(fixture.account) == 0
    assert fixtures(limits={limit: Decimal("50.00")}).launch().launched


@pytest.mark.parametrize("cost", ["as it was", "nothing yet"])
def test_a_day_that_the_platform_does_not_call_final_stays_reserved_however_late(
    fixture: CampaignFixture, cost: str
) -> None:
    """The books of the day closed long ago, and while the platform may still correct it, it counts in full."""
    fixture.running()
    none = {} if cost == "as it was" else {"cost_micros": 0, "served_micros": 0}

    def unfinished(report: CampaignReport) -> CampaignReport:
        days = tuple(day.model_copy(update={"final": False} | none) for day in report.days)
        return report.model_copy(update={"days": days})

    fixture.platform.changed["report"] = unfinished
    late = fixture.settle(24 + 240, final=True)
    assert late.days and not late.final
    (day,) = fixture.ledger.reservations(fixture.account)
    assert (day.state, day.final_micros, day.counted_micros) == ("open", None, 50 * UNIT)


def test_a_day_that_goes_on_is_not_settled_though_the_platform_calls_it_final(fixture: CampaignFixture) -> None:
    """It may still be billed until its midnight, and from then on the platform's word counts."""
    fixture.running()

    def finished(report: CampaignReport) -> CampaignReport:
        days = tuple(day.model_copy(update={"final": True}) for day in report.days)
        return report.model_copy(update={"days": days})

    fixture.platform.changed["report"] = finished
    early = fixture.settle(12, final=True)
    assert early.days and not early.final
    (day,) = fixture.ledger.reservations(fixture.account)
    assert (day.state, day.final_micros, day.counted_micros) == ("open", None, 50 * UNIT)
    assert fixture.settle(24, final=True).final


def test_a_day_without_delivery_is_settled_at_nothing_when_its_books_close(fixture: CampaignFixture) -> None:
    """A day that the platform does not list counts in full until 72 hours after its midnight, and no longer."""
    fixture.running()
    fixture.platform.changed["report"] = lambda report: report.model_copy(update={"days": ()})
    closed = 24 + REPORT_DELAY_HOURS
    assert not fixture.settle(closed - 0.01, final=True).final
    assert fixture.ledger.open_exposure(fixture.account) == 50 * UNIT
    assert fixture.settle(closed, final=True).final
    (day,) = fixture.ledger.reservations(fixture.account)
    assert (day.state, day.final_micros) == ("settled", 0)
