"""`plan --gate live-test`: what a budget can detect before a cent is spent, by the gate of the live test itself.

Touch this to change what it prints.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gaelp.commands.console import DONE, Out, WrongUse, table
from gaelp.commands.power.exam_settings import figure_place
from gaelp.commands.power.live_test_asked import TARGET, PlanAsked, affordable_micros, asked_by, days_of_a_campaign
from gaelp.money import micros, rounded_money

if TYPE_CHECKING:
    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.evidence.certification.live_trials import LivePower, StatedSales

MOST_TRIALS, FEWEST_TRIALS, DAYS_IN_ALL = 100, 40, 40_000  # so that an answer takes a few seconds
MOST_CAMPAIGNS = 10  # that a live test may have
ROI = 0.5


def live_plan(arguments: argparse.Namespace, out: Out) -> int:
    """The joint power of the live gate's conditions for live tests of several sizes, as a table and a plot."""
    from gaelp.evidence.certification.live_trials import ALL_CRITERIA, CONDITIONS, live_powers
    from gaelp.reports.plots import png
    from gaelp.reports.power_plots import live_power

    asked = asked_by(arguments)
    config, alpha = asked.with_lag, asked.alpha
    sales = _sales(asked, config)
    sizes = sorted({config.live_test.campaigns, config.live_test.streak, 8, MOST_CAMPAIGNS})
    lengths = sorted({config.live_test.days, days_of_a_campaign(sales, config)})
    trials = min(MOST_TRIALS, max(FEWEST_TRIALS, DAYS_IN_ALL // (max(sizes) * max(lengths))))
    test = (sizes, alpha, trials)
    found = [each for days in lengths for each in live_powers(sales, config, days, test, config.seed)]
    place = figure_place(arguments, "plan-live-test.png")
    place.write_bytes(png(live_power(found, TARGET)))
    columns = ("campaigns", "days each", *CONDITIONS, "calendar days", "spend")
    enough = next((each for each in _by_time(found) if each.shares[ALL_CRITERIA] >= TARGET), None)
    document = {
        "level": alpha,
        "trials": trials,
        "tests": [vars(each) | {"shares": dict(zip(CONDITIONS, each.shares, strict=True))} for each in found],
        "enough": vars(enough) if enough else None,
        "figure": str(place),
    }
    rows = [_row(each, config.currency) for each in found]
    note = f"(by {trials} trials at level {alpha:.4f}, {_stated(sales, config)}); {place}"
    out.result(document, table(columns, rows), f"{_answer(enough, found, config)} {note}")
    return DONE


def _by_time(found: list[LivePower]) -> list[LivePower]:
    return sorted(found, key=lambda each: (each.calendar_days, each.spend_micros))


def _row(each: LivePower, currency: str) -> tuple[object, ...]:
    shares = (f"{100 * share:.0f} %" for share in each.shares)
    return (each.campaigns, each.days, *shares, each.calendar_days, rounded_money(each.spend_micros, currency))


def _sales(asked: PlanAsked, config: TrainingConfiguration) -> StatedSales:
    from gaelp.evidence.certification.live_trials import StatedSales
    from gaelp.evidence.profit import contribution_share

    if contribution_share(config) <= 0:
        raise WrongUse("economics.margin and economics.refund_rate leave nothing of an order: no ROI can be reached")
    cpa, daily = asked.cpa_micros(config.currency), asked.daily_micros(config.currency)
    return StatedSales(
        cpa_micros=micros(config.economics.target_cpa) if cpa is None else cpa,
        daily_micros=affordable_micros(config, config.currency) if daily is None else daily,
        roi=ROI if asked.roi is None else asked.roi,
        order_spread=config.market.order_spread if asked.order_spread is None else asked.order_spread,
    )


def _stated(sales: StatedSales, config: TrainingConfiguration) -> str:
    cost, budget = (rounded_money(each, config.currency) for each in (sales.cpa_micros, sales.daily_micros))
    orders = f"order values spread by {sales.order_spread:g}, a lag of {config.economics.lag_days:g} days"
    return f"true ROI {sales.roi:+.0%}, {cost} a conversion, {budget} a day, {orders}"


def _answer(enough: LivePower | None, found: list[LivePower], config: TrainingConfiguration) -> str:
    if enough is not None:
        return (
            f"{enough.campaigns} campaigns of {enough.days} days pass in {TARGET:.0%} of cases or more, "
            f"after {enough.calendar_days} calendar days"
        )
    most = max(each.campaigns * each.days for each in found) * 24 // config.clock.tick_hours
    why = "" if any(each.shares[4] for each in found) else f"; at most {most} actions are checked, and 300 are needed"
    return f"none of these live tests passes in {TARGET:.0%} of cases{why}"
