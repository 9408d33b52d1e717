"""What the books say of a campaign day beside what the platform says, and what brings the two together.

What the platform shows above the books is counted at once; what it shows below them changes nothing and is told to a
person. Touch this to change when a day is frozen or settled by `reconcile`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gaelp.domain.platform_records import DayReport
from gaelp.ledger.rules.spend_rules import reports_less
from gaelp.ledger.stored_records import Reservation
from gaelp.money import exact_money


@dataclass(frozen=True)
class DayComparison:
    """One day of one campaign; amounts in micros. `credited`: served, and not billed for good."""

    reservation: Reservation
    billed_micros: int  # by the platform
    served_micros: int
    final: bool
    post: bool = False  # the platform shows more than the books
    freeze: bool = False  # the day is over, and its cost is not final
    settle: bool = False  # the day is over, and its cost is final
    differs: str = ""  # what only a person can bring together

    @property
    def credited_micros(self) -> int:
        """What the platform has served above the budget and does not bill; known once the day is final."""
        return max(self.served_micros - self.billed_micros, 0) if self.final else 0


def compare_day(booked: Reservation, reported: DayReport | None, today: date, currency: str) -> DayComparison:
    """A reservation beside the platform's report of its day; `today` is the day that the platform has reached."""
    billed = 0 if reported is None else reported.cost_micros
    served = 0 if reported is None else reported.served_micros
    final = reported is not None and reported.final
    over, open_day = booked.day < today, booked.state != "settled"
    in_books = booked.billed_micros if booked.final_micros is None else booked.final_micros
    less = reports_less(booked, billed, served, final=final or not open_day)
    more = billed > in_books or (open_day and not final and served > booked.served_micros)
    settle = open_day and over and final and not less
    return DayComparison(
        booked,
        billed,
        served,
        final,
        post=more and not less and not settle,
        freeze=booked.state == "open" and over and not settle,
        settle=settle,
        differs=_less(in_books, booked.served_micros, billed, served, currency) if less else "",
    )


def _less(in_books: int, served_in_books: int, billed: int, served: int, currency: str) -> str:
    booked, told = max(in_books, served_in_books), max(billed, served)
    return (
        f"the books hold {exact_money(booked, currency)} and the platform shows {exact_money(told, currency)}: "
        "the books stay"
    )
