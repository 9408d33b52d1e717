"""The emergency stop of one account. It must work when little else does.

The order is: raise the fence, pause all, read back, wait until older claims are resolved or their calls must have
ended, read back again; only then is the account "stopped". The platform may fail, hang or report what is not so, and
the ledger may be out of reach: whatever happens, everything that can be paused is paused, and the report names what is
not certain. Touch this with docs/runbook.md in hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gaelp.domain.platform_records import CampaignState
from gaelp.domain.spending.ledger_records import Claim
from gaelp.ledger.rules.claim_rules import claims_before_stop
from gaelp.messages.emergency_stop import StopReport


class StopsCampaigns(Protocol):
    """What a stop needs of a platform; gaelp.platforms adapters have it."""

    def campaigns(self, account: str) -> tuple[CampaignState, ...]: ...

    def pause(self, account: str, platform_id: str, at: datetime | None) -> None: ...


class HoldsFence(Protocol):
    """What a stop needs of the ledger."""

    def fence(self, account: str) -> int: ...

    def raise_fence(self, account: str, reason: str, by: str, at: datetime) -> int: ...

    def unresolved_claims(self, account: str) -> tuple[Claim, ...]: ...


@dataclass(frozen=True)
class StopOrder:
    """Which account is stopped, why, and by whom."""

    account: str
    reason: str
    by: str


@dataclass(frozen=True)
class WallClock:
    """The time that passes while an account is stopped: the instant of now, and a sleep of so many seconds."""

    now: Callable[[], datetime]
    wait: Callable[[float], None]


@dataclass(frozen=True)
class StopPace:
    """How often a stop tries, and how long it waits."""

    client_timeout_seconds: float = 10.0  # the longest that a call made before the stop can still be under way
    rounds: int = 6  # of pausing and reading back
    seconds_between_rounds: float = 0.5


USUAL_PACE = StopPace()


def stop_account(
    ledger: HoldsFence | None,
    platform: StopsCampaigns,
    order: StopOrder,
    clock: WallClock,
    pace: StopPace = USUAL_PACE,
) -> StopReport:
    """Stop an account and report what is certain; raises nothing that a platform or the ledger raises.

    `ledger` is None where it could not be opened.
    """
    started = clock.now()
    stop = _Stop(ledger, platform, order, clock, pace)
    stop.raise_fence()
    quiet = stop.pause_until_quiet()
    if stop.fence is None:
        stop.raise_fence()  # the pauses could not wait for it; now we can
        quiet = stop.pause_until_quiet()
    open_claims = stop.await_claims()
    # What a late call enabled is paused here, and the account is read once more: one quiet reading can be a lie.
    clock.wait(pace.seconds_between_rounds)
    confirmed = stop.pause_until_quiet()
    if confirmed and not quiet:
        clock.wait(pace.seconds_between_rounds)
        confirmed = stop.pause_until_quiet()
    return stop.report(confirmed, open_claims, (clock.now() - started).total_seconds())


@dataclass
class _Stop:
    """One stop under way, and what is known of the account so far."""

    ledger: HoldsFence | None
    platform: StopsCampaigns
    order: StopOrder
    clock: WallClock
    pace: StopPace
    fence: int | None = None
    paused: dict[str, str] = field(default_factory=dict)  # platform id -> external name, once enabled and then not
    enabled: dict[str, str] = field(default_factory=dict)  # as last read
    unread: str = ""  # why the last reading failed
    unfenced: str = ""  # why the fence is not raised
    troubles: list[str] = field(default_factory=list)

    def raise_fence(self) -> None:
        if self.ledger is None:
            self.unfenced = "the fence could not be raised: the ledger could not be opened"
            return
        try:
            order = self.order
            self.fence = self.ledger.raise_fence(order.account, order.reason, order.by, self.clock.now())
            self.unfenced = ""
        except Exception as error:  # a ledger that fails in whatever way must not keep us from pausing
            self.unfenced = f"the fence could not be raised: {error}"

    def pause_until_quiet(self) -> bool:
        """Pause whatever is enabled until a reading shows nothing enabled; False when the rounds are used up."""
        for attempt in range(self.pace.rounds):
            if attempt:
                self.clock.wait(self.pace.seconds_between_rounds)
            if self._read() and not self.enabled:
                return True
            for platform_id in self.enabled:
                self._pause(platform_id)
        return self._read() and not self.enabled

    def _read(self) -> bool:
        try:
            campaigns = self.platform.campaigns(self.order.account)
        except Exception as error:  # whatever a misbehaving platform's client raises, the stop goes on
            self.unread = f"the platform cannot be read: {error}"
            return False
        before = self.enabled
        self.unread = ""
        self.enabled = {c.platform_id: c.external_name for c in campaigns if c.enabled}
        self.paused.update({i: name for i, name in before.items() if i not in self.enabled})
        self.paused = {i: name for i, name in self.paused.items() if i not in self.enabled}
        return True

    def _pause(self, platform_id: str) -> None:
        try:
            self.platform.pause(self.order.account, platform_id, None)
        except Exception as error:  # the next reading shows whether it took effect
            trouble = f"pausing {self.enabled[platform_id]} failed: {error}"
            if trouble not in self.troubles:
                self.troubles.append(trouble)

    def await_claims(self) -> tuple[str, ...]:
        """Wait for calls that were claimed under an older fence; returns the keys whose outcome stays unknown.

        Ages are not taken from the claims: their instants are campaign time. Whoever has an older claim began its
        call before the fence rose, so after the client's timeout every such call has ended.
        """
        timeout = self.pace.client_timeout_seconds
        poll = min(0.25, max(timeout / 4, 0.01))
        began = self.clock.now()
        keys = self._older_claims()
        for _ in range(int(timeout / poll) + 1):
            if keys == () or (self.clock.now() - began).total_seconds() >= timeout:
                break
            self.clock.wait(poll)
            keys = self._older_claims()
        return keys or ()

    def _older_claims(self) -> tuple[str, ...] | None:
        if self.ledger is None:
            return None  # unknown: wait the whole time
        try:
            claims = self.ledger.unresolved_claims(self.order.account)
        except Exception:  # unknown too
            return None
        return claims_before_stop(claims, self.fence)

    def report(self, confirmed: bool, open_claims: tuple[str, ...], seconds: float) -> StopReport:
        """What is certain; `confirmed`: the last reading showed nothing enabled."""
        return StopReport(
            account=self.order.account,
            stopped=confirmed and self.fence is not None,
            fence=self.fence if self.fence is not None else -1,
            paused=tuple(sorted(self.paused.values())),
            still_enabled=tuple(sorted(self.enabled.values())),
            unresolved_claims=open_claims,
            seconds=seconds,
            reason=self._sentence(confirmed),
        )

    def _sentence(self, confirmed: bool) -> str:
        if confirmed and self.fence is not None:
            return f"{self.order.reason}: everything is paused, read back twice"
        parts = [text for text in (self.unfenced, self.unread) if text]
        if self.enabled:
            names = ", ".join(sorted(self.enabled.values()))
            parts.append(f"still enabled: {names}; pause them in the platform itself")
        elif confirmed:
            parts.append(
                "everything read back as paused, but old approvals still stand: repair the ledger and stop again"
            )
        return "; ".join([*parts, *self.troubles])
