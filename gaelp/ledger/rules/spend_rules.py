"""What a platform's report and a final amount change, and when they lie above what is booked.

Amounts are absolute, so that a repeated report changes nothing. They never fall: an older report that says more was
seen too, and one that says less says nothing. Touch this to change what trips the stop.
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
    lower: bool = False  # a newer report says less than an older one did: the books keep what was seen

    @property
    def booked_micros(self) -> int:
        """What was booked for the day. A settled day has given the rest of its worst case back."""
        final = self.before.final_micros
        return self.before.worst_case_micros if final is None else final

    @property
    def over(self) -> bool:
        """Whether more was spent than was booked: a critical violation that trips the stop."""
        return self.spent_micros > self.booked_micros


def reports_less(reservation: Reservation, billed: int, served: int, *, final: bool) -> bool:
    """Whether a report says less than one before it, as a platform does that is in an older state.

    What was served above the bill may be waived once the cost of the day is `final`: that is a credit, and lawful.
    """
    return billed < reservation.billed_micros or (served < reservation.served_micros and not final)


def judge_report(reservation: Reservation, billed: int, served: int, at: datetime) -> SpendRuling:
    """What the platform says was billed and served so far; of an open day the larger one counts.

    Neither falls: what was reported once was seen, and a platform that reports less later is in an older state.
    """
    final = reservation.final_micros
    spent = max(billed, served) if final is None else billed  # what is served counts until the platform is final
    lower = not _late(reservation, at) and reports_less(reservation, billed, served, final=False)
    billed, served = max(billed, reservation.billed_micros), max(served, reservation.served_micros)
    after = replace(
        reservation,
        billed_micros=billed,
        served_micros=served,
        final_micros=None if final is None else max(final, billed),
        counted_micros=max(reservation.worst_case_micros, billed, served) if final is None else max(final, billed),
    )
    return SpendRuling(reservation, _stamped(reservation, after, at), spent, lower)


def judge_final(reservation: Reservation, final: int, at: datetime) -> SpendRuling:
    """What the day cost in the end: the reservation is settled, and the rest of its worst case is free again.

    It is never settled below what was reported for it, nor below what it was settled at before. What was served and
    is not billed in the end counts too, but is no older state: a platform may waive it.
    """
    counted = max(final, _seen(reservation))
    billed = max(final, reservation.billed_micros)
    after = replace(reservation, state="settled", billed_micros=billed, final_micros=counted, counted_micros=counted)
    lower = not _late(reservation, at) and reports_less(reservation, final, final, final=True)
    return SpendRuling(reservation, _stamped(reservation, after, at), final, lower)


def _seen(reservation: Reservation) -> int:
    """The most that is known to have been spent."""
    if reservation.final_micros is not None:
        return max(reservation.final_micros, reservation.billed_micros)
    return max(reservation.billed_micros, reservation.served_micros)


def lower_report(ruling: SpendRuling, currency: str, at: datetime) -> Violation:
    """The violation that a report is recorded as which says less than one before it."""
    seen, spent = (exact_money(m, currency) for m in (_seen(ruling.before), ruling.spent_micros))
    evidence = (
        f"the platform reports {spent} for {ruling.before.day.isoformat()}, and {seen} was reported before: it "
        "may be in an older state; the books keep what was reported before"
    )
    return _violation(ruling, "reported-less", Severity.HIGH, evidence, at)


def violation_of(ruling: SpendRuling, currency: str, at: datetime) -> Violation:
    """The violation that spend above what is booked is recorded as."""
    reservation = ruling.before
    booked = f"{exact_money(ruling.booked_micros, currency)} was "
    booked += "settled" if reservation.state == "settled" else "reserved"
    spent = exact_money(ruling.spent_micros, currency)
    evidence = f"the platform reports {spent} for {reservation.day.isoformat()}, and {booked}"
    return _violation(ruling, "over-reservation", Severity.CRITICAL, evidence, at)


def _violation(ruling: SpendRuling, kind: str, severity: Severity, evidence: str, at: datetime) -> Violation:
    reservation = ruling.before
    return Violation(
        id=f"{reservation.key}/{kind}-{ruling.spent_micros}",  # another amount is another breach, the same one is not
        account=reservation.account,
        run=reservation.run,
        phase=reservation.phase,
        campaign=reservation.campaign,
        kind=kind,
        severity=severity,
        evidence=evidence,
        at=at,
    )


def _late(reservation: Reservation, at: datetime) -> bool:
    return reservation.posted_at is not None and aware(at) < reservation.posted_at


def _stamped(before: Reservation, after: Reservation, at: datetime) -> Reservation:
    return before if after == before else replace(after, posted_at=max(before.posted_at or at, at))
