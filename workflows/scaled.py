"""Scaled deployment: campaigns and their controls at the same time, a budget decision between periods.

Touch this to change when budgets are decided; how they move is decided in gaelp/domain/spending/budget_scaling.py.
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.records.campaign_reports import CampaignReports
    from activities.records.planning import Planning
    from gaelp.messages.phase import PhaseInput, PhaseResult
    from gaelp.messages.spending_phase import LetProceed, PhasePlan, ScaleBudgets
    from workflows.activity_options import RECORDS, named
    from workflows.campaigns.campaign_children import MOST_AT_ONCE
    from workflows.pause_and_stop import check_cancelled
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

    async def run_campaigns(self, plan: PhasePlan) -> str:
        """Start all, then period by period until every campaign has settled."""
        while left := plan.campaigns - self.state.next_campaign:
            await self.wait_while_paused()
            if self.state.stopped:
                break
            await self.renew()
            await self.children.start(self.phase, min(left, MOST_AT_ONCE))
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
        reached = self.state.reached
        return all(reached.get(number, -1) >= day for number in self.children.unsettled())

    async def _move_budgets(self, plan: PhasePlan, day: int) -> None:
        decision = await workflow.execute_activity_method(
            Planning.scale_budgets,
            ScaleBudgets(context=self.phase.context, plan=plan, day=day, campaigns=tuple(self.children.unsettled())),
            **named(RECORDS, f"move budgets after day {day}"),
        )
        until = min(day + plan.period_days, plan.days)
        await workflow.execute_activity_method(
            CampaignReports.let_proceed,
            LetProceed(moves_digest=decision.moves_digest, until_day=until),
            **named(RECORDS, f"let the campaigns go on until day {until}"),
        )
        check_cancelled()
        self.update(period=self.state.period + 1, moves=(*self.state.moves, decision.moves_digest))
