"""One live campaign: launch, tick by tick, mature, settle. Touch this to change the order of a campaign's life.

It owns its time: `at = start + tick x tick_length`, passed to every agent, ledger and platform call. Whatever ends it
(the plan, a halt, a stop, a cancellation, a failure), the campaign is left paused and settled.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from gaelp.domain.episodes import EpisodeState
    from gaelp.domain.platform_records import DayReport
    from gaelp.domain.spending.campaign_records import CampaignResult, DayReached
    from gaelp.messages.live_campaign import CampaignProgress, Decided, LiveCampaignInput, Observed, Paused
    from gaelp.messages.spending_phase import CampaignHint, CampaignStanding, Proceed
    from workflows.campaigns import campaign_calls
    from workflows.details import cause, set_attributes, show_details
    from workflows.pause_and_stop import PauseAndStop, check_cancelled, signal_workflow
    from workflows.signals import with_input

# Beyond this a campaign continues as new at the end of its day; a day of hourly ticks is about 600 events.
LONG_HISTORY = 400


@workflow.defn(name="LiveCampaign")
class LiveCampaign(PauseAndStop[CampaignProgress]):
    """Observe, decide, apply, until its authorised days are used up; then it asks its phase for more."""

    @workflow.init
    def __init__(self, campaign: LiveCampaignInput) -> None:
        super().__init__(campaign.progress)
        self._context, self._order = campaign.context, campaign.order
        # As last reported. Every tick reads them anew, so they are not carried on.
        self._days: tuple[DayReport, ...] = ()
        self._ended: CampaignResult | None = None
        description = "from the phase: go on until this day with this budget"
        self.listen("proceed", description, with_input(Proceed, lambda proceed: self.update(proceed=proceed)))

    @property
    def _campaign(self) -> LiveCampaignInput:
        """The campaign as its activities and its continue-as-new are given it."""
        return LiveCampaignInput(context=self._context, order=self._order, progress=self.state)

    @workflow.query(name="standing", description="how far it is, as its phase asks")
    def standing(self) -> CampaignStanding:
        """The phase reads this where a signal told it to look."""
        name, day = self._order.plan.campaign, self._campaign.hours // 24
        budget = self.state.daily_budget_micros
        reached = DayReached(campaign=name, day=day, daily_budget_micros=budget, days=self._days)
        return CampaignStanding(campaign=name, reached=None if self._ended else reached, result=self._ended)

    @workflow.run
    async def run(self, campaign: LiveCampaignInput) -> CampaignResult:
        """Reports its result to its phase by a signal, because the phase may have continued as new since."""
        try:
            await self._run_days()
            result = await self._mature()
        except BaseException as error:
            if isinstance(error, workflow.ContinueAsNewError):
                raise
            result = await asyncio.shield(self._abort(error))
            await asyncio.shield(self._report_result(result))
            if is_cancelled_exception(error):
                raise
            return result
        await self._report_result(result)
        return result

    # ------------------------------------------------------------ the days

    async def _run_days(self) -> None:
        """From the launch to the end of the last authorised day, or to a halt."""
        if self.state.stage is EpisodeState.PLANNED:
            await self._launch()
        while not self.state.halt:
            while not self.state.halt and self._campaign.hours < self.state.until_day * 24:
                await self._tick()
                self._renew()
            if self.state.halt or self.state.until_day >= self._order.plan.days:
                return
            await self._ask_to_proceed()

    async def _launch(self) -> None:
        self.update(started_at=workflow.now(), stage=EpisodeState.LAUNCHING)
        if self._order.time_scale > 0:
            # A person may have taken days to approve: on a real clock a campaign begins at the next midnight.
            midnight = await campaign_calls.next_midnight(self._campaign)
            self.update(start=midnight)
            await self._wait_until(midnight)
            self.update(started_at=workflow.now())
        if self.state.stopped:
            self.update(halt=self.state.stopped)
            return
        launched = await campaign_calls.launch(self._campaign)
        if not launched.launched:
            self.update(halt=launched.reason)
            return
        self.update(stage=EpisodeState.RUNNING)
        check_cancelled()

    async def _tick(self) -> None:
        if self.state.paused and self._order.time_scale == 0:
            await self._pause("paused by a person")
            await self.wait_while_paused()
        if self.state.stopped:
            self.update(halt=self.state.stopped)
        elif not self.state.paused and not await self._observe_decide_apply():
            return  # a person paused or stopped in the middle: the tick begins again, or ends there
        if not self.state.halt:
            await self._wait_for_tick_end()
            self.update(tick=self.state.tick + 1)
            self._skip_missed_ticks()
        check_cancelled()

    async def _observe_decide_apply(self) -> bool:
        """One turn of the agent; False where a pause or a stop came before anything was applied."""
        at = self._campaign.at()
        observed = await self._observe(at)
        if observed is None:
            return False
        if self.state.halt:
            return True
        decided = await self._decide(observed.observation_digest)
        if decided is None:
            return False
        await self._apply(decided, at)
        return True

    async def _observe(self, at: datetime) -> Observed | None:
        observing = campaign_calls.start_observing(self._campaign, at)
        if not await self._done_before_interrupted(observing):
            return None
        observed = await observing
        self._days = observed.days
        set_attributes(spend_micros=observed.spend_micros)
        if self.state.enabled and not observed.enabled:
            self.update(halt="it was paused on the platform, and not by us")
        if observed.halt:
            self.update(halt=observed.halt)
        if observed.stop_account:
            # The platform billed more than was reserved: everything of the account stops, not this campaign alone.
            await campaign_calls.stop_account(self._campaign, observed.halt)
        return observed

    async def _decide(self, observation_digest: str) -> Decided | None:
        deciding = campaign_calls.start_deciding(self._campaign, observation_digest)
        return await deciding if await self._done_before_interrupted(deciding) else None

    async def _apply(self, decided: Decided, at: datetime) -> None:
        applied = await campaign_calls.apply(self._campaign, decided.decision_digest, at)
        self.update(
            enabled=applied.applied,
            halt=applied.halt,
            memory_digest=decided.memory_digest,
            planned_micros=applied.planned_micros,
            actions=applied.actions,
            near_misses=applied.near_misses,
        )
        show_details(f"{self.state.stage}: tick {self.state.tick}, {at:%Y-%m-%d %H:%M}")

    async def _done_before_interrupted(self, activity: asyncio.Task[Any]) -> bool:
        """Wait for an activity that may be dropped: a pause or a stop does not wait for a slow agent."""
        await workflow.wait_condition(lambda: activity.done() or self.state.paused or bool(self.state.stopped))
        if activity.done():
            return True
        activity.cancel()
        return False

    def _renew(self) -> None:
        """Continue as new at the end of a day, where nothing is under way that a new run would have to take up."""
        info, hours = workflow.info(), self._campaign.hours
        long = info.is_continue_as_new_suggested() or info.get_current_history_length() > LONG_HISTORY
        quiet = not (self.state.halt or self.state.paused or self.state.stopped)
        if quiet and long and hours % 24 == 0 and hours < self.state.until_day * 24:
            workflow.continue_as_new(self._campaign)

    async def _ask_to_proceed(self) -> None:
        """At the end of a period: signal the phase, and wait until it authorises more days."""
        day = self.state.until_day
        if self._authorised_after(day) is None:
            hint = CampaignHint(campaign=self._order.plan.campaign)
            if not await signal_workflow(self._order.phase_workflow, "reached", hint):
                self.update(halt="its phase is gone, and nobody can let it go on")
                return
            check_cancelled()
            await workflow.wait_condition(lambda: bool(self.state.stopped) or self._authorised_after(day) is not None)
        self._skip_missed_ticks()
        proceed = self._authorised_after(day)
        if self.state.stopped or proceed is None:
            self.update(halt=self.state.stopped)
        elif proceed.daily_budget_micros == 0:
            self.update(halt="its budget was cut to nothing")
        else:
            self.update(until_day=proceed.until_day, daily_budget_micros=proceed.daily_budget_micros)

    def _authorised_after(self, day: int) -> Proceed | None:
        """The phase's permission, where it reaches beyond this day."""
        proceed = self.state.proceed
        return proceed if proceed is not None and proceed.until_day > day else None

    # ------------------------------------------------------------ time

    async def _wait_for_tick_end(self) -> None:
        ends = self._campaign.tick_ends_at()
        if self._order.time_scale > 0 and ends is not None:
            await self._wait_until(ends)

    def _skip_missed_ticks(self) -> None:
        """On a real clock, ticks that passed during a pause or between two periods are not caught up with."""
        while self._order.time_scale > 0 and self._campaign.hours < self.state.until_day * 24:
            ends = self._campaign.tick_ends_at()
            if ends is None or ends > workflow.now():
                return
            self.update(tick=self.state.tick + 1)

    async def _wait_until(self, wake: datetime) -> None:
        """Wait, but pause on the platform the moment that a person pauses."""
        while not self.state.stopped and (left := wake - workflow.now()) > timedelta(0):
            if self.state.paused and self.state.enabled:
                await self._pause("paused by a person")
            try:
                await workflow.wait_condition(
                    lambda: bool(self.state.stopped) or (self.state.paused and self.state.enabled),
                    timeout=left,
                    timeout_summary=f"next tick at {wake:%Y-%m-%d %H:%M} UTC",
                )
            except TimeoutError:
                return

    # ------------------------------------------------------------ ending

    async def _pause(self, reason: str) -> None:
        await campaign_calls.pause_and_settle(self._campaign, self._campaign.at(), reason, final=False)
        self.update(enabled=False)

    async def _settle(self, extra_hours: int, reason: str) -> Paused:
        """Settle for good, at so many campaign hours after the last tick."""
        at = self._campaign.at(extra_hours)
        return await campaign_calls.pause_and_settle(self._campaign, at, reason, final=True)

    async def _mature(self) -> CampaignResult:
        self.update(stage=EpisodeState.MATURING)
        reason = self.state.halt or "its days are over"
        show_details(f"{self.state.stage}: {reason}")
        await self._pause(reason)
        hours = self._order.maturing_hours
        if self._order.time_scale > 0:
            await workflow.sleep(
                timedelta(hours=hours) * self._order.time_scale, summary="until the last clicks have matured"
            )
        settled = await self._settle(hours, reason)
        return self._result(EpisodeState.SETTLED, settled, self.state.halt)

    async def _abort(self, error: BaseException) -> CampaignResult:
        """Pause and settle a campaign that was cancelled or that failed."""
        cancelled = is_cancelled_exception(error)
        stage = EpisodeState.CANCELLED if cancelled else EpisodeState.FAILED
        reason = "cancelled" if cancelled else cause(error)
        show_details(f"{stage}: {reason}")
        try:
            await self._pause(reason)
            # Only a simulated clock may be moved on to see the last cost; on a real one open days stay reserved.
            hours = self._order.maturing_hours if self._order.time_scale == 0 else 0
            settled = await self._settle(hours, reason)
            return self._result(stage, settled, reason)
        except ActivityError as second:
            # The phase must get a result all the same, or it would wait for ever; the stop and the lease remain.
            reason = f"{reason}; it could not be paused and settled: {cause(second)}"
            return self._result(EpisodeState.FAILED, Paused(days=self._days), reason)

    def _result(self, stage: EpisodeState, settled: Paused, reason: str) -> CampaignResult:
        still_open = "" if settled.final else "\n\nsome days are not final yet and stay reserved"
        show_details(f"{stage}{': ' + reason if reason else ''}{still_open}")
        set_attributes(spend_micros=settled.spend_micros)
        plan = self._order.plan
        return CampaignResult(
            campaign=plan.campaign,
            index=plan.index,
            product=plan.product,
            arm=plan.arm,
            state=stage,
            days=settled.days,
            planned_micros=self.state.planned_micros,
            spend_micros=settled.spend_micros,
            actions=self.state.actions,
            near_misses=self.state.near_misses,
            reason=reason,
        )

    async def _report_result(self, result: CampaignResult) -> None:
        self._ended = result
        await signal_workflow(self._order.phase_workflow, "settled", CampaignHint(campaign=result.campaign))
