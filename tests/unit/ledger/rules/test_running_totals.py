"""What a set of reservations adds up to, worked by hand; what the ledger keeps of it is tested beside the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from gaelp.domain.phases import Phase
from gaelp.ledger.rules.running_totals import (
    Place,
    Scope,
    Sums,
    differences,
    recomputed,
    sums_of,
)
from gaelp.ledger.stored_records import Reservation
from tests.support.ledgers import DAY, reservation


def test_each_state_adds_what_it_counts() -> None:
    """Open and frozen days may still be billed; a settled one may not; spent is what is known of it."""
    day = reservation(worst_case_micros=9, counted_micros=9, billed_micros=2, served_micros=3)
    assert sums_of(day) == sums_of(replace(day, state="frozen")) == Sums(9, 9, 3)
    assert sums_of(replace(day, state="settled", final_micros=4, counted_micros=4)) == Sums(4, 0, 4)
    assert sums_of(replace(day, billed_micros=5)).spent_micros == 5
    assert sums_of(None) == Sums()


def test_sums_are_taken_from_each_other_part_by_part() -> None:
    """What a reservation added before is taken off again; a reservation that falls takes more than it adds."""
    assert Sums(9, 7, 5) - Sums(1, 2, 3) == Sums(8, 5, 2)
    assert Sums(1, 2, 3) - Sums(9, 7, 5) == Sums(-8, -5, -2)


def test_a_day_that_adds_nothing_needs_no_total() -> None:
    """A total of nothing is the same as none, on either side."""
    assert differences({}, [reservation(counted_micros=0, worst_case_micros=0)]) == ()


def test_what_agrees_is_added_up_and_nothing_else() -> None:
    """Six days that differ in one field each meet in exactly the totals that do not name that field."""
    first = reservation(counted_micros=1, worst_case_micros=1)
    others: list[Reservation] = [
        replace(first, day=DAY + timedelta(days=1), counted_micros=10),
        replace(first, campaign="another", counted_micros=100),
        replace(first, account="another", counted_micros=1000),
        replace(first, run="another", counted_micros=10_000),
        replace(first, phase=Phase.SCALED, counted_micros=100_000),
    ]
    totals = recomputed([first, *others])
    campaign, day = first.campaign, DAY.isoformat()
    assert {
        scope: totals[place].counted_micros
        for scope, place in {
            Scope.ACCOUNT_DAY: Place(Scope.ACCOUNT_DAY, "acme", day=day),
            Scope.ACCOUNT: Place(Scope.ACCOUNT, "acme"),
            Scope.PHASE_DAY: Place(Scope.PHASE_DAY, "acme", "run-a", "live-test", day=day),
            Scope.PHASE: Place(Scope.PHASE, "acme", "run-a", "live-test"),
            Scope.CAMPAIGN: Place(Scope.CAMPAIGN, "acme", campaign=campaign),
            Scope.RUN: Place(Scope.RUN, run="run-a"),
        }.items()
    } == {
        Scope.ACCOUNT_DAY: 110_101,
        Scope.ACCOUNT: 110_111,
        Scope.PHASE_DAY: 101,
        Scope.PHASE: 111,
        Scope.CAMPAIGN: 110_011,
        Scope.RUN: 101_111,
    }
    assert differences(totals, [first, *others]) == ()


def test_totals_that_differ_are_named_in_the_order_of_their_words() -> None:
    """A reader looks for a name; the campaign's total comes before the day's, whose kind is counted first."""
    day = reservation(counted_micros=1, worst_case_micros=1)
    begun = [sentence.split(" is kept")[0].removeprefix("the total of ") for sentence in differences({}, [day])]
    assert begun == sorted(begun) and begun[1].startswith("account acme, campaign")


def test_a_total_that_is_not_its_sum_is_named_with_both_figures() -> None:
    """One sentence for each, in the order of their names; a total of nothing need not be kept."""
    day = reservation(counted_micros=7, worst_case_micros=7, served_micros=2)
    kept = recomputed([day])
    run = Place(Scope.RUN, run="run-a")
    wrong = {**kept, run: Sums(8, 7, 2), Place(Scope.ACCOUNT, "zenith"): Sums(1, 0, 1)}
    assert differences(wrong, [day]) == (
        "the total of account zenith is kept as 1 micros counted, 0 unsettled, 1 spent, and its reservations add up "
        "to 0 micros counted, 0 unsettled, 0 spent",
        "the total of run run-a is kept as 8 micros counted, 7 unsettled, 2 spent, and its reservations add up to 7 "
        "micros counted, 7 unsettled, 2 spent",
    )
    assert differences({**kept, Place(Scope.ACCOUNT, "zenith"): Sums()}, [day]) == ()
    assert len(differences({}, [day])) == len(Scope)


def test_only_the_asked_account_and_the_runs_are_compared() -> None:
    """What another account's reservations add up to is not missed in the totals of this one."""
    here, there = reservation(counted_micros=1), reservation(account="zenith", counted_micros=2)
    kept = {place: sums for place, sums in recomputed([here, there]).items() if place.account in ("acme", "")}
    assert differences(kept, [here, there], "acme") == ()
    assert len(differences(kept, [here, there])) == len(Scope) - 1
    (one,) = differences({**kept, Place(Scope.ACCOUNT, "acme"): Sums()}, [here, there], "acme")
    assert one.startswith("the total of account acme is kept as 0 micros counted")
