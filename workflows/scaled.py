"""Scaled deployment: campaigns and their controls at the same time, a budget decision between periods.

Touch this to change when budgets are decided; how they move is decided in gaelp/domain/spending/budget_scaling.py.
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.records.planning import Planning
    from gaelp.domain.spending.campaign_records import CampaignsPlan
    from gaelp.messages.phase import PhaseInput, PhaseResult
    from gaelp.messages.spending_phase import Proceed, ScaleBudgets
    from workflows.activity_options import RECORDS, named
    from workflows.pause_and_stop import check_cancelled, signal_workflow
    from workflows.spending import SpendingPhase


@workflow.defn(name="ScaledDeployment")
class ScaledDeployment(SpendingPhase):
    """Waits at the end of each period until every campaign has come to it; clocks are never compared."""

    @workflow.init
    def __init__(self, phase: PhaseInput) -> None:
        super().__init__(phase)

    @workflow.run
    async def run(self, phase: PhaseInput) -> PhaseResult:
        """Approval, campaigns, gate."""
        return await self.conduct()

    async def run_campaigns(self, plan: CampaignsPlan) -> str:
        """Start all, then period by period until every campaign has settled."""
        for campaign in plan.campaigns[self.state.next_campaign :]:
            await self.wait_while_paused()
            if self.state.stopped:
                break
            await self.children.start(self.phase, campaign)
        while not self.state.stopped:
            await self.renew()
            day = (self.state.period + 1) * plan.period_days
            await self.wait_for(lambda: self._all_have_reached(day))  # noqa: B023 - awaited before day changes
            await self.wait_while_paused()
            if self.children.all_settled():
                break
            if not self.state.stopped:
                await self._move_budgets(plan, day)
        await self.wait_for_all()
        return self.state.stopped

    def _all_have_reached(self, day: int) -> bool:
        settled, reached = self.state.settled, self.state.reached
        return all(name in settled or (name in reached and reached[name].day >= day) for name in self.state.open)

    async def _move_budgets(self, plan: CampaignsPlan, day: int) -> None:
        running = [name for name in self.state.open if name not in self.state.settled]
        decision = await workflow.execute_activity_method(
            Planning.scale_budgets,
            ScaleBudgets(
                context=self.phase.context, plan=plan, reached=tuple(self.state.reached[name] for name in running)
            ),
            **named(RECORDS, f"move budgets after day {day}"),
        )
        until = min(day + plan.period_days, max(campaign.days for campaign in plan.campaigns))
        for move in decision.moves:
            proceed = Proceed(until_day=until, daily_budget_micros=move.after_micros)
            await signal_workflow(move.campaign, "proceed", proceed)
        check_cancelled()
        self.update(period=self.state.period + 1, moves=(*self.state.moves, *decision.moves))
