"""When a day's clicks have matured: most of their orders have come that ever will. Touch this to wait longer, or less.

The lag from click to order is exponential, given that it is within the attribution window: none counts after it.
"""

from __future__ import annotations

from math import exp, inf, log

MATURED_QUANTILE = 0.9  # of the lag: a day younger than that does not decide


def matured_after_days(lag_days: float, window_days: float = inf) -> float:
    """Days from a click by which MATURED_QUANTILE of its orders have come: -l log(1 - q (1 - exp(-w / l)))."""
    within = 1.0 - exp(-window_days / lag_days)
    return -lag_days * log(1.0 - MATURED_QUANTILE * within)
