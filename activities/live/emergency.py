"""STOP: runs the emergency stop of an account (gaelp/ledger/account_stop.py) as an activity on a queue of its own.

Touch this to change how a stop is retried.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError

from gaelp.domain.ad_accounts import Account
from gaelp.ledger.account_stop import StopOrder, WallClock, stop_account
from gaelp.ledger.ledger import Ledger
from gaelp.messages.emergency_stop import StopAccount, StopReport, WaitingPhases
from gaelp.platforms.protocol import AdPlatform


class Emergency:
    """Holds ad credentials through `open_platform`."""

    def __init__(self, ledger: Ledger, open_platform: Callable[[Account], AdPlatform]) -> None:
        self._ledger = ledger
        self._open_platform = open_platform

    @activity.defn(no_thread_cancel_exception=True)
    def stop_account(self, stop: StopAccount) -> StopReport:
        """Stop one account by gaelp/ledger/account_stop.py on a real clock; raises until all is stopped."""
        platform = self._open_platform(self._ledger.account(stop.account))
        clock = WallClock(now=lambda: datetime.now(UTC), wait=time.sleep)
        report = stop_account(self._ledger, platform, StopOrder(stop.account, stop.reason, stop.by), clock).in_short()
        if not report.stopped:
            raise ApplicationError(f"NOT stopped yet: {report.reason}", report, type="NotStopped")
        return report

    @activity.defn(no_thread_cancel_exception=True)
    def waiting_phases(self, stop: StopAccount) -> WaitingPhases:
        """Whose request the tries of a stop that was given up have voided, as far as the ledger knows."""
        return WaitingPhases(phases=self._ledger.waiting_phases(stop.account))
