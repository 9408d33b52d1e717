"""When the evidence is enough for a note, and when to act upon it. Touch this to trade false alarms for delay.

A note: each metric of a campaign has one false alarm in NOTE_DAYS days at most, a tenth of it for spikes, so that the
campaign's twelve have one in 30 days. To act: M / HORIZON_DAYS has at most the mean 1 at any moment while nothing
changes (an e-value), and the acting streams of the portfolio share the level ACT_LEVEL equally. Each
anomaly acted upon lets the others have more of it (e-LOND: Xu and Ramdas, Online multiple testing with e-values,
arXiv 2311.06412), so that of what was acted upon at most the share ACT_LEVEL is false on average, and in a portfolio in
which nothing changes it is acted upon at most once in 90 days with the chance ACT_LEVEL.
"""

from __future__ import annotations

import math

from gaelp.domain.monitoring.anomalies import Direction, WatchedMetric
from gaelp.evidence.monitoring.change_evidence import HORIZON_DAYS
from gaelp.evidence.monitoring.watched_days import MonitoringSettings

NOTE_DAYS = 360.0
SHIFT_DAYS = 400.0  # of these, between two false alarms of a lasting change; spikes have what is left
ACT_LEVEL = 0.25
ACTING = frozenset(
    {
        (WatchedMetric.SPEND, Direction.UP),
        (WatchedMetric.CPA, Direction.UP),
        (WatchedMetric.CTR, Direction.DOWN),
        (WatchedMetric.CONVERSIONS_PER_CLICK, Direction.DOWN),
        (WatchedMetric.CLAIMED_OVER_ORDERS, Direction.UP),
        (WatchedMetric.CLAIMED_OVER_ORDERS, Direction.DOWN),
    }
)
"""What may cost money or says that the measuring is broken; spend only above the budget, for up to it is approved.

Silence of the tag is one test more of each campaign.
"""
TESTS = len({metric for metric, _ in ACTING}) + 1

NOTE_EVIDENCE = math.log(SHIFT_DAYS)
"""log M from which a lasting change is noted."""
SPIKE_CHANCE = 1 / NOTE_DAYS - 1 / SHIFT_DAYS
"""The chance of a day below which it is noted as a spike."""


def act_e_value(settings: MonitoringSettings) -> float:
    """The e-value from which it may be acted upon."""
    return settings.campaigns * TESTS / (ACT_LEVEL * (settings.acted + 1))


def e_value_of(log_sum: float) -> float:
    """The e-value of log M; never infinite, because it is written down as JSON."""
    return math.exp(min(log_sum, 600.0)) / HORIZON_DAYS
