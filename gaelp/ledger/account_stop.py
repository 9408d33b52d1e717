"""The emergency stop of one account. It must work when little else does.

The order is: raise the fence, pause all, read back, wait until older claims are resolved or their calls must have
ended, read back again; only then is the account "stopped". The platform may fail, hang or report what is not so, and
the ledger may be locked, hang or be out of reach: whatever happens, everything that can be paused is paused, and the
report names what is not certain. Touch this with docs/runbook.md in hand.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from gaelp.domain.spending.ledger_records import Claim
from gaelp.ledger.background_calls import answered, in_background
from gaelp.ledger.rules.claim_rules import claims_before_stop
from gaelp.ledger.stop_pauses import USUAL_PACE, StopPace, StopPauses, StopsCampaigns, listed
from gaelp.ledger.stored_records import CreatedCampaign
from gaelp.messages.emergency_stop import StopReport


class HoldsFence(Protocol):
    """What a stop needs of the ledger."""

    def raise_fence(self, account: str, reason: str, by: str, at: datetime) -> int: ...

    def stop_run(self, run: str, reason: str, by: str, at: datetime) -> int: ...

    def unresolved_claims(self, account: str) -> tuple[Claim, ...]: ...

    def created_campaigns(self, account: str, failed_too: bool) -> tuple[CreatedCampaign, ...]: ...

    def waiting_phases(self, account: str) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class StopOrder:
    """Which account is stopped, or which run on it, why, and by whom."""

    account: str
    reason: str
    by: str
    run: str = ""  # only this run: its own fence is raised, and everything else of the account goes on


@dataclass(frozen=True)
class WallClock:
    """The time that passes while an account is stopped: the instant of now, and a sleep of so many seconds."""

    now: Callable[[], datetime]
    wait: Callable[[float], None]


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
    stop = _Stop(ledger, platform, order, clock, pace)
    stop.begin_fence()
    stop.take_fence(pace.head_start_seconds)
    none_enabled = stop.pause_until_none_enabled()
    if stop.fence is None:
        stop.retry_fence()  # the pauses could not wait for it; now we can
        if stop.fence is not None:
            none_enabled = stop.pause_until_none_enabled()
    # Without the fence new calls may begin at any time, and waiting for the older ones would make nothing certain.
    open_claims = stop.await_claims() if stop.fence is not None else ()
    # What a late call enabled is paused here, and the account is read once more, because one reading can be wrong.
    clock.wait(pace.seconds_between_rounds)
    confirmed = stop.pause_until_none_enabled()
    if confirmed and not none_enabled:
        clock.wait(pace.seconds_between_rounds)
        confirmed = stop.pause_until_none_enabled()
    return stop.report(confirmed, open_claims)


class _Stop:
    """One stop under way, and what is known of the account so far."""

    def __init__(
        self,
        ledger: HoldsFence | None,
        platform: StopsCampaigns,
        order: StopOrder,
        clock: WallClock,
        pace: StopPace,
    ) -> None:
        self._ledger, self._order, self._clock, self._pace = ledger, order, clock, pace
        self._started = clock.now()
        self._raising: Future[int] | None = None
        self._fence_known = self._started  # when the fence was known to be raised; it rose before that
        self.fence: int | None = None
        self.fence_error = "the fence could not be raised: the ledger could not be opened"
        self._pauses = StopPauses(platform, order.account, pace, order.run, self._asked())

    def _asked(self) -> Future[tuple[CreatedCampaign, ...]] | None:
        """Which campaigns are ours, as the ledger will say."""
        if self._ledger is None:
            return None
        return in_background(partial(self._ledger.created_campaigns, self._order.account, True))

    # ------------------------------------------------------------ the fence

    def begin_fence(self) -> None:
        """Begin to raise the fence; whatever follows does not wait for it longer than `take_fence` says."""
        if self._ledger is not None:
            order = self._order
            of_account = partial(self._ledger.raise_fence, order.account)
            stop = partial(self._ledger.stop_run, order.run) if order.run else of_account
            self._raising = in_background(partial(stop, order.reason, order.by, self._clock.now()))

    def take_fence(self, seconds: float) -> None:
        """Note the fence, or why it is not raised, as far as that is known after so many seconds."""
        if self._raising is None:
            return
        if not answered(self._raising, seconds):
            waited = f"{self._pace.ledger_seconds:g} seconds"
            self.fence_error = f"the fence could not be raised: the ledger did not answer within {waited}"
        elif (error := self._raising.exception()) is not None:  # a ledger that fails must not keep us from pausing
            self.fence_error = f"the fence could not be raised: {error}"
        else:
            self.fence, self.fence_error = self._raising.result(), ""
            self._fence_known = self._clock.now()

    def retry_fence(self) -> None:
        """Wait for a fence that is on its way; begin anew where the ledger has refused."""
        if self._raising is not None and self._raising.done():
            self.begin_fence()
        if (known := self._pauses.known) is not None and known.done() and not self._pauses.knows_ours:
            self._pauses.known = self._asked()
        self.take_fence(max(self._pace.ledger_seconds - self._seconds(), self._pace.head_start_seconds))

    # ------------------------------------------------------------ the campaigns

    def pause_until_none_enabled(self) -> bool:
        """Pause whatever is enabled until a reading shows nothing enabled; False when rounds or time are used up."""
        began = self._seconds()
        for attempt in range(self._pace.rounds):
            if attempt:
                self._clock.wait(self._pace.seconds_between_rounds)
            if self._seconds() - began > self._pace.most_seconds:
                return False
            if self._pauses.round():
                return True
        return self._pauses.read()

    def await_claims(self) -> tuple[str, ...]:
        """Wait for calls that were claimed under an older fence; returns the keys whose outcome stays unknown.

        Ages are not taken from the claims: their instants are campaign time. Whoever has an older claim began its
        call before the fence rose, so when the client's timeout has passed since then every such call has ended; what
        was paused meanwhile has taken a part of it.
        """
        timeout = self._pace.client_timeout_seconds
        poll = min(0.25, max(timeout / 4, 0.01))
        keys = self._older_claims()
        for _ in range(int(timeout / poll) + 1):
            if keys == () or (self._clock.now() - self._fence_known).total_seconds() >= timeout:
                break
            self._clock.wait(poll)
            keys = self._older_claims()
        return keys or ()

    def _older_claims(self) -> tuple[str, ...] | None:
        if self._ledger is None:
            return None  # unknown: wait the whole time
        reading = in_background(partial(self._ledger.unresolved_claims, self._order.account))
        if not answered(reading, self._pace.ledger_seconds) or reading.exception() is not None:
            return None  # unknown too
        run = self._order.run
        if run:  # it has no numbered fence of its own, so every open claim of the run is older
            return claims_before_stop([claim for claim in reading.result() if claim.run == run], None)
        return claims_before_stop(reading.result(), self.fence)

    # ------------------------------------------------------------ the report

    def _seconds(self) -> float:
        return (self._clock.now() - self._started).total_seconds()

    def report(self, confirmed: bool, open_claims: tuple[str, ...]) -> StopReport:
        """What is certain; `confirmed`: the last reading showed nothing enabled."""
        pauses = self._pauses
        return StopReport(
            account=self._order.account,
            stopped=self._certain(confirmed),
            fence=self.fence if self.fence is not None else -1,
            paused=tuple(sorted(pauses.paused.values())),
            still_enabled=tuple(sorted(pauses.enabled.values())),
            pauses_sent=tuple(sorted(pauses.sent.values())),
            unresolved_claims=open_claims,
            waiting=self._waiting_phases(),
            seconds=self._seconds(),
            reason=self._sentence(confirmed),
        )

    def _waiting_phases(self) -> tuple[str, ...]:
        """Phases that can be told to ask anew; one that is not told finds out by itself, later."""
        if self._ledger is None or self.fence is None or self._order.run:
            return ()
        reading = in_background(partial(self._ledger.waiting_phases, self._order.account))
        if not answered(reading, self._pace.head_start_seconds) or reading.exception() is not None:
            return ()
        return reading.result()

    def _certain(self, confirmed: bool) -> bool:
        return confirmed and self.fence is not None and self._pauses.knows_ours

    def _sentence(self, confirmed: bool) -> str:
        if self._certain(confirmed):
            return f"{self._order.reason}: {self._pauses.read_back()}"
        pauses = self._pauses
        parts = [text for text in (self.fence_error, pauses.reading_error) if text]
        if pauses.reading_error and pauses.sent:
            parts.append(f"pauses were sent to {listed(pauses.sent.values())} and cannot be read back")
        if pauses.enabled:
            names = ", ".join(sorted(pauses.enabled.values()))
            parts.append(f"still enabled: {names}; pause them in the platform itself")
        if pauses.not_found:
            names = listed(pauses.not_found.values())
            parts.append(f"the platform does not list {names}, though we created it: look in the platform itself")
        elif confirmed and self.fence is not None:
            parts.append("the ledger did not say which campaigns are ours, and one that is not listed may go on")
        elif confirmed:
            parts.append(f"{pauses.read_back()}, but old approvals still stand: repair the ledger and stop again")
        return "; ".join([*parts, *pauses.failures()])
