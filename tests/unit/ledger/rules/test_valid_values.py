"""Which amounts and instants the ledger takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from gaelp.ledger.rules.valid_values import LARGEST_MICROS, amount, aware
from tests.support.ledgers import NOW


@pytest.mark.parametrize("value", [0, 1, LARGEST_MICROS])
def test_an_amount_within_the_bounds_is_returned(value: int) -> None:
    """Zero and the largest amount are amounts."""
    assert amount(value, "the cap") == value


@pytest.mark.parametrize("value", [-1, LARGEST_MICROS + 1, True, 1.0, "1", None])
def test_what_is_no_amount_is_refused_by_name(value: Any) -> None:
    """One micro below or above the bounds, and whatever is no integer, is refused."""
    with pytest.raises(ValueError, match=r"the cap is .*: give a whole number of micros"):
        amount(value, "the cap")


def test_an_instant_needs_a_time_zone() -> None:
    """An aware instant is returned, and a naive one is refused."""
    assert aware(NOW) == NOW
    with pytest.raises(ValueError, match="has no time zone"):
        aware(datetime(2026, 11, 22))
