"""The two ways in which people read an amount, and the conversion to micros."""

from decimal import Decimal

import pytest

from gaelp.money import exact_money, micros, rounded_money


def test_a_setting_becomes_micros_exactly():
    """Two decimals survive, where a binary fraction would lose one."""
    assert micros(Decimal("0.29")) == 290_000
    assert micros(Decimal("999999999999.99")) == 999_999_999_999_990_000


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00 USD"), (1, "0.000001 USD"), (1_250_000_000, "1,250.00 USD"), (-2_500_500, "-2.5005 USD")],
)
def test_an_exact_amount_loses_no_micro(amount, text):
    """What is signed shows every micro and at least two decimals."""
    assert exact_money(amount, "USD") == text


def test_a_rounded_amount_has_two_decimals():
    """What is read in a table is rounded, with the currency where one is given."""
    assert rounded_money(1_234_567_890, "EUR") == "1,234.57 EUR"
    assert rounded_money(-10_000) == "-0.01"
