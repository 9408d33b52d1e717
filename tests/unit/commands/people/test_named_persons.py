"""The verbs `resolve`, `undo` and `attempts`: a named person with a reason, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import AttemptSeries, Severity, Violation
from tests.support.command_line import NOW, Finished, ledger_in, shows_no_traceback
from tests.support.planted_anomalies import anomaly, of_run, walked

SERIES = AttemptSeries(account="shop", product="lamp", agent="uniform", gate="simulation")
VIOLATION = Violation(
    id="a/live-test/campaign-00/over", account="shop", run="a", phase=Phase.LIVE_TEST,
    campaign="a/live-test/campaign-00", kind="over-reservation", severity=Severity.CRITICAL, evidence="9 of 5", at=NOW,
)  # fmt: skip


def test_a_violation_is_shown_and_cleared_by_a_named_person_with_a_reason(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """Without an id all are shown; without a reason, or under another run, nothing is cleared."""
    ledger = ledger_in(tmp_path)
    ledger.record_violation(VIOLATION)
    assert VIOLATION.id in in_process("resolve", "a").stdout
    unreasoned = in_process("resolve", "a", VIOLATION.id)
    assert (unreasoned.returncode, "with a reason" in unreasoned.stderr) == (2, True)
    assert in_process("resolve", "b", VIOLATION.id, "--reason", "x").returncode == 1
    assert ledger.violations("a")[0].resolved_by is None
    cleared = in_process("resolve", "a", VIOLATION.id, "--reason", "credited", "--by", "Ada", "--json")
    shows_no_traceback(cleared)
    assert json.loads(cleared.stdout)["resolved_by"] == "Ada"
    assert (ledger.violations("a")[0].resolved_by, ledger.violations("a")[0].resolution) == ("Ada", "credited")


def test_a_step_of_monitoring_is_shown_and_undone_by_a_named_person_with_a_reason(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """Without a key all are shown; an undo says what it cannot bring back, and a note or another's step is refused."""
    ledger = ledger_in(tmp_path)
    assert "no step" in in_process("undo", "a").stdout
    days = [(0, [anomaly()]), (1, [anomaly(e_value=1e9)]), (2, [anomaly("spend", "down", "note")])]
    for step in walked(days):
        ledger.take_step(of_run(step, "a", "shop"))
    hold, cut, note = (step.key for step in ledger.steps_of_run("a"))
    shown = in_process("undo", "a", "--json")
    assert [step["step"] for step in json.loads(shown.stdout)["steps"]] == ["hold", "cut", "note"]
    assert in_process("undo", "a").stdout.count("/step-") >= 1
    unreasoned = in_process("undo", "a", cut)
    assert (unreasoned.returncode, "with a reason" in unreasoned.stderr) == (2, True)
    assert in_process("undo", "b", cut, "--reason", "x").returncode == 1
    assert "changed nothing" in in_process("undo", "a", note, "--reason", "x").stderr
    undone = in_process("undo", "a", hold, "--reason", "a holiday", "--by", "Ada")
    shows_no_traceback(undone)
    assert "undone by Ada: a holiday" in undone.stdout and "the platform's learning" in undone.stdout
    assert [step.undone_by for step in ledger.steps_of_run("a")] == ["Ada", "Ada", ""]
    assert "was undone before" in in_process("undo", "a", hold, "--reason", "a holiday", "--by", "Ada").stdout


def test_budgets_of_a_step_have_their_account_s_decimals(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """A yen has no hundredth: 25 of them are shown as 25 JPY in the table and in the answer."""
    ledger = ledger_in(tmp_path)
    ledger.put_account(ledger.account("shop").model_copy(update={"account": "tokyo", "currency": "JPY"}))
    (hold,) = (of_run(step, "a", "tokyo") for step in walked([(0, [anomaly()])]))
    ledger.take_step(hold)
    assert "25 JPY" in in_process("undo", "a").stdout
    undone = in_process("undo", "a", hold.key, "--reason", "a holiday", "--by", "Ada").stdout
    assert "a daily budget of 25 JPY" in " ".join(undone.split())


def test_attempts_are_listed_and_reset_by_a_named_person_with_a_reason(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """A reset forgives the series' attempts and no other's, and is refused where there is nothing to forgive."""
    ledger = ledger_in(tmp_path)
    other = SERIES.model_copy(update={"agent": "fixed-bid"})
    for series, assessment in ((SERIES, "a"), (SERIES, "b"), (other, "c")):
        ledger.next_attempt(series, assessment)
    words = [word for name, value in SERIES.model_dump().items() for word in (f"--{name}", value)]
    assert in_process("attempts", "reset", *words).returncode == 2
    reset = in_process("attempts", "reset", *words, "--reason", "the log was broken", "--by", "Ada")
    assert (reset.returncode, "2 attempts" in reset.stdout) == (0, True)
    assert in_process("attempts", "reset", *words, "--reason", "again").returncode == 1
    listed = json.loads(in_process("attempts", "--json").stdout)["attempts"]
    assert [(each["agent"], each["used"], each["forgiven"]) for each in listed] == [
        ("fixed-bid", 1, 0), ("uniform", 0, 2)
    ]  # fmt: skip
    assert ledger.next_attempt(SERIES, "d") == 1
