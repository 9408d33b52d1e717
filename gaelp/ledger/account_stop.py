"""The emergency stop of one account. Touch this with the runbook in hand: it must work when little else does.

Order: fence + 1 -> pause all -> read back -> wait until older claims are resolved or their calls must have ended ->
read back again; only then "stopped". The platform may err, time out or lie, and the ledger may be gone: whatever
happens, everything that can be paused is paused, and the report says what is not certain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gaelp.domain.platform_records import CampaignState
from gaelp.domain.spending.ledger_records import Claim
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


@dataclass
class _Stop:
    ledger: HoldsFence | None
    platform: StopsCampaigns
    account: str
    reason: str
    by: str
    now: Callable[[], datetime]
    wait: Callable[[float], None]
    rounds: int
    pause_between: float
    fence: int | None = None
    paused: dict[str, str] = field(default_factory=dict)  # platform id -> external name, seen enabled and then not
    enabled: dict[str, str] = field(default_factory=dict)  # as last read
    unread: str = ""  # why the last reading failed
    unfenced: str = ""  # why the fence is not raised
    troubles: list[str] = field(default_factory=list)


def stop_account(
    ledger: HoldsFence | None,
    platform: StopsCampaigns,
    account: str,
    reason: str,
    by: str,
    now: Callable[[], datetime],
    wait: Callable[[float], None],
    *,
    client_timeout_seconds: float = 10.0,
    rounds: int = 6,
    seconds_between_rounds: float = 0.5,
) -> StopReport:
    """Stop an account and report what is certain; raises nothing that a platform or the ledger raises.

    `ledger` is None where it could not be opened. `now` and `wait` are a wall clock and its sleep, in seconds.
    `client_timeout_seconds` is the longest that a call made before the stop can still be under way.
    """
    started = now()
    stop = _Stop(ledger, platform, account, reason, by, now, wait, rounds, seconds_between_rounds)
    _raise_fence(stop)
    quiet = _pause_until_quiet(stop)
    if stop.fence is None:
        _raise_fence(stop)  # the pauses could not wait for it; now we can
        quiet = _pause_until_quiet(stop)
    open_claims = _await_claims(stop, client_timeout_seconds)
    # What a late call enabled is paused here, and the account is read once more: one quiet reading can be a lie.
    wait(seconds_between_rounds)
    confirmed = _pause_until_quiet(stop)
    if confirmed and not quiet:
        wait(seconds_between_rounds)
        confirmed = _pause_until_quiet(stop)
    return StopReport(
        account=account,
        stopped=confirmed and stop.fence is not None,
        fence=stop.fence if stop.fence is not None else -1,
        paused=tuple(sorted(stop.paused.values())),
        still_enabled=tuple(sorted(stop.enabled.values())),
        unresolved_claims=open_claims,
        seconds=(now() - started).total_seconds(),
        reason=_explain(stop, confirmed),
    )


def _raise_fence(stop: _Stop) -> None:
    if stop.ledger is None:
        stop.unfenced = "the fence could not be raised: the ledger could not be opened"
        return
    try:
        stop.fence = stop.ledger.raise_fence(stop.account, stop.reason, stop.by, stop.now())
        stop.unfenced = ""
    except Exception as error:  # a ledger that fails in whatever way must not keep us from pausing
        stop.unfenced = f"the fence could not be raised: {error}"


def _pause_until_quiet(stop: _Stop) -> bool:
    """Pause whatever is enabled until a reading shows nothing enabled; False when the rounds are used up."""
    for attempt in range(stop.rounds):
        if attempt:
            stop.wait(stop.pause_between)
        if _read(stop) and not stop.enabled:
            return True
        for platform_id in stop.enabled:
            _pause(stop, platform_id)
    return _read(stop) and not stop.enabled


def _read(stop: _Stop) -> bool:
    try:
        found: Sequence[CampaignState] = stop.platform.campaigns(stop.account)
    except Exception as error:  # whatever a misbehaving platform's client raises, the stop goes on
        stop.unread = f"the platform cannot be read: {error}"
        return False
    before = stop.enabled
    stop.unread = ""
    stop.enabled = {c.platform_id: c.external_name for c in found if c.enabled}
    stop.paused.update({i: name for i, name in before.items() if i not in stop.enabled})
    stop.paused = {i: name for i, name in stop.paused.items() if i not in stop.enabled}
    return True


def _pause(stop: _Stop, platform_id: str) -> None:
    try:
        stop.platform.pause(stop.account, platform_id, None)
    except Exception as error:  # the next reading tells whether it took effect
        trouble = f"pausing {stop.enabled[platform_id]} failed: {error}"
        if trouble not in stop.troubles:
            stop.troubles.append(trouble)


def _await_claims(stop: _Stop, timeout: float) -> tuple[str, ...]:
    """Wait for calls that were claimed under an older fence; returns the keys whose outcome stays unknown.

    Ages are not taken from the claims: their instants are campaign time. Whoever holds an older claim began its call
    before the fence rose, so `timeout` from now every such call has ended.
    """
    poll = min(0.25, max(timeout / 4, 0.01))
    begun = stop.now()
    keys = _older_claims(stop)
    for _ in range(int(timeout / poll) + 1):
        if keys == () or (stop.now() - begun).total_seconds() >= timeout:
            break
        stop.wait(poll)
        keys = _older_claims(stop)
    return keys or ()


def _older_claims(stop: _Stop) -> tuple[str, ...] | None:
    if stop.ledger is None:
        return None  # unknown: wait the whole time
    try:
        found = stop.ledger.unresolved_claims(stop.account)
    except Exception:  # unknown too
        return None
    return tuple(c.key for c in found if c.intent != "pause" and (stop.fence is None or (c.fence or 0) < stop.fence))


def _explain(stop: _Stop, confirmed: bool) -> str:
    if confirmed and stop.fence is not None:
        return f"{stop.reason}: everything is paused, read back twice"
    parts = [text for text in (stop.unfenced, stop.unread) if text]
    if stop.enabled:
        parts.append(f"still enabled: {', '.join(sorted(stop.enabled.values()))}; pause them in the platform itself")
    elif confirmed:
        parts.append("everything read back as paused, but old approvals still stand: repair the ledger and stop again")
    return "; ".join([*parts, *stop.troubles])
