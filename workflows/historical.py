"""The historical phase: each log replayed by a child, then the gate. Touch this to change their order."""

from __future__ import annotations

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.compute.history import History
    from activities.records.assessment import Assessment
    from activities.records.recording import Records
    from gaelp.domain.ids import replay_id
    from gaelp.domain.phases import Outcome, Phase
    from gaelp.messages.historical_validation import AssessHistorical, PlanHistorical
    from gaelp.messages.log_replay import LogEvidence, ReplayInput
    from gaelp.messages.phase import PhaseInput, PhaseResult
    from gaelp.messages.recording import EpisodeRecord, Record
    from workflows.episodes import LogReplay
    from workflows.holds import Holds
    from workflows.options import RECORDS, named
    from workflows.story import tell


@workflow.defn(name="HistoricalValidation")
class HistoricalValidation(Holds):
    """Replays the later share of every configured log under the frozen policy."""

    @workflow.init
    def __init__(self, phase: PhaseInput) -> None:
        super().__init__()

    @workflow.run
    async def run(self, phase: PhaseInput) -> PhaseResult:
        """One child per log, together; one gate over all of them."""
        checkpoint = phase.checkpoint_digest or ""
        plan = await workflow.execute_activity_method(
            History.plan_historical,
            PlanHistorical(run=phase.run, config_digest=phase.config_digest),
            **named(RECORDS, "which logs to replay"),
        )
        tell(f"replaying {', '.join(plan.logs) or 'no logs'}")
        await self.released()
        wanted = () if self.stopped else plan.logs
        logs = await asyncio.gather(*(self._replay(phase, checkpoint, log) for log in wanted))
        await self.released()
        if self.stopped:
            return PhaseResult(
                phase=Phase.HISTORICAL,
                checkpoint_digest=checkpoint,
                evidence_digest="",
                gate=None,
                ended=Outcome.STOPPED,
                reason=self.stopped,
            )
        await self._record(phase, checkpoint, logs)
        assessment = await workflow.execute_activity_method(
            Assessment.assess_historical,
            AssessHistorical(
                run=phase.run,
                config_digest=phase.config_digest,
                agent=phase.agent,
                checkpoint_digest=checkpoint,
                account=phase.account,
                logs=tuple(logs),
            ),
            **named(RECORDS, "assess the evidence of the logs"),
        )
        gate = assessment.gate
        tell(f"**{gate.verdict}** {gate.reason}")
        return PhaseResult(
            phase=Phase.HISTORICAL,
            checkpoint_digest=checkpoint,
            evidence_digest=gate.evidence_digest,
            gate=gate,
            ended=None if gate.promote else Outcome.NOT_GRADUATED,
            reason=gate.reason,
            episodes=len(logs),
        )

    async def _replay(self, phase: PhaseInput, checkpoint: str, log: str) -> LogEvidence:
        return await workflow.execute_child_workflow(
            LogReplay.run,
            ReplayInput(
                run=phase.run,
                config_digest=phase.config_digest,
                market_digest=phase.market_digest,
                checkpoint_digest=checkpoint,
                agent=phase.agent,
                log=log,
            ),
            id=replay_id(phase.run, log),
            static_summary=f"replay {log}",
        )

    async def _record(self, phase: PhaseInput, checkpoint: str, logs: list[LogEvidence]) -> None:
        episodes = tuple(
            EpisodeRecord(
                run=phase.run,
                phase=Phase.HISTORICAL,
                episode=replay_id(phase.run, log.log),
                state=log.state,
                agent=phase.agent,
                checkpoint_digest=checkpoint,
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
                run=phase.run,
                step=f"{Phase.HISTORICAL}/logs",
                at=workflow.now(),
                episodes=episodes,
                metrics={"logs": len(logs), "rows": sum(log.rows for log in logs)},
            ),
            **named(RECORDS, "record the replays"),
        )
