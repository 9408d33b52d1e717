"""Child workflows: one batch of simulated episodes, one replayed log. Touch this when an episode's life changes."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.compute.history import History, Replays
    from activities.compute.simulation import Simulation
    from gaelp.domain.episodes import EpisodeState
    from gaelp.domain.log_evidence import Grade
    from gaelp.messages.episode_batch import BatchResult, SimulateBatch
    from gaelp.messages.log_replay import LogEvidence, PrepareLog, ReplayInput, ReplayLog
    from workflows.options import COMPUTE, RECORDS, named
    from workflows.story import cause, tell


@workflow.defn(name="EpisodeBatch")
class EpisodeBatch:
    """Simulates one batch. A poison batch ends `failed` with its reason, and the phase decides what that means."""

    @workflow.run
    async def run(self, batch: SimulateBatch) -> BatchResult:
        """Planned, running, settled or failed."""
        tell(f"{EpisodeState.RUNNING}: batch {batch.index} ({batch.purpose})")
        try:
            result = await workflow.execute_activity_method(
                Simulation.simulate_batch, batch, **named(COMPUTE, f"simulate {batch.purpose} batch {batch.index}")
            )
        except ActivityError as error:
            reason = cause(error)
            tell(f"{EpisodeState.FAILED}: {reason}")
            return BatchResult(
                index=batch.index,
                purpose=batch.purpose,
                state=EpisodeState.FAILED,
                trajectory_digest=None,
                episodes=0,
                reason=reason,
            )
        tell(f"{EpisodeState.SETTLED}: {result.episodes} episodes")
        return result


@workflow.defn(name="LogReplay")
class LogReplay:
    """Replays the later share of one log under the agent's policy."""

    @workflow.run
    async def run(self, replay: ReplayInput) -> LogEvidence:
        """Evidence, or `failed` with its reason."""
        try:
            log = await workflow.execute_activity_method(
                History.prepare_log,
                PrepareLog(run=replay.run, config_digest=replay.config_digest, log=replay.log),
                **named(RECORDS, f"take the later share of {replay.log}"),
            )
            tell(f"{EpisodeState.RUNNING}: {log.rows} rows of {log.log}")
            evidence = await workflow.execute_activity_method(
                Replays.replay_log,
                ReplayLog(
                    run=replay.run,
                    config_digest=replay.config_digest,
                    market_digest=replay.market_digest,
                    checkpoint_digest=replay.checkpoint_digest,
                    agent=replay.agent,
                    log=log,
                ),
                **named(COMPUTE, f"evaluate {replay.agent} on {replay.log}"),
            )
        except ActivityError as error:
            reason = cause(error)
            tell(f"{EpisodeState.FAILED}: {reason}")
            return LogEvidence(
                log=replay.log, kind=None, grade=Grade.C, rows=0, clicks=0, state=EpisodeState.FAILED, reason=reason
            )
        tell(f"{EpisodeState.SETTLED}: grade {evidence.grade}, {evidence.clicks} clicks")
        return evidence
