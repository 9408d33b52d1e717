"""The profit test on capped spend: an e-process on daily attributed profit (docs/gates.md, criterion 8).

Y_d = (contribution_d - (1 + h) cost_d) / ((1 + h) C_d) >= -1, where contribution is attributed revenue x margin less
the expected refunds and C_d is the worst case that day d may be billed. H0: E[Y_d | earlier cohorts] <= 0.
K = prod(1 + lambda_d Y_d), lambda_d in [0, 1/2] from the cohorts that had matured before day d. Revenue needs no upper
bound. Only days on which every campaign has matured take part; campaigns of one day are summed. The test is our own,
after arXiv 2010.09686. Touch this only together with docs/gates.md.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_clock import matured_after_days
from gaelp.domain.spending.campaign_records import CampaignResult

LARGEST_STAKE = 0.5
PRIOR_DAYS = 60.0  # what the prior below is worth: the full stake until losses say less
PRIOR_EDGE = 0.25  # mean of Y
PRIOR_SQUARE = 0.25  # mean of Y squared
TUNED_FOR_DAYS = 30  # where the asymptotic bound is tightest
FEWEST_DAYS = 10  # before which an asymptotic bound means nothing
_MOST_ROI = 5.0  # that is looked for
SHOWN_ALPHA = 0.05  # of the bounds of profit and ROI that people are shown, on the approval card and in the report


@dataclass(frozen=True)
class Days:
    """Matured click-days in order of date, campaigns summed; money in micros, f8[D]; `ordinal` i8[D]."""

    ordinal: I8
    contribution: F8
    cost: F8

    @property
    def profit(self) -> F8:
        """Attributed contribution less all-in cost, micros, f8[D]."""
        return self.contribution - self.cost


@dataclass(frozen=True)
class ProfitTest:
    """The e-process after each matured day, f8[D]: stakes lambda_d and the wealth K."""

    stake: F8
    wealth: F8

    @property
    def final(self) -> float:
        """K after all days; 1 where there is none."""
        return float(self.wealth[-1]) if self.wealth.size else 1.0


def day_cost(day: DayReport) -> int:
    """All-in cost in micros: the larger of billed and served until the platform calls it final."""
    return day.cost_micros if day.final else max(day.cost_micros, day.served_micros)


def contribution_share(config: TrainingConfiguration) -> float:
    """Share of attributed revenue that is contribution: margin, less the refunds expected later."""
    return config.economics.margin * (1 - config.economics.refund_rate)


def matured_days(campaigns: Sequence[CampaignResult], share: float) -> Days:
    """The days on which every campaign that reports has matured."""
    return matured_of(chain.from_iterable(campaign.days for campaign in campaigns), share)


def matured_of(reports: Iterable[DayReport], share: float) -> Days:
    """The same of the days that campaigns report, each campaign a day once."""
    by_day: dict[date, list[DayReport]] = defaultdict(list)
    for report in reports:
        by_day[report.day].append(report)
    mature = sorted(day for day, reports in by_day.items() if all(report.matured for report in reports))
    return Days(
        ordinal=np.array([day.toordinal() for day in mature], dtype=np.int64),
        contribution=np.array([share * sum(r.revenue_micros for r in by_day[day]) for day in mature], dtype=np.float64),
        cost=np.array([sum(map(day_cost, by_day[day])) for day in mature], dtype=np.float64),
    )


def maturing_days(lag_days: float, window_days: float = math.inf) -> int:
    """Whole days until a click-day has matured."""
    return math.ceil(matured_after_days(lag_days, window_days))


def profit_test(
    days: Days, *, worst_day_micros: float, h: float, lag_days: float, window_days: float = math.inf
) -> ProfitTest:
    """The e-process that this module's docstring defines; `worst_day_micros` is C_d and `h` the ROI to be exceeded."""
    scaled_profit = (days.contribution - (1 + h) * days.cost) / ((1 + h) * worst_day_micros)
    stake = _stakes(days.ordinal, scaled_profit, maturing_days(lag_days, window_days))
    # A day billed beyond its worst case by more than a factor of 2 loses all; nothing is won back from 0.
    wealth = np.cumprod(np.maximum(1 + stake * scaled_profit, 0.0), dtype=np.float64)
    return ProfitTest(stake, wealth)


def _stakes(ordinal: I8, scaled_profit: F8, lag: int) -> F8:
    """lambda_d f8[D]: mean over second moment of the Y known at the start of day d, each with its prior."""
    known = np.searchsorted(ordinal, ordinal - lag - 1, side="right")  # day j is over at j + 1, mature `lag` later
    sums = np.concatenate(([0.0], np.cumsum(scaled_profit)))[known]
    squares = np.concatenate(([0.0], np.cumsum(scaled_profit**2)))[known]
    edge = PRIOR_DAYS * PRIOR_EDGE + sums
    return np.clip(edge / (PRIOR_DAYS * PRIOR_SQUARE + squares), 0.0, LARGEST_STAKE)


def drawdown_micros(days: Days) -> int:
    """max(0, max over d of -(P_1 + ... + P_d)) of the profits P of the matured days, in micros: the deepest

    cumulated loss since the start, whatever is won back later. Review, gate and every tick judge by it.
    """
    return int(max(0.0, -np.cumsum(days.profit).min())) if days.cost.size else 0


def roi(days: Days) -> float | None:
    """Attributed ROI of all matured days; None without cost."""
    cost = float(days.cost.sum())
    return float(days.profit.sum()) / cost if cost > 0 else None


def roi_upper_bound(days: Days, alpha: float) -> float | None:
    """Asymptotic upper confidence sequence of ROI at level alpha (arXiv 2103.06476); None below 10 matured days.

    The ROI rho is refused where the upper bound of the mean of (contribution - (1 + rho) cost) lies below 0.
    """
    bounds = _margin_bounds(days, alpha)
    if bounds is None:
        return None
    grid, _, upper = bounds
    possible = np.flatnonzero(~(upper < 0))
    return float(grid[possible[-1]]) if possible.size else float(grid[0])


def roi_lower_bound(days: Days, alpha: float) -> float | None:
    """The same from below: the ROI rho is refused where the lower bound of that mean lies above 0."""
    bounds = _margin_bounds(days, alpha)
    if bounds is None:
        return None
    grid, lower, _ = bounds
    possible = np.flatnonzero(~(lower > 0))
    return float(grid[possible[0]]) if possible.size else float(grid[-1])


def roi_bounds(days: Days, alpha: float) -> tuple[float | None, float | None]:
    """Both bounds of ROI, for people; an upper one beyond what is looked for is not known."""
    high = roi_upper_bound(days, alpha)
    return roi_lower_bound(days, alpha), None if high is None or high >= _MOST_ROI else high


def profit_bounds(days: Days, alpha: float) -> tuple[float, float] | None:
    """The bounds of the profit of all matured days, in micros, by the same confidence sequence; None where it has none.

    Both lie on the side of 0 on which those of ROI lie.
    """
    bounds = _margin_bounds(days, alpha)
    if bounds is None:
        return None
    grid, lower, upper = bounds
    even = int(np.abs(grid).argmin())  # an ROI of 0
    return float(lower[even]) * days.cost.size, float(upper[even]) * days.cost.size


def _margin_bounds(days: Days, alpha: float) -> tuple[F8, F8, F8] | None:
    """ROI candidates rho f8[1201], and for each the bounds of the mean of (contribution - (1 + rho) cost)."""
    if days.cost.size < FEWEST_DAYS or days.cost.sum() <= 0:
        return None
    grid = np.linspace(-1.0, _MOST_ROI, 1201)
    margins = days.contribution[:, None] - (1 + grid) * days.cost[:, None]
    mean, radius = margins.mean(axis=0), margins.std(axis=0, ddof=1) * asymptotic_radius(days.cost.size, alpha)
    return grid, mean - radius, mean + radius


def asymptotic_radius(n: int, alpha: float, tuned_for: int = TUNED_FOR_DAYS) -> float:
    """Half width of the asymptotic confidence sequence of variance one, arXiv 2103.06476; two-sided at alpha."""
    log = -2 * math.log(alpha)
    square = (log + math.log(log) + 1) / tuned_for
    return math.sqrt(2 * (n * square + 1) / (n**2 * square) * math.log(math.sqrt(n * square + 1) / alpha))
