"""The evidence of a lasting change: its false alarms, its delays, and what one day can do."""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.domain.monitoring.anomalies import WatchedMetric
from gaelp.evidence.monitoring.anomaly_grades import NOTE_EVIDENCE, SHIFT_DAYS
from gaelp.evidence.monitoring.change_evidence import ChangeEvidence, evidence_of_counts, evidence_of_levels
from gaelp.evidence.monitoring.metric_streams import CountStream

FEWEST = 7


def _counts(means: list[float], seed: int) -> ChangeEvidence:
    counts = np.random.default_rng(seed).poisson(means).astype(float)
    return CountStream(
        WatchedMetric.CTR, (), counts, np.ones(len(means)), 1.0, (np.full(len(means), 0.5), np.zeros(len(means)))
    ).evidence()


def _alarms(evidence: ChangeEvidence) -> int:
    above = np.concatenate(([False], evidence.both >= NOTE_EVIDENCE))
    return int((above[1:] & ~above[:-1]).sum())


@pytest.mark.parametrize("rate", [1.25, 25.0])
def test_a_steady_rate_is_noted_no_oftener_than_stated(rate: float) -> None:
    """A stream in which nothing changes has one alarm in SHIFT_DAYS days at the most."""
    days, streams = 180, 40
    alarms = sum(_alarms(_counts([rate] * days, seed)) for seed in range(streams))
    assert alarms <= days * streams / SHIFT_DAYS


def test_a_steady_level_is_noted_no_oftener_than_stated() -> None:
    """The same of levels."""
    rng = np.random.default_rng(3)
    alarms = sum(_alarms(evidence_of_levels(rng.normal(size=180), (0.0, 0.0), 14)) for _ in range(40))
    assert alarms <= 180 * 40 / SHIFT_DAYS


@pytest.mark.parametrize(("rate", "most"), [(5.0, 20), (25.0, 5)])
def test_a_halved_rate_is_found_as_a_fall_since_its_day(rate: float, most: int) -> None:
    """Half of the streams have noted it within so many days, and the day of the change is about the right one."""
    waits, firsts = [], []
    for seed in range(21):
        evidence = _counts([rate] * 60 + [rate / 2] * 60, seed)
        noted = next((at for at in range(60, 120) if evidence.falls[at] >= NOTE_EVIDENCE), 120)
        waits.append(noted - 59)
        firsts.append(int(evidence.first_days[-1]))
    assert np.median(waits) <= most
    assert abs(np.median(firsts) - 60) <= 2


def test_a_shift_of_three_deviations_is_found_in_four_days() -> None:
    """Half of the levels that rise by three deviations are noted as risen within four days."""
    rng, waits = np.random.default_rng(5), []
    for _ in range(21):
        evidence = evidence_of_levels(np.concatenate([rng.normal(size=40), rng.normal(3.0, 1.0, 20)]), (0.0, 0.0), 14)
        waits.append(next(at for at in range(40, 60) if evidence.rises[at] >= NOTE_EVIDENCE) - 39)
    assert np.median(waits) <= 4


def test_one_day_alone_is_no_lasting_change() -> None:
    """A day with a tenth of 500 events is below the evidence for a note, and so is the day after it."""
    counts = np.full(40, 500.0)
    counts[30] = 50.0
    evidence = evidence_of_counts(counts, np.ones(40), (0.5, 0.0), FEWEST)
    assert not (evidence.both >= NOTE_EVIDENCE).any()
    counts[31] = 50.0
    assert (evidence_of_counts(counts, np.ones(40), (0.5, 0.0), FEWEST).falls >= NOTE_EVIDENCE).any()


def test_the_evidence_has_at_most_the_mean_of_the_days() -> None:
    """While nothing changes, the mean of M over streams is no more than the days on which a change could begin."""
    rng, days = np.random.default_rng(7), 20
    rates = rng.gamma(50.0, 1 / 10.0, 600)  # as the prior says
    sums = [
        np.exp(evidence_of_counts(rng.poisson(rate, days).astype(float), np.ones(days), (50.0, 10.0), 2).both[-1])
        for rate in rates
    ]
    assert np.mean(sums) <= days - 2 + 3 * np.std(sums) / np.sqrt(len(sums))


def test_days_without_exposure_say_nothing() -> None:
    """No exposure before or after is no evidence, and no number that is not one."""
    for counts, exposures in (([0.0] * 20, [0.0] * 20), ([0.0] * 10 + [5.0] * 10, [0.0] * 10 + [1.0] * 10)):
        evidence = evidence_of_counts(np.array(counts), np.array(exposures), (0.5, 0.0), FEWEST)
        assert not np.isnan(evidence.both).any()
        assert not (evidence.both >= NOTE_EVIDENCE).any()
