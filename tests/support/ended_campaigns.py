"""A LiveCampaign whose ending is in the ledger already, for tests of a phase that has thousands.

It is a module of its own because the sandbox imports a workflow's module again.
"""

from __future__ import annotations

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from gaelp.domain.episodes import EpisodeState
    from gaelp.domain.spending.campaign_records import CampaignEnded
    from gaelp.messages.live_campaign import LiveCampaignInput
    from gaelp.messages.spending_phase import CampaignHint, CampaignStanding


@workflow.defn(name="LiveCampaign")
class EndedCampaign:
    """A campaign whose ending is in the ledger already: it says so and ends."""

    def __init__(self) -> None:
        self._name = ""

    @workflow.run
    async def run(self, campaign: LiveCampaignInput) -> CampaignEnded:
        """One signal, and the short result."""
        self._name = campaign.name
        phase: workflow.ExternalWorkflowHandle[Any] = workflow.get_external_workflow_handle(
            campaign.order.phase_workflow
        )
        await phase.signal("settled", CampaignHint(campaign=campaign.name))
        return CampaignEnded(state=EpisodeState.SETTLED)

    @workflow.query(name="standing")
    def standing(self) -> CampaignStanding:
        """As its phase asks it after it has ended."""
        return CampaignStanding(campaign=self._name, ended=CampaignEnded(state=EpisodeState.SETTLED))
