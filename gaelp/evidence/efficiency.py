"""Budget efficiency and its bounds (docs/gates.md, criterion 9): U (1 - W) P.

U is the share of the planned budget that was spent, W the share of the spend that bought too few conversions, P how
closely the spend followed the traffic over the day. For the bounds whole campaigns are resampled (a bootstrap of 2000).
The lower bound is the smaller of the percentile at alpha and estimate - t(m - 1, 1 - alpha) x bootstrap error x
sqrt(m/(m - 1)), because percentiles of few campaigns are too narrow; the upper bound is computed the same way from the
other side. Fewer than 5 campaigns have no bounds. Touch this only together with docs/gates.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from gaelp.arrays import F8, I8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criteria_live_test import FEWEST_CAMPAIGNS
from gaelp.domain.gates.measurements import EfficiencyMeasure
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.evidence.profit import day_cost
from gaelp.money import micros

WASTE_TIMES_CPA = 3
PACING_CLICKS = 350
RESAMPLES = 2000
HOURS = 24


def traffic_by_hour(hourly: F8) -> list[float]:
    """The reference of the pacing: a market's traffic of a week by hour [168] as shares of a day's hours [24]."""
    of_day = hourly.reshape(7, HOURS).mean(axis=0)
    return [float(share) for share in of_day / of_day.sum()]


def measure_efficiency(
    campaigns: Sequence[CampaignResult],
    config: TrainingConfiguration,
    alpha: float,
    reference: Sequence[float] | None,
    rng: np.random.Generator,
) -> EfficiencyMeasure:
    """U, W, P, their product and its bounds. `reference`: the curve of traffic by hour of day [24], else none."""
    rows = [(c.planned_micros, max(sum(map(day_cost, c.days)), c.spend_micros), _wasted(c, config)) for c in campaigns]
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    whole = columns.sum(axis=1, keepdims=True)
    clicks = sum(day.clicks for c in campaigns for day in c.days)
    pacing = _pacing(campaigns, reference, clicks)
    value, low, high = _bounds(columns, 1.0 if pacing is None else pacing, alpha, rng)
    return EfficiencyMeasure(
        planned_micros=int(whole[0, 0]),
        cost_micros=int(whole[1, 0]),
        use=float(_use(whole)[0]),
        waste=float(_waste(whole)[0]),
        pacing=pacing,
        pacing_missing=pacing is None and clicks >= PACING_CLICKS,
        clicks=clicks,
        value=value,
        low=low,
        high=high,
        campaigns=len(campaigns),
    )


def pacing_score(curve: F8, reference: F8, clicks: int) -> float:
    """P = 1 - max(0, distance - floor): half the summed absolute difference of two curves f8[24], each summing to one.

    The floor is what that distance is on average for a perfect pacer whose curve rests on so many clicks:
    sum over hours of sqrt(p (1 - p) / (2 pi n)), the normal approximation of half the mean absolute deviation.
    """
    floor = float(np.sqrt(reference * (1 - reference) / (2 * np.pi * clicks)).sum())
    return 1.0 - max(0.0, float(np.abs(curve - reference).sum()) / 2 - floor)


def _pacing(campaigns: Sequence[CampaignResult], reference: Sequence[float] | None, clicks: int) -> float | None:
    curves = [day.hourly_cost_micros for c in campaigns for day in c.days if len(day.hourly_cost_micros) == HOURS]
    spent = [sum(hour) for hour in zip(*curves, strict=True)]
    if clicks < PACING_CLICKS or sum(spent) <= 0:
        return None
    if reference is None or len(reference) != HOURS or sum(reference) <= 0:
        return None
    return pacing_score(np.array(spent) / sum(spent), np.array(reference) / sum(reference), clicks)


def _wasted(campaign: CampaignResult, config: TrainingConfiguration) -> int:
    """Cost of a campaign that spent 3 target CPAs without one whole matured conversion; else 0."""
    cost = sum(map(day_cost, campaign.days))
    converted = sum(day.conversions for day in campaign.days if day.matured)
    return cost if converted < 1 and cost >= WASTE_TIMES_CPA * micros(config.economics.target_cpa) else 0


def _use(sums: I8) -> F8:
    """U f8[B] of planned, spent and wasted micros i8[3, B]; 0 where nothing was planned."""
    use: F8 = np.minimum(sums[1], sums[0]) / np.maximum(sums[0], 1)
    return use


def _waste(sums: I8) -> F8:
    """W f8[B] of planned, spent and wasted micros i8[3, B]; 0 where nothing was spent."""
    waste: F8 = sums[2] / np.maximum(sums[1], 1)
    return waste


def _bounds(
    columns: I8, pacing: float, alpha: float, rng: np.random.Generator
) -> tuple[float | None, float | None, float | None]:
    """U (1 - W) P of all campaigns, whose columns are i8[3, M], and its bounds; None where there are too few data."""

    def product(sums: I8) -> F8:
        return _use(sums) * (1 - _waste(sums)) * pacing

    blocks = columns.shape[1]
    if columns[0].sum() <= 0:
        return None, None, None
    value = float(product(columns.sum(axis=1, keepdims=True))[0])
    if blocks < FEWEST_CAMPAIGNS:
        return value, None, None
    resampled = product(columns[:, rng.integers(blocks, size=(RESAMPLES, blocks))].sum(axis=2))
    reach = float(student.ppf(1 - alpha, blocks - 1) * resampled.std(ddof=1) * (blocks / (blocks - 1)) ** 0.5)
    low = min(float(np.quantile(resampled, alpha)), value - reach)
    high = max(float(np.quantile(resampled, 1 - alpha)), value + reach)
    return value, max(low, 0.0), min(high, 1.0)
