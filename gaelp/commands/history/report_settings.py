"""What a report says of the market, as settings: click rate, cost, conversions and order value of its earlier part.

Touch this when a report can set something more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from gaelp.commands.console import WrongUse
from gaelp.commands.history.fitted_settings import FittedQuantity

if TYPE_CHECKING:
    from gaelp.arrays import Array

BOUGHT = (
    "a report says what was bought: prices of lost auctions, hours, and what each creative would have done are not in "
    "it"
)

UNKNOWN = "the report does not know it, at least not in each of its rows"


def fitted_report(log: Mapping[str, Array], seed: int) -> tuple[list[FittedQuantity], list[str], str]:
    """The quantities with their intervals by days, remarks, and their currency, empty if unnamed. Raises WrongUse."""
    import numpy as np

    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.domain.log_evidence import Quantity
    from gaelp.evidence.history.logged_quantities import FEWEST_DAYS, of_report
    from gaelp.records.logs.stored_logs import split

    config = TrainingConfiguration()
    try:
        early, _ = split(log, config.historical.calibration_share)
    except ValueError as error:
        raise WrongUse(str(error)) from None
    if len(names := set(early["currency"].tolist())) > 1:
        raise WrongUse(f"its amounts are in {' and '.join(sorted(name or 'no currency' for name in names))}: two "
                       "currencies are never added, so give a report in one")  # fmt: skip
    currency = str(names.pop())
    logged = {
        each.quantity: each for each in of_report(early, 0, config.economics.lag_days, np.random.default_rng(seed))
    }
    rate, cost = logged.get(Quantity.CLICK_RATE), logged.get(Quantity.CLICK_COST)
    orders = logged.get(Quantity.CONVERSION_RATE)
    # A lognormal price of median m has the mean m exp(spread^2 / 2); a thousand impressions have 1000 x rate clicks.
    level = 1000 * (rate.value if rate else 0.0) / math.exp(config.market.price_spread**2 / 2) / 1e6
    days = len(np.unique(early["day"]))
    quantities = [
        _quantity("click rate", rate, 1.0, "clicks", "click_rate"),
        _quantity("cost per click", cost, 1e-6, "clicks", ""),
        replace(_quantity("price level", cost, level, "clicks", "price_median"),
                remark="so that a click costs as much where every auction is won"),
        replace(_quantity("conversions per click", orders, 1.0, "conversions", "conversion_rate"), section="economics"),
        _order_value(early, currency or config.currency),
    ]  # fmt: skip
    if days >= FEWEST_DAYS:
        return quantities, [BOUGHT], currency
    few = f"its earlier part has {days} days, and an interval needs {FEWEST_DAYS}"
    return [replace(each, low=None, high=None) for each in quantities], [few, BOUGHT], currency


def _quantity(name: str, logged: object, unit: float, events: str, setting: str) -> FittedQuantity:
    from gaelp.evidence.history.logged_quantities import LoggedQuantity

    if not isinstance(logged, LoggedQuantity):
        return FittedQuantity(name, None, None, None, f"0 {events}", UNKNOWN, setting)
    low, high = logged.low * unit, logged.high * unit
    return FittedQuantity(name, logged.value * unit, low, high, f"{logged.events:,} {events}", setting=setting)


def _order_value(early: Mapping[str, Array], currency: str) -> FittedQuantity:
    """The value of an order, of what the report calls sales, else of its revenue, as it can be paid."""
    import numpy as np

    from gaelp.money import decimals_of

    name, setting, orders = "order value", "order_value", early["conversions"]
    unknown = np.iinfo(np.int64).min
    values = [early[each] for each in ("sales_micros", "revenue_micros") if early[each].min() > unknown]
    if not (values and values[0].sum() > 0 and np.isfinite(orders).all() and orders.sum() > 0):
        return FittedQuantity(name, None, None, None, "0 conversions", UNKNOWN, setting, "economics")
    value = round(float(values[0].sum() / orders.sum() / 1e6), decimals_of(currency))
    return FittedQuantity(name, value, None, None, f"{orders.sum():,.0f} conversions", "", setting, "economics")
