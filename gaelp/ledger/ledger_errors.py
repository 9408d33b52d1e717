"""The ledger's errors; each message is one sentence that names the place and the remedy.

Touch this to add an error that callers must distinguish.
"""

from __future__ import annotations

from gaelp.errors import GaelpError


class LedgerError(GaelpError):
    """Base of all ledger errors; its message is fit for a user and holds no secret."""


class LedgerUnavailable(LedgerError):
    """The ledger cannot be read or written now. Nothing was booked; nothing may be spent."""


class LedgerConflict(LedgerError):
    """A second, different fact under a key that is taken, or a fact that may not be written."""

    permanent = True


class UnknownAccount(LedgerError):
    """No account of that name was entered by its owner."""

    permanent = True


class UnregisteredRun(LedgerError):
    """No run of that name was registered."""

    permanent = True


class RunStopped(LedgerError):
    """The run was stopped: it may ask for nothing any more."""

    permanent = True


class FenceRaised(LedgerError):
    """A stop came between a request's making and its opening: made anew, under the new fence, it can be opened."""


class UnknownRequest(LedgerError):
    """No approval request of that id was opened."""

    permanent = True


class UnknownReservation(LedgerError):
    """Spend was reported under a key that was never reserved."""


class UnknownClaim(LedgerError):
    """A claim was resolved that was never made."""


class UnknownAlert(LedgerError):
    """No alert of that id is in the journal of the run."""

    permanent = True


class UnknownStep(LedgerError):
    """No step of monitoring with that key is recorded."""

    permanent = True


class RunNameTaken(LedgerError):
    """Run names are registered for ever."""
