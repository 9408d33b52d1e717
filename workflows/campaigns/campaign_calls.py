"""The calls of a live campaign as activities, each with its options and the line that the Web UI shows beside it.

When each is made is decided in campaign_life.py. Touch this to give a call other options, or to tell otherwise which
failures are an outage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    TimeoutError,
    TimeoutType,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.compute.decisions import Decisions
    from activities.live.campaigns import Campaigns
    from activities.live.observations import Observations
    from activities.live.turns import Turns
    from activities.records.campaign_reports import CampaignReports
    from activities.records.planning import Planning
    from gaelp.domain.spending.campaign_records import CampaignResult, DayReached
    from gaelp.domain.temporal_names import Queue
    from gaelp.messages.emergency_stop import StopAccount
    from gaelp.messages.live_campaign import (
        Applied,
        AppliedAndObserved,
        Apply,
        CampaignStart,
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
    from gaelp.messages.spending_phase import CampaignHint
    from workflows.activity_options import DECIDE, KEEP, OBSERVE, PAUSE_ONCE, RECORDS, SPEND, ActivityOptions, named
    from workflows.campaigns.campaign_needs import QUEUE_WITHOUT_TIME, CallFailed, OutOfReach
    from workflows.details import cause, innermost_cause, is_agents_own
    from workflows.pause_and_stop import signal_workflow
    from workflows.stopping import EmergencyStop

Result = TypeVar("Result")


class TemporalCalls:
    """The calls that campaign_life.py makes, in a workflow."""

    async def next_midnight(self, campaign: LiveCampaignInput) -> CampaignStart:
        """When a campaign on a real clock begins, and how long its days are."""
        asked = StartOf(context=campaign.context, days=campaign.order.plan.days, now=workflow.now())
        midnight = named(RECORDS, "the next midnight of the account")
        return await _outcome(workflow.execute_activity_method(Planning.start_of, asked, **midnight))

    async def launch(self, campaign: LiveCampaignInput, begin_within: timedelta) -> Launched:
        """Create the campaign paused."""
        create = named(_begun(SPEND, begin_within), f"create {campaign.order.plan.product} paused, read it back")
        launch = LaunchCampaign(campaign=campaign, at=campaign.at())
        return await _outcome(workflow.execute_activity_method(Campaigns.launch, launch, **create))

    async def observe(
        self, campaign: LiveCampaignInput, at: datetime, interrupted: Callable[[], bool]
    ) -> Observed | None:
        """Read the campaign's report."""
        read = named(_queued(OBSERVE, campaign), f"observe at {at:%Y-%m-%d %H:%M}")
        observing = workflow.start_activity_method(Observations.observe, Observe(campaign=campaign, at=at), **read)
        return await _outcome(observing) if await _done_before(interrupted, observing) else None

    async def decide(
        self, campaign: LiveCampaignInput, observation_digest: str, interrupted: Callable[[], bool]
    ) -> Decided | None:
        """Ask the agent."""
        ask = named(DECIDE, f"{campaign.order.plan.agent} decides")
        asked = Decide(campaign=campaign, observation_digest=observation_digest)
        deciding = workflow.start_activity_method(Decisions.decide, asked, **ask)
        return await _outcome(deciding, of_agent=True) if await _done_before(interrupted, deciding) else None

    async def apply(
        self, campaign: LiveCampaignInput, decided: Decided, at: datetime, begin_within: timedelta
    ) -> Applied:
        """Reserve the day and write the decision."""
        write = named(_begun(SPEND, begin_within), f"reserve, apply and read back at {at:%Y-%m-%d %H:%M}")
        apply = _applying(campaign, decided, at)
        return await _outcome(workflow.execute_activity_method(Campaigns.apply, apply, **write))

    async def apply_and_observe(
        self, campaign: LiveCampaignInput, decided: Decided, at: datetime, begin_within: timedelta
    ) -> AppliedAndObserved:
        """Reserve the day, write the decision, and observe and decide the next tick."""
        write = named(
            _begun(SPEND, begin_within), f"reserve, apply and read back at {at:%Y-%m-%d %H:%M}; the next tick"
        )
        apply = _applying(campaign, decided, at)
        return await _outcome(workflow.execute_activity_method(Turns.apply_and_observe, apply, **write))

    async def pause_and_settle(self, campaign: LiveCampaignInput, at: datetime, reason: str, *, final: bool) -> Paused:
        """Pause on the platform and settle what is known."""
        pause = PauseAndSettle(campaign=campaign, at=at, reason=reason, final=final)
        options = named(_queued(PAUSE_ONCE, campaign), "settle" if final else f"pause: {reason}")
        return await _outcome(workflow.execute_activity_method(Campaigns.pause_and_settle, pause, **options))

    async def stop_account(self, campaign: LiveCampaignInput, reason: str) -> None:
        """Start the emergency stop of the campaign's account; it goes on whatever becomes of the campaign."""
        account = campaign.context.account
        try:
            await workflow.start_child_workflow(
                EmergencyStop.run,
                StopAccount(account=account, reason=reason, by=campaign.name, at=workflow.now()),
                id=f"{campaign.name}/stop",
                task_queue=Queue.STOP,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"stop {account}",
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("the stop of %s is under way already", account)

    async def report_reached(self, campaign: LiveCampaignInput, reached: DayReached) -> bool:
        """Into the ledger, and a signal to look at the campaign; False where the phase is gone."""
        keep = named(KEEP, f"report the end of day {reached.day}")
        await workflow.execute_activity_method(CampaignReports.keep_reached, reached, **keep)
        return await signal_workflow(campaign.order.phase_workflow, "reached", CampaignHint(campaign=reached.campaign))

    async def report_standing(self, campaign: LiveCampaignInput) -> None:
        """By the signal that has the phase look at it."""
        await signal_workflow(campaign.order.phase_workflow, "reached", CampaignHint(campaign=campaign.name))

    async def report_settled(self, campaign: LiveCampaignInput, result: CampaignResult) -> None:
        """Into the ledger, and by a signal: the phase may have continued as new since it started the campaign."""
        keep = named(KEEP, "report how it ended")
        await workflow.execute_activity_method(CampaignReports.keep_result, result, **keep)
        await signal_workflow(campaign.order.phase_workflow, "settled", CampaignHint(campaign=result.campaign))


def _applying(campaign: LiveCampaignInput, decided: Decided, at: datetime) -> Apply:
    return Apply(
        campaign=campaign, decision_digest=decided.decision_digest, memory_digest=decided.memory_digest, at=at
    )  # fmt: skip


def _begun(options: ActivityOptions, within: timedelta) -> ActivityOptions:
    return {**options, "schedule_to_start_timeout": within}


def _queued(options: ActivityOptions, campaign: LiveCampaignInput) -> ActivityOptions:
    """Where no time passes all campaigns ask at once, and a long queue is no outage."""
    return options if campaign.order.time_scale > 0 else _begun(options, QUEUE_WITHOUT_TIME)


async def _done_before(interrupted: Callable[[], bool], activity: asyncio.Task[Any]) -> bool:
    """Wait for an activity that may be dropped: a pause or a stop does not wait for a slow agent."""
    await workflow.wait_condition(lambda: activity.done() or interrupted())
    if activity.done():
        return True
    activity.cancel()
    return False


async def _outcome(call: Awaitable[Result], *, of_agent: bool = False) -> Result:
    """The call's result, or its failure as campaign_life.py tells them apart."""
    try:
        return await call
    except ActivityError as error:
        raise told_apart(error, of_agent=of_agent) from error


def told_apart(error: ActivityError, *, of_agent: bool) -> BaseException:
    """An outage is what a retry can mend: a retryable failure, or a worker that did not answer.

    Where the agent was asked, what it failed at in every attempt is its own, and so is a call that hung. A call that no
    worker took is not, nor is what could not be given to it, such as a checkpoint that is not in the store.
    """
    if is_cancelled_exception(error):
        return asyncio.CancelledError()
    inner, own = innermost_cause(error), is_agents_own(error)
    if isinstance(inner, TimeoutError):
        own = of_agent and inner.type not in (TimeoutType.SCHEDULE_TO_START, TimeoutType.SCHEDULE_TO_CLOSE)
        if not own:
            return OutOfReach(f"no worker has answered ({cause(error)})")
    elif isinstance(inner, ApplicationError) and not inner.non_retryable and not own:
        return OutOfReach(cause(error), inner.next_retry_delay)
    return CallFailed(cause(error), agents_own=own)
