"""Approval of a spending phase: a person is asked, signals are checked one by one, silence is a refusal.

Touch this to change how a phase asks and waits. It decides nothing: signatures are checked by an activity.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.records.approvals import Approvals
    from activities.records.recording import Records
    from gaelp.domain.ids import request_id
    from gaelp.domain.phases import Phase, Status
    from gaelp.domain.spending.approval_requests import (
        ApprovalCard,
        ApprovalDecision,
        ApprovalOutcome,
        ApprovalPurpose,
        RequestApproval,
    )
    from gaelp.domain.spending.campaign_records import CampaignsPlan
    from gaelp.messages.phase import PhaseInput
    from gaelp.messages.recording import LifecycleEvent, Record
    from gaelp.messages.spending_phase import CampaignsProgress, SubmitDecision
    from workflows.holds import Holds
    from workflows.options import RECORDS, named
    from workflows.story import cause, mark, tell

# Bytes of an approval signal's payload; a signed decision has about 500. More would not fit an activity's input.
LONGEST_PAYLOAD = 20_000


class Approval(Holds):
    """The part of a phase that asks. `answer` runs as a task of its own for as long as the phase does."""

    phase: Phase

    def __init__(self) -> None:
        super().__init__()
        self.answered = 0
        self._payloads: list[tuple[str, Any]] = []
        self._decision: ApprovalDecision | None = None
        self._decider = ""
        self._refusals: list[str] = []
        self._card: ApprovalCard | None = None

    def take_up_decisions(self, progress: CampaignsProgress) -> None:
        """Go on after continue-as-new: only an approved phase has a request's id in its progress."""
        self.answered = progress.decisions
        self._decision = ApprovalDecision.APPROVE if progress.request_id else None

    def all_answered(self) -> bool:
        """Whether every approval signal has been checked."""
        return not self._payloads

    @workflow.signal(name="approve", description="a signed approval, as printed by `starter.py approve RUN --print`")
    def approve(self, payload: Any = None) -> None:
        """Untyped, because a malformed typed signal is dropped while its sender sees success."""
        self._hear("approve", payload)

    @workflow.signal(name="reject", description="a signed rejection, as printed by `starter.py reject RUN --print`")
    def reject(self, payload: Any = None) -> None:
        """As approve."""
        self._hear("reject", payload)

    def _hear(self, signal: str, payload: Any) -> None:
        """Keep what can be sent on to the ledger; what is no JSON, or too long to be sent, is sent on by its kind."""
        try:
            size = workflow.payload_converter().to_payload({"payload": payload}).ByteSize()
        except ValueError:
            payload = f"{type(payload).__name__} that is no JSON"
        else:
            payload = payload if size <= LONGEST_PAYLOAD else f"{size} bytes"
        self._payloads.append((signal, payload))

    async def ask(self, phase: PhaseInput, progress: CampaignsProgress) -> tuple[CampaignsProgress, str]:
        """Ask and wait; returns the progress with the request's id, and why nothing may be spent, if so."""
        plan = progress.plan
        self._card = card = await self._request(phase, plan)
        mark(status=Status.AWAITING_APPROVAL)
        self._tell_card()
        await self._event(phase, "approval.requested", {"request": card.request.request_id})
        try:
            await workflow.wait_condition(
                lambda: bool(self._decision or self.stopped),
                timeout=max(plan.approval_deadline - workflow.now(), timedelta(0)),
                timeout_summary="deadline of the approval: silence is a refusal",
            )
        except TimeoutError:
            # A decision that came in time may still be with the ledger.
            await workflow.wait_condition(self.all_answered)
        if not self._decision and not self.stopped:
            return progress, f"no approval until {plan.approval_deadline:%Y-%m-%d %H:%M} UTC: silence is a refusal"
        mark(status=Status.RUNNING)
        progress = progress.model_copy(update={"request_id": card.request.request_id})
        if self._decision is ApprovalDecision.APPROVE:
            tell(f"approved by {self._decider}")
            return progress, ""
        return progress, f"rejected by {self._decider}" if self._decision else self.stopped

    async def _request(self, phase: PhaseInput, plan: CampaignsPlan) -> ApprovalCard:
        return await workflow.execute_activity_method(
            Approvals.request_approval,
            RequestApproval(
                run=phase.run,
                phase=self.phase,
                config_digest=phase.config_digest,
                account=phase.account,
                agent=phase.agent,
                checkpoint_digest=phase.checkpoint_digest or "",
                evidence_digest=phase.evidence_digest,
                validated_heads=phase.validated_heads,
                purpose=ApprovalPurpose.SPEND,
                sequence=1,
                daily_cap_micros=plan.daily_cap_micros,
                total_cap_micros=plan.total_cap_micros,
                exposure=plan.exposure,
                expires_at=plan.approval_expires,
                now=workflow.now(),
            ),
            **named(RECORDS, "ask a person for approval"),
        )

    async def answer(self, phase: PhaseInput) -> None:
        """Hand every approval signal to the ledger, whenever it comes; refusals are recorded and shown."""
        while True:
            await workflow.wait_condition(lambda: bool(self._payloads))
            signal, payload = self._payloads[0]
            try:
                outcome = await workflow.execute_activity_method(
                    Approvals.submit_decision,
                    SubmitDecision(
                        request_id=request_id(phase.run, self.phase, 1),
                        submission=f"{workflow.info().workflow_id}/decision-{self.answered + 1:04d}",
                        signal=signal,
                        payload=payload,
                        now=workflow.now(),
                    ),
                    **named(RECORDS, "check the signature of a decision"),
                )
            except ActivityError as error:
                outcome = ApprovalOutcome(accepted=False, reason=f"could not be checked: {cause(error)}")
            self.answered += 1
            if outcome.accepted:
                self._decision = outcome.decision
                self._decider = f"{outcome.approver}: {outcome.reason}" if outcome.reason else outcome.approver
            else:
                self._refusals.append(outcome.reason)
                self._tell_card()
            self._payloads.pop(0)

    def _tell_card(self) -> None:
        if self._decision or self._card is None:
            return
        tell(f"**awaiting approval**\n\n{self._card.text}\n{self.refused()}")

    def refused(self) -> str:
        """The last refusals, as markdown."""
        return "".join(f"\n- refused: {reason}" for reason in self._refusals[-5:])

    async def _event(self, phase: PhaseInput, kind: str, detail: dict[str, Any]) -> None:
        step = f"{self.phase}/{kind}"
        event = LifecycleEvent(
            id=f"{phase.run}/{step}", run=phase.run, kind=kind, at=workflow.now(), phase=self.phase, detail=detail
        )
        await workflow.execute_activity_method(
            Records.record,
            Record(run=phase.run, step=step, at=workflow.now(), events=(event,)),
            **named(RECORDS, f"publish {kind}"),
        )
