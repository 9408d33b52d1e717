"""A conversion tag that fell silent: newest days without a conversion although many should have come.

Young days count with the share of their conversions that should have come, so that silence is noticed before any of
them has matured. A chance p of silence is the e-value 1 / p of its own day; the days on which it could have begun share
it. Touch this when silence is told otherwise.
"""

from __future__ import annotations

import math
from datetime import date

import numpy as np

from gaelp.domain.monitoring.anomalies import Anomaly, AnomalyGrade, AnomalyKind, Direction, WatchedMetric
from gaelp.evidence.exports.noisy_counts import noise_of, silence_chance
from gaelp.evidence.monitoring.anomaly_grades import NOTE_DAYS, act_e_value
from gaelp.evidence.monitoring.change_evidence import HORIZON_DAYS
from gaelp.evidence.monitoring.metric_streams import expected_conversions
from gaelp.evidence.monitoring.watched_days import MonitoringSettings, WatchedDays

SHORTEST = 3  # days with clicks: two may be a weekend
MIDDAY = 0.5  # a click-day's clicks are half a day old at its end
LARGEST_E = 1e200


def silent_days(history: WatchedDays, settings: MonitoringSettings, today: date) -> Anomaly | None:
    """The anomaly where the newest clicked days are silent beyond chance.

    The rate is that of the days before them, and what the portfolio's other campaigns or the market let one expect.
    """
    clicked = [day.report for day in history.days if day.report.clicks > 0]
    first = next((at for at in range(len(clicked), 0, -1) if clicked[at - 1].conversions > 0), 0)
    before, quiet = clicked[:first], clicked[first:]
    if len(quiet) < SHORTEST:
        return None
    events, clicks = expected_conversions(history, settings, quiet[0].day)
    events += sum(day.conversions for day in before)
    clicks += sum(day.clicks * _come(day.day, today, settings) for day in before)
    if not (events >= 1 and clicks > 0):
        return None
    rate = events / clicks
    expected = rate * sum(day.clicks * _come(day.day, today, settings) for day in quiet)
    noise = noise_of(np.array([day.conversions for day in before]), np.array([float(day.clicks) for day in before]))
    # The rate is no better known than so many events tell: their Gamma distribution in place of one value.
    chance = silence_chance(events * math.log1p(expected / events), noise)
    e_value = min(1 / max(chance, 1 / LARGEST_E), LARGEST_E) / HORIZON_DAYS
    if e_value * HORIZON_DAYS < NOTE_DAYS:
        return None
    clicks_since = sum(day.clicks for day in quiet)
    return Anomaly(
        metric=WatchedMetric.CONVERSIONS_PER_CLICK,
        kind=AnomalyKind.STATE,
        direction=Direction.DOWN,
        since=quiet[0].day,
        noticed=min(quiet[-1].day, today),
        value=0.0,
        expected=rate,
        e_value=e_value,
        measurement=True,
        grade=AnomalyGrade.ACT if e_value >= act_e_value(settings) else AnomalyGrade.NOTE,
        sentence=f"No conversion has come since {quiet[0].day}, on {clicks_since:,} clicks of which about "
        f"{expected:,.0f} should have shown one by now: the conversion tag may be silent.",
    )


def _come(day: date, today: date, settings: MonitoringSettings) -> float:
    """Share of a click-day's conversions that have come by the beginning of today: exponential lag, cut off."""
    age = min(max((today - day).days - MIDDAY, 0.0), settings.window_days)
    whole = 1 - math.exp(-settings.window_days / settings.lag_days)
    return (1 - math.exp(-age / settings.lag_days)) / whole
