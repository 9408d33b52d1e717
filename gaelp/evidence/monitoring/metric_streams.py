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
from gaelp.evidence.monitoring.known_rates import OtherCampaign, known_rate, known_shocks
from gaelp.evidence.monitoring.spikes import FEWEST_DAYS, Spike, spike_of_counts, spike_of_levels
from gaelp.evidence.monitoring.watched_days import MonitoringSettings, WatchedDay, WatchedDays
from gaelp.evidence.profit import day_cost

WEEKDAYS_KNOWN = 4
FEWEST_EXPECTED = 3  # days before a change, where something else lets one expect the rate
EVENTS_KNOWN = 20  # before a change, with those that are expected: the rate of fewer is hardly known
FEWEST_LEVELS = 14  # days of a level before a change: its deviation must be known
FARTHEST = 4.0  # deviations: a level beyond counts as so far, so that one day alone proves no lasting change
FLOORS = {WatchedMetric.SPEND: 0.05, WatchedMetric.PACING: 0.02, WatchedMetric.LOST_IMPRESSION_SHARE: 0.02}
"""The least deviation of a level's days: smaller changes are of no interest."""
LEAST_SPEND = 0.01  # of the budget, added to spend: a day without any has a logarithm too


@dataclass(frozen=True)
class CountStream:
    """Events of each day by what they could come from; `inverse` is a metric that falls as the events rise (CPA).

    `known` are the events f8[D] and exposures f8[D] that what is known beside the campaign's own days is worth.
    """

    metric: WatchedMetric
    days: Sequence[date]
    counts: F8
    exposures: F8
    phi: float
    known: tuple[F8, F8]
    inverse: bool = False
    harmless: float = -math.inf

    def evidence(self) -> ChangeEvidence:
        """The evidence that the rate changed; a fall of the rate is a rise of an inverse metric."""
        counts, days = self.counts / self.phi, np.arange(len(self.counts))
        fewest = np.where(self.known[1] > 0, FEWEST_EXPECTED, FEWEST_DAYS)
        begun = (counts.cumsum() - counts + self.known[0] >= EVENTS_KNOWN) & (days >= fewest)
        first = int(np.argmax(begun)) if begun.any() else len(days)
        change = evidence_of_counts(counts, self.exposures / self.phi, self.known, first)
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


_Count = Callable[[WatchedDay], float | None]


@dataclass(frozen=True)
class _Rate:
    """A metric that counts events by what they could come from; `matured`: of days that have matured only."""

    metric: WatchedMetric
    counted: _Count
    exposed: _Count
    matured: bool = False

    def days(self, days: Sequence[WatchedDay]) -> list[WatchedDay]:
        """Those of the days on which it is known."""
        return [day for day in days if (day.report.matured or not self.matured) and self.exposed(day) is not None]

    def numbers(self, days: Sequence[WatchedDay]) -> tuple[F8, F8]:
        """The days' counts f8[D] and exposures f8[D]."""
        counts, exposures = ([of(day) or 0.0 for day in days] for of in (self.counted, self.exposed))
        return np.array(counts, np.float64), np.array(exposures, np.float64)


_M = WatchedMetric
_RATES = (
    _Rate(_M.CTR, lambda day: day.report.clicks, lambda day: day.report.impressions),
    _Rate(_M.CONVERSIONS_PER_CLICK, lambda day: day.report.conversions, lambda day: day.report.clicks, matured=True),
    _Rate(_M.CPA, lambda day: day.report.conversions, lambda day: day_cost(day.report), matured=True),
    _Rate(_M.CLAIMED_OVER_ORDERS, lambda day: day.report.conversions, lambda day: day.orders, matured=True),
    _Rate(_M.WIN_RATE, lambda day: day.report.impressions, lambda day: day.auctions),
    _Rate(_M.ERRORS, lambda day: day.errors, lambda day: day.calls),
)


def streams_of(history: WatchedDays, settings: MonitoringSettings) -> Iterator[Stream]:
    """The streams of one campaign's whole days that have any day."""
    for rate in _RATES:
        known = rate.days(history.days)
        if any(map(rate.exposed, known)):
            yield _count_stream(rate, known, history.others, settings)
    yield from _levels(history.days)


def expected_conversions(history: WatchedDays, settings: MonitoringSettings, day: date) -> tuple[float, float]:
    """Conversions and clicks that what is known beside the campaign's own days is worth on a day; 0 if nothing is."""
    rate = next(each for each in _RATES if each.metric is WatchedMetric.CONVERSIONS_PER_CLICK)
    events, clicks = known_rate([day], list(_others(rate, history.others)), settings.expected.get(rate.metric))
    return (float(events[0]), float(clicks[0])) if clicks[0] > 0 else (0.0, 0.0)


def _count_stream(
    rate: _Rate, days: Sequence[WatchedDay], others: Sequence[Sequence[WatchedDay]], settings: MonitoringSettings
) -> CountStream:
    dates, (counts, exposures) = [day.report.day for day in days], rate.numbers(days)
    told = list(_others(rate, others))
    known = known_rate(dates, told, settings.expected.get(rate.metric))
    if _weekdays_known(dates):
        weekdays = np.array([day.weekday() for day in dates])
        seen = np.ones(len(dates), bool)
        exposures = exposures * weekday_weights(counts[None, :], exposures[None, :], weekdays, seen)
    phi = variation_of(counts, exposures, known_shocks(told))
    if rate.metric is WatchedMetric.CLAIMED_OVER_ORDERS:  # the orders of a day vary as much as the claims do
        phi = max(phi, 1 + counts.sum() / exposures.sum())
    return CountStream(rate.metric, dates, counts, exposures, phi, known, inverse=rate.metric is WatchedMetric.CPA)


def _others(rate: _Rate, others: Sequence[Sequence[WatchedDay]]) -> Iterator[OtherCampaign]:
    """The other campaigns of which the rate is known."""
    for days in others:
        if any(map(rate.exposed, known := rate.days(days))):
            yield OtherCampaign([day.report.day for day in known], *rate.numbers(known))


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
