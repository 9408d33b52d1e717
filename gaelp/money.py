"""Amounts of money: whole currency units, integer micros (millionths of a unit), and how people read them.

Everyone may import this module. Touch this to show amounts in another way, or to support another smallest unit.
"""

from __future__ import annotations

from decimal import Decimal

MICROS_PER_UNIT = 1_000_000


def micros(amount: Decimal) -> int:
    """Whole currency units to integer micros. Exact for every setting: those have two decimals."""
    return int(amount * MICROS_PER_UNIT)


def exact_money(amount_micros: int, currency: str) -> str:
    """An amount that somebody signs or that a limit is compared with: two to six decimals, no micro is lost."""
    whole, rest = divmod(abs(amount_micros), MICROS_PER_UNIT)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount_micros < 0 else ''}{whole:,}.{decimals} {currency}"


def rounded_money(amount_micros: int, currency: str = "") -> str:
    """An amount that somebody reads in a table or a sentence: two decimals, and the currency where one is given."""
    return f"{Decimal(amount_micros) / MICROS_PER_UNIT:,.2f} {currency}".rstrip()
