"""One campaign as its life sees it: progress, calls, host, and what was last read of it.

Touch this when the days of a campaign and its ending need one more thing in common.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import LONGEST_TEXT, CampaignResult
from gaelp.messages.live_campaign import CampaignProgress, Decided, LiveCampaignInput, Observed
from gaelp.messages.spending_phase import CampaignStanding
from workflows.campaigns.campaign_needs import (
    FIRST_WAIT,
    LONGEST_WAIT,
    CallFailed,
    CampaignCalls,
    CampaignHost,
    HoldsProgress,
    OutOfReach,
)

NOTHING_READ = (-1, None, None)


@dataclass
class CampaignScene:
    """What the days of a campaign and its ending share; `began` is the campaign as it was given to this run of it."""

    began: LiveCampaignInput
    holder: HoldsProgress
    calls: CampaignCalls
    host: CampaignHost
    days: tuple[DayReport, ...] = ()  # as last reported; every tick reads them anew, so they are not carried on
    result: CampaignResult | None = None  # once it has ended
    reported: bool = False  # the ledger has the result
    reached: int | None = None  # the day whose end it reports to the ledger, while it waits for more days
    # A tick, and what the call before it has observed and decided for it.
    read_ahead: tuple[int, Observed | None, Decided | None] = NOTHING_READ
    decided_ahead: Decided | None = None  # the decision that goes with the last look

    @property
    def state(self) -> CampaignProgress:
        """The progress of now: a signal may have changed it since an await."""
        return self.holder.state

    def update(self, **changes: Any) -> None:
        """Replace fields of the progress."""
        self.holder.update(**changes)

    @property
    def campaign(self) -> LiveCampaignInput:
        """The campaign as its calls are given it."""
        return self.began.model_copy(update={"progress": self.state})

    @property
    def real_time(self) -> bool:
        """Whether time passes between two ticks."""
        return self.began.order.time_scale > 0

    @property
    def may_deliver(self) -> bool:
        """Whether the campaign may be enabled on the platform by a write of ours."""
        return self.state.enabled or self.state.uncertain

    def days_left_after(self, ticks: int) -> bool:
        """Whether the authorised days go on so many ticks after the current one."""
        return self.campaign.ticks.day_index(self.state.tick + ticks) < self.state.until_day

    def stopped(self) -> bool:
        """Whether it must end."""
        return bool(self.state.stopped)

    def paused_because(self) -> str:
        """Why it must rest for now; empty where it may go on."""
        if self.state.paused:
            return "paused by a person"
        return "paused by monitoring" if self.state.held is not None and self.state.held.paused else ""

    def interrupted(self) -> bool:
        """Whether its turn must not go on."""
        return self.state.paused or self.stopped()

    def wall(self, campaign_hours: float) -> timedelta:
        """How long so many campaign hours take on the clock of the world."""
        return timedelta(hours=campaign_hours) * self.began.order.time_scale

    def halt(self, reason: str, *, outside: bool) -> None:
        """End the campaign's days early; `outside` where the reason is no doing of its agent."""
        self.update(halt=reason, interruption=reason if outside else self.state.interruption)

    async def look(self, at: datetime, interrupted: Callable[[], bool]) -> Observed | None:
        """Read the campaign; the platform may have billed more than was reserved, and then all of the account stops."""
        observed = self._taken_ahead() or await self.calls.observe(self.campaign, at, interrupted)
        if observed is None:
            return None
        self.days = observed.days
        if observed.held != self.state.held:
            self.update(held=observed.held)
        self.host.show("", observed.spend_micros)
        if observed.stop_account:
            await self.calls.stop_account(self.campaign, observed.halt)
        return observed

    async def watch(self, why: str, at: datetime, ends: datetime, dropped: Callable[[], bool]) -> Observed | None:
        """Read a campaign that must not be enabled, and again until `ends` while it is out of reach; None where unread.

        It is read once at least, and no more where `dropped` became true or trying again will not help.
        """
        wait = FIRST_WAIT / 2
        while True:
            try:
                observed = await self.look(at, dropped)
            except CallFailed as error:
                await self.wait_because(f"{why}; it cannot be watched: {error}")
                return None
            except OutOfReach as away:
                await self.wait_because(f"{why}; it cannot be watched: {away}")
                wait = next_wait(wait, away)
                left = max(ends - self.host.now(), timedelta(0))
                await self.host.wait(min(wait, left), dropped, f"until it is read again: {away}")
            else:
                await self.reached_again()
                return observed
            if dropped() or self.host.now() >= ends:
                return None
            self.host.check_cancelled()

    def _taken_ahead(self) -> Observed | None:
        """What was read for this very tick; once, so that a tick that is tried again is read anew."""
        (tick, observed, decided), self.read_ahead = self.read_ahead, NOTHING_READ
        fits = tick == self.state.tick and not self.interrupted()
        self.decided_ahead = decided if fits else None
        return observed if fits else None

    def standing(self) -> CampaignStanding:
        """How far the campaign is, as its phase asks where a signal told it to look."""
        return CampaignStanding(
            campaign=self.began.name,
            waits="" if self.result else self.state.waits[:LONGEST_TEXT],
            reached=None if self.result else self.reached,
            ended=self.result.in_short() if self.result and self.reported else None,
        )

    def show(self, text: str) -> None:
        """Show how the campaign stands, and how many ticks it has missed."""
        missed = self.state.missed_ticks
        self.host.show(f"{self.state.stage}: {text}{f'; {missed} ticks missed' if missed else ''}")

    async def wait_because(self, text: str) -> None:
        """Something is out of reach: show it, and have the phase show it too, with the instant since when."""
        self.show(text)
        if not self.state.waits:
            self.update(waits=f"{text} (since {self.host.now():%Y-%m-%d %H:%M} UTC)")
            await self.calls.report_standing(self.campaign)

    async def reached_again(self) -> None:
        """What was out of reach has answered."""
        if self.state.waits:
            self.update(waits="")
            await self.calls.report_standing(self.campaign)


def next_wait(last: timedelta, away: OutOfReach) -> timedelta:
    """The wait before the next try: twice the last one, or what the platform asks for; never above the longest."""
    return min(max(2 * last, away.asked_wait or timedelta(0)), LONGEST_WAIT)
