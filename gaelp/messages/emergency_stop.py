"""Messages of the workflow EmergencyStop. Touch this when a stop reports one more thing."""

from __future__ import annotations

from datetime import datetime

from gaelp.domain.frozen import Frozen


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
