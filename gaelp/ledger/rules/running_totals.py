"""What the reservations of an account, a day, a phase, a campaign or a run add up to.

The ledger keeps these totals beside the reservations, so that a cap is checked without adding up years of them. Touch
this to let a cap count in another way, or to keep another sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from gaelp.ledger.stored_records import Reservation


class Scope(StrEnum):
    """Which reservations count together: those that agree in the fields of `names`."""

    ACCOUNT_DAY = "account-day"
    ACCOUNT = "account"
    PHASE_DAY = "phase-day"  # of one run on one account
    PHASE = "phase"
    CAMPAIGN = "campaign"
    RUN = "run"  # on every account

    @property
    def names(self) -> tuple[str, ...]:
        """The fields of a reservation that a total of this scope is for."""
        return _NAMES[self]

    @property
    def daily(self) -> bool:
        """Whether only one day counts."""
        return "day" in self.names


_NAMES = {
    Scope.ACCOUNT_DAY: ("account", "day"),
    Scope.ACCOUNT: ("account",),
    Scope.PHASE_DAY: ("account", "run", "phase", "day"),
    Scope.PHASE: ("account", "run", "phase"),
    Scope.CAMPAIGN: ("account", "campaign"),
    Scope.RUN: ("run",),
}


class Place(NamedTuple):
    """What one total is for; what does not apply in its scope is empty."""

    scope: Scope
    account: str = ""
    run: str = ""
    phase: str = ""
    campaign: str = ""
    day: str = ""  # as YYYY-MM-DD

    def __str__(self) -> str:
        return ", ".join(f"{name} {getattr(self, name)}" for name in self.scope.names)


@dataclass(frozen=True)
class Sums:
    """Micros of the account's currency, added up over the reservations of a place."""

    counted_micros: int = 0  # what every cap counts
    unsettled_micros: int = 0  # the part of it that may still be billed
    spent_micros: int = 0  # final amounts, else the larger of billed and served

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.counted_micros + other.counted_micros,
            self.unsettled_micros + other.unsettled_micros,
            self.spent_micros + other.spent_micros,
        )

    def __sub__(self, other: Sums) -> Sums:
        return self + Sums(-other.counted_micros, -other.unsettled_micros, -other.spent_micros)


NOTHING = Sums()


def sums_of(reservation: Reservation | None) -> Sums:
    """What one reservation adds to every total that it belongs to; one that is not there adds nothing."""
    if reservation is None:
        return NOTHING
    final, counted = reservation.final_micros, reservation.counted_micros
    return Sums(
        counted_micros=counted,
        unsettled_micros=0 if reservation.state == "settled" else counted,
        spent_micros=max(reservation.billed_micros, reservation.served_micros) if final is None else final,
    )


def place_of(scope: Scope, reservation: Reservation) -> Place:
    """The total of a scope that a reservation belongs to."""
    return Place(scope, **{name: str(getattr(reservation, name)) for name in scope.names})


def recomputed(reservations: Iterable[Reservation]) -> dict[Place, Sums]:
    """Every total, from nothing but the reservations."""
    totals: dict[Place, Sums] = {}
    for reservation in reservations:
        added = sums_of(reservation)
        for scope in Scope:
            place = place_of(scope, reservation)
            totals[place] = totals.get(place, NOTHING) + added
    return totals


def differences(
    kept: Mapping[Place, Sums], reservations: Iterable[Reservation], account: str | None = None
) -> tuple[str, ...]:
    """One sentence for each total that is not the sum of its reservations; a total of nothing need not be kept.

    With an account, only its totals and those of runs are compared: of its runs all reservations must be given.
    """
    true = recomputed(reservations)
    if account is not None:
        true = {place: sums for place, sums in true.items() if place.account in (account, "")}
    differing = [place for place in {*kept, *true} if kept.get(place, NOTHING) != true.get(place, NOTHING)]
    return tuple(
        f"the total of {place} is kept as {_text(kept.get(place, NOTHING))}, and its reservations add up to "
        f"{_text(true.get(place, NOTHING))}"
        for place in sorted(differing, key=str)
    )


def _text(sums: Sums) -> str:
    return f"{sums.counted_micros} micros counted, {sums.unsettled_micros} unsettled, {sums.spent_micros} spent"
