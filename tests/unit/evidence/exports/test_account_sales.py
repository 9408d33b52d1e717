"""What an export says of an account's sales; every figure is worked by hand in its comment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from math import log, sqrt

import numpy as np
import pytest

from gaelp.domain.exports.account_export import AccountExport, CampaignDay
from gaelp.domain.exports.export_exposure import NotLookedAt
from gaelp.domain.exports.mature_days import maturity_said
from gaelp.evidence.exports.account_sales import AccountSales, account_sales

UNIT = 1_000_000
TODAY = date(2026, 9, 15)


def export(*days: tuple[float, str, float], **missing: tuple[str, ...]) -> AccountExport:
    """Days from 1 September with cost, conversions and revenue."""
    rows = [
        CampaignDay("A", date(2026, 9, at), 100, 50, "EUR", round(cost * UNIT), Decimal(orders), round(revenue * UNIT))
        for at, (cost, orders, revenue) in enumerate(days, start=1)
    ]
    return AccountExport("google-ads", "EUR", tuple(rows), columns={}, missing=missing)


def measured(of: AccountExport, maturing: int = 3) -> AccountSales:
    return account_sales(of, maturity_said(maturing, TODAY), np.random.default_rng(1))


# Eight days of 100: 4 or 6 conversions, for which 80 or 170 were paid. In all 800, 40 and 1,000.
EIGHT = [(100, "4", 80), (100, "6", 170)] * 4


def test_cost_value_spread_and_noise() -> None:
    """A conversion costs 800 / 40 = 20 and is worth 1,000 / 40 = 25.

    Each day 5 are expected, and 1 more or less came: 8 x 1 / 5 over 7 is 0.2286 of chance. Revenue is 20 off
    (80 for 4 x 25, 170 for 6 x 25): 4 x (400 / 4 + 400 / 6) / 7 = 95.24 is the variance of an order's value, and
    sqrt(ln(1 + 95.24 / 625)) the spread of its logarithm.
    """
    sales = measured(export(*EIGHT))
    assert (sales.days, sales.conversions, sales.cpa.value) == (8, 40, 20 * UNIT)
    assert sales.order_value is not None and sales.order_value.value == 25 * UNIT
    assert sales.dispersion == pytest.approx(8 / 5 / 7)
    assert sales.order_spread == pytest.approx(sqrt(log(1 + 4 * (100 + 400 / 6) / 7 / 625)))
    # Of 40 conversions Garwood's 95 % bounds are 28.58 and 54.47.
    assert (sales.cpa.low, sales.cpa.high) == (
        pytest.approx(800 / 54.47 * UNIT, rel=1e-3), pytest.approx(800 / 28.58 * UNIT, rel=1e-3)
    )  # fmt: skip


def test_only_mature_days_count() -> None:
    """Of 14 days the last 3 before today are too young: 11 of 100 cost as much per conversion as they did."""
    days = [(100.0, "5", 100.0)] * 11 + [(100.0, "0", 0.0)] * 3
    assert (measured(export(*days)).cpa.value, measured(export(*days)).days) == (20 * UNIT, 11)
    assert measured(export(*days), maturing=0).cpa.value == pytest.approx(1400 / 55 * UNIT)


def test_campaigns_of_one_day_are_the_account() -> None:
    """Two campaigns of a day add up before anything is measured."""
    whole = export(*EIGHT)
    halves = [replace(row, cost_micros=50 * UNIT, conversions=(row.conversions or Decimal()) / 2,
                      revenue_micros=(row.revenue_micros or 0) // 2) for row in whole.rows]  # fmt: skip
    split = replace(whole, rows=(*halves, *(replace(row, campaign="B") for row in halves)))
    assert measured(split) == measured(whole)


def test_without_revenue_no_value_is_said() -> None:
    """No column of revenue: cost per conversion stands, value and spread are unknown."""
    sales = measured(export(*EIGHT, revenue=("revenue", "conv. value")))
    assert (sales.order_value, sales.order_spread, sales.cpa.value) == (None, None, 20 * UNIT)


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (export(*EIGHT, cost=("cost", "spend")), r"no column cost \(a header like spend\)"),
        (export(*EIGHT, conversions=("conversions", "purchases")), "no column conversions"),
        (export(*EIGHT[:6]), "6 mature days with 30 conversions are too few"),
        (export(*[(100, "1", 5)] * 8), "8 mature days with 8 conversions are too few"),
    ],
)
def test_too_little_to_measure_is_said(of: AccountExport, says: str) -> None:
    """A missing column is named, and too few days or conversions give no figure."""
    with pytest.raises(NotLookedAt, match=says):
        measured(of)
