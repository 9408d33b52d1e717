"""What a platform reports is kept within what our own sums and databases can hold."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from gaelp.domain.platform_records import MOST_REPORTED, DayReport


def _day(conversions: Any) -> DayReport:
    counts = dict.fromkeys(("impressions", "clicks", "cost_micros", "served_micros", "revenue_micros"), 1)
    day = {"day": date(2026, 3, 1), "final": True, "matured": True, **counts, "conversions": conversions}
    return DayReport.model_validate_json(DayReport.model_validate(day).model_dump_json())


@pytest.mark.parametrize(("reported", "kept"), [(2, 2), (1.5, 1.5), (-0.5, 0), (2.0**60, MOST_REPORTED)])
def test_conversions_are_numbers_within_bounds(reported: float, kept: float) -> None:
    """A platform divides a conversion among ads; less than none and more than can be kept are cut."""
    assert _day(reported).conversions == kept


@pytest.mark.parametrize("reported", [float("nan"), float("inf"), "many"])
def test_what_is_no_number_is_refused(reported: Any) -> None:
    """Neither a text nor what is not finite is a count."""
    with pytest.raises(ValidationError):
        _day(reported)
