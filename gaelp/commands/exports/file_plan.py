"""`plan FILE` and `plan --account`: what a live test could find out, by the account's own figures and the gate itself.

Touch this to look at other effects or sizes; the gate's power is in gaelp/evidence/certification/live_trials.py.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gaelp.commands.console import DONE, Out, WrongUse
from gaelp.commands.exports.given_export import (
    given_exports,
    refuse_amount_of_two,
    refuse_page,
    shown_name,
    today_of,
    write_page,
)
from gaelp.commands.exports.maturity import maturity_of, measured_lag
from gaelp.commands.exports.plan_view import (
    SIZES,
    TARGET,
    TRIALS,
    Effect,
    ShownPlan,
    plan_document,
    plan_section,
    plan_text,
)
from gaelp.commands.exports.read_account import export_of_account
from gaelp.commands.exports.unread_options import OF_AN_EXAM, refuse_unread
from gaelp.commands.people.accounts import amount
from gaelp.commands.power.exam_settings import level_of, read_configuration
from gaelp.domain.exports.account_export import AccountExport
from gaelp.domain.exports.export_exposure import NotLookedAt
from gaelp.domain.exports.mature_days import Maturity

if TYPE_CHECKING:
    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.evidence.certification.live_trials import LivePower, StatedSales
    from gaelp.evidence.exports.account_sales import AccountSales

EFFECTS = (0.25, 0.5, 1.0)  # true attributed ROI
LONGEST = 366  # days of a campaign
MOST_SPREAD, MOST_ROI = 3.0, 100
SEED = 1


def file_plan(arguments: argparse.Namespace, out: Out) -> int:
    """Show it for each currency of the file."""
    refuse_unread(arguments, OF_AN_EXAM, "of the gate simulation, and for a FILE or an account a live test is planned")
    refuse_unread(arguments, ("figure",), "of a plan without a FILE; this one's picture is on --page FILE.html")
    refuse_page(arguments, *([arguments.file] if arguments.file else []))
    if arguments.file is not None:
        exports = given_exports(arguments.file, arguments)
        refuse_amount_of_two("--cpa", arguments.cpa, exports)
        refuse_amount_of_two("--daily-budget", arguments.daily_budget, exports)
        today, name = today_of(arguments, exports), shown_name(arguments, arguments.file)
    else:
        exports, today = export_of_account(arguments)
        name = "an account" if arguments.anonymous else arguments.account
    asked = asked_by(arguments)
    measured = measured_lag(arguments) if arguments.file else None
    maturity = maturity_of(arguments, measured, today)
    shown = [shown_plan(asked, each, maturity, name) for each in exports]
    pages = [plan_section(each) for each in shown] if arguments.page else []
    written = write_page(arguments, f"{name}: what a budget can find out", pages)
    text = [part for each in shown for part in plan_text(each)]
    out.result({"plans": [plan_document(each) for each in shown]}, *text, *written)
    return DONE


@dataclass(frozen=True)
class PlanAsked:
    """What somebody said; None is what the export says, or the configuration where it cannot."""

    config: TrainingConfiguration
    alpha: float  # level of the gate
    lag_days: float | None = None
    lag_from: str = "as given"
    roi: float | None = None
    order_spread: float | None = None
    cpa: str | None = None
    daily_budget: str | None = None


def asked_by(arguments: argparse.Namespace) -> PlanAsked:
    """What the options of `plan` say. Raises WrongUse."""
    if arguments.lag is not None and not 0 < arguments.lag <= LONGEST:
        raise WrongUse(f"--lag is {arguments.lag:g}, and it is a number of days above 0, up to {LONGEST}")
    if arguments.roi is not None and not -1 < arguments.roi <= MOST_ROI:
        raise WrongUse(f"--roi is {arguments.roi:g}, and it is a number above -1, up to {MOST_ROI}")
    if arguments.order_spread is not None and not 0 <= arguments.order_spread <= MOST_SPREAD:
        raise WrongUse(f"--order-spread is {arguments.order_spread:g}, and it is a number from 0 to {MOST_SPREAD:g}")
    return PlanAsked(
        read_configuration(arguments), level_of(arguments), lag_days=arguments.lag, roi=arguments.roi,
        order_spread=arguments.order_spread, cpa=arguments.cpa, daily_budget=arguments.daily_budget,
    )  # fmt: skip


def shown_plan(asked: PlanAsked, export: AccountExport, maturity: Maturity, name: str) -> ShownPlan:
    """Measure an export, and try live tests of its figures. Raises NotLookedAt and WrongUse."""
    import numpy as np

    from gaelp.evidence.certification.live_trials import StatedSales
    from gaelp.evidence.exports.account_sales import account_sales

    config = _configured(asked, export.currency)
    sales = account_sales(export, maturity, np.random.default_rng(SEED))
    spreads = (asked.order_spread, sales.order_spread, config.market.order_spread)
    stated = StatedSales(
        cpa_micros=round(sales.cpa.value) if asked.cpa is None else _amount(asked.cpa, "--cpa", export),
        daily_micros=_daily_budget(asked, export),
        roi=0.0,
        order_spread=min(next(each for each in spreads if each is not None), MOST_SPREAD),
        dispersion=max(1.0, sales.dispersion),
    )
    wanted = EFFECTS if asked.roi is None else (asked.roi,)
    effects = tuple(_tried(replace(stated, roi=roi), config, asked.alpha) for roi in wanted)
    account = f"{name} ({export.currency})" if export.currency else name
    return ShownPlan(
        account, export.currency, sales, stated, maturity, config.economics.lag_days,
        lag_from=asked.lag_from if asked.lag_days is not None else "taken from the configuration",
        spread_from="as given" if asked.order_spread is not None else _spread_from(sales), effects=effects,
    )  # fmt: skip


def _spread_from(sales: AccountSales) -> str:
    return "taken from the configuration" if sales.order_spread is None else "of the export's orders"


def _configured(asked: PlanAsked, currency: str) -> TrainingConfiguration:
    """The configuration in the account's currency, with the lag that was said, deciding every hour."""
    config = asked.config
    lag = config.economics.lag_days if asked.lag_days is None else asked.lag_days
    economics = config.economics.model_copy(update={"lag_days": lag})
    clock = config.clock.model_copy(update={"tick_hours": 1})
    return config.model_copy(update={"economics": economics, "clock": clock, "currency": currency or config.currency})


def _daily_budget(asked: PlanAsked, export: AccountExport) -> int:
    from gaelp.commands.power.live_plan import PLATFORM
    from gaelp.domain.billing.billing_rules import budget_for_cap
    from gaelp.money import micros

    if asked.daily_budget is not None:
        return _amount(asked.daily_budget, "--daily-budget", export)
    if export.currency != "USD":
        raise NotLookedAt(
            f"a live test's daily cap is 10 to 50 US dollars, and the file is in {export.currency or 'no currency'}: "
            "say what the test may have a day, as in --daily-budget 25"
        )
    return budget_for_cap(PLATFORM, micros(asked.config.live_test.daily_cap), "USD")


def _amount(text: str, option: str, export: AccountExport) -> int:
    return amount(text, option, export.currency or "USD")


def _tried(sales: StatedSales, config: TrainingConfiguration, alpha: float) -> Effect:
    """Live tests with campaigns of 20 expected conversions, and where none is enough of twice and four times that."""
    from gaelp.evidence.certification.live_trials import days_for_conversions, live_powers

    days = max(config.live_test.days, days_for_conversions(sales.cpa_micros, sales.daily_micros))
    if days > LONGEST:
        raise NotLookedAt(
            f"a campaign of 20 conversions takes {days} days at {sales.daily_micros / 1e6:g} a day: give a larger "
            "--daily-budget"
        )
    tests: list[LivePower] = []
    for times in (1, 2, 4):
        if times * days <= LONGEST:
            tests += live_powers(sales, config, times * days, (SIZES, alpha, TRIALS), SEED)
        if any(each.shares[-1] >= TARGET for each in tests):
            break
    return Effect(sales.roi, tuple(tests))
