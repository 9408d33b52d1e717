"""What a campaign's detectors are told of the ledger."""

from __future__ import annotations

from datetime import timedelta

from activities.live.watched_history import settings_of
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.monitoring.ladder import StepTaken
from gaelp.evidence.monitoring.change_evidence import HORIZON_DAYS
from gaelp.ledger.stored_records import MonitoringBooks
from tests.support.planted_anomalies import FIRST, anomaly, walked


def acted(steps: tuple[StepTaken, ...], day: int = 2) -> int:
    books = MonitoringBooks(steps=steps, steps_of_run=steps, days=(), campaigns=1)
    return settings_of(books, TrainingConfiguration(), "USD", FIRST + timedelta(days=day)).acted


def test_an_anomaly_that_was_held_and_cut_counts_once() -> None:
    """Two steps rest on one anomaly, so that the level of the others rises once; after the horizon it is forgotten."""
    steps = walked([(0, [anomaly()]), (1, [anomaly(e_value=1e9)])])
    assert [step.step for step in steps] == ["hold", "cut"]
    assert acted(steps) == 1 and acted(steps, HORIZON_DAYS + 1) == 0
    two = walked([(0, [anomaly(), anomaly("spend", "up")])])
    assert acted(two) == 2


def test_a_hold_on_a_mere_note_counts_as_nothing_acted_upon() -> None:
    """A suspicion at the grade of a note holds a campaign, and is no discovery by which others need less evidence."""
    (held,) = walked([(0, [anomaly("conversions_per_click", grade="note", measurement=True)])])
    assert held.step == "hold" and acted((held,)) == 0
