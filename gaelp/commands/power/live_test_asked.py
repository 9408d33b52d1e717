"""What somebody says of a live test that is planned: the options that `plan --gate live-test` and `plan FILE` share.

Touch this to ask one more thing of both.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gaelp.commands.console import WrongUse
from gaelp.commands.people.accounts import amount
from gaelp.commands.power.exam_settings import level_of, read_configuration
from gaelp.domain.billing.billing_rules import budget_for_cap
from gaelp.money import micros, rounded_money

if TYPE_CHECKING:
    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.evidence.certification.live_trials import StatedSales

LONGEST = 366  # days of a campaign
MOST_SPREAD, MOST_ROI = 3.0, 100
TARGET = 0.5  # of live tests that pass
PLATFORM = "emulator"  # it bills a day as Google Ads does: up to twice the budget


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

    @property
    def with_lag(self) -> TrainingConfiguration:
        """The configuration with the lag that was said."""
        if self.lag_days is None:
            return self.config
        economics = self.config.economics.model_copy(update={"lag_days": self.lag_days})
        return self.config.model_copy(update={"economics": economics})

    def cpa_micros(self, currency: str) -> int | None:
        """The cost per conversion that was said. Raises WrongUse."""
        return None if self.cpa is None else amount(self.cpa, "--cpa", currency)

    def daily_micros(self, currency: str) -> int | None:
        """The daily budget that was said. Raises WrongUse."""
        return None if self.daily_budget is None else amount(self.daily_budget, "--daily-budget", currency)


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


def affordable_micros(config: TrainingConfiguration, currency: str) -> int:
    """The daily budget that the live test's cap allows."""
    return budget_for_cap(PLATFORM, micros(config.live_test.daily_cap), currency)


def days_of_a_campaign(sales: StatedSales, config: TrainingConfiguration) -> int:
    """Days in which a campaign has 20 conversions. Raises WrongUse where it takes longer than a campaign may run."""
    from gaelp.evidence.certification.live_trials import days_for_conversions

    days = days_for_conversions(sales.cpa_micros, sales.daily_micros)
    if days > LONGEST:
        budget = rounded_money(sales.daily_micros, config.currency)
        raise WrongUse(
            f"a campaign of 20 conversions takes {days} days at {budget} a day, and {LONGEST} are the most: give a "
            "larger --daily-budget"
        )
    return days
