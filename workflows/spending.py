"""What the two spending phases share: starting and awaiting campaigns, winding down, finishing.

Touch this to change how a phase waits for its campaigns (approval.py waits for a person). It decides nothing: plans and
verdicts come from activities.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.live.campaigns import Campaigns
    from activities.records.assessment import Assessment
    from activities.records.planning import Planning
    from activities.records.recording import Records
    from gaelp.domain.phases import Outcome, Status
    from gaelp.domain.spending.campaign_records import CampaignPlan, CampaignResult, DayReached
    from gaelp.messages.live_campaign import CampaignInput, PauseAndSettle
    from gaelp.messages.phase import PhaseInput, PhaseResult
    from gaelp.messages.spending_phase import (
        AssessCampaigns,
        CampaignsProgress,
        CampaignsSummary,
        PlanCampaigns,
        RecordCampaigns,
    )
    from workflows.approval import Approval
    from workflows.campaign import LiveCampaign
    from workflows.holds import check_cancelled, tell_workflow
    from workflows.options import PAUSE, RECORDS, named
    from workflows.story import AWAITING, EXPERIMENT, PHASE, SPEND, STATUS, mark, tell

# A campaign that was cancelled pauses and settles by itself; this is how long its phase waits to hear of it.
WIND_DOWN = timedelta(hours=24)


class SpendingPhase(Approval):
    """Approval first, then campaigns, then the gate. Whatever ends it, campaigns are paused and settled before."""

    def __init__(self, phase: PhaseInput) -> None:
        super().__init__()
        self._settled: dict[str, CampaignResult] = {}
        self._reached: dict[str, DayReached] = {}
        self._started: dict[str, CampaignInput] = {}
        self._handles: dict[str, asyncio.Task[Any]] = {}
        if phase.campaigns is not None:
            self._take_up(phase.campaigns)

    # ------------------------------------------------------------ signals

    @workflow.signal(name="settled")
    def settled(self, result: CampaignResult) -> None:
        """A campaign has ended."""
        self._settled[result.campaign] = result

    @workflow.signal(name="reached")
    def reached(self, day: DayReached) -> None:
        """A campaign has used up the days it was authorised for."""
        self._reached[day.campaign] = day

    # ------------------------------------------------------------ order

    async def conduct(self, phase: PhaseInput) -> PhaseResult:
        """The whole phase; `campaigns` is the subclass's own part."""
        progress = phase.campaigns
        if progress is None:
            plan = await workflow.execute_activity_method(
                Planning.plan_campaigns,
                PlanCampaigns(
                    run=phase.run,
                    phase=self.phase,
                    config_digest=phase.config_digest,
                    market_digest=phase.market_digest,
                    account=phase.account,
                    agent=phase.agent,
                    checkpoint_digest=phase.checkpoint_digest or "",
                    now=workflow.now(),
                ),
                **named(RECORDS, "plan the campaigns and their exposure"),
            )
            progress = CampaignsProgress(plan=plan)
        answering = asyncio.create_task(self.answer(phase))
        try:
            if not progress.request_id:
                progress, refused = await self.ask(phase, progress)
                if refused:
                    return await self._finish(phase, progress, refused)
            progress, halted = await self.campaigns(phase, progress)
            return await self._finish(phase, progress, halted)
        except BaseException as error:
            if not isinstance(error, workflow.ContinueAsNewError):
                await asyncio.shield(self._wind_down(phase, progress, cancel=is_cancelled_exception(error)))
                if isinstance(error, Exception) and not isinstance(error, FailureError):
                    # Anything else would freeze the workflow at this task, and a stop could not get through.
                    raise ApplicationError(f"{type(error).__name__}: {error}") from error
            raise
        finally:
            answering.cancel()

    async def campaigns(self, phase: PhaseInput, progress: CampaignsProgress) -> tuple[CampaignsProgress, str]:
        """Run the planned campaigns; returns the progress and why it halted early, if it did."""
        raise NotImplementedError

    def _take_up(self, progress: CampaignsProgress) -> None:
        self.take_up_decisions(progress)
        self.open = list(progress.open)
        self.paused = progress.paused
        self.stopped = progress.stopped
        self._settled = {r.campaign: r for r in progress.settled}
        self._reached = {r.campaign: r for r in progress.reached}

    def carried(self, progress: CampaignsProgress) -> CampaignsProgress:
        """The progress with everything that signals brought."""
        return progress.model_copy(
            update={
                "decisions": self.answered,
                "open": tuple(self.open),
                "paused": self.paused,
                "stopped": self.stopped,
                "settled": tuple(self._settled.values()),
                "reached": tuple(self._reached.values()),
            }
        )

    async def renew(self, phase: PhaseInput, progress: CampaignsProgress) -> None:
        """Continue as new where history has grown; campaigns are abandoned children and live on."""
        if workflow.info().is_continue_as_new_suggested():
            await workflow.wait_condition(lambda: self.all_answered() and workflow.all_handlers_finished())
            self._continue(phase, progress)

    def _continue(self, phase: PhaseInput, progress: CampaignsProgress) -> NoReturn:
        workflow.continue_as_new(phase.model_copy(update={"campaigns": self.carried(progress)}))

    # ------------------------------------------------------------ campaigns

    async def start_campaign(
        self, phase: PhaseInput, progress: CampaignsProgress, campaign: CampaignPlan
    ) -> CampaignsProgress:
        """Start one child; it is abandoned, so that continue-as-new of this phase does not terminate it."""
        plan = progress.plan
        begin = CampaignInput(
            run=phase.run,
            phase=self.phase,
            phase_workflow=workflow.info().workflow_id,
            config_digest=phase.config_digest,
            market_digest=phase.market_digest,
            account=phase.account,
            checkpoint_digest=phase.checkpoint_digest or "",
            experiment=phase.experiment,
            plan=campaign,
            request_id=progress.request_id,
            start=campaign.start,
            tick_hours=plan.tick_hours,
            time_scale=phase.time_scale,
            maturing_hours=plan.maturing_hours,
            until_day=min(plan.period_days, campaign.days),
            daily_budget_micros=campaign.daily_budget_micros,
            paused=self.paused,
        )
        # Signals that come while it is being started must find it: it is open before it is running.
        self.open.append(campaign.campaign)
        self._started[campaign.campaign] = begin
        self._handles[campaign.campaign] = await workflow.start_child_workflow(
            LiveCampaign.run,
            begin,
            id=campaign.campaign,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"{campaign.arm}: {campaign.product} by {campaign.agent}",
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(EXPERIMENT, phase.experiment),
                    SearchAttributePair(PHASE, self.phase),
                    SearchAttributePair(STATUS, Status.RUNNING),
                    SearchAttributePair(SPEND, 0),
                    SearchAttributePair(AWAITING, False),
                ]
            ),
        )
        if self.stopped:
            await tell_workflow(campaign.campaign, "stop")
        elif self.paused != begin.paused:
            await tell_workflow(campaign.campaign, "pause" if self.paused else "resume")
        check_cancelled()
        return progress.model_copy(update={"next_campaign": campaign.index + 1})

    async def wait_for(self, reached: Callable[[], bool]) -> None:
        """Wait for the campaigns; ApplicationError where one was terminated and can tell nothing any more."""
        await workflow.wait_condition(lambda: reached() or bool(self._dead()))
        if dead := self._dead():
            raise ApplicationError(f"{', '.join(dead)} ended without telling how: terminated by a person?")

    def _dead(self) -> list[str]:
        return [c for c, handle in self._handles.items() if handle.done() and c not in self._settled]

    def all_settled(self) -> bool:
        """Whether every campaign that was started has ended."""
        return all(campaign in self._settled for campaign in self.open)

    def forget_settled(self) -> None:
        """Settled campaigns take no more signals."""
        self.open = [campaign for campaign in self.open if campaign not in self._settled]

    async def record_campaigns(self, phase: PhaseInput, step: str, request_id: str) -> CampaignsSummary:
        """Write the rows of all settled campaigns (once each) and show where the phase stands."""
        summary = await workflow.execute_activity_method(
            Records.record_campaigns,
            RecordCampaigns(
                run=phase.run,
                phase=self.phase,
                step=step,
                config_digest=phase.config_digest,
                account=phase.account,
                checkpoint_digest=phase.checkpoint_digest or "",
                request_id=request_id,
                campaigns=tuple(self._settled.values()),
                at=workflow.now(),
            ),
            **named(RECORDS, f"record {step}"),
        )
        mark(spend_micros=summary.spend_micros)
        tell(f"{summary.table}\n{self.refused()}")
        return summary

    async def _wind_down(self, phase: PhaseInput, progress: CampaignsProgress, *, cancel: bool) -> None:
        """Cancel every open campaign and wait until each has paused and settled."""
        self.forget_settled()
        tell("winding down: every campaign is paused and settled")
        for campaign in self._dead():
            self.open.remove(campaign)
            left = PauseAndSettle(
                campaign=self._started[campaign], at=self._started[campaign].start, reason="terminated", final=False
            )
            await workflow.execute_activity_method(
                Campaigns.pause_and_settle, left, **named(PAUSE, f"pause {campaign}, which was terminated")
            )
        for campaign in self.open:
            handle: workflow.ExternalWorkflowHandle[Any] = workflow.get_external_workflow_handle(campaign)
            try:
                await handle.cancel()
            except FailureError:
                workflow.logger.info("%s had ended before it was cancelled", campaign)
        if self.open:
            await workflow.wait_condition(self.all_settled, timeout=WIND_DOWN)
            await self.record_campaigns(phase, "wound-down", progress.request_id)
        tell("cancelled; every campaign is paused and settled" if cancel else "failed; every campaign is settled")

    # ------------------------------------------------------------ the end

    async def _finish(self, phase: PhaseInput, progress: CampaignsProgress, halted: str) -> PhaseResult:
        checkpoint = phase.checkpoint_digest or ""
        if not self._settled:
            early = Outcome.STOPPED if self.stopped else Outcome.NOT_GRADUATED
            tell(f"**{early}** {halted}")
            return PhaseResult(
                phase=self.phase,
                checkpoint_digest=checkpoint,
                evidence_digest="",
                gate=None,
                ended=early,
                reason=halted,
            )
        summary = await self.record_campaigns(phase, "end", progress.request_id)
        self.stopped = summary.stopped or self.stopped
        if self.stopped:
            # A stop is a person's, and says nothing about the agent: no gate judges what it cut off.
            tell(f"**{Outcome.STOPPED}** {self.stopped}\n\n{summary.table}")
            return PhaseResult(
                phase=self.phase,
                checkpoint_digest=checkpoint,
                evidence_digest="",
                gate=None,
                ended=Outcome.STOPPED,
                reason=self.stopped,
                spend_micros=summary.spend_micros,
                episodes=len(self._settled),
            )
        assessment = await workflow.execute_activity_method(
            Assessment.assess_campaigns,
            AssessCampaigns(
                run=phase.run,
                market_digest=phase.market_digest,
                phase=self.phase,
                config_digest=phase.config_digest,
                account=phase.account,
                agent=phase.agent,
                checkpoint_digest=checkpoint,
                campaigns=tuple(self._settled.values()),
                moves=progress.moves,
                stopped=halted,
            ),
            **named(RECORDS, "assess the campaigns"),
        )
        gate = assessment.gate
        ended: Outcome | None = None if gate.promote and not halted else Outcome.NOT_GRADUATED
        tell(f"**{gate.verdict}** {gate.reason}\n\n{summary.table}")
        return PhaseResult(
            phase=self.phase,
            checkpoint_digest=checkpoint,
            evidence_digest=gate.evidence_digest,
            gate=gate,
            ended=ended,
            reason=gate.reason,
            spend_micros=summary.spend_micros,
            episodes=len(self._settled),
        )
