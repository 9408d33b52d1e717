"""A service killed, runs cancelled and terminated from outside: nothing is left enabled that no reservation covers.

`make chaos` is the longer version.
"""

from __future__ import annotations

import pytest
from temporalio.client import Client

from tests.support.local_runs import LocalRuns
from tests.support.struck_runs import KINDS, StruckRuns, strikes


@pytest.mark.asyncio(loop_scope="session")
async def test_nothing_is_enabled_without_a_reservation_after_a_strike(local_runs: LocalRuns, client: Client) -> None:
    """One kill, two cancels and two terminates, and then a look of the reaper; the emulator is the witness."""
    drawn = [strike for kind, number in zip(KINDS, (1, 2, 2), strict=True) for strike in strikes(1, kind, number)]
    struck = await StruckRuns(local_runs, client, calls_reaper=True).all(drawn, at_once=5)
    assert [(run.name, run.uncovered, run.failure) for run in struck if run.bad] == []
    assert sum(run.enabled for run in struck) > 0, "nothing was enabled when a strike fell"
