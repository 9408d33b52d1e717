"""The campaigns that a spending phase has started as children: how they start, and how they are brought to their end.

Touch this to change what a phase does about a campaign that was terminated, or how all of them are ended together.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.live.campaigns import Campaigns
    from gaelp.domain.spending.campaign_records import CampaignPlan
    from gaelp.messages.live_campaign import CampaignOrder, CampaignProgress, LiveCampaignInput, PauseAndSettle
    from gaelp.messages.phase import PhaseInput
    from gaelp.messages.spending_phase import SpendingState
    from workflows.activity_options import PAUSE, named
    from workflows.campaigns.live_campaign import LiveCampaign
    from workflows.details import first_attributes
    from workflows.pause_and_stop import PauseAndStop, cancel_workflow, check_cancelled, signal_workflow

# A campaign that was cancelled pauses and settles by itself; this is how long its phase waits for that.
LONGEST_SETTLING = timedelta(hours=24)


class CampaignChildren:
    """Knows the campaigns that this run of the phase has started; how they ended stands in the phase's state."""

    def __init__(self, phase: PauseAndStop[SpendingState]) -> None:
        self._phase = phase
        self._started: dict[str, LiveCampaignInput] = {}
        self._handles: dict[str, asyncio.Task[Any]] = {}

    async def start(self, phase: PhaseInput, plan: CampaignPlan) -> None:
        """Start one campaign. It is abandoned, so that a phase that continues as new does not terminate it."""
        campaign = self._ordered(phase, plan)
        # It is open before it runs, so that signals that come while it is being started are sent to it.
        self._phase.update(open=(*self._phase.state.open, plan.campaign))
        self._started[plan.campaign] = campaign
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
                until_day=min(state.plan.period_days, campaign.days),
                daily_budget_micros=campaign.daily_budget_micros,
                paused=state.paused,
            ),
        )

    def terminated(self) -> list[str]:
        """Campaigns that ended without a signal, as only a terminated workflow does."""
        settled = self._phase.state.settled
        return [name for name, handle in self._handles.items() if handle.done() and name not in settled]

    async def pause_and_settle_all(self) -> None:
        """Cancel every open campaign and wait until each has paused and settled; terminated ones are paused here."""
        settled = self._phase.state.settled
        self._phase.update(open=tuple(name for name in self._phase.state.open if name not in settled))
        for name in self.terminated():
            self._phase.update(open=tuple(each for each in self._phase.state.open if each != name))
            campaign = self._started[name]
            await workflow.execute_activity_method(
                Campaigns.pause_and_settle,
                PauseAndSettle(campaign=campaign, at=campaign.progress.start, reason="terminated", final=False),
                **named(PAUSE, f"pause {name}, which was terminated"),
            )
        for name in self._phase.state.open:
            await cancel_workflow(name)
        if self._phase.state.open:
            await workflow.wait_condition(self.all_settled, timeout=LONGEST_SETTLING)

    def all_settled(self) -> bool:
        """Whether every open campaign has ended."""
        return all(name in self._phase.state.settled for name in self._phase.state.open)
