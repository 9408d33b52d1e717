"""How many calls an account may make, as real platforms limit it: in any span of so many seconds, by the wall clock.

Every call of a platform's own verbs counts, a pause too; a refused one does not. Touch this to limit in another way.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gaelp.domain.ad_accounts import CallQuota
from gaelp.platforms.emulator.refusal import Refusal
from gaelp.platforms.emulator.wire import QuotaUse


@dataclass
class _Counted:
    quota: CallQuota | None = None
    made: int = 0
    refused: int = 0
    recent: deque[float] = field(default_factory=deque)


class Quotas:
    """The calls of every account; one without a quota is counted and never refused. `now` is in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._accounts: dict[str, _Counted] = {}
        self._now = now

    def set(self, account: str, quota: CallQuota) -> None:
        """Limit an account from now on; what was made before is forgotten."""
        self._accounts[account] = _Counted(quota)

    def use(self, account: str) -> QuotaUse:
        """How many calls were made and refused."""
        counted = self._accounts.get(account, _Counted())
        return QuotaUse(made=counted.made, refused=counted.refused)

    def count(self, account: str) -> None:
        """Count a call, or refuse it with 429 and the seconds until the next one may be made."""
        counted = self._accounts.setdefault(account, _Counted())
        if counted.quota is not None:
            now, span = self._now(), counted.quota.seconds
            while counted.recent and counted.recent[0] <= now - span:
                counted.recent.popleft()
            if len(counted.recent) >= counted.quota.calls:
                counted.refused += 1
                seconds = int(counted.recent[0] + span - now) + 1
                what = f"Refused: {counted.quota.calls} calls in {span} s are this account's quota."
                raise Refusal(429, "RESOURCE_EXHAUSTED", what, retry_after_seconds=seconds)
            counted.recent.append(now)
        counted.made += 1
