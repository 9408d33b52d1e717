"""Many live tests of an agent whose sales are stated, judged by the very gate: what a budget can detect.

Only the platform is replaced: its campaigns spend their budget evenly over the day's traffic, their orders are Poisson
(or noisier, where that is stated), with log-normal values and an exponential lag. Measures and verdicts are those of a
real live test, and the review between two campaigns may end one for futility. A live test of more campaigns begins as
one of fewer.

Touch this to state other sales.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.criteria_live_test import futility, judge_live_test
from gaelp.domain.gates.measurements import CampaignMeasures
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_planning import maturing_hours
from gaelp.domain.spending.campaign_records import Arm, CampaignResult
from gaelp.evidence.phase_measurements import SpendingEvidence, measure_campaigns
from gaelp.evidence.profit import contribution_share
from gaelp.money import micros

CONDITIONS = ("streak", "profit test", "8 both", "9 efficiency", "10 conduct", "8 to 10")
CRITERION_8, ALL_CRITERIA = 2, 5  # where they stand in it
EXPECTED_CONVERSIONS = 20  # a campaign of so many at the target CPA seldom has too few to count
REVIEW_ALPHA = 0.05
HOURS = 24
FIRST_DAY = date(2026, 1, 5)


@dataclass(frozen=True)
class StatedSales:
    """What an agent sells: its cost per conversion and daily spend in micros, its true attributed ROI, and its orders.

    `order_spread` is the standard deviation of the log of an order's value, `dispersion` the variance of a day's orders
    over their mean: 1 where they are Poisson, never less.
    """

    cpa_micros: int
    daily_micros: int
    roi: float
    order_spread: float
    dispersion: float = 1.0


@dataclass(frozen=True)
class LivePower:
    """A live test of so many campaigns of so many days: how often it passes what, and what it takes."""

    campaigns: int
    days: int
    shares: tuple[float, ...]  # of the trials, in the order of CONDITIONS
    calendar_days: int  # with the maturing after each campaign
    spend_micros: int


def days_for_conversions(cpa_micros: int, daily_micros: int) -> int:
    """The shortest campaign in which EXPECTED_CONVERSIONS are expected."""
    return max(1, ceil(EXPECTED_CONVERSIONS * cpa_micros / max(1, daily_micros)))


def live_powers(
    sales: StatedSales, config: TrainingConfiguration, days: int, test: tuple[Sequence[int], float, int], seed: int
) -> list[LivePower]:
    """For each number of campaigns of `days` days; `test` is these numbers, the level, and how many trials."""
    sizes, alpha, trials = test
    rng = np.random.default_rng([seed, days])
    passed = np.zeros((len(sizes), len(CONDITIONS)))
    for series, profit in _series(sales, config, (max(sizes), days), trials, rng):
        ended = _ended_by_review(series, profit, config)
        for row, size in enumerate(sizes):
            passed[row] += _conditions(series[:size], config, alpha, size > ended)
    step = days + ceil(maturing_hours(config) / HOURS)
    return [
        LivePower(size, days, tuple(map(float, passed[row] / trials)), size * step, size * days * sales.daily_micros)
        for row, size in enumerate(sizes)
    ]


def _conditions(
    campaigns: Sequence[CampaignResult], config: TrainingConfiguration, alpha: float, stopped: bool
) -> list[bool]:
    """Which of CONDITIONS hold; a test that a review ended does not pass criterion 8."""
    evidence = SpendingEvidence(Phase.LIVE_TEST, campaigns, pacing_reference=[1 / HOURS] * HOURS)
    measures = measure_campaigns(evidence, config, alpha)
    profit, efficiency, conduct = (each.verdict is Verdict.PASS for each in judge_live_test(measures, config))
    streak, wealth = _parts(measures, config)
    profit = profit and not stopped
    return [streak, wealth, profit, efficiency, conduct, profit and efficiency and conduct]


def _parts(measures: CampaignMeasures, config: TrainingConfiguration) -> tuple[bool, bool]:
    """The two conditions of criterion 8."""
    profit = measures.profit
    return profit.streak >= config.live_test.streak, profit.wealth >= 1 / measures.alpha


def _ended_by_review(campaigns: Sequence[CampaignResult], profit: F8, config: TrainingConfiguration) -> int:
    """After how many campaigns, of daily profits f8[C, D], the review ends the test; their number where it never does.

    It is asked only where it could end one: the upper bound of ROI is never below its estimate.
    """
    so_far = profit.sum(axis=1).cumsum()
    spent = np.cumsum([campaign.spend_micros for campaign in campaigns])
    deepest = np.minimum.accumulate(profit.cumsum().reshape(profit.shape).min(axis=1))
    doubtful = (so_far < config.live_test.roi * spent) | (deepest <= -micros(config.live_test.drawdown_limit))
    for number in (np.flatnonzero(doubtful[:-1]) + 1).tolist():
        evidence = SpendingEvidence(Phase.LIVE_TEST, campaigns[:number])
        if futility(measure_campaigns(evidence, config, REVIEW_ALPHA).profit, config):
            return int(number)
    return len(campaigns)


def _series(
    sales: StatedSales, config: TrainingConfiguration, shape: tuple[int, int], trials: int, rng: np.random.Generator
) -> Iterator[tuple[list[CampaignResult], F8]]:
    """The campaigns of each trial, one after another, and their daily profits f8[C, D] in micros."""
    campaigns, days = shape
    orders = _orders(sales, config, (trials, campaigns, days), rng)
    revenue = _revenue(sales, config, orders, rng)
    step = days + ceil(maturing_hours(config) / HOURS)
    profits = contribution_share(config) * revenue - sales.daily_micros
    for counts, amounts, profit in zip(orders.tolist(), revenue.tolist(), profits, strict=True):
        sold = zip(counts, amounts, strict=True)
        yield [_campaign(index, index * step, each, sales, config) for index, each in enumerate(sold)], profit


def _orders(
    sales: StatedSales, config: TrainingConfiguration, shape: tuple[int, int, int], rng: np.random.Generator
) -> I8:
    """Orders of each trial, campaign and click-day that have come when the last campaign has matured."""
    _, campaigns, days = shape
    lag, window = config.economics.lag_days, config.economics.attribution_window_days
    maturing = maturing_hours(config) / HOURS
    later = (campaigns - 1 - np.arange(campaigns))[:, None] * (days + ceil(maturing))
    after = later + days - np.arange(days) + maturing
    age = np.minimum(after - 0.5, window)
    come = (1 - np.exp(-age / lag)) / (1 - np.exp(-window / lag))
    mean = np.full(shape, sales.daily_micros / sales.cpa_micros)
    if (more := sales.dispersion - 1) > 0:  # a gamma mean of each day has this variance beyond Poisson's
        mean = rng.gamma(mean / more, more)
    return rng.poisson(mean * come, shape)


def _revenue(sales: StatedSales, config: TrainingConfiguration, orders: I8, rng: np.random.Generator) -> I8:
    """Micros of each trial, campaign and click-day; an order's mean value is what the true ROI takes."""
    mean = sales.cpa_micros * (1 + sales.roi) / contribution_share(config)
    spread = sales.order_spread
    values: F8 = rng.lognormal(np.log(mean) - spread**2 / 2, spread, int(orders.sum()))
    of_day = np.repeat(np.arange(orders.size), orders.ravel())
    return np.rint(np.bincount(of_day, values, orders.size)).astype(np.int64).reshape(orders.shape)


def _campaign(
    index: int, begins: int, sold: tuple[list[int], list[int]], sales: StatedSales, config: TrainingConfiguration
) -> CampaignResult:
    """Made without validation, because a plan makes a hundred thousand days."""
    cost = sales.daily_micros
    hourly = (cost // HOURS,) * HOURS
    days = tuple(
        DayReport.model_construct(
            day=FIRST_DAY + timedelta(days=begins + number),
            clicks=round(count / config.economics.conversion_rate) if config.economics.conversion_rate else 0,
            conversions=count,
            revenue_micros=amount,
            hourly_cost_micros=hourly,
            cost_micros=cost,
            served_micros=cost,
            final=True,
            matured=True,
            impressions=0,
        )
        for number, (count, amount) in enumerate(zip(*sold, strict=True))
    )
    return CampaignResult.model_construct(
        campaign=f"plan/live-test/campaign-{index:02d}",
        index=index,
        product=config.product,
        arm=Arm.CANDIDATE,
        state=EpisodeState.SETTLED,
        days=days,
        planned_micros=cost * len(days),
        spend_micros=cost * len(days),
        actions=len(days) * HOURS // config.clock.tick_hours,
        violations=0,
        near_misses=0,
    )
