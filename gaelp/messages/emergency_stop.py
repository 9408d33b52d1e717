"""Messages of the workflow EmergencyStop. Touch this when a stop reports one more thing."""

from __future__ import annotations

from datetime import datetime

from gaelp.domain.frozen import Frozen

NAMES_TOLD = 100  # of campaigns, in a message


class StopAccount(Frozen):
    """Everything of one account must stop."""

    account: str
    reason: str
    by: str
    at: datetime


class StopReport(Frozen):
    """How a stop ended; `stopped` is true only after the platform was read back a second time."""

    account: str
    stopped: bool
    fence: int
    paused: tuple[str, ...] = ()
    still_enabled: tuple[str, ...] = ()
    pauses_sent: tuple[str, ...] = ()  # answered by the platform, whatever was read before or after
    unresolved_claims: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()  # workflow ids of the phases whose request the stop has voided: they ask anew
    seconds: float = 0.0
    reason: str = ""

    def in_short(self) -> StopReport:
        """As it travels: of many campaigns only the first few are named. The ledger has every one of them."""
        lists = ("paused", "still_enabled", "pauses_sent", "unresolved_claims")
        return self.model_copy(update={name: shortened(getattr(self, name)) for name in lists})


class WaitingPhases(Frozen):
    """Workflow ids of the phases on an account that wait for a decision, void requests included."""

    phases: tuple[str, ...] = ()


def shortened(names: tuple[str, ...]) -> tuple[str, ...]:
    """The first few, and how many there are beside them."""
    more = len(names) - NAMES_TOLD
    return (*names[:NAMES_TOLD], f"and {more} more") if more > 0 else names
