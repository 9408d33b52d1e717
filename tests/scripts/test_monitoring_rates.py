"""The short version of what scripts/monitoring_rates.py measures at length."""

from __future__ import annotations

import numpy as np

from gaelp.domain.monitoring.anomalies import WatchedMetric
from scripts.monitoring_rates import HALVED, LONGEST, Change, Known, Market, Planted, false_alarms, waits_of


def test_false_alarms_stay_within_criterion_14() -> None:
    """Campaigns in which nothing changes have one note in 30 days at the most, and are never acted upon."""
    counts = false_alarms((Market(25.0), Known.NOTHING), range(4), days=45, seed=11)
    assert counts.notes <= counts.days / 30
    assert counts.acts == 0


def test_a_halved_rate_is_acted_upon_within_five_days() -> None:
    """At 25 conversions a day, a halved rate is noted and may be acted upon within five matured days."""
    waits = [waits_of((Market(25.0), Known.NOTHING), HALVED, number, seed=11) for number in range(5)]
    note, act = np.median(np.array(waits), axis=0)
    assert 1 < note <= act <= 5


def test_no_change_is_waited_for_in_vain() -> None:
    """Where nothing changes, the delay is the longest there is: the measured delays are not those of false alarms."""
    planted = Planted(Change(), WatchedMetric.SPEND)
    assert waits_of((Market(25.0), Known.NOTHING), planted, 0, seed=11) == (LONGEST, LONGEST)
