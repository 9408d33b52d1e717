"""What the two spending phases have in common: plan, approval, campaigns, gate, and an end that leaves nothing running.

Touch this to change that order. It decides nothing: plans and verdicts come from activities. How a person is asked is
in approval.py, how campaigns are started and ended is in campaigns/campaign_children.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.records.assessment import Assessment
    from activities.records.planning import Planning
    from activities.records.recording import Records
    from gaelp.domain.gates.verdicts import GateVerdict
    from gaelp.domain.phases import Outcome
    from gaelp.domain.spending.approval_requests import ApprovalDecision
    from gaelp.messages.phase import PhaseInput, PhaseResult
    from gaelp.messages.spending_phase import (
        AssessCampaigns,
        CampaignHint,
        CampaignsSummary,
        PhasePlan,
        PlanCampaigns,
        RecordCampaigns,
        SpendingState,
    )
    from workflows.activity_options import RECORDS, named
    from workflows.approval import Approval
    from workflows.campaigns.campaign_children import CampaignChildren
    from workflows.details import set_attributes, set_waits, show_details
    from workflows.pause_and_stop import PauseAndStop, ask_run_to_look
    from workflows.signals import with_input, without_input


# Beyond so many events the phase continues as new; Temporal suggests it at 4,096, and ends a workflow at 51,200.
LONG_HISTORY = 3000
NAMES_SHOWN = 5  # of campaigns that were terminated


class SpendingPhase(PauseAndStop[SpendingState]):
    """Approval first, then campaigns, then the gate. Whatever ends it, campaigns are paused and settled before."""

    def __init__(self, phase: PhaseInput) -> None:
        super().__init__(phase.spending or SpendingState())
        self.phase = phase
        self.approval = Approval(phase.context, self.state.approval)
        self.children = CampaignChildren(self, phase.context, self._show_waits)
        self._table = ""  # of the campaigns, as the page showed it last
        self._listen()

    def _listen(self) -> None:
        for decision in ApprovalDecision:
            description = f"a signed decision, as printed by `starter.py {decision} RUN --print`"
            self.listen(decision, description, partial(self.approval.receive, decision))
        self.listen("look", "is the request still open? it may be void", without_input(self.approval.look))
        self.listen("settled", "from a campaign: it has ended", with_input(CampaignHint, self.children.hint_ended))
        self.listen(
            "reached",
            "from a campaign: its days are used up, or what it waits for has changed",
            with_input(CampaignHint, self.children.hint),
        )

    # ------------------------------------------------------------ order

    async def conduct(self) -> PhaseResult:
        """The whole phase; `run_campaigns` is the subclass's own part."""
        plan = self.state.plan or await self._plan()
        checking = asyncio.create_task(self.approval.check_signals())
        try:
            halted = ""
            if not self.approval.state.request_id:
                halted = await self.approval.ask(plan, self)
                self.update(approval=self.approval.state)
            return await self._finish(halted or await self.run_campaigns(plan))
        except BaseException as error:
            if not isinstance(error, workflow.ContinueAsNewError):
                await asyncio.shield(self._settle_campaigns(cancelled=is_cancelled_exception(error)))
                if isinstance(error, Exception) and not isinstance(error, FailureError):
                    # Anything else would freeze the workflow at this task, and a stop could not get through.
                    raise ApplicationError(f"{type(error).__name__}: {error}") from error
            raise
        finally:
            checking.cancel()

    async def run_campaigns(self, plan: PhasePlan) -> str:
        """Run the planned campaigns; why they halted early, empty where they did not."""
        raise NotImplementedError

    async def _plan(self) -> PhasePlan:
        plan = await workflow.execute_activity_method(
            Planning.plan_campaigns,
            PlanCampaigns(context=self.phase.context, now=workflow.now()),
            **named(RECORDS, "plan the campaigns and their exposure"),
        )
        self.update(plan=plan)
        return plan

    async def renew(self) -> None:
        """Continue as new where history has grown; campaigns are abandoned children and live on."""
        if _history_is_long():
            await workflow.wait_condition(lambda: self.approval.all_checked() and workflow.all_handlers_finished())
            self.children.before_renewal()
            state = self.state.model_copy(update={"approval": self.approval.state})
            workflow.continue_as_new(self.phase.model_copy(update={"spending": state}))

    # ------------------------------------------------------------ campaigns

    async def forward_signal(self, signal: str) -> None:
        """Send a signal on to every campaign that has not ended."""
        await self.children.signal_all(signal)

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait for the campaigns; ApplicationError where one was terminated, because it has no result."""

        def over() -> bool:
            return condition() or bool(self.children.terminated)

        while not over():
            await self.children.look_until(lambda: over() or _history_is_long())
            if not over():
                await self.renew()
        if terminated := [self.children.name(number) for number in self.children.terminated]:
            more = f" and {len(terminated) - NAMES_SHOWN} more" if len(terminated) > NAMES_SHOWN else ""
            names = f"{', '.join(terminated[:NAMES_SHOWN])}{more}"
            raise ApplicationError(f"{names} ended without a result: terminated by a person?")

    async def wait_for_all(self) -> None:
        """Wait until every campaign that was started has ended."""
        await self.wait_for(self.children.all_settled)

    async def record_campaigns(self, step: str) -> CampaignsSummary:
        """Write the rows of all settled campaigns (once each) and show where the phase stands."""
        summary = await workflow.execute_activity_method(
            Records.record_campaigns,
            RecordCampaigns(
                context=self.phase.context,
                step=step,
                request_id=self.state.approval.request_id,
                at=workflow.now(),
            ),
            **named(RECORDS, f"record {step}"),
        )
        set_attributes(spend_micros=summary.spend_micros)
        self._table = summary.table
        self._show_campaigns()
        await ask_run_to_look()
        return summary

    def _waits(self) -> list[str]:
        """What campaigns wait for: of a few in words, of the others how many there are."""
        shown = [f"{self.children.name(number)}: {text}" for number, text in self.state.waits.items() if text]
        others = len(self.state.waits) - len(shown)
        return [*shown, f"{others} more campaigns wait"] if others else shown

    def _show_campaigns(self) -> None:
        waits = "".join(f"**waits** {text}\n\n" for text in self._waits())
        show_details(f"{waits}{self._table}\n{self.approval.refusals()}")

    async def _show_waits(self) -> None:
        """What campaigns wait for, on this page and on the run's."""
        set_waits("; ".join(self._waits()))
        self._show_campaigns()
        await ask_run_to_look()

    # ------------------------------------------------------------ the end

    async def _settle_campaigns(self, *, cancelled: bool) -> None:
        """Leave nothing running, and write down what was spent."""
        show_details("ending: every campaign is paused and settled")
        some_run = bool(self.children.unsettled() or self.children.terminated)
        await self.children.pause_and_settle_all(self.phase)
        if some_run:
            await self.record_campaigns("settled")
        show_details(f"{'cancelled' if cancelled else 'failed'}; every campaign is paused and settled")

    async def _finish(self, halted: str) -> PhaseResult:
        """The gate over the campaigns, where there were any and no stop; and the result of the phase."""
        summary = await self.record_campaigns("end") if self.state.settled else None
        if summary is not None:
            self.update(stopped=summary.stopped or self.state.stopped)
        # A stop is a person's, and an outage nobody's: they say nothing about the agent, and no gate judges what they
        # cut off. So they use no attempt either, which is booked when a gate judges.
        interruption = self.state.interruption or (summary.interrupted if summary is not None else "")
        judged = summary is not None and not self.state.stopped and not interruption
        gate = await self._assess() if judged else None
        if gate is not None:
            ended = None if gate.promote and not halted else Outcome.NOT_GRADUATED
            reason = gate.reason
        elif self.state.stopped:
            ended, reason = Outcome.STOPPED, self.state.stopped if summary is not None else halted
        elif interruption:
            ended, reason = Outcome.INTERRUPTED, interruption
        else:
            ended, reason = Outcome.NOT_GRADUATED, halted
        table = f"\n\n{summary.table}" if summary is not None else ""
        show_details(f"**{gate.verdict if gate else ended}** {reason}{table}")
        return PhaseResult(
            phase=self.phase.context.phase,
            checkpoint_digest=self.phase.context.checkpoint_digest,
            gate=gate,
            ended=ended,
            reason=reason,
            spend_micros=summary.spend_micros if summary is not None else 0,
            episodes=len(self.state.settled),
        )

    async def _assess(self) -> GateVerdict:
        assessment = await workflow.execute_activity_method(
            Assessment.assess_campaigns,
            AssessCampaigns(context=self.phase.context, moves=self.state.moves),
            **named(RECORDS, "assess the campaigns"),
        )
        return assessment.gate


def _history_is_long() -> bool:
    info = workflow.info()
    return info.is_continue_as_new_suggested() or info.get_current_history_length() > LONG_HISTORY
