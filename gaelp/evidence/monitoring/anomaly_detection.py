"""What stands out in the days of one live campaign: `anomalies_of`. Touch this when another detector joins.

A suspected failure of measurement explains a cost per conversion, which is left out then, and conversions per click,
which are marked as suspect themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain

import numpy as np

from gaelp.domain.monitoring.anomalies import Anomaly, AnomalyGrade, AnomalyKind, Direction, WatchedMetric
from gaelp.evidence.monitoring.anomaly_grades import (
    ACTING,
    NOTE_EVIDENCE,
    SPIKE_CHANCE,
    act_e_value,
    e_value_of,
)
from gaelp.evidence.monitoring.anomaly_words import sentence_of
from gaelp.evidence.monitoring.change_evidence import HORIZON_DAYS
from gaelp.evidence.monitoring.metric_streams import Stream, streams_of
from gaelp.evidence.monitoring.silent_days import silent_days
from gaelp.evidence.monitoring.watched_days import MonitoringSettings, WatchedDays
from gaelp.evidence.monitoring.watched_states import watched_states
from gaelp.evidence.profit import maturing_days

REGIME_DAYS = 14  # after which a lasting change is the new level
_MEASURED = (WatchedMetric.CPA, WatchedMetric.CONVERSIONS_PER_CLICK)


def anomalies_of(history: WatchedDays, settings: MonitoringSettings, today: date) -> tuple[Anomaly, ...]:
    """The anomalies that stand at the beginning of `today`, those to act upon first.

    Spikes are told on the day on which their day is the newest that can be judged; a lasting change for as long as the
    evidence stands. Days from `today` on are not whole, and are not looked at, nor are those older than HORIZON_DAYS.
    """
    days = tuple(day for day in history.days if day.report.day < today)[-HORIZON_DAYS:]
    history = replace(history, days=days)
    silence = silent_days(history, settings, today)
    streams = list(streams_of(history, settings))
    changes = [found for stream in streams if (found := _change(stream, settings, today))]
    changed = {found.metric for found in changes}
    spikes = [
        found for stream in streams if stream.metric not in changed and (found := _spike(stream, settings, today))
    ]
    told = list(chain(watched_states(days), [silence] if silence else (), changes, spikes))
    return tuple(sorted(_explained(told), key=lambda each: (each.grade is AnomalyGrade.NOTE, -each.e_value)))


def _change(stream: Stream, settings: MonitoringSettings, today: date) -> Anomaly | None:
    """The lasting change that stands on the stream's newest day."""
    evidence = stream.evidence()
    if not len(stream.days) or not evidence.both[-1] >= NOTE_EVIDENCE:
        return None
    last = len(stream.days) - 1
    below = np.flatnonzero(evidence.both < NOTE_EVIDENCE)
    first, noticed = int(evidence.first_days[-1]), int(below[-1]) + 1 if len(below) else last
    direction = Direction.UP if evidence.rises[-1] > evidence.falls[-1] else Direction.DOWN
    e_value = e_value_of(float(evidence.both[-1]))
    lasting = last + 1 - first >= REGIME_DAYS
    kind = AnomalyKind.REGIME if lasting else AnomalyKind.SHIFT
    value, expected = stream.level(first, last + 1), stream.level(0, first)
    acts = (stream.metric, direction) in ACTING and e_value >= act_e_value(settings) and value > stream.harmless
    return Anomaly(
        metric=stream.metric,
        kind=kind,
        direction=direction,
        since=stream.days[first],
        noticed=_known(stream, stream.days[noticed], settings, today),
        value=value,
        expected=expected,
        e_value=e_value,
        measurement=stream.metric is WatchedMetric.CLAIMED_OVER_ORDERS,
        grade=AnomalyGrade.ACT if acts else AnomalyGrade.NOTE,
        sentence=sentence_of(stream.metric, kind, stream.days[first], value, expected, settings.currency),
    )


def _spike(stream: Stream, settings: MonitoringSettings, today: date) -> Anomaly | None:
    spike = stream.spike()
    if spike is None or not spike.chance < SPIKE_CHANCE:
        return None
    day, value = stream.days[-1], stream.level(len(stream.days) - 1, len(stream.days))
    return Anomaly(
        metric=stream.metric,
        kind=AnomalyKind.SPIKE,
        direction=Direction.UP if spike.rises else Direction.DOWN,
        since=day,
        noticed=_known(stream, day, settings, today),
        value=value,
        expected=spike.expected,
        e_value=spike.e_value,
        measurement=False,
        grade=AnomalyGrade.NOTE,
        sentence=sentence_of(stream.metric, AnomalyKind.SPIKE, day, value, spike.expected, settings.currency),
    )


def _known(stream: Stream, day: date, settings: MonitoringSettings, today: date) -> date:
    """The day on which the stream's `day` could be judged: its own, or where conversions count, when it had matured."""
    counts_conversions = stream.metric in (*_MEASURED, WatchedMetric.CLAIMED_OVER_ORDERS)
    waits = maturing_days(settings.lag_days, settings.window_days) if counts_conversions else 0
    return min(day + timedelta(days=waits), today)


def _explained(found: list[Anomaly]) -> Iterator[Anomaly]:
    """Without the cost per conversion where the measuring is suspected, and with its conversions marked as suspect."""
    suspected = any(each.measurement for each in found)
    for each in found:
        if not suspected or each.metric not in _MEASURED:
            yield each
        elif each.metric is WatchedMetric.CONVERSIONS_PER_CLICK:
            yield each.model_copy(update={"measurement": True})
