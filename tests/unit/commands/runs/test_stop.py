"""The verb `stop` where services are missing."""

from __future__ import annotations

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
    assert ledger.fence("shop") == 1
    assert "there is no run 'a' in the ledger" in in_process("stop", "a").stderr
    assert "not in the ledger" in in_process("stop", "--account", "nobody").stderr
