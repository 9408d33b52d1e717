"""The approval of a spending phase: a person is asked, every answer is checked, and silence is a refusal.

Touch this to change how a phase asks and waits. It decides nothing: signatures are checked by an activity.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.records.approvals import Approvals
    from activities.records.recording import Records
    from gaelp.domain.ids import request_id
    from gaelp.domain.phases import Status
    from gaelp.domain.spending.approval_card import ApprovalCard
    from gaelp.domain.spending.approval_requests import (
        ApprovalDecision,
        ApprovalOutcome,
        ApprovalPurpose,
        RequestApproval,
    )
    from gaelp.messages.recording import LifecycleEvent, Record
    from gaelp.messages.run_context import RunContext
    from gaelp.messages.spending_phase import (
        ApprovalState,
        CheckRequest,
        OpenedRequest,
        PhasePlan,
        RequestStanding,
        SpendingState,
        SubmitDecision,
    )
    from workflows.activity_options import RECORDS, named
    from workflows.details import cause, set_attributes, show_details
    from workflows.pause_and_stop import PauseAndStop, ask_run_to_look
    from workflows.signals import InputRefused, SignalInputs

# Bytes of an approval signal's input; a signed decision has about 500. More would not fit an activity's input.
LONGEST_PAYLOAD = 20_000
REFUSALS_SHOWN = 5
# A stop that nobody tells the phase of is noticed after this; a refused approval is a reason to look at once.
LOOK_AGAIN = timedelta(hours=1)


class Approval:
    """Held by a spending phase, which passes its signals on; `check_signals` runs for as long as the phase does."""

    def __init__(self, context: RunContext, state: ApprovalState) -> None:
        self.state = state
        self._context = context
        self._look = False  # at the request: something may have voided it
        self._pass_lost = ""  # which pass the request rests on that was lost: nobody can approve it
        self._signals: list[tuple[ApprovalDecision, SignalInputs]] = []  # not checked yet, oldest first

    def _update(self, **changes: Any) -> None:
        self.state = self.state.model_copy(update=changes)

    async def receive(self, signal: ApprovalDecision, inputs: SignalInputs) -> None:
        """Keep a signal until the ledger has judged it."""
        self._signals.append((signal, inputs))

    def all_checked(self) -> bool:
        """Whether the ledger has judged every signal that came."""
        return not self._signals

    async def ask(self, plan: PhasePlan, holder: PauseAndStop[SpendingState]) -> str:
        """Ask a person and wait. Why nothing may be spent; empty where the request was approved.

        A stop ends the waiting: a signal to the phase, which holds the state, or one that the ledger has of its run.
        A lost pass ends it too, because nobody can approve any more.
        """

        def stopped() -> str:
            return holder.state.stopped or self._pass_lost

        self._take(await self._open_request(plan), holder)
        while not (self.state.decision or stopped()) and workflow.now() < plan.approval_deadline:
            await self._wait(plan.approval_deadline, stopped)
            if self._look and not (self.state.decision or stopped()):
                self._take(await self._look_at_request(plan), holder)
        # A decision that came in time may still be with the ledger.
        await workflow.wait_condition(lambda: bool(stopped()) or self.all_checked())
        if not self.state.decision and not stopped():
            return f"no approval until {plan.approval_deadline:%Y-%m-%d %H:%M} UTC: silence is a refusal"
        set_attributes(status=Status.RUNNING)
        await ask_run_to_look()
        if self.state.decision is ApprovalDecision.APPROVE:
            show_details(f"approved by {self.state.decider}")
            return ""
        return f"rejected by {self.state.decider}" if self.state.decision else stopped()

    async def _wait(self, deadline: datetime, stopped: Callable[[], str]) -> None:
        """Until a person decides or the deadline has come, or there is reason to look at the request."""
        left = deadline - workflow.now()
        why = "deadline of the approval: silence is a refusal" if left <= LOOK_AGAIN else "can it still be approved?"
        try:
            await workflow.wait_condition(
                lambda: bool(self.state.decision or stopped() or self._look),
                timeout=min(left, LOOK_AGAIN),
                timeout_summary=why,
            )
        except TimeoutError:
            self._look = True

    async def look(self) -> None:
        """A person, or the stop, says that the request may be void."""
        self._look = True

    def _take(self, standing: RequestStanding, holder: PauseAndStop[SpendingState]) -> None:
        self._look = self._look or standing.void
        self._pass_lost = standing.pass_lost
        if standing.run_stopped:
            holder.update(stopped=standing.run_stopped)

    async def _look_at_request(self, plan: PhasePlan) -> RequestStanding:
        """Where a stop has raised the fence since a person was asked, nobody can approve this request: ask anew."""
        self._look = False
        standing: RequestStanding = await workflow.execute_activity_method(
            Approvals.look_at_request,
            CheckRequest(request_id=self._request_id),
            **named(RECORDS, "can the request still be approved?"),
        )
        if standing.pass_lost or not standing.void:
            return standing
        self._update(sequence=self.state.sequence + 1)
        return await self._open_request(plan)

    @property
    def _request_id(self) -> str:
        return request_id(self._context.run, self._context.phase, self.state.sequence)

    async def _open_request(self, plan: PhasePlan) -> RequestStanding:
        """Ask, and show what is asked."""
        opened = await self._request(plan)
        if opened.card is not None:
            self._update(card=opened.card)
            set_attributes(status=Status.AWAITING_APPROVAL)
            self._show_card()
            await self._publish_request(opened.card)
            await ask_run_to_look()
        return opened.standing

    async def _request(self, plan: PhasePlan) -> OpenedRequest:
        request = RequestApproval(
            **self._context.model_dump(),
            purpose=ApprovalPurpose.SPEND,
            sequence=self.state.sequence,
            daily_cap_micros=plan.daily_cap_micros,
            total_cap_micros=plan.total_cap_micros,
            campaigns_digest=plan.campaigns_digest,
            deadline=plan.approval_deadline,
            expires_at=plan.approval_expires,
            now=workflow.now(),
        )
        return await workflow.execute_activity_method(
            Approvals.request_approval, request, **named(RECORDS, "ask a person for approval")
        )

    async def check_signals(self) -> None:
        """Submit every approval signal to the ledger, whenever it comes; refusals are recorded and shown."""
        while True:
            await workflow.wait_condition(lambda: bool(self._signals))
            outcome = await self._submit(*self._signals[0])
            self._update(checked=self.state.checked + 1)
            if outcome.accepted:
                decider = f"{outcome.approver}: {outcome.reason}" if outcome.reason else outcome.approver
                self._update(decision=outcome.decision, decider=decider)
            else:
                self._update(refusals=(*self.state.refusals, outcome.reason)[-REFUSALS_SHOWN:])
                self._look = True  # a stop may be why
                self._show_card()
            self._signals.pop(0)

    async def _submit(self, signal: ApprovalDecision, inputs: SignalInputs) -> ApprovalOutcome:
        payload, problem = _read(signal, inputs)
        # The digest stands in the id: after a reset another signal may come in this one's place.
        place = f"{workflow.info().workflow_id}/decision-{self.state.checked + 1:04d}"
        decision = SubmitDecision(
            request_id=self._request_id,
            submission=f"{place}/{signal}-{inputs.digest}",
            signal=signal,
            payload=payload,
            now=workflow.now(),
        )
        if not _survives_conversion(decision):
            problem = f"signal {signal}: its input cannot be passed on ({inputs.summary})"
            decision = decision.model_copy(update={"payload": problem})
        try:
            outcome = await workflow.execute_activity_method(
                Approvals.submit_decision, decision, **named(RECORDS, "check the signature of a decision")
            )
        except ActivityError as error:
            return ApprovalOutcome(accepted=False, reason=f"could not be checked: {cause(error)}")
        return outcome.model_copy(update={"reason": problem}) if problem else outcome

    def _show_card(self) -> None:
        if self.state.card is not None and not self.state.decision:
            show_details(f"**awaiting approval**\n\n{self.state.card.shown}\n{self.refusals()}")

    def refusals(self) -> str:
        """Why the last signals were refused, as markdown."""
        return "".join(f"\n- refused: {reason}" for reason in self.state.refusals)

    async def _publish_request(self, card: ApprovalCard) -> None:
        run, phase, kind = self._context.run, self._context.phase, "approval.requested"
        step = f"{phase}/{kind}" if self.state.sequence == 1 else f"{phase}/{kind}-{self.state.sequence}"
        event = LifecycleEvent(
            id=f"{run}/{step}",
            run=run,
            kind=kind,
            at=workflow.now(),
            phase=phase,
            detail={"request": card.request.request_id, "card": card.shown},
        )
        await workflow.execute_activity_method(
            Records.record,
            Record(run=run, step=step, at=workflow.now(), events=(event,)),
            **named(RECORDS, f"publish {kind}"),
        )


def _read(signal: ApprovalDecision, inputs: SignalInputs) -> tuple[Any, str]:
    """A signal's input and no problem; or what the journal keeps in its place, which is also the problem."""
    try:
        if inputs.length > LONGEST_PAYLOAD:
            raise InputRefused(f"more than {LONGEST_PAYLOAD} bytes")
        return inputs.one(object), ""
    except InputRefused as error:
        problem = f"signal {signal}: {error} ({inputs.summary})"
        return problem, problem


def _survives_conversion(decision: SubmitDecision) -> bool:
    """Whether an activity's worker would read it as it is; otherwise its activity would fail again and again.

    JSON is nested deeper within a message than by itself, and a number may be too long to be written.
    """
    converter = workflow.payload_converter()
    try:
        return converter.from_payload(converter.to_payload(decision), SubmitDecision) == decision
    except Exception:  # whatever a stranger's JSON does to the converter
        return False
