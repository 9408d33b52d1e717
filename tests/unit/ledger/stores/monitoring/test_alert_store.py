"""A person's word on alerts, in a real ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gaelp.domain.monitoring.alerts import alerts_of
from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import OUTSIDE_PAUSE, Severity, Violation
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownAlert
from tests.support.ledgers import NOW, account
from tests.support.planted_anomalies import anomaly, walked

CAMPAIGN = "run-a/live-test/campaign-00"
WORD = ("Ada", "seen", NOW)
HOUR = NOW + timedelta(hours=1)


def violation(id: str, kind: str = "reported-less", severity: Severity = Severity.HIGH) -> Violation:
    return Violation(
        id=id, account="acme", run="run-a", phase=Phase.LIVE_TEST, campaign=CAMPAIGN, kind=kind, severity=severity,
        evidence=id, at=NOW,
    )  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    opened.put_account(account())
    yield opened
    opened.close()


def states(ledger: Ledger) -> list[tuple[str, str, int]]:
    return [(each.id, each.state, each.count) for each in alerts_of(ledger.alert_book("run-a"), NOW)]


def test_equal_violations_are_cleared_together_up_to_the_one_that_was_named(ledger: Ledger) -> None:
    """Whoever names the second of three has seen two: both are cleared as violations, and the third stays open."""
    for id in ("v1", "v2", "v3"):
        ledger.record_violation(violation(id))
    assert [each.id for each in ledger.resolve_alert("run-a", "v2", *WORD)] == ["v1", "v2"]
    assert [each.resolved_by for each in ledger.violations("run-a")] == ["Ada", "Ada", None]
    assert states(ledger) == [("v3", "open", 1), ("v2", "resolved", 2)]
    assert [each.id for each in ledger.resolve_alert("run-a", "v2", *WORD)] == ["v1", "v2"], "the same word again"


def test_only_a_named_person_resolves_and_the_first_word_stays(ledger: Ledger) -> None:
    """Nobody, an unknown alert, another run's and another person's second word are refused, and nothing changes."""
    ledger.record_violation(violation("v1"))
    for by, reason in (("", "why"), ("Ada", " ")):
        with pytest.raises(ValueError, match="named person"):
            ledger.resolve_alert("run-a", "v1", by, reason, NOW)
        with pytest.raises(ValueError, match="named person"):
            ledger.silence_alert("run-a", "v1", HOUR, by, reason, NOW)
    for run, alert in (("run-a", "v2"), ("run-b", "v1")):
        with pytest.raises(UnknownAlert, match=r"starter\.py alerts"):
            ledger.resolve_alert(run, alert, *WORD)
    assert states(ledger) == [("v1", "open", 1)]
    ledger.resolve_alert("run-a", "v1", *WORD)
    with pytest.raises(LedgerConflict, match="resolved by Ada"):
        ledger.resolve_alert("run-a", "v1", "Bob", "mine", NOW)
    with pytest.raises(LedgerConflict, match="nothing to silence"):
        ledger.silence_alert("run-a", "v1", HOUR, *WORD)
    assert ledger.violations("run-a")[0].resolved_by == "Ada"


def test_a_step_of_monitoring_is_resolved_by_its_undo_alone(ledger: Ledger) -> None:
    """`resolve` names `undo` for a hold; a note, which nothing undoes, it resolves."""
    for step in walked([(0, [anomaly()]), (1, [anomaly(), anomaly("spend", "down", "note")])]):
        ledger.take_step(step)
    hold, note = (step.key for step in ledger.steps_of_run("run-a"))
    with pytest.raises(LedgerConflict, match=r"starter\.py undo run-a"):
        ledger.resolve_alert("run-a", hold, *WORD)
    ledger.resolve_alert("run-a", note, *WORD)
    ledger.undo_step(hold, "Ada", "a holiday", NOW)
    assert states(ledger) == [(hold, "resolved", 1), (note, "resolved", 1)]


def test_a_step_of_a_campaign_that_has_ended_is_resolved_by_a_word(ledger: Ledger) -> None:
    """Nothing is left that an undo could restore, so that `resolve` answers the alert, and the step stays as it was."""
    for step in walked([(0, [anomaly("landing_page", "up")]), (8, [])]):
        ledger.take_step(step)
    pause, stop = ledger.steps_of_run("run-a")
    assert (pause.step, stop.step) == ("pause", "stop")
    with pytest.raises(LedgerConflict, match=r"`starter\.py resolve` answers its alert"):
        ledger.undo_step(pause.key, *WORD)
    ledger.resolve_alert("run-a", pause.key, *WORD)
    assert states(ledger) == [(stop.key, "open", 1), (pause.key, "resolved", 1)]
    assert ledger.steps_of_run("run-a") == (pause, stop)


def test_a_silence_is_kept_and_one_of_what_must_be_decided_is_refused(ledger: Ledger) -> None:
    """It leaves the violation uncleared; a pause from outside and what is critical stay loud."""
    ledger.record_violation(violation("v1"))
    ledger.record_outside_pause(violation("v2", OUTSIDE_PAUSE, Severity.MEDIUM))
    ledger.record_violation(violation("v3", severity=Severity.CRITICAL))
    ledger.silence_alert("run-a", "v1", HOUR, *WORD)
    for alert in ("v2", "v3"):
        with pytest.raises(LedgerConflict, match=r"starter\.py resolve run-a"):
            ledger.silence_alert("run-a", alert, HOUR, *WORD)
    assert states(ledger) == [("v3", "open", 1), ("v2", "open", 1), ("v1", "silenced", 1)]
    assert [each.resolved_by for each in ledger.violations("run-a")] == [None] * 3
