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

from gaelp.arrays import F8
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


def measure_efficiency(
    campaigns: Sequence[CampaignResult],
    config: TrainingConfiguration,
    alpha: float,
    reference: Sequence[float] | None,
    rng: np.random.Generator,
) -> EfficiencyMeasure:
    """U, W, P, their product and its bounds. `reference`: the curve of traffic by hour of day [24], else none."""
    planned = np.array([c.planned_micros for c in campaigns], dtype=np.float64)
    cost = np.array([max(sum(map(day_cost, c.days)), c.spend_micros) for c in campaigns], dtype=np.float64)
    wasted = np.array([_wasted(c, config) for c in campaigns], dtype=np.float64)
    clicks = sum(day.clicks for c in campaigns for day in c.days)
    pacing = _pacing(campaigns, reference, clicks)
    value, low, high = _bounds(planned, cost, wasted, 1.0 if pacing is None else pacing, alpha, rng)
    return EfficiencyMeasure(
        planned_micros=int(planned.sum()),
        cost_micros=int(cost.sum()),
        use=_use(planned.sum(), cost.sum()),
        waste=_waste(cost.sum(), wasted.sum()),
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
    if reference is None or clicks < PACING_CLICKS or not curves:
        return None
    spent, traffic = np.sum(np.array(curves, dtype=np.float64), axis=0), np.asarray(reference, dtype=np.float64)
    if traffic.shape != (HOURS,) or spent.sum() <= 0 or traffic.sum() <= 0:
        return None
    return pacing_score(spent / spent.sum(), traffic / traffic.sum(), clicks)


def _wasted(campaign: CampaignResult, config: TrainingConfiguration) -> int:
    """Cost of a campaign that spent 3 target CPAs without a matured conversion; else 0."""
    cost = sum(map(day_cost, campaign.days))
    converted = sum(day.conversions for day in campaign.days if day.matured)
    return cost if converted == 0 and cost >= WASTE_TIMES_CPA * micros(config.economics.target_cpa) else 0


def _use(planned: float, cost: float) -> float | None:
    return min(1.0, float(cost / planned)) if planned > 0 else None


def _waste(cost: float, wasted: float) -> float | None:
    return float(wasted / cost) if cost > 0 else 0.0


def _product(pacing: float, planned: F8, cost: F8, wasted: F8) -> F8:
    """U (1 - W) P of summed columns f8[B]; a resample that planned or spent nothing scores 0."""
    use = np.minimum(1.0, np.divide(cost, planned, out=np.zeros_like(cost), where=planned > 0))
    waste = np.divide(wasted, cost, out=np.zeros_like(cost), where=cost > 0)
    return np.asarray(use * (1 - waste) * pacing, dtype=np.float64)


def _bounds(
    planned: F8, cost: F8, wasted: F8, pacing: float, alpha: float, rng: np.random.Generator
) -> tuple[float | None, float | None, float | None]:
    if planned.sum() <= 0:
        return None, None, None
    value = float(_product(pacing, *(np.array([x.sum()]) for x in (planned, cost, wasted)))[0])
    blocks = planned.size
    if blocks < FEWEST_CAMPAIGNS:
        return value, None, None
    drawn = rng.integers(0, blocks, size=(RESAMPLES, blocks))
    resampled = _product(pacing, *(x[drawn].sum(axis=1) for x in (planned, cost, wasted)))
    reach = float(student.ppf(1 - alpha, blocks - 1) * resampled.std(ddof=1) * (blocks / (blocks - 1)) ** 0.5)
    low = min(float(np.quantile(resampled, alpha)), value - reach)
    high = max(float(np.quantile(resampled, 1 - alpha)), value + reach)
    return value, max(low, 0.0), min(high, 1.0)
