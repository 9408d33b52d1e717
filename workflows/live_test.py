"""The small-budget live test: one campaign after another, a review between. Touch this to change their order."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.records.planning import Planning
    from gaelp.domain.phases import Phase
    from gaelp.messages.phase import PhaseInput, PhaseResult
    from gaelp.messages.spending_phase import CampaignsProgress, ReviewCampaigns
    from workflows.options import RECORDS, named
    from workflows.spending import SpendingPhase


@workflow.defn(name="LiveTest")
class LiveTest(SpendingPhase):
    """In the order fixed by the plan; what is learned between two campaigns may end the test."""

    phase = Phase.LIVE_TEST

    @workflow.init
    def __init__(self, phase: PhaseInput) -> None:
        super().__init__(phase)

    @workflow.run
    async def run(self, phase: PhaseInput) -> PhaseResult:
        """Approval, campaigns, gate."""
        return await self.conduct(phase)

    async def campaigns(self, phase: PhaseInput, progress: CampaignsProgress) -> tuple[CampaignsProgress, str]:
        """In the order fixed by the plan; a review before each may end the test."""
        while True:
            await self.wait_for(self.all_settled)
            self.forget_settled()
            if self._settled:
                await self.record_campaigns(phase, f"campaign-{progress.next_campaign:02d}", progress.request_id)
            review = await workflow.execute_activity_method(
                Planning.review_campaigns,
                ReviewCampaigns(
                    run=phase.run,
                    phase=self.phase,
                    config_digest=phase.config_digest,
                    campaigns=tuple(self._settled.values()),
                ),
                **named(RECORDS, "may the test go on?"),
            )
            if not review.go_on or self.stopped:
                return progress, review.reason or self.stopped
            if progress.next_campaign == len(progress.plan.campaigns):
                return progress, ""
            await self.released()
            await self.renew(phase, progress)
            if not self.stopped:
                campaign = progress.plan.campaigns[progress.next_campaign]
                progress = await self.start_campaign(phase, progress, campaign)
                await self.renew(phase, progress)
