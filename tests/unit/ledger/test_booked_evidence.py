"""What campaigns report, held against the ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import Arm, CampaignResult
from gaelp.ledger.booked_evidence import booked
from gaelp.ledger.stored_records import Reservation

NAME = "run-a/live-test/campaign-00"


def _day(number: int, cost: int, revenue: int = 0) -> DayReport:
    return DayReport(
        day=date(2026, 1, number), impressions=100, clicks=10, conversions=1 if revenue else 0, cost_micros=cost,
        served_micros=cost, revenue_micros=revenue, final=True, matured=True,
    )  # fmt: skip


RESULT = CampaignResult(
    campaign=NAME, index=0, product="p", arm=Arm.CANDIDATE, state=EpisodeState.SETTLED,
    days=(_day(4, 0, 10**12),),
)  # fmt: skip
"""What a message says of the campaign, of which no day counts."""


def _reservation(number: int, billed: int, final: int | None, campaign: str = NAME) -> Reservation:
    return Reservation(
        key=f"{campaign}/day-{number:03d}", account="a", run="run-a", phase=Phase.LIVE_TEST, campaign=campaign,
        day=date(2026, 1, number), request_id="r", state="open" if final is None else "settled",
        worst_case_micros=100, billed_micros=billed, served_micros=billed, final_micros=final,
        counted_micros=final or 100, posted_at=datetime(2026, 1, 20, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reported", "billed", "final", "counted"),
    [(50, 50, 50, 50), (20, 50, 50, 50), (20, 50, None, 50), (60, 50, None, 60), (20, 55, 50, 55)],
)
def test_a_day_costs_what_the_report_or_the_ledger_says_whichever_is_more(
    reported: int, billed: int, final: int | None, counted: int
) -> None:
    """A report below what was billed or settled makes no campaign cheaper."""
    (campaign,), problems = booked([RESULT], [_reservation(5, billed, final)], {NAME: (_day(5, reported, 100),)}, "USD")
    assert [day.cost_micros for day in campaign.days] == [counted]
    assert campaign.days[0].revenue_micros == 100 and problems == ()


def test_a_reported_day_that_was_never_reserved_is_a_problem() -> None:
    """Days that somebody made up have no reservation, and the gate cannot judge with them."""
    other = _reservation(6, 50, 50, campaign="run-a/live-test/campaign-01")
    _, problems = booked(
        [RESULT],
        [_reservation(5, 50, 50), other],
        {
            NAME: (
                _day(5, 50, 100),
                _day(6, 1, 10**9),
            )
        },
        "USD",
    )
    assert problems == (f"{NAME} reports 2026-01-06, which was never reserved",)


@pytest.mark.parametrize(
    ("currency", "shown"), [("USD", "2.00 USD"), ("JPY", "2 JPY"), ("KWD", "2.000 KWD")], ids=("cents", "none", "three")
)
def test_a_day_that_cost_something_and_is_not_reported_is_a_problem(currency: str, shown: str) -> None:
    """A losing day cannot be left out, and its cost has its currency's decimals; a day that cost nothing can be."""
    reservations = [_reservation(5, 50, 50), _reservation(6, 2_000_000, None), _reservation(7, 0, 0)]
    _, problems = booked([RESULT], reservations, {NAME: (_day(5, 50),)}, currency)
    assert problems == (f"{NAME} does not report 2026-01-06, which cost {shown} by the ledger",)


def test_a_day_without_any_delivery_needs_no_reservation() -> None:
    """A platform may list empty days."""
    empty = _day(6, 0).model_copy(update={"impressions": 0, "clicks": 0})
    _, problems = booked(
        [RESULT],
        [_reservation(5, 50, 50)],
        {
            NAME: (
                _day(5, 50),
                empty,
            )
        },
        "USD",
    )
    assert problems == ()


def test_days_that_nobody_reported_to_the_ledger_do_not_count() -> None:
    """An ending that somebody made up in Temporal has no days, however profitable it calls itself."""
    (campaign,), problems = booked([RESULT], [_reservation(4, 50, 50)], {}, "USD")
    assert campaign.days == ()
    assert problems == (f"{NAME} does not report 2026-01-04, which cost 0.00005 USD by the ledger",)
