"""The small-budget live test: one campaign after another, a review between. Touch this to change their order."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.records.planning import Planning
    from gaelp.messages.phase import PhaseInput, PhaseResult
    from gaelp.messages.spending_phase import PhasePlan, ReviewCampaigns
    from workflows.activity_options import RECORDS, named
    from workflows.spending import SpendingPhase


@workflow.defn(name="LiveTest")
class LiveTest(SpendingPhase):
    """Runs its campaigns in the order of the plan; what is learned between two of them may end the test."""

    @workflow.init
    def __init__(self, phase: PhaseInput) -> None:
        super().__init__(phase)

    @workflow.run
    async def run(self, phase: PhaseInput) -> PhaseResult:
        """Approval, campaigns, gate."""
        return await self.conduct()

    async def run_campaigns(self, plan: PhasePlan) -> str:
        """In the order of the plan; a review before each may end the test."""
        while True:
            await self.wait_for_all()
            if self.state.settled:
                await self.record_campaigns(f"campaign-{self.state.next_campaign:02d}")
            if self.state.interruption:
                return self.state.interruption
            review = await workflow.execute_activity_method(
                Planning.review_campaigns,
                ReviewCampaigns(context=self.phase.context),
                **named(RECORDS, "may the test go on?"),
            )
            if not review.go_on or self.state.stopped:
                return review.reason or self.state.stopped
            if self.state.next_campaign == plan.campaigns:
                return ""
            await self.wait_while_paused()
            await self.renew()
            if not self.state.stopped:
                await self.children.start(self.phase, 1)
                await self.renew()
