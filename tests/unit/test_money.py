"""The two ways in which people read an amount, and the conversion to micros."""

from decimal import Decimal
from fractions import Fraction

import pytest

from gaelp.money import (
    UnknownCurrency,
    bare_money,
    decimals_of,
    exact_money,
    micros,
    rounded_down,
    rounded_money,
    rounded_up,
    smallest_unit_micros,
)


def test_a_setting_becomes_micros_exactly():
    """Two decimals survive, where a binary fraction would lose one."""
    assert micros(Decimal("0.29")) == 290_000
    assert micros(Decimal("999999999999.99")) == 999_999_999_999_990_000


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0.00 USD"),
        (1, "0.000001 USD"),
        (1_250_000_000, "1,250.00 USD"),
        (-2_500_500, "-2.5005 USD"),
        (1_500_000_000, "1,500 JPY"),
        (-500_000, "-0.5 JPY"),
        (12_345_600_000, "12,345.600 KWD"),
        (1_000_000, "1.0000 CLF"),
    ],
)
def test_an_exact_amount_loses_no_micro(amount, text):
    """What is signed shows every micro and at least the decimals of its currency."""
    assert exact_money(amount, text[-3:]) == text


def test_a_rounded_amount_has_the_currencys_decimals():
    """What is read in a table is rounded, with the currency where one is given."""
    assert rounded_money(1_234_567_890, "EUR") == "1,234.57 EUR"
    assert rounded_money(-10_000, "") == "-0.01"
    assert bare_money(1_234_567_890, "JPY") == "1,235"
    assert rounded_money(1_234_567_890, "JPY") == "1,235 JPY"
    assert rounded_money(1_234_567_890, "KWD") == "1,234.568 KWD"


@pytest.mark.parametrize(
    ("currency", "decimals", "unit"),
    [
        ("USD", 2, 10_000),
        ("JPY", 0, 1_000_000),
        ("KWD", 3, 1_000),
        ("CLF", 4, 100),
        ("IQD", 3, 1_000),
        ("HUF", 2, 10_000),
    ],
)
def test_a_smallest_unit_is_the_one_of_iso_4217(currency, decimals, unit):
    """A yen, a cent, a thousandth of a dinar, also where people have no such coin."""
    assert (decimals_of(currency), smallest_unit_micros(currency)) == (decimals, unit)


@pytest.mark.parametrize("currency", ["ABC", "usd", "XAU", "XXX", "", "USDT"])
def test_what_has_no_smallest_unit_is_no_currency(currency):
    """An unknown code, gold and the code for no currency are refused, and nothing is guessed."""
    with pytest.raises(UnknownCurrency, match="use its code, such as USD"):
        smallest_unit_micros(currency)


@pytest.mark.parametrize(
    ("amount", "currency", "down", "up"),
    [
        (Fraction(87_500_001, 2), "USD", 43_750_000, 43_760_000),
        (43_750_000, "USD", 43_750_000, 43_750_000),
        (43_750_000, "JPY", 43_000_000, 44_000_000),
        (43_750_100, "KWD", 43_750_000, 43_751_000),
        (0, "JPY", 0, 0),
    ],
)
def test_amounts_are_rounded_to_what_can_be_paid(amount, currency, down, up):
    """A budget goes down to the smallest unit, what may be billed goes up, and what can be paid stays."""
    assert (rounded_down(amount, currency), rounded_up(amount, currency)) == (down, up)
