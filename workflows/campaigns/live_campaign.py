"""The workflow of one live campaign: its signals, and Temporal's timers and pages for its life.

The order of its life is in campaign_life.py. It owns its time, which is passed to every call.
Touch this when a campaign receives another signal or is shown otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from gaelp.domain.phases import Status
    from gaelp.domain.spending.campaign_records import CampaignEnded, CampaignResult
    from gaelp.messages.live_campaign import CampaignProgress, LiveCampaignInput
    from gaelp.messages.spending_phase import CampaignStanding, Proceed
    from workflows.campaigns.campaign_calls import TemporalCalls
    from workflows.campaigns.campaign_life import CampaignLife
    from workflows.campaigns.campaign_scene import CampaignScene
    from workflows.details import set_attributes, show_details
    from workflows.pause_and_stop import PauseAndStop, check_cancelled
    from workflows.signals import with_input

# Beyond this a campaign continues as new at the end of its day; a day of hourly ticks is about 600 events.
LONG_HISTORY = 400
# A search attribute costs the server as much as an activity: where no time passes, what was spent is shown once in so
# many readings, and at the end.
READINGS_SHOWN = 10


@workflow.defn(name="LiveCampaign")
class LiveCampaign(PauseAndStop[CampaignProgress]):
    """Holds the progress of one campaign; signals change it, and the life goes on from it."""

    @workflow.init
    def __init__(self, campaign: LiveCampaignInput) -> None:
        super().__init__(campaign.progress)
        self._host = TemporalHost(1 if campaign.order.time_scale > 0 else READINGS_SHOWN)
        self._scene = CampaignScene(campaign, self, TemporalCalls(), self._host)
        self._life = CampaignLife(self._scene)
        description = "from the phase: go on until this day with this budget"
        self.listen("proceed", description, with_input(Proceed, lambda proceed: self.update(proceed=proceed)))

    @workflow.query(name="standing", description="how far it is, as its phase asks")
    def standing(self) -> CampaignStanding:
        """The phase reads this where a signal told it to look."""
        return self._scene.standing()

    @workflow.run
    async def run(self, campaign: LiveCampaignInput) -> CampaignEnded:
        """The campaign's whole life; its days are reported to the ledger, where its phase reads them."""
        result = await self._life.run()
        self._host.show_spend()
        return result.in_short()


class TemporalHost:
    """Temporal's clock, timers and pages; what was spent is shown once in `readings` that it is read."""

    def __init__(self, readings: int) -> None:
        self._paused = False
        self._spend_micros = self._spend_shown = 0
        self._readings, self._unshown = readings, 0

    def now(self) -> datetime:
        """The workflow's clock."""
        return workflow.now()

    async def wait(self, time: timedelta, ready: Callable[[], bool], why: str) -> None:
        """A timer that `ready` ends early."""
        with suppress(TimeoutError):
            await workflow.wait_condition(ready, timeout=time, timeout_summary=why)

    async def wait_for(self, ready: Callable[[], bool]) -> None:
        """Wait until `ready`."""
        await workflow.wait_condition(ready)

    async def shielded(self, work: Coroutine[Any, Any, CampaignResult]) -> CampaignResult:
        """A cancellation does not break it off."""
        return await asyncio.shield(work)

    def check_cancelled(self) -> None:
        """Raise where the workflow was cancelled while it awaited an effect to its end."""
        check_cancelled()

    def renew_where_long(self, campaign: LiveCampaignInput) -> None:
        """Continue as new where history has grown."""
        info = workflow.info()
        if info.is_continue_as_new_suggested() or info.get_current_history_length() > LONG_HISTORY:
            workflow.continue_as_new(campaign)

    def show(self, text: str, spend_micros: int | None = None, *, paused: bool | None = None) -> None:
        """The current details, and the search attributes that changed."""
        if text:
            show_details(text)
        if paused is not None and paused != self._paused:
            self._paused = paused
            set_attributes(status=Status.PAUSED if paused else Status.RUNNING)
        if spend_micros is not None:
            self._spend_micros = spend_micros
            self._unshown += 1
            if self._unshown >= self._readings:
                self.show_spend()

    def show_spend(self) -> None:
        """Show what was spent as it was last read."""
        self._unshown = 0
        if self._spend_micros != self._spend_shown:
            self._spend_shown = self._spend_micros
            set_attributes(spend_micros=self._spend_micros)
