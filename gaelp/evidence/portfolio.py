"""Scaled deployment: candidate arms against control arms, and success over many campaigns.

These are criteria 11 and 12 of docs/gates.md. The weekly gain is log(contribution/cost) of the candidate arms less that
of the control arms. The bet is on the share of weeks that the candidate arms win (H0: at most one half); from 8 weeks
there is the asymptotic confidence sequence of the mean gain as well. Touch this only together with docs/gates.md.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.stats import chisquare

from gaelp.arrays import F8, I8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.criteria_table import threshold_of
from gaelp.domain.gates.measurements import AudienceSplit, ImprovementMeasure, PortfolioMeasure
from gaelp.domain.spending.campaign_records import Arm, CampaignResult
from gaelp.evidence.betting import clopper_pearson, log_wealth
from gaelp.evidence.profit import Days, asymptotic_radius, contribution_share, matured_days
from gaelp.money import micros

WEEK = 7
ASYMPTOTIC_WEEKS = 8
LEAST_ICC = 0.2  # unless estimated


def measure_improvement(
    campaigns: Sequence[CampaignResult], config: TrainingConfiguration, alpha: float, split: AudienceSplit | None
) -> ImprovementMeasure:
    """Weekly gains over the control; a week counts when all of its seven days have matured in both arms."""
    share = contribution_share(config)
    gains = weekly_gains(*(matured_days([c for c in campaigns if c.arm == arm], share) for arm in Arm))
    wins = np.where(gains > 0, 1.0, 0.0)
    mean, low, high = _mean_gain(gains, alpha)
    return ImprovementMeasure(
        weeks=gains.size,
        gains=tuple(float(gain) for gain in np.expm1(gains)),
        longest_run=longest_run((gains >= math.log1p(threshold_of("11", config))).tolist()),
        mean_log_gain=mean,
        log_wealth=log_wealth(wins, 0.5),
        log_wealth_against=log_wealth(1.0 - wins, 0.5),
        low=low,
        high=high,
        disjoint=split is not None and split.disjoint,
        split_p=_split_p(split),
    )


def weekly_gains(candidate: Days, control: Days) -> F8:
    """log ratio per complete week of days in a row from the first common day on, f8[W]; the first gap ends them."""
    common = np.intersect1d(candidate.ordinal, control.ordinal)
    in_a_row = int(np.cumprod(common - common[:1] == np.arange(common.size)).sum())
    gains: list[float] = []
    for week in common[: in_a_row // WEEK * WEEK].reshape(-1, WEEK):
        sums = [_sums(days, week) for days in (candidate, control)]
        if min(cost for _, cost in sums) <= 0:
            break
        # A week without revenue is a loss, not a gap: one micro keeps its logarithm finite.
        earned = [math.log(max(contribution, 1.0) / cost) for contribution, cost in sums]
        gains.append(earned[0] - earned[1])
    return np.array(gains)


def longest_run(hits: Sequence[bool]) -> int:
    """The longest run of consecutive hits."""
    longest = current = 0
    for hit in hits:
        current = current + 1 if hit else 0
        longest = max(longest, current)
    return longest


def measure_portfolio(
    campaigns: Sequence[CampaignResult], config: TrainingConfiguration, alpha: float
) -> PortfolioMeasure:
    """Share of the candidate arms' campaigns that succeeded, with Clopper-Pearson bounds at the effective number."""
    tested = [c for c in campaigns if c.arm is Arm.CANDIDATE]
    matured = [c for c in tested if c.days and all(day.matured for day in c.days)]
    successes = sum(_succeeded(c, config) for c in matured)
    n = effective_number([c.product for c in matured])
    low, high = clopper_pearson(successes / len(matured) * n, n, alpha) if matured else (0.0, 1.0)
    return PortfolioMeasure(
        campaigns=len(tested), matured=len(matured), successes=successes, n_effective=n, low=low, high=high
    )


def effective_number(clusters: Sequence[str], icc: float = LEAST_ICC) -> float:
    """n/(1 + (m - 1) ICC) with m the size of the cluster that an average campaign belongs to (sum m^2 / n)."""
    n = len(clusters)
    if not n:
        return 0.0
    m = sum(size**2 for size in Counter(clusters).values()) / n
    return n / (1 + (m - 1) * icc)


def _succeeded(campaign: CampaignResult, config: TrainingConfiguration) -> bool:
    """Attributed ROI above 0, no violation, not stopped, within the campaign's limit."""
    days = matured_days([campaign], contribution_share(config))
    cost = float(days.cost.sum())
    clean = campaign.violations == 0 and campaign.state == EpisodeState.SETTLED and not campaign.reason
    return clean and 0 < cost <= micros(config.limits.campaign) and float(days.profit.sum()) > 0


def _sums(days: Days, ordinals: I8) -> tuple[float, float]:
    inside = np.isin(days.ordinal, ordinals)
    return float(days.contribution[inside].sum()), float(days.cost[inside].sum())


def _mean_gain(gains: F8, alpha: float) -> tuple[float | None, float | None, float | None]:
    """Mean log gain, and its asymptotic confidence sequence from 8 weeks on."""
    if not gains.size:
        return None, None, None
    mean = float(gains.mean())
    if gains.size < ASYMPTOTIC_WEEKS:
        return mean, None, None
    radius = float(gains.std(ddof=1)) * asymptotic_radius(gains.size, alpha, ASYMPTOTIC_WEEKS)
    return mean, mean - radius, mean + radius


def _split_p(split: AudienceSplit | None) -> float | None:
    """Chi-square p-value of the observed against the planned split; 0 where the plan itself is impossible."""
    if split is None:
        return None
    total = split.candidate + split.control
    if not (0 < split.planned_share < 1 and total > 0):
        return 0.0
    expected = [total * split.planned_share, total * (1 - split.planned_share)]
    return float(chisquare([split.candidate, split.control], expected).pvalue)
