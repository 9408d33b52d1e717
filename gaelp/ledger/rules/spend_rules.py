"""What a platform's report and a final amount change, and when they lie above what is booked.

Amounts are absolute, so that a repeated report changes nothing, and an older report never replaces a newer one. Touch
this to change what trips the stop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from gaelp.domain.spending.ledger_records import Severity, Violation
from gaelp.ledger.rules.valid_values import aware
from gaelp.ledger.stored_records import Reservation
from gaelp.money import exact_money


@dataclass(frozen=True)
class SpendRuling:
    """A report, judged: `after` is the reservation as it stands with it, the same record where nothing changes."""

    before: Reservation
    after: Reservation
    spent_micros: int  # what the report says was spent

    @property
    def booked_micros(self) -> int:
        """What was booked for the day. A settled day has given the rest of its worst case back."""
        final = self.before.final_micros
        return self.before.worst_case_micros if final is None else final

    @property
    def over(self) -> bool:
        """Whether more was spent than was booked: a critical violation that trips the stop."""
        return self.spent_micros > self.booked_micros


def judge_report(reservation: Reservation, billed: int, served: int, at: datetime) -> SpendRuling:
    """What the platform says was billed and served so far; of an open day the larger one counts."""
    final = reservation.final_micros
    spent = max(billed, served) if final is None else billed  # what is served counts until the platform is final
    if _late(reservation, at):
        return SpendRuling(reservation, reservation, spent)
    after = replace(
        reservation,
        billed_micros=billed,
        served_micros=served,
        final_micros=None if final is None else max(final, billed),
        counted_micros=max(reservation.worst_case_micros, spent) if final is None else max(final, billed),
    )
    return SpendRuling(reservation, _stamped(reservation, after, at), spent)


def judge_final(reservation: Reservation, final: int, at: datetime) -> SpendRuling:
    """What the day cost in the end: the reservation is settled, and the rest of its worst case is free again."""
    if _late(reservation, at) and reservation.state == "settled":
        return SpendRuling(reservation, reservation, final)
    after = replace(reservation, state="settled", final_micros=final, counted_micros=final)
    return SpendRuling(reservation, _stamped(reservation, after, at), final)


def violation_of(ruling: SpendRuling, currency: str, at: datetime) -> Violation:
    """The violation that spend above what is booked is recorded as."""
    reservation = ruling.before
    booked = f"{exact_money(ruling.booked_micros, currency)} was "
    booked += "settled" if reservation.state == "settled" else "reserved"
    spent = exact_money(ruling.spent_micros, currency)
    return Violation(
        # A higher amount is another breach, the same amount is not.
        id=f"{reservation.key}/over-reservation-{ruling.spent_micros}",
        account=reservation.account,
        run=reservation.run,
        phase=reservation.phase,
        campaign=reservation.campaign,
        kind="over-reservation",
        severity=Severity.CRITICAL,
        evidence=f"the platform reports {spent} for {reservation.day.isoformat()}, and {booked}",
        at=at,
    )


def _late(reservation: Reservation, at: datetime) -> bool:
    return reservation.posted_at is not None and aware(at) < reservation.posted_at


def _stamped(before: Reservation, after: Reservation, at: datetime) -> Reservation:
    return before if after == before else replace(after, posted_at=at)
