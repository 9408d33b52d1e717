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
    from activities.compute.decisions import Decisions
    from activities.live.campaigns import Campaigns
    from activities.live.observations import Observations
    from activities.records.planning import Planning
    from gaelp.domain.episodes import EpisodeState
    from gaelp.domain.ids import Queue
    from gaelp.domain.platform_records import DayReport
    from gaelp.domain.spending.campaign_records import CampaignResult, DayReached
    from gaelp.messages.emergency_stop import StopAccount
    from gaelp.messages.live_campaign import (
        Apply,
        CampaignInput,
        Decide,
        LaunchCampaign,
        Observe,
        PauseAndSettle,
        Paused,
        StartOf,
    )
    from gaelp.messages.spending_phase import Proceed
    from workflows.emergency_stop import EmergencyStop
    from workflows.holds import Holds, check_cancelled, tell_workflow
    from workflows.options import DECIDE, OBSERVE, PAUSE, RECORDS, SPEND, named
    from workflows.story import cause, mark, tell

# Beyond this a campaign continues as new at the end of its day; a day of hourly ticks is about 600 events.
LONG_HISTORY = 400


@workflow.defn(name="LiveCampaign")
class LiveCampaign(Holds):
    """Observe, decide, apply, until its authorised days are used up; then it asks its phase for more."""

    @workflow.init
    def __init__(self, campaign: CampaignInput) -> None:
        super().__init__()
        self._campaign = campaign
        self._proceed: Proceed | None = None
        self._days: tuple[DayReport, ...] = ()
        self._halt = ""
        self.paused = campaign.paused
        self._enabled = campaign.tick > 0  # by us, as far as we know; a paused campaign does not continue as new

    @workflow.signal(name="proceed", description="from the phase: go on until this day with this budget")
    def proceed(self, proceed: Proceed) -> None:
        """More days, a new budget."""
        self._proceed = proceed

    @workflow.run
    async def run(self, campaign: CampaignInput) -> CampaignResult:
        """Tells its phase how it ended, by signal, because its phase may have continued as new since."""
        try:
            await self._live()
            result = await self._mature()
        except BaseException as error:
            if isinstance(error, workflow.ContinueAsNewError):
                raise
            result = await asyncio.shield(self._abort(error))
            await asyncio.shield(self._tell_phase(result))
            if is_cancelled_exception(error):
                raise
            return result
        await self._tell_phase(result)
        return result

    # ------------------------------------------------------------ living

    async def _live(self) -> None:
        if self._campaign.state is EpisodeState.PLANNED:
            await self._launch()
        while not self._halt:
            while not self._halt and self._hours() < self._campaign.until_day * 24:
                await self._tick()
                self._renew()
            if self._halt or self._campaign.until_day >= self._campaign.plan.days:
                return
            await self._barrier()

    async def _launch(self) -> None:
        self._set(anchored_at=workflow.now(), state=EpisodeState.LAUNCHING)
        if self._campaign.time_scale > 0:
            # A person may have taken days to approve: on a real clock a campaign begins at the next midnight.
            start = await workflow.execute_activity_method(
                Planning.start_of,
                StartOf(config_digest=self._campaign.config_digest, account=self._campaign.account, now=workflow.now()),
                **named(RECORDS, "the next midnight of the account"),
            )
            self._set(start=start.start)
            await self._wait_until(start.start)
            self._set(anchored_at=workflow.now())
        if self.stopped:
            self._halt = self.stopped
            return
        launched = await workflow.execute_activity_method(
            Campaigns.launch,
            LaunchCampaign(campaign=self._campaign, at=self._at()),
            **named(SPEND, f"create {self._campaign.plan.product} paused, read it back"),
        )
        if not launched.launched:
            self._halt = launched.reason
            return
        self._set(platform_id=launched.platform_id, state=EpisodeState.RUNNING)
        check_cancelled()

    async def _tick(self) -> None:
        if self.paused and self._campaign.time_scale == 0:
            await self._pause("paused by a person")
            await self.released()
        if self.stopped:
            self._halt = self.stopped
        elif not self.paused and not await self._act():
            return  # a person paused or stopped in the middle: the tick begins again, or ends there
        if not self._halt:
            await self._wait_tick()
            self._set(tick=self._campaign.tick + 1)
            self._skip_missed()
        check_cancelled()

    async def _act(self) -> bool:
        """Observe, decide, apply; False where a pause or a stop came before anything was applied."""
        at = self._at()
        observing = workflow.start_activity_method(
            Observations.observe,
            Observe(campaign=self._campaign, at=at),
            **named(OBSERVE, f"observe at {at:%Y-%m-%d %H:%M}"),
        )
        if not await self._done_before_told(observing):
            return False
        observed = await observing
        self._days = observed.days
        self._set(spend_micros=observed.spend_micros)
        mark(spend_micros=observed.spend_micros)
        if self._enabled and not observed.enabled:
            self._halt = "it was paused on the platform, and not by us"
        self._halt = observed.halt or self._halt
        if observed.stop_account:
            await self._stop_account(observed.halt)
        if self._halt:
            return True
        deciding = workflow.start_activity_method(
            Decisions.decide,
            Decide(campaign=self._campaign, observation_digest=observed.observation_digest),
            **named(DECIDE, f"{self._campaign.plan.agent} decides"),
        )
        if not await self._done_before_told(deciding):
            return False
        decided = await deciding
        applied = await workflow.execute_activity_method(
            Campaigns.apply,
            Apply(campaign=self._campaign, decision_digest=decided.decision_digest, at=at),
            **named(SPEND, f"reserve, apply and read back at {at:%Y-%m-%d %H:%M}"),
        )
        self._enabled = applied.applied
        self._halt = applied.halt
        self._set(
            memory_digest=decided.memory_digest,
            planned_micros=applied.planned_micros,
            actions=applied.actions,
            near_misses=applied.near_misses,
        )
        tell(f"{self._campaign.state}: tick {self._campaign.tick}, {at:%Y-%m-%d %H:%M}")
        return True

    async def _done_before_told(self, activity: asyncio.Task[Any]) -> bool:
        """Wait for an activity that may be dropped: a pause or a stop does not wait for a slow agent."""
        await workflow.wait_condition(lambda: activity.done() or self.paused or bool(self.stopped))
        if activity.done():
            return True
        activity.cancel()
        return False

    async def _stop_account(self, reason: str) -> None:
        """The platform billed more than was reserved: everything of the account stops, not this campaign alone."""
        stop = StopAccount(
            account=self._campaign.account, reason=reason, by=self._campaign.plan.campaign, at=workflow.now()
        )
        await workflow.start_child_workflow(
            EmergencyStop.run,
            stop,
            id=f"{self._campaign.plan.campaign}/stop",
            task_queue=Queue.STOP,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"stop {self._campaign.account}",
        )

    def _renew(self) -> None:
        """At the end of a day, but not at a barrier: what the phase is told there must not be lost."""
        info = workflow.info()
        long = info.is_continue_as_new_suggested() or info.get_current_history_length() > LONG_HISTORY
        quiet = not (self._halt or self.paused or self.stopped)
        if quiet and long and self._hours() % 24 == 0 and self._hours() < self._campaign.until_day * 24:
            workflow.continue_as_new(self._campaign.model_copy(update={"paused": False}))

    async def _barrier(self) -> None:
        day = self._campaign.until_day
        if self._proceed is None or self._proceed.until_day <= day:
            reached = DayReached(
                campaign=self._campaign.plan.campaign,
                day=day,
                daily_budget_micros=self._campaign.daily_budget_micros,
                days=self._days,
            )
            if not await tell_workflow(self._campaign.phase_workflow, "reached", reached):
                self._halt = "its phase is gone, and nobody can let it go on"
                return
            check_cancelled()
            await workflow.wait_condition(
                lambda: bool(self.stopped) or (self._proceed is not None and self._proceed.until_day > day)
            )
        self._skip_missed()
        if self.stopped or self._proceed is None:
            self._halt = self.stopped
        elif self._proceed.daily_budget_micros == 0:
            self._halt = "its budget was cut to nothing"
        else:
            self._set(until_day=self._proceed.until_day, daily_budget_micros=self._proceed.daily_budget_micros)

    # ------------------------------------------------------------ time

    def _hours(self) -> int:
        return self._campaign.tick * self._campaign.tick_hours

    def _at(self, extra_hours: int = 0) -> datetime:
        return self._campaign.start + timedelta(hours=self._hours() + extra_hours)

    async def _wait_tick(self) -> None:
        if self._campaign.time_scale == 0:
            return
        span = timedelta(hours=self._hours() + self._campaign.tick_hours) * self._campaign.time_scale
        await self._wait_until((self._campaign.anchored_at or workflow.now()) + span)

    def _skip_missed(self) -> None:
        """On a real clock, ticks that passed during a pause or at a barrier are not caught up with."""
        anchor, scale = self._campaign.anchored_at, self._campaign.time_scale
        while scale > 0 and anchor is not None and self._hours() < self._campaign.until_day * 24:
            ends = anchor + timedelta(hours=self._hours() + self._campaign.tick_hours) * scale
            if ends > workflow.now():
                return
            self._set(tick=self._campaign.tick + 1)

    async def _wait_until(self, wake: datetime) -> None:
        """Wait, but pause on the platform the moment that a person pauses."""
        while not self.stopped and (left := wake - workflow.now()) > timedelta(0):
            if self.paused and self._enabled:
                await self._pause("paused by a person")
            try:
                await workflow.wait_condition(
                    lambda: bool(self.stopped) or (self.paused and self._enabled),
                    timeout=left,
                    timeout_summary=f"next tick at {wake:%Y-%m-%d %H:%M} UTC",
                )
            except TimeoutError:
                return

    # ------------------------------------------------------------ ending

    async def _pause(self, reason: str) -> None:
        await self._settle(self._at(), reason, final=False)
        self._enabled = False

    async def _settle(self, at: datetime, reason: str, *, final: bool) -> Paused:
        return await workflow.execute_activity_method(
            Campaigns.pause_and_settle,
            PauseAndSettle(campaign=self._campaign, at=at, reason=reason, final=final),
            **named(PAUSE, "settle" if final else f"pause: {reason}"),
        )

    async def _mature(self) -> CampaignResult:
        self._set(state=EpisodeState.MATURING)
        reason = self._halt or "its days are over"
        tell(f"{EpisodeState.MATURING}: {reason}")
        await self._pause(reason)
        hours = self._campaign.maturing_hours
        if self._campaign.time_scale > 0:
            await workflow.sleep(
                timedelta(hours=hours) * self._campaign.time_scale, summary="until the last clicks have matured"
            )
        settled = await self._settle(self._at(hours), reason, final=True)
        return self._result(EpisodeState.SETTLED, settled, self._halt)

    async def _abort(self, error: BaseException) -> CampaignResult:
        cancelled = is_cancelled_exception(error)
        state = EpisodeState.CANCELLED if cancelled else EpisodeState.FAILED
        reason = "cancelled" if cancelled else cause(error)
        tell(f"{state}: {reason}")
        try:
            return await self._pause_and_end(state, reason)
        except ActivityError as second:
            # The phase must hear of it all the same, or it would wait for ever; the stop and the lease remain.
            reason = f"{reason}; it could not be paused and settled: {cause(second)}"
            return self._result(EpisodeState.FAILED, Paused(enabled=True, days=self._days), reason)

    async def _pause_and_end(self, state: EpisodeState, reason: str) -> CampaignResult:
        await self._pause(reason)
        # Only a simulated clock may be moved on to see the last cost; on a real one open days stay reserved.
        hours = self._campaign.maturing_hours if self._campaign.time_scale == 0 else 0
        settled = await self._settle(self._at(hours), reason, final=True)
        return self._result(state, settled, reason)

    def _result(self, state: EpisodeState, settled: Paused, reason: str) -> CampaignResult:
        tell(f"{state}{': ' + reason if reason else ''}")
        mark(spend_micros=settled.spend_micros)
        return CampaignResult(
            campaign=self._campaign.plan.campaign,
            index=self._campaign.plan.index,
            product=self._campaign.plan.product,
            arm=self._campaign.plan.arm,
            state=state,
            days=settled.days,
            planned_micros=self._campaign.planned_micros,
            spend_micros=settled.spend_micros,
            actions=self._campaign.actions,
            near_misses=self._campaign.near_misses,
            reason=reason,
        )

    async def _tell_phase(self, result: CampaignResult) -> None:
        await tell_workflow(self._campaign.phase_workflow, "settled", result)

    def _set(self, **changes: object) -> None:
        self._campaign = self._campaign.model_copy(update=changes)
