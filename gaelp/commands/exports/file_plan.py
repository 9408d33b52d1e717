"""`plan FILE` and `plan --account`: what a live test could find out, by the account's own figures and the gate itself.

Touch this to look at other effects or sizes; the gate's power is in gaelp/evidence/certification/live_trials.py.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from gaelp.commands.console import DONE, Out
from gaelp.commands.exports.given_export import (
    given_exports,
    refuse_amount_of_two,
    refuse_page,
    shown_name,
    today_of,
    write_page,
)
from gaelp.commands.exports.maturity import maturity_of, measured_lag, with_measured_lag
from gaelp.commands.exports.plan_view import (
    SIZES,
    TRIALS,
    Effect,
    ShownPlan,
    plan_document,
    plan_section,
    plan_text,
)
from gaelp.commands.exports.read_account import export_of_account
from gaelp.commands.exports.unread_options import OF_AN_EXAM, refuse_unread
from gaelp.commands.power.live_test_asked import (
    LONGEST,
    MOST_SPREAD,
    TARGET,
    PlanAsked,
    affordable_micros,
    asked_by,
    days_of_a_campaign,
)
from gaelp.domain.exports.account_export import AccountExport
from gaelp.domain.exports.export_exposure import NotLookedAt
from gaelp.domain.exports.mature_days import Maturity

if TYPE_CHECKING:
    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.evidence.certification.live_trials import LivePower, StatedSales
    from gaelp.evidence.exports.account_sales import AccountSales

EFFECTS = (0.25, 0.5, 1.0)  # true attributed ROI
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
    measured = measured_lag(arguments) if arguments.file else None
    asked = with_measured_lag(asked_by(arguments), measured)
    maturity = maturity_of(arguments, measured, today)
    shown = [shown_plan(asked, each, maturity, name) for each in exports]
    pages = [plan_section(each) for each in shown] if arguments.page else []
    written = write_page(arguments, f"{name}: what a budget can find out", pages)
    text = [part for each in shown for part in plan_text(each)]
    out.result({"plans": [plan_document(each) for each in shown]}, *text, *written)
    return DONE


def shown_plan(asked: PlanAsked, export: AccountExport, maturity: Maturity, name: str) -> ShownPlan:
    """Measure an export, and try live tests of its figures. Raises NotLookedAt and WrongUse."""
    import numpy as np

    from gaelp.evidence.certification.live_trials import StatedSales
    from gaelp.evidence.exports.account_sales import account_sales

    config = _configured(asked, export.currency)
    sales = account_sales(export, maturity, np.random.default_rng(SEED))
    spreads = (asked.order_spread, sales.order_spread, config.market.order_spread)
    cpa = asked.cpa_micros(export.currency or "USD")
    stated = StatedSales(
        cpa_micros=round(sales.cpa.value) if cpa is None else cpa,
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
    config = asked.with_lag
    clock = config.clock.model_copy(update={"tick_hours": 1})
    return config.model_copy(update={"clock": clock, "currency": currency or config.currency})


def _daily_budget(asked: PlanAsked, export: AccountExport) -> int:
    said = asked.daily_micros(export.currency or "USD")
    if said is None and export.currency != "USD":
        raise NotLookedAt(
            f"a live test's daily cap is 10 to 50 US dollars, and the file is in {export.currency or 'no currency'}: "
            "say what the test may have a day, as in --daily-budget 25"
        )
    return affordable_micros(asked.config, "USD") if said is None else said


def _tried(sales: StatedSales, config: TrainingConfiguration, alpha: float) -> Effect:
    """Live tests with campaigns of 20 expected conversions, and where none is enough of twice and four times that."""
    from gaelp.evidence.certification.live_trials import live_powers

    days = max(config.live_test.days, days_of_a_campaign(sales, config))
    tests: list[LivePower] = []
    for times in (1, 2, 4):
        if times * days <= LONGEST:
            tests += live_powers(sales, config, times * days, (SIZES, alpha, TRIALS), SEED)
        if any(each.shares[-1] >= TARGET for each in tests):
            break
    return Effect(sales.roi, tuple(tests))
