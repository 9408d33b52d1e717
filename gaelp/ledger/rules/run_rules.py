"""What a run that was stopped may still do: nothing that can spend. Touch this to change what a stopped run may do."""

from __future__ import annotations

from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused
from gaelp.ledger.stored_records import RegisteredRun


def judge_run(run: RegisteredRun | None) -> Ruling:
    """Whether the run may reserve and claim. A name that was never registered was never stopped either."""
    if run is not None and run.stopped_at is not None:
        return refused(f"run {run.run} was stopped at {run.stopped_at.isoformat()}: start another")
    return GRANTED
