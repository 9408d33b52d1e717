"""Which amounts and instants the ledger takes at all. Touch this to allow larger amounts or other instants."""

from __future__ import annotations

from datetime import datetime

LARGEST_MICROS = 2**62
"""No amount may be larger: sums must stay inside the database's 64-bit integers."""


def amount(value: int, what: str) -> int:
    """Return `value` if it is an amount of micros that the ledger can hold; raise ValueError naming `what`."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_MICROS:
        raise ValueError(f"{what} is {value!r}: give a whole number of micros between 0 and {LARGEST_MICROS}")
    return value


def aware(value: datetime) -> datetime:
    """Return `value`; raise ValueError where it has no time zone."""
    if value.tzinfo is None:
        raise ValueError(
            f"the instant {value.isoformat()} has no time zone: pass an aware datetime, such as one in UTC"
        )
    return value
