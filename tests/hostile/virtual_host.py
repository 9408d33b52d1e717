"""The life of campaigns in one thread and on a virtual clock: whoever drives it decides who goes on, and when.

Touch this when a campaign's life needs one more thing of its host.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.messages.live_campaign import CampaignProgress, LiveCampaignInput
from workflows.campaigns.campaign_life import CampaignLife
from workflows.campaigns.campaign_needs import CampaignCalls
from workflows.campaigns.campaign_scene import CampaignScene


@dataclass
class VirtualClock:
    """The instant of now; only the driver moves it."""

    now: datetime


@dataclass
class Waiting:
    """Why a campaign does not go on by itself: until an instant, or until something is so."""

    wake: datetime | None
    ready: Callable[[], bool]


class Renewed(BaseException):
    """The campaign goes on in a new run, from its progress."""


@types.coroutine
def hand_over(waiting: Waiting | None) -> Generator[Waiting | None, None, None]:
    """Give the turn back to the driver; without a reason the campaign may go on at once."""
    yield waiting


@dataclass
class VirtualHost:
    """A virtual clock, and pages that are kept. `renews` says whether a new run begins where it may."""

    clock: VirtualClock
    renews: Callable[[], bool] = lambda: False
    cancelled: bool = False
    pages: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        return self.clock.now

    async def wait(self, time: timedelta, ready: Callable[[], bool], why: str) -> None:
        wake = self.clock.now + time
        while self.clock.now < wake and not ready():
            await hand_over(Waiting(wake, ready))

    async def wait_for(self, ready: Callable[[], bool]) -> None:
        while not ready():
            await hand_over(Waiting(None, ready))

    async def shielded(self, work: Coroutine[Any, Any, CampaignResult]) -> CampaignResult:
        return await work

    def check_cancelled(self) -> None:
        pass

    def renew_where_long(self, campaign: LiveCampaignInput) -> None:
        if self.renews():
            raise Renewed

    def show(self, text: str, spend_micros: int | None = None, *, paused: bool | None = None) -> None:
        if text:
            self.pages.append(text)


Calls = TypeVar("Calls", bound=CampaignCalls)


class DrivenCampaign(Generic[Calls]):
    """One campaign whose life goes on step by step."""

    def __init__(self, began: LiveCampaignInput, calls: Calls, host: VirtualHost) -> None:
        self.began, self.calls, self.host = began, calls, host
        self.state: CampaignProgress = began.progress
        self.result: CampaignResult | None = None
        self._waiting: Waiting | None = None
        self._begin()

    def update(self, **changes: Any) -> None:
        """Replace fields of the progress, as the workflow's holder does."""
        self.state = self.state.model_copy(update=changes)

    @property
    def campaign(self) -> LiveCampaignInput:
        """The campaign as it stands."""
        return self.began.model_copy(update={"progress": self.state})

    def _begin(self) -> None:
        self._waiting = None
        self.scene = CampaignScene(self.campaign, self, self.calls, self.host)
        self._running = CampaignLife(self.scene).run()

    def wakes(self) -> datetime | None:
        """When it goes on by itself; None where only a signal lets it go on, or where it has ended."""
        return self._waiting.wake if self._waiting is not None and self.result is None else None

    def can_go_on(self) -> bool:
        """Whether a step would do anything now."""
        if self.result is not None:
            return False
        waiting = self._waiting
        due = waiting is not None and waiting.wake is not None and waiting.wake <= self.host.clock.now
        return waiting is None or due or waiting.ready()

    def step(self) -> None:
        """To the next place where the turn is handed over."""
        try:
            self._waiting = self._running.send(None)
        except StopIteration as end:
            self.result = end.value
        except Renewed:
            self._begin()


def run_to_the_end(campaign: DrivenCampaign[Any], each_step: Callable[[], object] = lambda: None) -> CampaignResult:
    """Step by step, the clock moved on where nothing else can happen."""
    for _ in range(100_000):
        if campaign.result is not None:
            return campaign.result
        each_step()
        if campaign.can_go_on():
            campaign.step()
            continue
        wake = campaign.wakes()
        assert wake is not None, f"nothing will wake it: {campaign.host.pages[-3:]}"
        campaign.host.clock.now = wake
    raise AssertionError(f"it never ends: {campaign.host.pages[-3:]}")
