"""The two child workflows that end with a result of their own: a batch of simulated episodes, and a replayed log.

Touch this to change what such a child does before or after its activity.
"""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.compute.replays import Replays
    from activities.compute.simulation import Simulation
    from activities.records.logs import Logs
    from gaelp.domain.episodes import EpisodeState
    from gaelp.domain.log_evidence import Grade
    from gaelp.messages.episode_batch import LONGEST_REASON, BatchResult, SimulateBatch
    from gaelp.messages.log_replay import LogEvidence, PrepareLog, ReplayInput, ReplayLog
    from workflows.activity_options import COMPUTE, RECORDS, named
    from workflows.details import cause, show_details
    from workflows.signals import ReceivesSignals


@workflow.defn(name="EpisodeBatch")
class EpisodeBatch(ReceivesSignals):
    """Simulates one batch; one that fails ends `failed` with its reason, and the phase decides what follows."""

    @workflow.init
    def __init__(self, _batch: SimulateBatch) -> None:
        super().__init__()

    @workflow.run
    async def run(self, batch: SimulateBatch) -> BatchResult:
        """A settled or a failed result; it fails only where it is cancelled."""
        show_details(f"{EpisodeState.RUNNING}: batch {batch.index} ({batch.purpose})")
        try:
            result = await workflow.execute_activity_method(
                Simulation.simulate_batch, batch, **named(COMPUTE, f"simulate {batch.purpose} batch {batch.index}")
            )
        except ActivityError as error:
            reason = cause(error)[:LONGEST_REASON]
            show_details(f"{EpisodeState.FAILED}: {reason}")
            return BatchResult(
                index=batch.index,
                purpose=batch.purpose,
                state=EpisodeState.FAILED,
                trajectory_digest=None,
                episodes=0,
                reason=reason,
            )
        show_details(f"{EpisodeState.SETTLED}: {result.episodes} episodes")
        return result


@workflow.defn(name="LogReplay")
class LogReplay(ReceivesSignals):
    """Replays the later share of one log under the agent's policy."""

    @workflow.init
    def __init__(self, _replay: ReplayInput) -> None:
        super().__init__()

    @workflow.run
    async def run(self, replay: ReplayInput) -> LogEvidence:
        """Evidence, or `failed` with its reason."""
        context = replay.context
        try:
            log = await workflow.execute_activity_method(
                Logs.prepare_log,
                PrepareLog(config_digest=context.config_digest, log=replay.log),
                **named(RECORDS, f"take the later share of {replay.log}"),
            )
            show_details(f"{EpisodeState.RUNNING}: {log.rows} rows of {log.log}")
            evidence = await workflow.execute_activity_method(
                Replays.replay_log,
                ReplayLog(context=context, log=log),
                **named(COMPUTE, f"evaluate {context.agent} on {replay.log}"),
            )
        except ActivityError as error:
            reason = cause(error)
            show_details(f"{EpisodeState.FAILED}: {reason}")
            return LogEvidence(
                log=replay.log, kind=None, grade=Grade.C, rows=0, clicks=0, state=EpisodeState.FAILED, reason=reason
            )
        show_details(f"{EpisodeState.SETTLED}: grade {evidence.grade}, {evidence.clicks} clicks")
        return evidence
