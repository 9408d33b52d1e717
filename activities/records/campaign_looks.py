"""RECORDS: looks how far the campaigns of a phase are, and which have ended, in Temporal's own record of them.

A signal is a hint to look, and anybody may send one. What is read here is the phase's own children: a workflow that
somebody starts under a campaign's id has no parent. Touch this when a phase must know one more thing of its campaigns.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from temporalio import activity

from activities.records.senders import parent_of
from gaelp.domain.temporal_names import WAITS
from gaelp.messages.spending_phase import CampaignsLook, CampaignStanding, LookAtCampaigns
from gaelp.messages.training_run import LookAtPhase, PhaseStanding

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowExecutionDescription, WorkflowHandle

# A campaign says that it has ended a moment before its workflow is closed.
CLOSING_SECONDS = 5.0
POLL_SECONDS = 0.05


class CampaignLooks:
    """Reads only; it asks Temporal, because only there nobody else can write how a workflow ended."""

    @activity.defn
    async def look_at_campaigns(self, look: LookAtCampaigns) -> CampaignsLook:
        """How far each campaign is; one that Temporal does not know yet is left out."""
        client = activity.client()
        standings = await asyncio.gather(
            *(_standing(client, name, look.phase_workflow, closing=name in look.closing) for name in look.campaigns)
        )
        return CampaignsLook(standings=tuple(standing for standing in standings if standing is not None))

    @activity.defn
    async def look_at_phase(self, look: LookAtPhase) -> PhaseStanding:
        """What the phase says that it waits for; nothing where it is closed, or is no child of that run."""
        described = await _described(activity.client().get_workflow_handle(look.phase_workflow), closing=False)
        if described is None or described.close_time is not None or parent_of(described) != look.run:
            return PhaseStanding()
        return PhaseStanding(waits=await described.memo_value(WAITS, ""))


async def _standing(client: Client, name: str, phase_workflow: str, *, closing: bool) -> CampaignStanding | None:
    from temporalio.client import WorkflowQueryFailedError

    handle: WorkflowHandle[object, object] = client.get_workflow_handle(name)
    described = await _described(handle, closing=closing)
    if described is None:
        return None
    closed = described.close_time is not None
    if parent_of(described) != phase_workflow:
        return CampaignStanding(campaign=name, closed=True)  # what runs under this id now is not the phase's child
    try:
        standing: CampaignStanding = await handle.query("standing", result_type=CampaignStanding)
    except WorkflowQueryFailedError:
        if closed:
            return CampaignStanding(campaign=name, closed=True)  # it left no result: terminated, or it failed
        raise
    return standing.model_copy(update={"closed": closed})


async def _described(handle: WorkflowHandle[object, object], *, closing: bool) -> WorkflowExecutionDescription | None:
    """The campaign's workflow; where it is about to close, a moment later. None where there is none of that id."""
    from temporalio.service import RPCError, RPCStatusCode

    polls = int(CLOSING_SECONDS / POLL_SECONDS) if closing else 0
    try:
        while (described := await handle.describe()).close_time is None and polls > 0:
            polls -= 1
            await asyncio.sleep(POLL_SECONDS)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return described
