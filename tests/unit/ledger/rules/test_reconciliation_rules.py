"""The books of a day beside the platform's report of it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from gaelp.domain.platform_records import DayReport
from gaelp.ledger.rules.reconciliation_rules import DayComparison, compare_day
from gaelp.ledger.stored_records import Reservation
from tests.support.ledgers import DAY, UNIT, reservation

AFTER = DAY + timedelta(days=1)


def reported(billed: int, served: int, *, final: bool = False) -> DayReport:
    return DayReport(
        day=DAY, impressions=1, clicks=1, conversions=0, cost_micros=billed * UNIT, served_micros=served * UNIT,
        revenue_micros=0, final=final, matured=False,
    )  # fmt: skip


def booked(billed: int, served: int, **changes: object) -> Reservation:
    amounts = {"worst_case_micros": 50 * UNIT, "billed_micros": billed * UNIT, "served_micros": served * UNIT}
    return reservation(**{**amounts, **changes})


def compared(books: Reservation, report: DayReport | None, today: date = AFTER) -> DayComparison:
    return compare_day(books, report, today, "USD")


def steps(found: DayComparison) -> tuple[bool, bool, bool, bool]:
    return found.post, found.freeze, found.settle, bool(found.differs)


@pytest.mark.parametrize(
    ("books", "report", "today", "expected"),
    [
        (booked(3, 4), reported(3, 4), DAY, (False, False, False, False)),
        (booked(3, 4), reported(3, 5), DAY, (True, False, False, False)),
        (booked(3, 4), reported(4, 4), AFTER, (True, True, False, False)),
        (booked(3, 4), reported(3, 4, final=True), AFTER, (False, False, True, False)),
        (booked(3, 4, state="frozen"), reported(3, 4, final=True), AFTER, (False, False, True, False)),
        (booked(3, 4), reported(3, 4, final=True), DAY, (False, False, False, False)),
        (booked(3, 4), reported(2, 4, final=True), AFTER, (False, True, False, True)),
        (booked(3, 4), reported(3, 3), DAY, (False, False, False, True)),
        (booked(3, 4), None, AFTER, (False, True, False, True)),
        (booked(0, 0), None, AFTER, (False, True, False, False)),
        (booked(3, 4), reported(3, 3, final=True), AFTER, (False, False, True, False)),  # a credit
        (booked(3, 4, state="settled", final_micros=4 * UNIT), reported(3, 3, final=True), AFTER, (False,) * 4),
        (booked(3, 4, state="settled", final_micros=3 * UNIT), reported(3, 9, final=True), AFTER, (False,) * 4),
        (booked(3, 4, state="settled", final_micros=4 * UNIT), reported(4, 4), AFTER, (False,) * 4),
        (booked(3, 4, state="settled", final_micros=3 * UNIT), reported(4, 9), AFTER, (True, False, False, False)),
        (booked(3, 4, state="settled", final_micros=3 * UNIT), reported(2, 9), AFTER, (False, False, False, True)),
    ],
)
def test_what_brings_a_day_together(
    books: Reservation, report: DayReport | None, today: date, expected: tuple[bool, bool, bool, bool]
) -> None:
    """More is posted, an expired day is frozen, a final one is settled, and less is told and changes nothing."""
    comparison = compared(books, report, today)
    assert steps(comparison) == expected
    assert comparison.reservation == books


def test_what_is_credited_is_known_when_the_day_is_final() -> None:
    """Served above billed may still be billed until the platform calls the day final."""
    assert compared(booked(3, 5), reported(3, 5, final=True)).credited_micros == 2 * UNIT
    assert compared(booked(3, 5), reported(3, 5)).credited_micros == 0
