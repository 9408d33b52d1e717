"""Messages of the workflow Reaper. Touch this when the reaper reports one more thing."""

from __future__ import annotations

from datetime import datetime

from gaelp.domain.frozen import Frozen


class Reap(Frozen):
    """Look at every account once. `at` names this look, so that a retry records no violation twice."""

    at: datetime


class Reaped(Frozen):
    """What one look found."""

    paused: tuple[str, ...] = ()  # campaigns that were enabled without an open, approved reservation
    still_enabled: tuple[str, ...] = ()  # of those, what read back as enabled after the pause
    trouble: tuple[str, ...] = ()  # accounts that could not be looked at, each with its reason
