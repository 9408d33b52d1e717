"""How a plan of a live test is shown: as a document, as tables and as a part of a page.

Touch this to show one more thing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gaelp.commands.console import table
from gaelp.commands.exports.given_export import counted
from gaelp.commands.power.live_test_asked import TARGET
from gaelp.money import rounded_money

if TYPE_CHECKING:
    from gaelp.domain.exports.mature_days import Maturity
    from gaelp.evidence.certification.live_trials import LivePower, StatedSales
    from gaelp.evidence.exports.account_sales import AccountSales
    from gaelp.evidence.exports.conversion_lag import BoundedEstimate
    from gaelp.reports.account_page import PageSection

SIZES = (5, 6, 8, 10)  # campaigns
TRIALS = 40  # so that an answer takes some seconds; shares are good to about 8 points
MEASURED = ("measured", "value")
COLUMNS = ("true ROI", "smallest test that passes in half of cases", "passes", "calendar days", "spend")


@dataclass(frozen=True)
class Effect:
    """What live tests of the tried sizes make of one true ROI."""

    roi: float
    tests: tuple[LivePower, ...]

    @property
    def smallest(self) -> LivePower | None:
        """The one that takes the fewest days, of those that pass often enough."""
        enough = [each for each in self.tests if each.shares[-1] >= TARGET]
        return min(enough, key=lambda each: (each.calendar_days, each.spend_micros), default=None)

    @property
    def best(self) -> LivePower:
        """The one that passes most often."""
        return max(self.tests, key=lambda each: each.shares[-1])


@dataclass(frozen=True)
class ShownPlan:
    """What was measured, and what follows for a live test."""

    account: str
    currency: str
    sales: AccountSales
    stated: StatedSales
    maturity: Maturity
    lag_days: float
    lag_from: str  # `as given`, or where else it is from
    spread_from: str
    effects: tuple[Effect, ...]

    @property
    def answer(self) -> str:
        """What cannot be found out with this budget, and the smallest test that could."""
        budget = rounded_money(self.stated.daily_micros, self.currency)
        missed = [f"{each.roi:+.0%}" for each in self.effects if each.smallest is None]
        found = [each for each in self.effects if each.smallest is not None]
        none = (
            f"With {budget} a day a true ROI of {' or '.join(missed)} cannot be found out: no live test of up to "
            f"{max(SIZES)} campaigns passes in half of cases."
        )
        said = [none] if missed else []
        if found:
            least = min((each for each in found), key=lambda each: each.roi)
            said.append(f"The smallest test that finds {least.roi:+.0%} at {budget} a day: {_test(self, least)}.")
        return " ".join(said)

    @property
    def notes(self) -> list[str]:
        """What it rests on."""
        return [
            f"Measured on {self.sales.days} mature days and {counted(self.sales.conversions)} conversions, with bounds "
            "at 95 %.",
            self.maturity.sentence,
            f"The mean lag in days is {self.lag_days:.3g}, {self.lag_from}; the spread of order "
            f"values is {self.stated.order_spread:.2g}, {self.spread_from}.",
            f"By {TRIALS} simulated live tests of each size, judged by criteria 8 to 10 together, with a decision an "
            "hour; what an agent costs per conversion is taken to be what the account does.",
        ]


def plan_document(shown: ShownPlan) -> dict[str, Any]:
    """For --json."""
    sales = shown.sales
    return {
        "account": shown.account,
        "currency": shown.currency,
        "mature_after": shown.maturity.after_days,
        "mature_days": sales.days,
        "conversions": sales.conversions,
        "cpa_micros": _bounds(sales.cpa),
        "order_value_micros": _bounds(sales.order_value) if sales.order_value else None,
        "order_spread": shown.stated.order_spread,
        "dispersion": sales.dispersion,
        "lag_days": shown.lag_days,
        "lag_from": shown.lag_from,
        "daily_budget_micros": shown.stated.daily_micros,
        "effects": [
            {
                "roi": each.roi,
                "smallest": vars(each.smallest) if each.smallest else None,
                "tests": [vars(test) for test in each.tests],
            }
            for each in shown.effects
        ],
        "answer": shown.answer,
        "notes": shown.notes,
    }


def _bounds(bounded: BoundedEstimate) -> dict[str, float | None]:
    """An end that is not bounded is null, because JSON has no infinity."""
    return {name: None if value == float("inf") else value for name, value in vars(bounded).items()}


def plan_section(shown: ShownPlan) -> PageSection:
    """For the page."""
    from gaelp.reports.account_page import PageSection
    from gaelp.reports.account_plots import detectable

    curves = {f"ROI {each.roi:+.0%}": each.tests for each in shown.effects}
    return PageSection(
        title=f"{shown.account}: what a budget can find out",
        answer=shown.answer,
        columns=COLUMNS,
        rows=tuple(_row(shown, each) for each in shown.effects),
        picture=detectable(curves, TARGET),
        alt=f"The chance that a live test passes, by its calendar days. {shown.answer}",
        notes=(*(f"{name}: {value}" for name, value in _measured(shown)), *shown.notes),
    )


def plan_text(shown: ShownPlan) -> list[Any]:
    """For a terminal."""
    return [
        table(MEASURED, _measured(shown), shown.account),
        table(COLUMNS, [_row(shown, each) for each in shown.effects]),
        shown.answer,
        *shown.notes,
    ]


def _measured(shown: ShownPlan) -> list[tuple[str, str]]:
    sales = shown.sales
    rows = [("cost per conversion", _money(sales.cpa, shown.currency))]
    if sales.order_value is not None:
        rows.append(("value of a conversion", _money(sales.order_value, shown.currency)))
    noise = f"conversions of a day vary {sales.dispersion:.2g} times as much as by chance alone"
    return [*rows, ("day-to-day noise", noise)]


def _money(bounded: BoundedEstimate, currency: str) -> str:
    low, high = (_rounded(each, currency) for each in (bounded.low, bounded.high))
    return f"{_rounded(bounded.value, currency)} ({low} to {high})"


def _rounded(micros: float, currency: str) -> str:
    return "unbounded" if micros == float("inf") else rounded_money(round(micros), currency)


def _row(shown: ShownPlan, effect: Effect) -> tuple[str, ...]:
    least = effect.smallest
    if least is None:
        best = effect.best
        tried = f"none; {best.campaigns} campaigns of {best.days} days come nearest"
        return f"{effect.roi:+.0%}", tried, f"{best.shares[-1]:.0%}", "-", "-"
    spend = rounded_money(least.spend_micros, shown.currency)
    what = f"{least.campaigns} campaigns of {least.days} days"
    return f"{effect.roi:+.0%}", what, f"{least.shares[-1]:.0%}", str(least.calendar_days), spend


def _test(shown: ShownPlan, effect: Effect) -> str:
    _, what, passes, days, spend = _row(shown, effect)
    return f"{what}, {days} calendar days and {spend}; it passes in {passes} of cases"
