"""How late an account's conversions come, as the options of a verb and its files tell: one answer for all its parts.

Touch this when something else can tell it.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from datetime import date

from gaelp.commands.exports.lag import ShownLag, shown_lag
from gaelp.commands.power.live_test_asked import PlanAsked
from gaelp.domain.exports.mature_days import Maturity, maturity_assumed, maturity_measured, maturity_said
from gaelp.errors import GaelpError

SHORTEST_LAG = 0.1  # days of mean lag, where all conversions come on the day of their click


def maturity_of(arguments: argparse.Namespace, measured: ShownLag | None, today: date) -> Maturity:
    """As --mature-after says, else as it was measured, else as is assumed."""
    if arguments.mature_after is not None:
        return maturity_said(arguments.mature_after, today)
    return maturity_assumed(today) if measured is None else maturity_measured(math.floor(measured.lag.late.high), today)


def measured_lag(arguments: argparse.Namespace) -> ShownLag | None:
    """The lag by --snapshots or by the file itself; None where nobody gave snapshots and the file cannot tell.

    Raises what the verb lag raises for snapshots that were given.
    """
    try:
        return shown_lag(files_of_ages(arguments), arguments)
    except GaelpError:
        if arguments.snapshots:
            raise
        return None


def with_measured_lag(asked: PlanAsked, measured: ShownLag | None) -> PlanAsked:
    """The plan with the mean lag as it was said, else as it was measured, else the configuration's."""
    if asked.lag_days is not None or measured is None:
        return asked
    return replace(asked, lag_days=max(measured.mean_days, SHORTEST_LAG), lag_from="as measured")


def files_of_ages(arguments: argparse.Namespace) -> list[str]:
    """The files that the lag is measured by: one that has the ages itself, or earlier ones and the file."""
    others = list(arguments.snapshots)
    return others if len(others) == 1 else [*others, arguments.file]
