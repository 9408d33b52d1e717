"""Campaigns across changes of the clocks: ticks, leases, reservations, bills and results by the account's own days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from gaelp.domain.billing.billing_rules import worst_day_micros
from gaelp.evidence.profit import matured_days
from tests.hostile.account_place import Place
from tests.hostile.hostile_platform import Nature
from tests.hostile.hostile_sequence import DAYS, Sequence, run_sequence
from tests.hostile.invariants import ACCOUNT

PLACES = {
    "spring in Berlin": (Place("Europe/Berlin", date(2026, 3, 26)), 6),
    "autumn in Berlin": (Place("Europe/Berlin", date(2026, 10, 22)), 6),
    "spring in New York": (Place("America/New_York", date(2026, 3, 3)), 4),
    "autumn in New York, hourly": (Place("America/New_York", date(2026, 10, 30)), 1),
    "spring on Lord Howe, half an hour": (Place("Australia/Lord_Howe", date(2026, 10, 1)), 3),
    "autumn on Lord Howe, half an hour": (Place("Australia/Lord_Howe", date(2026, 4, 2)), 3),
    "Santiago, where a midnight does not exist": (Place("America/Santiago", date(2026, 9, 3)), 12),
    "Havana, where a midnight comes twice": (Place("America/Havana", date(2026, 10, 30)), 12),
    "Kiritimati, west of the date line by its clocks": (Place("Pacific/Kiritimati", date(2026, 3, 26)), 12),
    "Pago Pago, east of the date line by its clocks": (Place("Pacific/Pago_Pago", date(2026, 3, 26)), 12),
}
SLACK = timedelta(minutes=3)  # that the calls of two ticks take


def _whole_days(kept: list[Sequence]) -> Callable[[Sequence], None]:
    """Nobody pauses, stops or edits."""

    def before(sequence: Sequence) -> None:
        sequence.hands, sequence.forges = lambda _: None, False
        kept.append(sequence)

    return before


@pytest.mark.parametrize(("place", "tick_hours"), PLACES.values(), ids=PLACES)
def test_a_campaign_runs_through_each_day_of_its_account(place: Place, tick_hours: int) -> None:
    """It delivers from midnight to midnight, and each day has one reservation and is one day of the evidence."""
    kept: list[Sequence] = []

    def before(sequence: Sequence) -> None:
        _whole_days(kept)(sequence)
        settle = sequence.invariants.at_end

        def at_the_end() -> None:
            settle()
            booked = {(r.campaign, r.day): r for r in sequence.ledger.reservations(ACCOUNT)}
            expected = [place.first_day + timedelta(days=index) for index in range(DAYS)]
            for name, driven in sequence.campaigns.items():
                assert sorted(day for campaign, day in booked if campaign == name) == expected
                assert driven.result is not None and [each.day for each in driven.result.days] == expected
                evidence = matured_days([driven.result], share=1.0)
                assert evidence.ordinal.tolist() == [day.toordinal() for day in expected]
                assert evidence.cost.sum() == driven.result.spend_micros
                for report in driven.result.days:
                    reservation = booked[name, report.day]
                    assert reservation.state == "settled" and reservation.final_micros == report.cost_micros
                    assert report.cost_micros <= reservation.worst_case_micros

        sequence.invariants.at_end = at_the_end  # type: ignore[method-assign]

    run_sequence(1, Nature(), before, place, tick_hours)
    (sequence,) = kept
    for campaign in sequence.platform.all.values():
        for day, truth in campaign.days.items():
            length = place.begins(day + timedelta(days=1)) - place.begins(day)
            assert length - SLACK <= truth.delivered <= length, (campaign.state.external_name, day)
            assert truth.served <= worst_day_micros("emulator", truth.highest_budget, "USD")
        assert len(campaign.days) == DAYS
        assert place.day_of(campaign.state.end_at) == place.first_day + timedelta(days=DAYS)


@pytest.mark.parametrize(("seed", "place"), enumerate(place for place, _ in PLACES.values()), ids=PLACES)
def test_every_invariant_holds_across_a_change_of_the_clocks(seed: int, place: Place) -> None:
    """With faults, deaths and edits by hand: what can be billed on an account's day is counted for that very day."""
    run_sequence(seed, place=place, tick_hours=12)
