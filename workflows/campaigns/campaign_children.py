"""The campaigns that a spending phase has started as children: how they start, and how they are brought to their end.

Touch this to change what a phase does about a campaign that was terminated, or how all of them are ended together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.live.campaigns import Campaigns
    from activities.records.campaign_looks import CampaignLooks
    from gaelp.domain.spending.campaign_records import CampaignPlan
    from gaelp.messages.live_campaign import CampaignOrder, CampaignProgress, LiveCampaignInput, PauseAndSettle
    from gaelp.messages.phase import PhaseInput
    from gaelp.messages.spending_phase import CampaignHint, CampaignStanding, LookAtCampaigns, SpendingState
    from workflows.activity_options import PAUSE, RECORDS, named
    from workflows.campaigns.live_campaign import LiveCampaign
    from workflows.details import first_attributes
    from workflows.pause_and_stop import PauseAndStop, cancel_workflow, check_cancelled, signal_workflow
    from workflows.signals import InputRefused

# A campaign that was cancelled pauses and settles by itself; this is how long its phase waits for that.
LONGEST_SETTLING = timedelta(hours=24)
# Of campaigns that an earlier run of the phase started, Temporal does not tell it when they have ended.
LOOK_AGAIN = timedelta(minutes=10)
MOST_AT_ONCE = 20  # campaigns of one look, so that its result stays far below Temporal's limit of 2 MB


class CampaignChildren:
    """Knows the campaigns that this run of the phase has started; how they ended stands in the phase's state."""

    def __init__(self, phase: PauseAndStop[SpendingState], show_waits: Callable[[], Awaitable[None]]) -> None:
        self._phase = phase
        self._show_waits = show_waits
        self._handles: dict[str, asyncio.Task[Any]] = {}
        # To be looked at. Of the campaigns that an earlier run of the phase started, a signal may have been missed.
        self._hinted: tuple[str, ...] = phase.state.open
        self._closing: tuple[str, ...] = ()
        self.terminated: tuple[str, ...] = ()  # ended without a result, as only a terminated workflow does

    async def start(self, phase: PhaseInput, plan: CampaignPlan) -> None:
        """Start one campaign. It is abandoned, so that a phase that continues as new does not terminate it."""
        campaign = self._ordered(phase, plan)
        # It is open before it runs, so that signals that come while it is being started are sent to it.
        self._phase.update(open=(*self._phase.state.open, plan.campaign))
        self._handles[plan.campaign] = await workflow.start_child_workflow(
            LiveCampaign.run,
            campaign,
            id=plan.campaign,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"{plan.arm}: {plan.product} by {plan.agent}",
            search_attributes=first_attributes(phase.context.run, phase.context.phase),
        )
        if self._phase.state.stopped:
            await signal_workflow(plan.campaign, "stop")
        elif self._phase.state.paused != campaign.progress.paused:
            await signal_workflow(plan.campaign, "pause" if self._phase.state.paused else "resume")
        check_cancelled()
        self._phase.update(next_campaign=plan.index + 1)

    def _ordered(self, phase: PhaseInput, campaign: CampaignPlan) -> LiveCampaignInput:
        state = self._phase.state
        assert state.plan is not None, "campaigns start after the phase is planned"
        return LiveCampaignInput(
            context=phase.context,
            order=CampaignOrder(
                plan=campaign,
                phase_workflow=workflow.info().workflow_id,
                request_id=state.approval.request_id,
                tick_hours=state.plan.tick_hours,
                time_scale=phase.time_scale,
                maturing_hours=state.plan.maturing_hours,
            ),
            progress=CampaignProgress(
                start=campaign.start,
                day_minutes=campaign.day_minutes,
                until_day=min(state.plan.period_days, campaign.days),
                daily_budget_micros=campaign.daily_budget_micros,
                paused=state.paused,
            ),
        )

    # ------------------------------------------------------------ how far they are

    def hint(self, hint: CampaignHint) -> None:
        """A campaign, or somebody in its name, asks to be looked at."""
        if hint.campaign not in self._unsettled():
            raise InputRefused("it names no open campaign of this phase")
        self._hinted = tuple(dict.fromkeys((*self._hinted, hint.campaign)))

    def hint_ended(self, hint: CampaignHint) -> None:
        """The same of one that says that it has ended; of those that this run has started, Temporal tells it."""
        if hint.campaign not in self._handles:
            self.hint(hint)
            self._closing = tuple(dict.fromkeys((*self._closing, hint.campaign)))

    async def look_until(self, condition: Callable[[], bool]) -> None:
        """Look at the campaigns whenever there is reason to, until the condition holds."""
        while not condition():
            known = all(name in self._handles for name in self._unsettled())
            try:
                await workflow.wait_condition(
                    lambda: condition() or bool(self._to_look_at()),
                    timeout=None if known else LOOK_AGAIN,
                    timeout_summary="look again at campaigns that an earlier run of this phase started",
                )
            except TimeoutError:
                self._hinted = self._unsettled()
            await self._take_all(self._results())
            if not condition() and self._to_look_at():
                await self._look()

    def _unsettled(self) -> tuple[str, ...]:
        state = self._phase.state
        return tuple(name for name in state.open if name not in state.settled and name not in self.terminated)

    def _to_look_at(self) -> list[str]:
        ended = [name for name, handle in self._handles.items() if handle.done()]
        return [name for name in self._unsettled() if name in self._hinted or name in ended]

    def _results(self) -> list[CampaignStanding]:
        """Of those that this run has started Temporal gives it the results with their ends."""
        handles = {name: self._handles[name] for name in self._unsettled() if self._has_ended(name)}
        well = [name for name, handle in handles.items() if not handle.cancelled() and handle.exception() is None]
        return [CampaignStanding(campaign=name, closed=True, result=handles[name].result()) for name in well]

    async def _take_all(self, standings: Iterable[CampaignStanding]) -> None:
        before = self._phase.state.waits
        for standing in standings:
            self.take(standing)
        if self._phase.state.waits != before:
            await self._show_waits()

    async def _look(self) -> None:
        names = self._to_look_at()[:MOST_AT_ONCE]
        closing = tuple(name for name in names if name in self._closing or self._has_ended(name))
        self._hinted = tuple(name for name in self._hinted if name not in names)
        self._closing = tuple(name for name in self._closing if name not in names)
        look = await workflow.execute_activity_method(
            CampaignLooks.look_at_campaigns,
            LookAtCampaigns(phase_workflow=workflow.info().workflow_id, campaigns=tuple(names), closing=closing),
            **named(RECORDS, f"how far {len(names)} of the campaigns are"),
        )
        await self._take_all(look.standings)

    def _has_ended(self, name: str) -> bool:
        return name in self._handles and self._handles[name].done()

    def take(self, standing: CampaignStanding) -> None:
        """One that is closed and has a result is settled; one that is closed and has none was terminated."""
        name, state = standing.campaign, self._phase.state
        others = {each: text for each, text in state.waits.items() if each != name}
        self._phase.update(waits={**others, name: standing.waits} if standing.waits and not standing.closed else others)
        if standing.closed and standing.result is not None:
            self._phase.update(settled={**state.settled, name: standing.result})
        elif standing.closed:
            self.terminated = (*self.terminated, name)
        elif standing.reached is not None:
            self._phase.update(reached={**state.reached, name: standing.reached})

    # ------------------------------------------------------------ the end

    async def pause_and_settle_all(self, phase: PhaseInput) -> None:
        """Cancel every open campaign and wait until each has paused and settled; terminated ones are paused here."""
        for name in self._unsettled():
            await cancel_workflow(name)
        try:
            await asyncio.wait_for(self.look_until(lambda: not self._unsettled()), LONGEST_SETTLING.total_seconds())
        except TimeoutError:
            workflow.logger.warning("%s had not settled after a day", ", ".join(self._unsettled()))
        for name in self.terminated:
            await self._pause_terminated(phase, name)
        settled = self._phase.state.settled
        self._phase.update(open=tuple(name for name in self._phase.state.open if name in settled))

    async def _pause_terminated(self, phase: PhaseInput, name: str) -> None:
        planned = self._phase.state.plan.campaigns if self._phase.state.plan else ()
        campaign = self._ordered(phase, next(plan for plan in planned if plan.campaign == name))
        await workflow.execute_activity_method(
            Campaigns.pause_and_settle,
            PauseAndSettle(campaign=campaign, at=campaign.progress.start, reason="terminated", final=False),
            **named(PAUSE, f"pause {name}, which was terminated"),
        )

    def all_settled(self) -> bool:
        """Whether every open campaign has ended."""
        return all(name in self._phase.state.settled for name in self._phase.state.open)
