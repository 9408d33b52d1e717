"""The exact bounds of a Poisson count, beside the printed ones. Touch with gaelp/evidence/poisson_bounds.py."""

from __future__ import annotations

import pytest

from gaelp.evidence.poisson_bounds import poisson_bounds


def test_the_bounds_are_garwoods() -> None:
    """Of 10 events the printed 90 % interval is 5.43 to 16.96; of none it begins at 0."""
    assert poisson_bounds(10, 0.05) == pytest.approx((5.4254, 16.9622), abs=1e-3)
    assert poisson_bounds(0, 0.05) == pytest.approx((0.0, 2.9957), abs=1e-3)
