"""Bills above a platform's limit, and budgets edited until the limit of a period is gone, by the published rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from gaelp.domain.exports.account_export import AccountExport, CampaignDay
from gaelp.domain.exports.billed_days import edited_budgets, overbilled_days
from tests.support.made_exports import EURO, days


def _export(rows: Iterable[CampaignDay]) -> AccountExport:
    return AccountExport("google-ads", "EUR", tuple(rows), {"budget": "Budget"}, {})


def _budgeted(count: int, budget: Callable[[int], int], cost: Callable[[int], float]) -> AccountExport:
    """A campaign from 1 June on, with its budgets and costs by the number of the day, in euros."""
    return _export(
        replace(row, budget_micros=budget(number) * EURO, cost_micros=round(cost(number) * EURO))
        for number, row in enumerate(days(count, lambda number: 0))
    )


@pytest.mark.parametrize(
    ("platform", "cost", "credit"),
    [("google-ads", 100.0, None), ("google-ads", 130.0, 30.0), ("meta", 87.5, None), ("meta", 100.0, 12.5)],
)
def test_a_day_above_its_limit_is_a_credit(platform: str, cost: float, credit: float | None) -> None:
    """50 a day may bill 100 on Google Ads and 87.50 on Meta; what is above is due, where its neighbours had 50."""
    export = _budgeted(10, lambda number: 50 if number else 40, lambda number: cost if number == 5 else 20.0)
    findings = overbilled_days(export, platform)
    assert [each.figure.value for each in findings] == ([] if credit is None else [credit])
    assert all(each.figure.low == each.figure.high for each in findings)


def test_a_day_beside_a_higher_budget_is_none() -> None:
    """130 are above twice 50 and not above twice 70, which may have been the budget for a part of that day."""
    export = _budgeted(10, lambda number: 70 if number >= 6 else 50, lambda number: 130.0 if number == 5 else 20.0)
    assert not overbilled_days(export, "google-ads")


def test_where_the_budget_may_be_todays_nothing_may_be_due() -> None:
    """A budget that is the same on all days may be that of the download, so that the interval begins at nothing."""
    (finding,) = overbilled_days(
        _budgeted(10, lambda _: 50, lambda number: 130.0 if number == 5 else 20.0), "google-ads"
    )
    assert (finding.figure.low, finding.figure.high) == (0.0, 30.0)
    assert "an export only knows today's" in finding.reason


def test_a_month_above_its_limit_is_a_credit() -> None:
    """30 days of 55 are 1,650 in June, and 30.4 budgets of 50 are 1,520; July had another budget."""
    export = _budgeted(40, lambda number: 50 if number < 30 else 60, lambda number: 55.0)
    (finding,) = overbilled_days(export, "google-ads")
    assert finding.figure.value == 130.0
    assert "2026-06-01 to 2026-06-30: 1,650.00 where 1,520.00 is allowed" in finding.reason


@pytest.mark.parametrize(("every", "most", "lift"), [(1, 2650, 2650 - 1368), (2, 2600, 2600 - 1357.87), (15, 0, 0)])
def test_budgets_edited_often_may_bill_nearly_twice_as_much(every: int, most: float, lift: float) -> None:
    """40 and 50 in turn in June, each day or every second one; a single edit is none.

    Each day: 15 x 80 + 14 x 100, and on the last day the edit leaves one budget, 50: 2,650, where their mean of 45 may
    bill 30.4 x 45 = 1,368 unedited. Every second day: 14 x 80 + 14 x 100, and two budgets of 40 for the last two days:
    2,600, beside 30.4 x 44.666666, rounded up to a cent: 1,357.87.
    """
    export = _budgeted(30, lambda number: 50 if number // every % 2 else 40, lambda number: 20.0)
    findings = edited_budgets(export, "google-ads")
    assert len(findings) == (1 if most else 0)
    for finding in findings:
        assert finding.figure.value == most
        assert finding.stake_micros == round(lift * EURO)


@pytest.mark.parametrize(("edited", "found"), [((8,), False), ((8, 9), True)])
def test_a_single_edit_is_not_often(edited: tuple[int, ...], found: bool) -> None:
    """On Meta one edit on a Tuesday lifts the limit of the rest of its week, and it takes a second one to be often."""
    export = _budgeted(21, lambda number: 40 + 10 * sum(number >= day for day in edited), lambda number: 20.0)
    assert bool(edited_budgets(export, "meta")) == found


def test_a_lifetime_budget_is_no_limit_of_a_day() -> None:
    """What a campaign may spend in its whole life says nothing of a day, so that no day is above it."""
    export = _budgeted(10, lambda number: 50 if number else 40, lambda number: 130.0)
    lifetime = replace(export, rows=tuple(replace(row, budget_type="Campaign total") for row in export.rows))
    assert not overbilled_days(lifetime, "google-ads") and overbilled_days(export, "google-ads")
