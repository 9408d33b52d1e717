"""The calls that a live campaign makes, each with its options and the line that the Web UI shows beside it.

Touch this to give a call other options; when each is made is decided in live_campaign.py.
"""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.compute.decisions import Decisions
    from activities.live.campaigns import Campaigns
    from activities.live.observations import Observations
    from activities.records.planning import Planning
    from gaelp.domain.temporal_names import Queue
    from gaelp.messages.emergency_stop import StopAccount
    from gaelp.messages.live_campaign import (
        Applied,
        Apply,
        Decide,
        Decided,
        LaunchCampaign,
        Launched,
        LiveCampaignInput,
        Observe,
        Observed,
        PauseAndSettle,
        Paused,
        StartOf,
    )
    from workflows.activity_options import DECIDE, OBSERVE, PAUSE, RECORDS, SPEND, named
    from workflows.emergency_stop import EmergencyStop


async def next_midnight(campaign: LiveCampaignInput) -> datetime:
    """When a campaign on a real clock begins."""
    start = await workflow.execute_activity_method(
        Planning.start_of,
        StartOf(context=campaign.context, now=workflow.now()),
        **named(RECORDS, "the next midnight of the account"),
    )
    return start.start


async def launch(campaign: LiveCampaignInput) -> Launched:
    """Create the campaign paused."""
    return await workflow.execute_activity_method(
        Campaigns.launch,
        LaunchCampaign(campaign=campaign, at=campaign.at()),
        **named(SPEND, f"create {campaign.order.plan.product} paused, read it back"),
    )


def start_observing(campaign: LiveCampaignInput, at: datetime) -> workflow.ActivityHandle[Observed]:
    """Begin to read the campaign's report."""
    return workflow.start_activity_method(
        Observations.observe,
        Observe(campaign=campaign, at=at),
        **named(OBSERVE, f"observe at {at:%Y-%m-%d %H:%M}"),
    )


def start_deciding(campaign: LiveCampaignInput, observation_digest: str) -> workflow.ActivityHandle[Decided]:
    """Begin to ask the agent."""
    return workflow.start_activity_method(
        Decisions.decide,
        Decide(campaign=campaign, observation_digest=observation_digest),
        **named(DECIDE, f"{campaign.order.plan.agent} decides"),
    )


async def apply(campaign: LiveCampaignInput, decision_digest: str, at: datetime) -> Applied:
    """Reserve the day and write the decision."""
    return await workflow.execute_activity_method(
        Campaigns.apply,
        Apply(campaign=campaign, decision_digest=decision_digest, at=at),
        **named(SPEND, f"reserve, apply and read back at {at:%Y-%m-%d %H:%M}"),
    )


async def pause_and_settle(campaign: LiveCampaignInput, at: datetime, reason: str, *, final: bool) -> Paused:
    """Pause on the platform and settle what is known."""
    return await workflow.execute_activity_method(
        Campaigns.pause_and_settle,
        PauseAndSettle(campaign=campaign, at=at, reason=reason, final=final),
        **named(PAUSE, "settle" if final else f"pause: {reason}"),
    )


async def stop_account(campaign: LiveCampaignInput, reason: str) -> None:
    """Start the emergency stop of the campaign's account; it goes on whatever becomes of the campaign."""
    account = campaign.context.account
    await workflow.start_child_workflow(
        EmergencyStop.run,
        StopAccount(account=account, reason=reason, by=campaign.name, at=workflow.now()),
        id=f"{campaign.name}/stop",
        task_queue=Queue.STOP,
        parent_close_policy=workflow.ParentClosePolicy.ABANDON,
        static_summary=f"stop {account}",
    )
