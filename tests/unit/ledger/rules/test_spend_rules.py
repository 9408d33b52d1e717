"""What a platform's report and a final amount change, and when they trip the stop, to the micro."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gaelp.ledger.rules.spend_rules import judge_final, judge_report, lower_report, reports_less, violation_of
from tests.support.ledgers import NOW, UNIT, reservation

LATER = NOW + timedelta(hours=1)
OPEN = reservation(worst_case_micros=30 * UNIT, counted_micros=30 * UNIT)
SETTLED = replace(
    OPEN, state="settled", billed_micros=10 * UNIT, final_micros=10 * UNIT, counted_micros=10 * UNIT, posted_at=NOW
)


@pytest.mark.parametrize(("billed", "served"), [(30 * UNIT, 0), (0, 30 * UNIT), (30 * UNIT, 30 * UNIT), (0, 0)])
def test_an_open_day_counts_its_worst_case_up_to_the_reservation(billed: int, served: int) -> None:
    """The worst case itself was allowed, billed or served."""
    ruling = judge_report(OPEN, billed, served, LATER)
    assert not ruling.over
    assert (ruling.after.billed_micros, ruling.after.served_micros) == (billed, served)
    assert (ruling.after.counted_micros, ruling.after.final_micros) == (30 * UNIT, None)


@pytest.mark.parametrize(("billed", "served"), [(30 * UNIT + 1, 0), (0, 30 * UNIT + 1)])
def test_one_micro_above_the_reservation_is_over_and_counts(billed: int, served: int) -> None:
    """What is served counts until the platform is final."""
    ruling = judge_report(OPEN, billed, served, LATER)
    assert ruling.over and ruling.after.counted_micros == 30 * UNIT + 1
    assert (ruling.spent_micros, ruling.booked_micros) == (30 * UNIT + 1, 30 * UNIT)


@pytest.mark.parametrize(("billed", "served"), [(20 * UNIT - 1, 25 * UNIT), (20 * UNIT, 25 * UNIT - 1), (0, 0)])
def test_a_newer_report_that_says_less_changes_nothing_and_is_noticed(billed: int, served: int) -> None:
    """What was seen once was spent: a platform that forgets it is in an older state."""
    high = judge_report(OPEN, 20 * UNIT, 25 * UNIT, NOW).after
    low = judge_report(high, billed, served, LATER)
    assert low.lower and low.after is high
    assert not judge_report(high, 20 * UNIT, 25 * UNIT, LATER).lower
    assert not judge_report(high, billed, served, NOW - timedelta(hours=1)).lower  # an older report may say less


def test_a_report_of_which_one_amount_falls_keeps_the_higher_of_each() -> None:
    """More billed and less served: both stand at their highest."""
    high = judge_report(OPEN, 10 * UNIT, 25 * UNIT, NOW).after
    mixed = judge_report(high, 12 * UNIT, 20 * UNIT, LATER)
    assert mixed.lower and (mixed.after.billed_micros, mixed.after.served_micros) == (12 * UNIT, 25 * UNIT)


@pytest.mark.parametrize(("billed", "served", "lower"), [(12, 0, True), (0, 12, False), (11, 11, False)])
def test_a_day_is_never_settled_below_what_was_posted(billed: int, served: int, lower: bool) -> None:
    """It counts the most that was seen, billed or served; below what was billed the platform is in an older state."""
    posted = judge_report(OPEN, billed * UNIT, served * UNIT, NOW).after
    ruling = judge_final(posted, 11 * UNIT, LATER)
    most = max(billed, served, 11) * UNIT
    assert (ruling.after.state, ruling.after.final_micros, ruling.after.counted_micros) == ("settled", most, most)
    assert (ruling.over, ruling.lower) == (False, lower)


def test_a_second_final_amount_never_lowers_the_first() -> None:
    """Another day may not get what was given back by a platform that forgets."""
    ruling = judge_final(SETTLED, 4 * UNIT, LATER)
    assert ruling.lower and ruling.after is SETTLED


@pytest.mark.parametrize(
    ("billed", "served", "final", "less"),
    [
        (5, 9, False, False),
        (5, 8, False, True),  # what was served and may still be billed does not become less
        (5, 8, True, False),  # a credit: the day is final, and what was served above the bill is waived
        (5, 5, True, False),
        (6, 6, True, False),
        (4, 9, True, True),  # what was billed is not unbilled
        (4, 4, True, True),
    ],
)
def test_a_credit_is_no_older_state(billed: int, served: int, final: bool, less: bool) -> None:
    """The books hold 5 billed and 9 served; only a final report may show less of what was served."""
    books = judge_report(OPEN, 5 * UNIT, 9 * UNIT, NOW).after
    assert reports_less(books, billed * UNIT, served * UNIT, final=final) is less


def test_a_day_that_is_settled_again_after_a_credit_is_no_older_state() -> None:
    """It was settled at what was served; the bill that comes again is what was billed."""
    settled = judge_final(judge_report(OPEN, 5 * UNIT, 9 * UNIT, NOW).after, 7 * UNIT, LATER).after
    assert (settled.billed_micros, settled.final_micros) == (7 * UNIT, 9 * UNIT)
    assert not judge_final(settled, 7 * UNIT, LATER).lower and judge_final(settled, 6 * UNIT, LATER).lower


def test_an_older_state_is_a_grave_violation_with_both_amounts() -> None:
    """The sentence says what is reported now and what was reported before."""
    high = judge_report(OPEN, 20 * UNIT, 0, NOW).after
    violation = lower_report(judge_report(high, 5 * UNIT, 0, LATER), "USD", LATER)
    assert (violation.kind, violation.severity) == ("reported-less", "high")
    assert "reports 5.00 USD for 2026-11-22, and 20.00 USD was reported before" in violation.evidence
    assert violation.id == f"{OPEN.key}/reported-less-5000000"


def test_an_older_report_that_says_more_counts_and_one_that_says_less_says_nothing() -> None:
    """What was seen was spent, whichever report showed it; the newest instant stays."""
    posted = judge_report(OPEN, 10 * UNIT, 10 * UNIT, LATER).after
    late = judge_report(posted, 31 * UNIT, 0, NOW)
    assert late.over and not late.lower
    assert (late.after.billed_micros, late.after.served_micros) == (31 * UNIT, 10 * UNIT)
    assert (late.after.counted_micros, late.after.posted_at) == (31 * UNIT, LATER)
    assert judge_report(posted, 9 * UNIT, 9 * UNIT, NOW).after is posted


def test_a_report_of_the_same_instant_replaces_the_one_before() -> None:
    """Of two reports of one instant the later call is believed."""
    posted = judge_report(OPEN, 10 * UNIT, 0, NOW).after
    assert judge_report(posted, 12 * UNIT, 0, NOW).after.billed_micros == 12 * UNIT


def test_a_repeated_report_changes_nothing_not_even_its_instant() -> None:
    """The same amounts at a later instant write nothing."""
    posted = judge_report(OPEN, 10 * UNIT, 12 * UNIT, NOW).after
    assert posted.posted_at == NOW
    assert judge_report(posted, 10 * UNIT, 12 * UNIT, LATER).after is posted


def test_a_final_amount_settles_the_day_and_frees_the_rest() -> None:
    """From then on every cap counts the final amount."""
    ruling = judge_final(OPEN, 11 * UNIT, LATER)
    assert not ruling.over
    assert (ruling.after.state, ruling.after.final_micros, ruling.after.counted_micros) == (
        "settled",
        11 * UNIT,
        11 * UNIT,
    )


@pytest.mark.parametrize(("final", "over"), [(30 * UNIT, False), (30 * UNIT + 1, True)])
def test_a_first_final_amount_is_judged_by_the_reservation(final: int, over: bool) -> None:
    """The bill of the end is judged like every report before it."""
    assert judge_final(OPEN, final, LATER).over is over


@pytest.mark.parametrize(("final", "over"), [(10 * UNIT, False), (10 * UNIT + 1, True)])
def test_a_second_final_amount_is_judged_by_the_first(final: int, over: bool) -> None:
    """A settled day has given the rest of its worst case back, and another day may have booked it."""
    assert judge_final(SETTLED, final, LATER).over is over


@pytest.mark.parametrize(
    ("billed", "over", "final"), [(10 * UNIT, False, 10 * UNIT), (10 * UNIT + 1, True, 10 * UNIT + 1)]
)
def test_a_bill_after_settling_raises_the_final_amount(billed: int, over: bool, final: int) -> None:
    """Only what is billed counts then; a lower bill does not lower what was final."""
    ruling = judge_report(SETTLED, billed, 99 * UNIT, LATER)
    assert (ruling.over, ruling.after.final_micros, ruling.after.counted_micros) == (over, billed, billed)
    assert judge_report(SETTLED, 1, 0, LATER).after.final_micros == 10 * UNIT


def test_a_late_final_amount_leaves_a_settled_day_and_settles_an_open_one() -> None:
    """An older settlement lowers nothing and is no older state of the platform, but a day must be settled once."""
    late = judge_final(SETTLED, 5 * UNIT, NOW - timedelta(hours=1))
    assert late.after is SETTLED and not late.lower
    posted = replace(OPEN, posted_at=LATER)
    settled = judge_final(posted, 5 * UNIT, NOW).after
    assert (settled.state, settled.posted_at) == ("settled", LATER)


def test_a_late_final_amount_above_the_settled_one_counts() -> None:
    """More than was settled is over and is counted, whenever the report was made."""
    late = judge_final(SETTLED, 10 * UNIT + 1, NOW - timedelta(hours=1))
    assert late.over and late.before is SETTLED
    assert (late.spent_micros, late.after.final_micros) == (10 * UNIT + 1, 10 * UNIT + 1)


def test_a_final_amount_carries_its_instant_and_a_repeated_one_changes_nothing() -> None:
    """The instant says which report is newer; the same amount once more writes nothing."""
    settled = judge_final(OPEN, 11 * UNIT, NOW).after
    assert settled.posted_at == NOW
    assert judge_final(settled, 11 * UNIT, LATER).after is settled


def test_a_naive_instant_is_an_error() -> None:
    """Without a time zone nobody can say which report is newer."""
    with pytest.raises(ValueError, match="no time zone"):
        judge_report(SETTLED, 1, 1, datetime(2026, 11, 22))


def test_a_breach_is_a_critical_violation_with_both_amounts() -> None:
    """The sentence says what was reported and what was reserved; a higher amount is another violation."""
    ruling = judge_report(OPEN, 31 * UNIT, 0, LATER)
    violation = violation_of(ruling, "USD", LATER)
    assert (violation.kind, violation.severity, violation.at) == ("over-reservation", "critical", LATER)
    assert violation.evidence == ("the platform reports 31.00 USD for 2026-11-22, and 30.00 USD was reserved")
    assert violation.id == f"{OPEN.key}/over-reservation-31000000"
    higher = violation_of(judge_report(OPEN, 32 * UNIT, 0, LATER), "USD", LATER)
    assert higher.id != violation.id


def test_a_breach_of_a_settled_day_says_so() -> None:
    """What was booked for a settled day is its final amount."""
    violation = violation_of(judge_report(SETTLED, 12 * UNIT, 0, LATER), "USD", LATER)
    assert violation.evidence.endswith("10.00 USD was settled")
