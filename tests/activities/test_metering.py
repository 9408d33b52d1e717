"""What activities return is counted, and the books are read after a look of the reaper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.common import MetricMeter

from activities.metering import CountedCalls, Metering
from gaelp.domain.episodes import BatchPurpose, EpisodeState
from gaelp.domain.gates.verdicts import CriterionVerdict, GateVerdict, Verdict
from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import Severity, Violation
from gaelp.messages.emergency_stop import StopReport
from gaelp.messages.episode_batch import BatchResult, SimulatedBatches
from gaelp.messages.live_campaign import Applied, AppliedAndObserved, Launched
from gaelp.messages.reaper import Reaped
from gaelp.messages.simulation_training import GateAssessment
from gaelp.metrics.metric_table import Metric
from gaelp.metrics.recorder import Recorder
from gaelp.platforms.protocol import OutcomeUnknown, PlatformError
from tests.support import ledgers as kit
from tests.support.ledgers import NOW, UNIT, booking


class Kept(Recorder):
    """Keeps what is recorded, by name and labels."""

    def __init__(self) -> None:
        super().__init__(MetricMeter.noop)
        self.kept: Counter[tuple[str, ...]] = Counter()

    def add(self, metric: Metric, value: int = 1, **labels: str) -> None:
        self.kept[_key(metric, labels)] += value

    def set(self, metric: Metric, value: float, **labels: str) -> None:
        self.kept[_key(metric, labels)] = value  # type: ignore[assignment]

    def took(self, metric: Metric, seconds: float, **labels: str) -> None:
        self.kept[_key(metric, labels)] += 1


def _key(metric: Metric, labels: Mapping[str, str]) -> tuple[str, ...]:
    return metric.exported, *metric.attributes(labels).values()


def metering() -> tuple[Metering, Kept]:
    recorder = Kept()
    return Metering(recorder, now=lambda: datetime(2026, 11, 26, tzinfo=UTC)), recorder


def batch(episodes: int, purpose: BatchPurpose) -> BatchResult:
    return BatchResult(index=0, purpose=purpose, state=EpisodeState.SETTLED, trajectory_digest=None, episodes=episodes)


def assessed(settled: bool) -> GateAssessment:
    criteria = tuple(
        CriterionVerdict(id=each, name="", verdict=verdict, reason="")
        for each, verdict in (("1", Verdict.PASS), ("2", Verdict.INCONCLUSIVE))
    )
    gate = GateVerdict(
        phase=Phase.SIMULATION, verdict=Verdict.INCONCLUSIVE, criteria=criteria, attempt=1, alpha=0.05,
        checkpoint_digest="", evidence_digest="", promote=False, proven=False,
    )  # fmt: skip
    return GateAssessment(gate=gate, settled=settled)


APPLIED = Applied(applied=True)


@pytest.mark.parametrize(
    ("result", "counted"),
    [
        (APPLIED, {("gaelp_ticks_total", "applied"): 1}),
        (Applied(applied=False, halt="over"), {("gaelp_ticks_total", "held"): 1}),
        (AppliedAndObserved(applied=APPLIED, following=None), {("gaelp_ticks_total", "applied"): 1}),
        (Launched(launched=True), {("gaelp_launches_total", "launched"): 1}),
        (Launched(launched=False, reason="cap"), {("gaelp_launches_total", "refused"): 1}),
        (
            SimulatedBatches(
                results=(batch(32, BatchPurpose.TRAIN), batch(32, BatchPurpose.TRAIN), batch(8, BatchPurpose.EXAM)),
                batch_seconds=1.0,
            ),
            {("gaelp_simulated_episodes_total", "train"): 64, ("gaelp_simulated_episodes_total", "exam"): 8},
        ),
        (
            assessed(settled=True),
            {
                ("gaelp_verdicts_total", "simulation", "1", "PASS"): 1,
                ("gaelp_verdicts_total", "simulation", "2", "INCONCLUSIVE"): 1,
            },
        ),
        (assessed(settled=False), {}),
        (
            StopReport(account="shop", stopped=True, fence=2, seconds=12.0),
            {("gaelp_account_stops_total", "stopped"): 1, ("gaelp_account_stop_seconds",): 1},
        ),
        (None, {}),
        ("a text", {}),
    ],
)
def test_a_result_is_counted(result: Any, counted: dict[tuple[str, ...], int]) -> None:
    """Each result counts what it says has happened, and one that says nothing of interest counts nothing."""
    measuring, recorder = metering()
    measuring.count(result)
    assert recorder.kept == counted


@pytest.mark.parametrize(
    ("look", "outcomes", "enabled"),
    [
        (Reaped(), ("clear",), 0),
        (Reaped(paused=("a", "b"), still_enabled=("b",)), ("paused",), 1),
        (Reaped(paused=("a",), trouble=("account shop: away",)), ("paused", "trouble"), 0),
        (Reaped(trouble=("account shop: away",)), ("trouble",), 0),
    ],
)
def test_a_look_of_the_reaper_is_counted(look: Reaped, outcomes: tuple[str, ...], enabled: int) -> None:
    """By all that it found, with its instant, and with how many campaigns it could not pause."""
    measuring, recorder = metering()
    measuring.count(look)
    assert recorder.kept == {
        **{("gaelp_reaper_looks_total", outcome): 1 for outcome in outcomes},
        ("gaelp_reaper_last_look_timestamp_seconds",): datetime(2026, 11, 26, tzinfo=UTC).timestamp(),
        ("gaelp_reaper_still_enabled_campaigns",): enabled,
    }


def test_the_gauges_say_what_the_books_hold(tmp_path: Path) -> None:
    """Spend and exposure by currency, the fullest cap, reservations, open violations, and no name of anybody."""
    ledger = kit.prepared_file(tmp_path / "ledger.db")
    ledger.reserve(booking(20))
    ledger.post(booking(20).key, 5 * UNIT, 5 * UNIT, NOW)
    ledger.record_violation(
        Violation(
            id="v", account="acme", run="run-a", phase=Phase.LIVE_TEST, campaign="", kind="changed-outside",
            severity=Severity.HIGH, evidence="", at=NOW,
        )
    )  # fmt: skip
    measuring, recorder = metering()
    measuring.read_books(ledger)
    kept = recorder.kept
    assert kept["gaelp_spent_micros", "USD"] == 5 * UNIT
    assert kept["gaelp_open_exposure_micros", "USD"] == 20 * UNIT == ledger.open_exposure("acme")
    assert kept["gaelp_total_cap_used_ratio",] == 20 / 1000
    assert (kept["gaelp_reservations", "open"], kept["gaelp_reservations", "settled"]) == (1, 0)
    assert (kept["gaelp_open_violations", "high"], kept["gaelp_open_violations", "critical"]) == (1, 0)
    assert not [key for key in kept if "acme" in key or "run-a" in key]
    ledger.resolve_alert("run-a", "v", "Ada", "looked at it", NOW)
    measuring.read_books(ledger)
    assert kept["gaelp_open_violations", "high"] == 0


def test_books_that_cannot_be_read_leave_the_gauges(tmp_path: Path) -> None:
    """Nothing is set, the instant of the reading neither, and nothing is raised."""
    ledger = kit.prepared_file(tmp_path / "ledger.db")
    (tmp_path / "ledger.db").chmod(0o400)
    measuring, recorder = metering()
    measuring.read_books(ledger)
    assert recorder.kept == {}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "done"),
        (PlatformError("no", permanent=True), "refused"),
        (PlatformError("later", permanent=False, retry_after_seconds=2.0), "throttled"),
        (PlatformError("away", permanent=False), "unreachable"),
        (OutcomeUnknown("no answer"), "unknown"),
    ],
)
def test_a_call_is_counted_by_how_it_ended(error: PlatformError | None, outcome: str) -> None:
    """Each kind of failure has an outcome of its own."""
    recorder = Kept()
    CountedCalls(recorder).after_call(error)
    assert recorder.kept == {("gaelp_platform_calls_total", outcome): 1}
