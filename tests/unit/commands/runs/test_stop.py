"""The verb `stop` where services are missing."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from gaelp.domain.spending.ledger_records import FoundExposure, Severity, Violation
from tests.support import ledgers as kit
from tests.support.command_line import Finished, ledger_in, shows_no_traceback


def test_a_stop_that_cannot_read_back_is_no_stop(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """Without the emulator a stop raises the fence, says NOT STOPPED, and exits 1; without the ledger it says so."""
    ledger = ledger_in(tmp_path)
    ran = in_process("stop", "--account", "shop")
    shows_no_traceback(ran)
    assert ran.returncode == 1
    assert "NOT STOPPED" in ran.stdout
    assert "no reaper looks after calls that come late (Temporal does not answer)" in ran.stderr
    assert ledger.fence("shop") == 1
    assert "there is no run 'a' in the ledger" in in_process("stop", "a").stderr
    assert "not in the ledger" in in_process("stop", "--account", "nobody").stderr


def test_a_stop_with_a_locked_ledger_answers_within_ten_seconds(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """Another program holds the ledger's lock: the stop says at once that the fence is missing."""
    ledger_in(tmp_path).close()
    other = sqlite3.connect(tmp_path / "home" / "ledger.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    ran = in_process("stop", "--account", "shop")
    assert time.monotonic() - began < 10
    other.close()
    shows_no_traceback(ran)
    assert ran.returncode == 1 and "NOT STOPPED" in ran.stdout
    assert "the fence could not be raised: the ledger did not answer" in ran.stderr


def test_the_stop_of_a_run_stops_it_on_every_account_that_it_spends_on(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """Somebody had it ask on another account than its own, and a person signed it: that one is read back too."""
    ledger = ledger_in(tmp_path)
    other = kit.account(account="other")
    ledger.put_account(other, at=kit.NOW)
    ledger.register_run("run-a", "shop", kit.NOW)
    day = kit.booking(0)
    found = {name: getattr(day, name) for name in ("key", "run", "phase", "campaign", "day", "request_id")}
    exposure = FoundExposure(**found, account="other", worst_case_micros=1, at=kit.NOW)
    violation = Violation(
        id="v", account="other", run="run-a", phase=day.phase, campaign=day.campaign, kind="unreserved-spend",
        severity=Severity.CRITICAL, evidence="e", at=kit.NOW,
    )  # fmt: skip
    ledger.record_exposure(violation, (exposure,))
    ran = in_process("stop", "run-a", "--json")
    assert {each["account"] for each in json.loads(ran.stdout)["accounts"]} == {"other", "shop"}
