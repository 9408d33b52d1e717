"""One live campaign: launch, tick by tick, mature, settle. Touch this to change the order of a campaign's life.

It owns its time: `at = start + tick x tick_length`, passed to every agent, ledger and platform call. Whatever ends it
(the plan, a halt, a stop, a cancellation, a failure), the campaign is left paused and settled.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.campaigns import Campaigns
    from activities.decisions import Decisions
    from activities.observations import Observations
    from gaelp.training.messages import (
        Apply,
        CampaignInput,
        CampaignResult,
        DayReached,
        DayReport,
        Decide,
        LaunchCampaign,
        Observe,
        PauseAndSettle,
        Paused,
        Proceed,
    )
    from gaelp.training.names import EpisodeState
    from workflows.holds import Holds, tell_workflow
    from workflows.options import COMPUTE, OBSERVE, PAUSE, SPEND, named
    from workflows.story import cause, mark, tell

# Beyond this a campaign continues as new at the end of its day; a day of hourly ticks is about 600 events.
LONG_HISTORY = 400


@workflow.defn(name="LiveCampaign")
class LiveCampaign(Holds):
    """Observe, decide, apply, until its authorised days are used up; then it asks its phase for more."""

    def __init__(self) -> None:
        super().__init__()
        self._proceed: Proceed | None = None
        self._days: tuple[DayReport, ...] = ()
        self._halt = ""
        self._enabled = False

    @workflow.signal(name="proceed", description="from the phase: go on until this day with this budget")
    def proceed(self, proceed: Proceed) -> None:
        """More days, a new budget."""
        self._proceed = proceed

    @workflow.run
    async def run(self, campaign: CampaignInput) -> CampaignResult:
        """Tells its phase how it ended, by signal, because its phase may have continued as new since."""
        self._campaign = campaign
        self.paused = self.paused or campaign.paused
        self._enabled = campaign.tick > 0
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
        if self._campaign.time_scale > 0 and self._campaign.start > workflow.now():
            await self._wait_until(self._campaign.start)
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

    async def _tick(self) -> None:
        if self.paused and self._campaign.time_scale == 0:
            await self._pause("paused by a person")
            await self.released()
        if self.stopped:
            self._halt = self.stopped
        elif not self.paused:
            await self._act()
        if not self._halt:
            await self._wait_tick()
            self._set(tick=self._campaign.tick + 1)

    async def _act(self) -> None:
        at = self._at()
        observed = await workflow.execute_activity_method(
            Observations.observe,
            Observe(campaign=self._campaign, at=at),
            **named(OBSERVE, f"observe at {at:%Y-%m-%d %H:%M}"),
        )
        self._days = observed.days
        self._set(spend_micros=observed.spend_micros)
        mark(spend_micros=observed.spend_micros)
        if observed.halt:
            self._halt = observed.halt
            return
        decided = await workflow.execute_activity_method(
            Decisions.decide,
            Decide(campaign=self._campaign, observation_digest=observed.observation_digest),
            **named(COMPUTE, f"{self._campaign.plan.agent} decides"),
        )
        self._set(memory_digest=decided.memory_digest)
        self._enabled = True
        applied = await workflow.execute_activity_method(
            Campaigns.apply,
            Apply(campaign=self._campaign, decision_digest=decided.decision_digest, at=at),
            **named(SPEND, f"reserve, apply and read back at {at:%Y-%m-%d %H:%M}"),
        )
        self._halt = applied.halt
        self._set(planned_micros=applied.planned_micros, actions=applied.actions, near_misses=applied.near_misses)
        tell(f"{self._campaign.state}: tick {self._campaign.tick}, {at:%Y-%m-%d %H:%M}")

    def _renew(self) -> None:
        info = workflow.info()
        long = info.is_continue_as_new_suggested() or info.get_current_history_length() > LONG_HISTORY
        if not self._halt and not self.paused and not self.stopped and long and self._hours() % 24 == 0:
            workflow.continue_as_new(self._campaign)

    async def _barrier(self) -> None:
        day = self._campaign.until_day
        if self._proceed is None or self._proceed.until_day <= day:
            reached = DayReached(
                campaign=self._campaign.plan.campaign,
                day=day,
                daily_budget_micros=self._campaign.daily_budget_micros,
                days=self._days,
            )
            await tell_workflow(self._campaign.phase_workflow, "reached", reached)
            await workflow.wait_condition(
                lambda: bool(self.stopped) or (self._proceed is not None and self._proceed.until_day > day)
            )
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
