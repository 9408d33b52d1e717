"""The historical phase: each log replayed by a child, then the gate. Touch this to change their order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.records.assessment import Assessment
    from activities.records.logs import Logs
    from activities.records.recording import Records
    from gaelp.domain.gates.verdicts import GateVerdict
    from gaelp.domain.ids import replay_id
    from gaelp.domain.phases import Outcome, Phase
    from gaelp.messages.historical_validation import AssessHistorical, PlanHistorical
    from gaelp.messages.log_replay import GapEvidence, LogEvidence, ReplayInput
    from gaelp.messages.pausing import PausableState
    from gaelp.messages.phase import PhaseInput, PhaseResult
    from gaelp.messages.recording import EpisodeRecord, Record
    from gaelp.messages.run_context import RunContext
    from workflows.activity_options import RECORDS, named
    from workflows.details import show_details
    from workflows.episodes import LogReplay
    from workflows.pause_and_stop import PauseAndStop


@workflow.defn(name="HistoricalValidation")
class HistoricalValidation(PauseAndStop[PausableState]):
    """Replays the later share of every configured log under the frozen policy."""

    @workflow.init
    def __init__(self, phase: PhaseInput) -> None:
        super().__init__(PausableState())

    @workflow.run
    async def run(self, phase: PhaseInput) -> PhaseResult:
        """One child per log, at the same time; one gate over all of them."""
        context = phase.context
        plan = await workflow.execute_activity_method(
            Logs.plan_historical,
            PlanHistorical(config_digest=context.config_digest),
            **named(RECORDS, "which logs to replay"),
        )
        show_details(f"replaying {', '.join(plan.logs) or 'no logs'}")
        await self.wait_while_paused()
        logs: list[LogEvidence] = []
        if not self.state.stopped:
            logs = await asyncio.gather(*(_replay(context, log) for log in plan.logs))
            await self.wait_while_paused()
        gate: GateVerdict | None = None
        if not self.state.stopped:
            await _record(context, logs)
            assessment = await workflow.execute_activity_method(
                Assessment.assess_historical,
                AssessHistorical(context=context, logs=tuple(logs)),
                **named(RECORDS, "assess the evidence of the logs"),
            )
            gate = assessment.gate
            show_details(f"**{gate.verdict}** {gate.reason}")
        return self._result(context, gate, logs)

    def _result(self, context: RunContext, gate: GateVerdict | None, logs: Sequence[LogEvidence]) -> PhaseResult:
        """The result of the phase; without a gate it was stopped."""
        return PhaseResult(
            phase=Phase.HISTORICAL,
            checkpoint_digest=context.checkpoint_digest,
            gate=gate,
            ended=Outcome.STOPPED if gate is None else None if gate.promote else Outcome.NOT_GRADUATED,
            reason=gate.reason if gate else self.state.stopped,
            episodes=len(logs) if gate else 0,
            gaps=_gaps(logs),
        )


def _gaps(logs: Sequence[LogEvidence]) -> tuple[GapEvidence, ...]:
    return tuple(gap for log in logs for gap in log.gaps)


async def _replay(context: RunContext, log: str) -> LogEvidence:
    return await workflow.execute_child_workflow(
        LogReplay.run,
        ReplayInput(context=context, log=log),
        id=replay_id(context.run, log),
        static_summary=f"replay {log}",
    )


async def _record(context: RunContext, logs: Sequence[LogEvidence]) -> None:
    episodes = tuple(
        EpisodeRecord(
            run=context.run,
            phase=Phase.HISTORICAL,
            episode=replay_id(context.run, log.log),
            state=log.state,
            agent=context.agent,
            checkpoint_digest=context.checkpoint_digest,
            at=workflow.now(),
            impressions=log.rows,
            clicks=log.clicks,
            reason=log.reason,
        )
        for log in logs
    )
    await workflow.execute_activity_method(
        Records.record,
        Record(
            run=context.run,
            step=f"{Phase.HISTORICAL}/logs",
            at=workflow.now(),
            episodes=episodes,
            gaps=_gaps(logs),
            metrics={"logs": len(logs), "rows": sum(log.rows for log in logs)},
        ),
        **named(RECORDS, "record the replays"),
    )
