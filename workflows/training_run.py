"""The run: four phases in order, a gate after each. Touch this to change what follows what."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.records.calibration import Calibration
    from activities.records.personas import Personas
    from activities.records.recording import Records
    from activities.records.runs import Runs
    from gaelp.domain.ids import phase_id
    from gaelp.domain.phases import PHASE_ORDER, Outcome, Phase, Status, outcome_of, phases_between
    from gaelp.messages.phase import PhaseInput, PhaseResult
    from gaelp.messages.recording import LifecycleEvent, Record
    from gaelp.messages.run_context import RunContext
    from gaelp.messages.training_run import (
        BeginRun,
        CalibrateMarket,
        EndRun,
        RatedPanel,
        RatePanel,
        RunInput,
        RunResult,
        RunState,
    )
    from workflows.activity_options import RATINGS, RECORDS, named
    from workflows.details import (
        cause,
        first_attributes,
        is_agents_own,
        look_at_run,
        set_attributes,
        set_waits,
        show_details,
    )
    from workflows.historical import HistoricalValidation
    from workflows.live_test import LiveTest
    from workflows.pause_and_stop import PauseAndStop, cancel_workflow, check_cancelled, signal_workflow
    from workflows.scaled import ScaledDeployment
    from workflows.signals import without_input
    from workflows.simulation import SimulationTraining

PHASE_WORKFLOWS: dict[Phase, Any] = {
    Phase.SIMULATION: SimulationTraining.run,
    Phase.HISTORICAL: HistoricalValidation.run,
    Phase.LIVE_TEST: LiveTest.run,
    Phase.SCALED: ScaledDeployment.run,
}
STATUS_AFTER_SIGNAL = {"pause": Status.PAUSED, "resume": Status.RUNNING, "stop": Status.STOPPING}


@workflow.defn(name="TrainingRun")
class TrainingRun(PauseAndStop[RunState]):
    """One agent on its way through the phases. Signals are sent on to the phase that is open."""

    @workflow.init
    def __init__(self, order: RunInput) -> None:
        super().__init__(RunState())
        self._order = order
        self._look_wanted = False
        self.listen("look", "from the phase: what it waits for, or spent, has changed", without_input(self._want_look))

    @workflow.run
    async def run(self, order: RunInput) -> RunResult:
        """Begin, calibrate, then phase by phase until one ends the run."""
        show_details("beginning")
        begun = await workflow.execute_activity_method(
            Runs.begin_run,
            BeginRun(order=order, started_at=workflow.now()),
            **named(RECORDS, "store the configuration, check the account"),
        )
        if not begun.accepted:
            raise ApplicationError(begun.reason, type="RunRefused", non_retryable=True)
        try:
            result = await self._phases()
        except BaseException as error:
            if is_cancelled_exception(error):
                await asyncio.shield(self._end(self._result(Outcome.STOPPED, "cancelled")))
            else:
                outcome = Outcome.NOT_GRADUATED if is_agents_own(error) else Outcome.INTERRUPTED
                await self._end(self._result(outcome, f"failed: {cause(error)}"))
            raise
        return await self._end(result)

    async def _phases(self) -> RunResult:
        order = self._order
        calibrated = await workflow.execute_activity_method(
            Calibration.calibrate_market,
            CalibrateMarket(config_digest=order.config_digest),
            **named(RECORDS, "calibrate the market on the earlier share of the logs"),
        )
        self.update(market_digest=calibrated.market_digest)
        if order.config.personas.source != "none":
            await self._rate_personas()
        for phase in phases_between(order.from_phase, order.until):
            result = await self._run_phase(phase)
            self.update(results=(*self.state.results, result), open=())
            self._take_waits_back()
            await self._record_phase(result)
            if result.ended is not None:
                return self._result(result.ended, f"{phase}: {result.reason}")
        unproven = [r.phase for r in self.state.results if r.gate is None or not r.gate.proven]
        return self._result(*outcome_of(order.from_phase, order.until, unproven))

    # ------------------------------------------------------------ personas

    async def _rate_personas(self) -> None:
        """Put the panel's ratings into the market. A stop ends the asking; the first phase then ends the run."""
        await self.wait_while_paused()
        show_details("asking the panel of personas")
        order = self._order
        rating = workflow.start_activity_method(
            Personas.rate_panel,
            RatePanel(run=order.run, config_digest=order.config_digest, market_digest=self.state.market_digest),
            **named(RATINGS, f"rate the panel of personas: {order.config.personas.source}"),
        )
        await workflow.wait_condition(lambda: rating.done() or bool(self.state.stopped))
        if not rating.done():
            rating.cancel()
            return
        rated = rating.result()
        await self._record_ratings(rated)
        self.update(market_digest=rated.market_digest, permuted_market_digest=rated.permuted_market_digest)

    async def _record_ratings(self, rated: RatedPanel) -> None:
        run = self._order.run
        detail = rated.model_dump(mode="json", exclude={"market_digest", "permuted_market_digest"})
        event = LifecycleEvent(id=f"{run}/panel.rated", run=run, kind="panel.rated", at=workflow.now(), detail=detail)
        await workflow.execute_activity_method(
            Records.record,
            Record(run=run, step="panel", at=workflow.now(), events=(event,)),
            **named(RECORDS, f"{rated.asked} ratings asked for, {rated.cached} known, {rated.failed} failed"),
        )

    # ------------------------------------------------------------ phases

    async def _run_phase(self, phase: Phase) -> PhaseResult:
        run, name = self._order.run, phase_id(self._order.run, phase)
        self.update(open=(name,))
        set_attributes(phase=phase, status=Status.RUNNING)
        self._show_phases(f"{phase} is running")
        handle = await workflow.start_child_workflow(
            PHASE_WORKFLOWS[phase],
            self._phase_input(phase),
            id=name,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            static_summary=f"{phase} of {run}",
            search_attributes=first_attributes(run, phase),
        )
        if self.state.stopped or self.state.paused:
            await signal_workflow(name, "stop" if self.state.stopped else "pause")
        check_cancelled()
        return await self._await_phase(handle)

    def _phase_input(self, phase: Phase) -> PhaseInput:
        order, results = self._order, self.state.results
        last = results[-1] if results else None
        checkpoint = last.checkpoint_digest if last else order.from_checkpoint
        return PhaseInput(
            context=RunContext(
                run=order.run,
                phase=phase,
                config_digest=order.config_digest,
                market_digest=self.state.market_digest,
                account=order.config.account,
                agent=order.agent,
                checkpoint_digest=checkpoint or "",
            ),
            time_scale=order.config.clock.time_scale,
            permuted_market_digest=self.state.permuted_market_digest if phase is Phase.SIMULATION else "",
        )

    async def _await_phase(self, handle: workflow.ChildWorkflowHandle[Any, PhaseResult]) -> PhaseResult:
        """Await a phase, shielded: a cancellation of the run is passed on here, to the phase's run that is open now.

        Temporal would pass it on to the run that was started, and the phase may have continued as new since.
        """
        try:
            while not handle.done():
                await workflow.wait_condition(lambda: handle.done() or self._look_wanted)
                if self._look_wanted and not handle.done():
                    await self._look()
            return await asyncio.shield(handle)
        except asyncio.CancelledError:
            await cancel_workflow(handle.id)
            await handle
            raise

    async def _want_look(self) -> None:
        self._look_wanted = True

    async def _look(self) -> None:
        """Read what the run has spent and waits for, and show it; where it cannot be read, the page stays as it was."""
        self._look_wanted = False
        standing = await look_at_run(self._order, self.state.open)
        if standing is not None:
            self._show_waits(standing.waits)
            self.update(standing=standing)
            set_attributes(spend_micros=standing.spend_micros)
            self._show_standing()

    def _show_waits(self, waits: str) -> None:
        standing = self.state.standing
        if waits != (standing.waits if standing else ""):
            set_waits(waits)

    def _take_waits_back(self) -> None:
        """The phase that waited has ended."""
        self._show_waits("")
        if self.state.standing:
            self.update(standing=self.state.standing.model_copy(update={"waits": ""}))

    def _show_standing(self) -> None:
        """What the run does or waits for now, and what it has spent: on its page and in its search attributes."""
        standing, state = self.state.standing, self.state
        asked = standing.asked if standing else ""
        status = Status.STOPPING if state.stopped else Status.PAUSED if state.paused else Status.RUNNING
        phase = PHASE_ORDER[PHASE_ORDER.index(self._order.from_phase) + len(state.results)]
        what = f"{phase}: {status}"
        if asked and not state.stopped:
            status = Status.AWAITING_APPROVAL
            what = f"{phase}: **awaiting approval**{' (and paused)' if state.paused else ''}: {asked}"
        if standing and standing.waits:
            what += f"; **waits** {standing.waits}"
        set_attributes(status=status)
        self._show_phases(f"{what}; {standing.spent} spent so far" if standing else what)

    async def _record_phase(self, result: PhaseResult) -> None:
        run = self._order.run
        event = LifecycleEvent(
            id=f"{phase_id(run, result.phase)}/ended",
            run=run,
            kind="gate.decided" if result.gate else "phase.ended",
            at=workflow.now(),
            phase=result.phase,
            detail={"verdict": result.gate.verdict if result.gate else "", "reason": result.reason},
        )
        await workflow.execute_activity_method(
            Records.record,
            Record(
                run=run,
                step=f"{result.phase}/gate",
                at=workflow.now(),
                gates=(result.gate,) if result.gate else (),
                events=(event,),
                export_journal=True,
            ),
            **named(RECORDS, f"record the gate of {result.phase}"),
        )

    # ------------------------------------------------------------ the end

    async def _end(self, result: RunResult) -> RunResult:
        result = await workflow.execute_activity_method(
            Runs.end_run,
            EndRun(result=result, config_digest=self._order.config_digest, at=workflow.now()),
            **named(RECORDS, "record the end of the run"),
        )
        set_attributes(status=result.outcome, spend_micros=result.spend_micros)
        self._show_phases(f"**{result.outcome}** {result.reason}")
        return result

    def _result(self, outcome: Outcome, reason: str) -> RunResult:
        results = self.state.results
        return RunResult(
            run=self._order.run,
            outcome=outcome,
            reason=reason,
            checkpoint_digest=results[-1].checkpoint_digest if results else self._order.from_checkpoint,
            phases=results,
            spend_micros=0,  # the ledger's figure is put in when the run ends
        )

    def _show_phases(self, headline: str) -> None:
        verdicts = [(r.phase, r.gate.verdict if r.gate else "-", r.reason) for r in self.state.results]
        rows = "\n".join(f"| {phase} | {verdict} | {reason} |" for phase, verdict, reason in verdicts)
        show_details(f"{headline}\n\n| phase | verdict | reason |\n|---|---|---|\n{rows}")

    async def forward_signal(self, signal: str) -> None:
        """A phase that has ended in this instant does not take the signal; the next one is signalled at its start."""
        if self.state.open:
            self._show_standing()
        else:
            set_attributes(status=STATUS_AFTER_SIGNAL[signal])
        await super().forward_signal(signal)
