"""Scaled deployment: campaigns and their controls at once, a budget decision between periods.

Touch this to change when the portfolio meets; how budgets move is decided in gaelp/domain/spending/budget_scaling.py.
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.records.planning import Planning
    from gaelp.domain.phases import Phase
    from gaelp.messages.phase import PhaseInput, PhaseResult
    from gaelp.messages.spending_phase import CampaignsProgress, Proceed, ScaleBudgets
    from workflows.holds import check_cancelled, tell_workflow
    from workflows.options import RECORDS, named
    from workflows.spending import SpendingPhase


@workflow.defn(name="ScaledDeployment")
class ScaledDeployment(SpendingPhase):
    """All campaigns meet at the end of each period; clocks are never compared."""

    phase = Phase.SCALED

    @workflow.init
    def __init__(self, phase: PhaseInput) -> None:
        super().__init__(phase)

    @workflow.run
    async def run(self, phase: PhaseInput) -> PhaseResult:
        """Approval, portfolio, gate."""
        return await self.conduct(phase)

    async def campaigns(self, phase: PhaseInput, progress: CampaignsProgress) -> tuple[CampaignsProgress, str]:
        """Start all, then period by period until every campaign has settled."""
        for campaign in progress.plan.campaigns[progress.next_campaign :]:
            await self.released()
            if self.stopped:
                break
            progress = await self.start_campaign(phase, progress, campaign)
        while not self.stopped:
            await self.renew(phase, progress)
            day = (progress.period + 1) * progress.plan.period_days
            await self.wait_for(lambda: self._all_at(day))  # noqa: B023 - awaited before day changes
            await self.released()
            if self.all_settled():
                break
            if not self.stopped:
                progress = await self._move_budgets(phase, progress, day)
        await self.wait_for(self.all_settled)
        self.forget_settled()
        return progress, self.stopped

    def _all_at(self, day: int) -> bool:
        return all(
            campaign in self._settled or (campaign in self._reached and self._reached[campaign].day >= day)
            for campaign in self.open
        )

    async def _move_budgets(self, phase: PhaseInput, progress: CampaignsProgress, day: int) -> CampaignsProgress:
        open_now = [c for c in self.open if c not in self._settled]
        decision = await workflow.execute_activity_method(
            Planning.scale_budgets,
            ScaleBudgets(
                run=phase.run,
                config_digest=phase.config_digest,
                account=phase.account,
                plan=progress.plan,
                reached=tuple(self._reached[c] for c in open_now),
                request_id=progress.request_id,
                period=progress.period,
            ),
            **named(RECORDS, f"move budgets after day {day}"),
        )
        until = min(day + progress.plan.period_days, max(c.days for c in progress.plan.campaigns))
        for move in decision.moves:
            proceed = Proceed(until_day=until, daily_budget_micros=move.after_micros)
            await tell_workflow(move.campaign, "proceed", proceed)
        check_cancelled()
        return progress.model_copy(update={"period": progress.period + 1, "moves": (*progress.moves, *decision.moves)})
