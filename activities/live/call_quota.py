"""LIVE: keeps all workers together within the calls that an account's platform grants.

The count is in the ledger, so that it holds across processes and machines. An activity asks for its calls once, before
its first one, and where there is no room it fails with the seconds to wait: a thread that slept would hold the place of
a pause. What it did not call is given back. What only pauses never asks, and is counted afterwards and in the
background. Whoever cannot ask, because the ledger is away, does not call. Touch this to change what has to ask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.effects import NEVER_DELAYED
from gaelp.domain.ad_accounts import Account
from gaelp.ledger.background_calls import in_background
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.rules.call_rules import MOST_CALLS
from gaelp.platforms.protocol import AdPlatform, PlatformError


@dataclass
class _Meter:
    """The calls of one attempt of an activity on one account."""

    ledger: Ledger
    account: Account
    booked: int = 0
    made: int = 0


def _wall_clock() -> datetime:
    return datetime.now(UTC)


class CallQuotas(Interceptor):
    """Opens platforms for activities, and closes each activity's count when it ends."""

    def __init__(self, now: Callable[[], datetime] = _wall_clock) -> None:
        self._now = now
        self._meters: dict[bytes, _Meter] = {}  # by the attempt's token

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap one activity."""
        return _Counted(next, self)

    def asking(self, ledger: Ledger, open_platform: Callable[[Account], AdPlatform]) -> Callable[[Account], AdPlatform]:
        """`open_platform`, with a request for one activity's calls before it; raises PlatformError with the wait."""

        def opened(account: Account) -> AdPlatform:
            if account.call_quota is not None:
                self._ask(ledger, account)
            return open_platform(account)

        return opened

    def _ask(self, ledger: Ledger, account: Account) -> None:
        info = activity.info()
        meter = self._meters.setdefault(info.task_token, _Meter(ledger, account))
        if info.activity_type in NEVER_DELAYED:
            return
        if wait := ledger.ask_for_calls(account, self._now()).total_seconds():
            raise PlatformError(
                f"The platform's quota for account {account.account} is used up for {wait:.1f} s.",
                permanent=False,
                retry_after_seconds=wait,
            )
        meter.booked += MOST_CALLS

    def before_call(self) -> None:
        """A platform is about to be called; outside an activity with a quota nobody counts."""
        if activity.in_activity() and (meter := self._meters.get(activity.info().task_token)):
            meter.made += 1

    def close(self, token: bytes) -> None:
        """Give back what an attempt booked and did not call, or count what it called without asking."""
        if (meter := self._meters.pop(token, None)) and meter.made != meter.booked:
            now = self._now()
            in_background(lambda: meter.ledger.count_calls(meter.account, meter.made - meter.booked, now))


class _Counted(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, quotas: CallQuotas) -> None:
        super().__init__(next)
        self._quotas = quotas

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        token = activity.info().task_token
        try:
            return await self.next.execute_activity(input)
        finally:
            self._quotas.close(token)
