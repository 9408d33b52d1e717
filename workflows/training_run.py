"""The run: four phases in order, a gate after each. Touch this to change what follows what."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.records.calibration import Calibration
    from activities.records.personas import Personas
    from activities.records.recording import Records
    from activities.records.runs import Runs
    from gaelp.domain.ids import phase_id
    from gaelp.domain.phases import PHASE_ORDER, Outcome, Phase, Status
    from gaelp.messages.phase import PhaseInput, PhaseResult
    from gaelp.messages.recording import LifecycleEvent, Record
    from gaelp.messages.training_run import (
        BeginRun,
        Calibrated,
        CalibrateMarket,
        EndRun,
        RatePanel,
        RunInput,
        RunResult,
    )
    from workflows.historical import HistoricalValidation
    from workflows.holds import Holds, check_cancelled, tell_workflow
    from workflows.live_test import LiveTest
    from workflows.options import RATINGS, RECORDS, named
    from workflows.scaled import ScaledDeployment
    from workflows.simulation import SimulationTraining
    from workflows.story import AWAITING, EXPERIMENT, PHASE, SPEND, STATUS, cause, mark, tell

PHASE_WORKFLOWS: dict[Phase, Any] = {
    Phase.SIMULATION: SimulationTraining.run,
    Phase.HISTORICAL: HistoricalValidation.run,
    Phase.LIVE_TEST: LiveTest.run,
    Phase.SCALED: ScaledDeployment.run,
}
HEARD = {"pause": Status.PAUSED, "resume": Status.RUNNING, "stop": Status.STOPPING}


@workflow.defn(name="TrainingRun")
class TrainingRun(Holds):
    """One agent on its way through the phases. Signals are handed to the phase that is open."""

    def __init__(self) -> None:
        super().__init__()
        self._results: list[PhaseResult] = []
        self._permuted = ""  # digest of the market with personas' ratings permuted

    @workflow.run
    async def run(self, start: RunInput) -> RunResult:
        """Begin, calibrate, then phase by phase until one ends the run."""
        tell("beginning")
        begun = await workflow.execute_activity_method(
            Runs.begin_run,
            BeginRun(
                run=start.run,
                config=start.config,
                config_digest=start.config_digest,
                agent=start.agent,
                from_phase=start.from_phase,
                from_checkpoint=start.from_checkpoint,
                started_at=workflow.now(),
            ),
            **named(RECORDS, "store the configuration, check the account"),
        )
        if not begun.accepted:
            raise ApplicationError(begun.reason, type="RunRefused", non_retryable=True)
        try:
            result = await self._phases(start)
        except BaseException as error:
            if is_cancelled_exception(error):
                await asyncio.shield(self._end(start, self._result(start, Outcome.STOPPED, "cancelled")))
            else:
                failed = self._result(start, Outcome.NOT_GRADUATED, f"failed: {cause(error)}")
                await self._end(start, failed)
            raise
        return await self._end(start, result)

    async def _phases(self, start: RunInput) -> RunResult:
        market = await workflow.execute_activity_method(
            Calibration.calibrate_market,
            CalibrateMarket(run=start.run, config_digest=start.config_digest),
            **named(RECORDS, "calibrate the market on the earlier share of the logs"),
        )
        if start.config.personas.source != "none":
            market = await self._with_personas(start, market)
        first = PHASE_ORDER.index(start.from_phase)
        for phase in PHASE_ORDER[first:]:
            result = await self._run_phase(start, phase, market)
            self._results.append(result)
            self.open = []
            await self._record_phase(start, result)
            if result.ended is not None:
                return self._result(start, result.ended, f"{phase}: {result.reason}")
        unproven = [r.phase for r in self._results if r.gate is None or not r.gate.proven]
        if unproven or first > 0:
            why = f"not proven in {', '.join(unproven)}" if unproven else "earlier phases were skipped"
            return self._result(start, Outcome.GRADUATED_UNPROVEN, why)
        return self._result(start, Outcome.GRADUATED, "every criterion of every phase passed")

    async def _with_personas(self, start: RunInput, market: Calibrated) -> Calibrated:
        """The market with the panel's ratings. A stop ends the asking; the first phase then ends the run."""
        await self.released()
        tell("asking the panel of personas")
        asking = workflow.start_activity_method(
            Personas.rate_panel,
            RatePanel(run=start.run, config_digest=start.config_digest, market_digest=market.market_digest),
            **named(RATINGS, f"rate the panel of personas: {start.config.personas.source}"),
        )
        await workflow.wait_condition(lambda: asking.done() or bool(self.stopped))
        if not asking.done():
            asking.cancel()
            return market
        rated = asking.result()
        self._permuted = rated.permuted_market_digest
        told = rated.model_dump(mode="json", exclude={"market_digest", "permuted_market_digest"})
        event = LifecycleEvent(
            id=f"{start.run}/panel.rated", run=start.run, kind="panel.rated", at=workflow.now(), detail=told
        )
        await workflow.execute_activity_method(
            Records.record,
            Record(run=start.run, step="panel", at=workflow.now(), events=(event,)),
            **named(RECORDS, f"{rated.asked} ratings asked for, {rated.cached} known, {rated.failed} failed"),
        )
        return market.model_copy(update={"market_digest": rated.market_digest})

    async def _run_phase(self, start: RunInput, phase: Phase, market: Calibrated) -> PhaseResult:
        last = self._results[-1] if self._results else None
        self.open = [phase_id(start.run, phase)]
        mark(phase=phase, status=Status.RUNNING)
        self._tell(f"{phase} is running")
        phase_input = PhaseInput(
            run=start.run,
            phase=phase,
            config_digest=start.config_digest,
            market_digest=market.market_digest,
            account=start.config.account,
            agent=start.agent,
            experiment=start.run,
            checkpoint_digest=last.checkpoint_digest if last else start.from_checkpoint,
            time_scale=start.config.clock.time_scale,
            evidence_digest=last.evidence_digest if last else "",
            validated_heads=tuple(h for r in self._results if r.gate for h in r.gate.heads),
            permuted_market_digest=self._permuted if phase is Phase.SIMULATION else "",
        )
        handle = await workflow.start_child_workflow(
            PHASE_WORKFLOWS[phase],
            phase_input,
            id=phase_id(start.run, phase),
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            static_summary=f"{phase} of {start.run}",
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(EXPERIMENT, start.run),
                    SearchAttributePair(PHASE, phase),
                    SearchAttributePair(STATUS, Status.RUNNING),
                    SearchAttributePair(SPEND, 0),
                    SearchAttributePair(AWAITING, False),
                ]
            ),
        )
        if self.stopped or self.paused:
            await tell_workflow(phase_id(start.run, phase), "stop" if self.stopped else "pause")
        check_cancelled()
        return await self._seen_through(handle)

    async def _seen_through(self, handle: workflow.ChildWorkflowHandle[Any, PhaseResult]) -> PhaseResult:
        """Await a phase. Cancelling one means the one that runs now: it may have continued as new since its start,

        and Temporal would cancel the run that was started.
        """
        try:
            return await asyncio.shield(handle)
        except asyncio.CancelledError:
            phase: workflow.ExternalWorkflowHandle[Any] = workflow.get_external_workflow_handle(handle.id)
            try:
                await phase.cancel()
            except FailureError:
                workflow.logger.info("%s had ended before it was cancelled", handle.id)
            await handle
            raise

    async def _record_phase(self, start: RunInput, result: PhaseResult) -> None:
        event = LifecycleEvent(
            id=f"{phase_id(start.run, result.phase)}/ended",
            run=start.run,
            kind="gate.decided" if result.gate else "phase.ended",
            at=workflow.now(),
            phase=result.phase,
            detail={"verdict": result.gate.verdict if result.gate else "", "reason": result.reason},
        )
        await workflow.execute_activity_method(
            Records.record,
            Record(
                run=start.run,
                step=f"{result.phase}/gate",
                at=workflow.now(),
                gates=(result.gate,) if result.gate else (),
                events=(event,),
                export_journal=True,
            ),
            **named(RECORDS, f"record the gate of {result.phase}"),
        )

    async def _end(self, start: RunInput, result: RunResult) -> RunResult:
        result = await workflow.execute_activity_method(
            Runs.end_run,
            EndRun(result=result, config_digest=start.config_digest, at=workflow.now()),
            **named(RECORDS, "record the end of the run"),
        )
        mark(status=result.outcome, spend_micros=result.spend_micros)
        self._tell(f"**{result.outcome}** {result.reason}")
        return result

    def _result(self, start: RunInput, outcome: Outcome, reason: str) -> RunResult:
        return RunResult(
            run=start.run,
            outcome=outcome,
            reason=reason,
            checkpoint_digest=self._results[-1].checkpoint_digest if self._results else start.from_checkpoint,
            phases=tuple(self._results),
            spend_micros=0,  # the ledger's figure is put in when the run ends
        )

    def _tell(self, headline: str) -> None:
        rows = "\n".join(f"| {r.phase} | {r.gate.verdict if r.gate else '-'} | {r.reason} |" for r in self._results)
        tell(f"{headline}\n\n| phase | verdict | reason |\n|---|---|---|\n{rows}")

    async def _hand_on(self, signal: str) -> None:
        """A phase that ended in this instant does not take it; the next one is told at its start."""
        mark(status=HEARD[signal])
        await super()._hand_on(signal)
