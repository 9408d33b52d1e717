"""A campaign that has said that it has ended, and whose workflow a busy server closes only later."""

from __future__ import annotations

import pytest
from temporalio import activity
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.spending.campaign_records import CampaignEnded
from gaelp.domain.temporal_names import Queue
from gaelp.messages.spending_phase import CampaignsLook, CampaignStanding, LookAtCampaigns
from gaelp.workflow_sandbox import workflow_sandbox
from tests.support.looking_phase import LookingPhase
from workflows.campaigns.campaign_children import LOOK_AGAIN, LOOK_SOON, LOOKS_SOON

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _look(environment: WorkflowEnvironment, closed_at: int) -> tuple[float, list[LookAtCampaigns]]:
    """How long the phase looked, and its looks; the campaign reads as closed from that look on."""
    looks: list[LookAtCampaigns] = []

    @activity.defn(name="look_at_campaigns")
    async def look_at_campaigns(look: LookAtCampaigns) -> CampaignsLook:
        looks.append(look)
        closed = len(looks) >= closed_at
        ended = CampaignEnded(state=EpisodeState.SETTLED) if closed else None
        return CampaignsLook(standings=(CampaignStanding(campaign=look.campaigns[0], closed=closed, ended=ended),))

    client = environment.client
    records = Worker(client, task_queue=Queue.RECORDS, activities=[look_at_campaigns])
    runner = workflow_sandbox(client.data_converter)
    phases = Worker(client, task_queue=Queue.WORKFLOWS, workflows=[LookingPhase], workflow_runner=runner)
    async with records, phases:
        seconds = await client.execute_workflow(LookingPhase.run, id=f"looking-{closed_at}", task_queue=Queue.WORKFLOWS)
    return seconds, looks


async def test_a_campaign_that_closes_late_is_looked_at_again_soon(environment: WorkflowEnvironment) -> None:
    """The third look finds it closed, after two short waits and not at the next ordinary look."""
    seconds, looks = await _look(environment, 3)
    assert len(looks) == 3 and all(look.closing == look.campaigns for look in looks)
    assert 2 * LOOK_SOON.total_seconds() <= seconds < LOOK_AGAIN.total_seconds() / 2


async def test_a_signal_of_an_end_that_never_comes_costs_a_few_looks(environment: WorkflowEnvironment) -> None:
    """Anybody can send it: after its looks the phase waits for the next ordinary one."""
    seconds, looks = await _look(environment, 1000)
    assert len(looks) == 1 + LOOKS_SOON and seconds >= LOOK_AGAIN.total_seconds() - 1
