"""What a workflow remembers of the signals pause, resume and stop. Touch this when another such signal is added."""

from __future__ import annotations

from datetime import datetime

from gaelp.domain.frozen import Frozen


class RefusedSignals(Frozen):
    """Signals that were not as expected: counted, and the last few described without their content."""

    number: int = 0
    last: tuple[str, ...] = ()
    noted: int = 0  # how many of them the ledger's journal has


class NoteRefusedSignals(Frozen):
    """Asks to write refused signals into the journal: those after `refused.noted`, in one row, once for its key."""

    workflow: str  # who refused them
    key: str
    refused: RefusedSignals
    now: datetime


class PausableState(Frozen):
    """The part of a workflow's state that every phase and campaign has in common."""

    paused: bool = False
    stopped: str = ""  # why the workflow was stopped; empty while it was not
    open: tuple[str, ...] = ()  # workflow ids of children that receive the same signals
    refused_signals: RefusedSignals = RefusedSignals()
