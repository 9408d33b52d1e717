"""The watched metrics as streams of days: counts by their exposure, or levels. Touch this to count a metric otherwise.

A rate's days count by their weekday, and a level's are compared with their weekday's median, once there are
WEEKDAYS_KNOWN of each weekday. Conversions are counted on matured days only, so that all clicks had the same time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from gaelp.arrays import F8
from gaelp.domain.monitoring.anomalies import WatchedMetric
from gaelp.evidence.exports.noisy_counts import weekday_weights
from gaelp.evidence.monitoring.change_evidence import ChangeEvidence, evidence_of_counts, evidence_of_levels
from gaelp.evidence.monitoring.day_noise import deviation_of, variation_of
from gaelp.evidence.monitoring.spikes import FEWEST_DAYS, Spike, spike_of_counts, spike_of_levels
from gaelp.evidence.monitoring.watched_days import Expectation, MonitoringSettings, WatchedDay
from gaelp.evidence.profit import day_cost

WEEKDAYS_KNOWN = 4
FEWEST_WITH_PRIOR = 2  # days before a change, where there is an expectation
EVENTS_KNOWN = 20  # before a change where there is no expectation: the rate of fewer is hardly known
FEWEST_LEVELS = 14  # days of a level before a change: its deviation must be known
FARTHEST = 4.0  # deviations: a level beyond counts as so far, so that one day alone proves no lasting change
FLOORS = {WatchedMetric.SPEND: 0.05, WatchedMetric.PACING: 0.02, WatchedMetric.LOST_IMPRESSION_SHARE: 0.02}
"""The least deviation of a level's days: smaller changes are of no interest."""
LEAST_SPEND = 0.01  # of the budget, added to spend: a day without any has a logarithm too
JEFFREYS = Expectation(0.0, 0.5)  # half an event in no time: what is expected of a rate where nothing is known


@dataclass(frozen=True)
class CountStream:
    """Events of each day by what they could come from; `inverse` is a metric that falls as the events rise (CPA)."""

    metric: WatchedMetric
    days: Sequence[date]
    counts: F8
    exposures: F8
    phi: float
    expected: Expectation | None = None
    inverse: bool = False
    harmless: float = -math.inf

    def evidence(self) -> ChangeEvidence:
        """The evidence that the rate changed; a fall of the rate is a rise of an inverse metric."""
        prior = self.expected or JEFFREYS
        worth = (prior.worth, prior.worth / prior.rate if prior.rate > 0 else 0.0)
        known = int(np.searchsorted((self.counts / self.phi).cumsum(), EVENTS_KNOWN)) + 1
        fewest = FEWEST_WITH_PRIOR if self.expected else max(FEWEST_DAYS, known)
        change = evidence_of_counts(self.counts / self.phi, self.exposures / self.phi, worth, fewest)
        return ChangeEvidence(change.rises, change.falls, change.first_days) if self.inverse else change

    def level(self, first: int, end: int) -> float:
        """The metric over the days from `first` to before `end`."""
        counts, exposures = float(self.counts[first:end].sum()), float(self.exposures[first:end].sum())
        over, under = (exposures, counts) if self.inverse else (counts, exposures)
        return over / under if under > 0 else over

    def spike(self) -> Spike | None:
        """Of the last day, its expected value as the metric's."""
        spike = spike_of_counts(self.counts, self.exposures, self.phi) if len(self.days) else None
        if spike is None:
            return None
        exposure = float(self.exposures[-1])
        metric = exposure / spike.expected if self.inverse else spike.expected / exposure
        return Spike(spike.chance, spike.rises != self.inverse, metric)


@dataclass(frozen=True)
class LevelStream:
    """A value of each day, which `unit` turns into the metric's own."""

    metric: WatchedMetric
    days: Sequence[date]
    values: F8
    floor: float  # of their deviation
    unit: Callable[[float], float] = float
    harmless: float = -math.inf  # the metric up to which a rise is nothing to act upon

    def evidence(self) -> ChangeEvidence:
        """The evidence that the level changed."""
        if len(self.values) < FEWEST_LEVELS:
            return evidence_of_levels(self.values, (0.0, 0.0), FEWEST_LEVELS)
        scaled = (self.values - np.median(self.values)) / deviation_of(self.values, self.floor)
        return evidence_of_levels(np.clip(scaled, -FARTHEST, FARTHEST), (0.0, 0.0), FEWEST_LEVELS)

    def level(self, first: int, end: int) -> float:
        """The metric over the days from `first` to before `end`."""
        return self.unit(float(self.values[first:end].mean())) if end > first else self.unit(float(self.values.mean()))

    def spike(self) -> Spike | None:
        """Of the last day, its expected value as the metric's."""
        spike = spike_of_levels(self.values, self.floor)
        return spike and Spike(spike.chance, spike.rises, self.unit(spike.expected))


Stream = CountStream | LevelStream


def streams_of(days: Sequence[WatchedDay], settings: MonitoringSettings) -> Iterator[Stream]:
    """The streams of one campaign's whole days that have any day."""
    matured = [day for day in days if day.report.matured]
    metric = WatchedMetric
    rates: Sequence[tuple[WatchedMetric, Sequence[WatchedDay], _Count, _Count]] = (
        (metric.CTR, days, lambda day: day.report.clicks, lambda day: day.report.impressions),
        (metric.CONVERSIONS_PER_CLICK, matured, lambda day: day.report.conversions, lambda day: day.report.clicks),
        (metric.CPA, matured, lambda day: day.report.conversions, lambda day: day_cost(day.report)),
        (metric.CLAIMED_OVER_ORDERS, matured, lambda day: day.report.conversions, lambda day: day.orders),
        (metric.WIN_RATE, days, lambda day: day.report.impressions, lambda day: day.auctions),
        (metric.ERRORS, days, lambda day: day.errors, lambda day: day.calls),
    )
    for name, of_days, counted, exposed in rates:
        known = [day for day in of_days if exposed(day) is not None]
        if any(exposed(day) for day in known):
            yield _count_stream(name, known, (counted, exposed), settings)
    yield from _levels(days)


_Count = Callable[[WatchedDay], float | None]


def _count_stream(
    metric: WatchedMetric, days: Sequence[WatchedDay], of: tuple[_Count, _Count], settings: MonitoringSettings
) -> CountStream:
    dates = [day.report.day for day in days]
    counts, exposures = (np.array([count(day) or 0.0 for day in days], np.float64) for count in of)
    if _weekdays_known(dates):
        weekdays = np.array([day.weekday() for day in dates])
        seen = np.ones(len(dates), bool)
        exposures = exposures * weekday_weights(counts[None, :], exposures[None, :], weekdays, seen)
    phi = variation_of(counts, exposures)
    if metric is WatchedMetric.CLAIMED_OVER_ORDERS:  # the orders of a day vary as much as the claims do
        phi = max(phi, 1 + counts.sum() / exposures.sum())
    return CountStream(
        metric, dates, counts, exposures, phi, settings.expected.get(metric), inverse=metric is WatchedMetric.CPA
    )


def _levels(days: Sequence[WatchedDay]) -> Iterator[LevelStream]:
    funded = [day for day in days if day.budget_micros > 0]
    if funded:
        budget = funded[-1].budget_micros
        spent = [math.log(day_cost(day.report) / day.budget_micros + LEAST_SPEND) for day in funded]
        yield replace(
            _level_stream(WatchedMetric.SPEND, funded, spent),
            unit=lambda value: max(math.exp(value) - LEAST_SPEND, 0.0) * budget,
            harmless=float(budget),
        )
    hourly = [day for day in days if sum(day.report.hourly_cost_micros) > 0]
    if hourly:
        early = [sum(day.report.hourly_cost_micros[:12]) / sum(day.report.hourly_cost_micros) for day in hourly]
        yield _level_stream(WatchedMetric.PACING, hourly, early)
    lost = [(day, day.lost_share) for day in days if day.lost_share is not None]
    if lost:
        yield _level_stream(WatchedMetric.LOST_IMPRESSION_SHARE, [day for day, _ in lost], [share for _, share in lost])


def _level_stream(metric: WatchedMetric, days: Sequence[WatchedDay], values: Sequence[float]) -> LevelStream:
    dates, levels = [day.report.day for day in days], np.array(values, np.float64)
    if _weekdays_known(dates):
        weekdays, middle = np.array([day.weekday() for day in dates]), np.median(levels)
        for weekday in range(7):
            levels[weekdays == weekday] += middle - np.median(levels[weekdays == weekday])
    return LevelStream(metric, dates, levels, FLOORS[metric])


def _weekdays_known(dates: Sequence[date]) -> bool:
    return int(np.bincount([day.weekday() for day in dates], minlength=7).min()) >= WEEKDAYS_KNOWN
