"""Messages of the workflow EmergencyStop. Touch this when a stop reports one more thing."""

from __future__ import annotations

from datetime import datetime

from gaelp.domain.frozen import Frozen


class StopAccount(Frozen):
    """Emergency stop of one account."""

    account: str
    reason: str
    by: str
    at: datetime


class StopReport(Frozen):
    """What a stop found; `stopped` only after the second read-back."""

    account: str
    stopped: bool
    fence: int
    paused: tuple[str, ...] = ()
    still_enabled: tuple[str, ...] = ()
    unresolved_claims: tuple[str, ...] = ()
    seconds: float = 0.0
    reason: str = ""
