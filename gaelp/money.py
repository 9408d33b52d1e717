"""Amounts of money: whole units of a currency, smallest units, integer micros (millionths), and how people read them.

A currency is one of ISO 4217, and its smallest unit is the one of that standard: a yen, a cent, a thousandth of a
Kuwaiti dinar. The package iso4217 carries the standard's own table.

Everyone may import this module. Touch this to show amounts in another way.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from gaelp.errors import GaelpError

MICROS_PER_UNIT = 1_000_000
_MICRO_DECIMALS = 6


class UnknownCurrency(GaelpError, ValueError):
    """No currency of that name is in ISO 4217, or it has no smallest unit, as gold has none."""

    permanent = True


def micros(amount: Decimal) -> int:
    """Whole currency units to integer micros. Exact for every setting: none has more than four decimals."""
    return int(amount * MICROS_PER_UNIT)


def decimals_of(currency: str) -> int:
    """How many decimals an amount of the currency has; raises UnknownCurrency."""
    from iso4217 import Currency  # reads an XML library and a table, which most verbs of the command line do not need

    try:
        exponent = Currency(currency).exponent
    except ValueError:
        exponent = None
    if exponent is None:
        raise UnknownCurrency(
            f"{currency!r} is no currency of ISO 4217 with a smallest unit: use its code, such as USD"
        )
    return int(exponent)


def currencies() -> tuple[str, ...]:
    """Every currency of ISO 4217 that an account may have, by its code."""
    from iso4217 import Currency

    return tuple(sorted(each.code for each in Currency if each.exponent is not None))


def smallest_unit_micros(currency: str) -> int:
    """The smallest amount that can be paid, in micros; raises UnknownCurrency."""
    return int(10 ** (_MICRO_DECIMALS - decimals_of(currency)))


def rounded_up(amount_micros: Fraction | int, currency: str) -> int:
    """The next amount that can be paid, upwards: for what may be billed. Raises UnknownCurrency."""
    unit = smallest_unit_micros(currency)
    return -int(-amount_micros // unit) * unit


def rounded_down(amount_micros: Fraction | int, currency: str) -> int:
    """The next amount that can be paid, downwards: for budgets and bounds. Raises UnknownCurrency."""
    unit = smallest_unit_micros(currency)
    return int(amount_micros // unit) * unit


def exact_money(amount_micros: int, currency: str) -> str:
    """An amount that somebody signs or that a limit is compared with: no micro is lost. Raises UnknownCurrency.

    At least as many decimals as the currency has.
    """
    least = decimals_of(currency)
    whole, rest = divmod(abs(amount_micros), MICROS_PER_UNIT)
    decimals = f"{rest:06d}".rstrip("0").ljust(least, "0")
    point = "." if decimals else ""
    return f"{'-' if amount_micros < 0 else ''}{whole:,}{point}{decimals} {currency}"


def rounded_money(amount_micros: int, currency: str) -> str:
    """An amount that somebody reads in a table or a sentence, with the currency's decimals and its name.

    Two decimals and no name where the currency is not known, which is then empty. Raises UnknownCurrency.
    """
    return f"{bare_money(amount_micros, currency)} {currency}".rstrip()


def bare_money(amount_micros: int, currency: str) -> str:
    """The same without the name, for a table whose heading has it. Raises UnknownCurrency."""
    decimals = decimals_of(currency) if currency else 2
    return f"{Decimal(amount_micros) / MICROS_PER_UNIT:,.{decimals}f}"
