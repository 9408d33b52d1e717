"""The verb `stop` where services are missing."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

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
