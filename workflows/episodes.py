"""The two child workflows that end with a result of their own: batches of simulated episodes, and a replayed log.

Touch this to change what such a child does before or after its activity.
"""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.compute.replays import Replays
    from activities.compute.simulation import Simulation
    from activities.records.logs import Logs
    from gaelp.domain.episodes import BatchPurpose, EpisodeState
    from gaelp.domain.log_evidence import Grade
    from gaelp.messages.episode_batch import LONGEST_REASON, BatchResult, SimulateBatches, SimulatedBatches
    from gaelp.messages.log_replay import LogEvidence, PrepareLog, ReplayInput, ReplayLog
    from workflows.activity_options import COMPUTE, RECORDS, named
    from workflows.details import cause, show_details
    from workflows.signals import ReceivesSignals


@workflow.defn(name="EpisodeBatch")
class EpisodeBatch(ReceivesSignals):
    """Simulates batches; one that fails ends `failed` with its reason, and the phase decides what follows."""

    @workflow.init
    def __init__(self, _batches: SimulateBatches) -> None:
        super().__init__()

    @workflow.run
    async def run(self, batches: SimulateBatches) -> SimulatedBatches:
        """A settled or a failed result of each batch; it fails only where it is cancelled."""
        results: list[BatchResult] = []
        seconds: list[float] = []
        while left := batches.indices[len(results) :]:
            show_details(f"{EpisodeState.RUNNING}: {told(left, batches.purpose)}")
            asked = batches.model_copy(update={"indices": left})
            try:
                done = await workflow.execute_activity_method(
                    Simulation.simulate_batches, asked, **named(COMPUTE, f"simulate {told(left, batches.purpose)}")
                )
            except ActivityError as error:
                results.append(_failed(left[0], batches.purpose, cause(error)[:LONGEST_REASON]))
            else:
                results.extend(done.results)
                seconds.append(done.batch_seconds)
        reasons = [
            f"batch {result.index} {EpisodeState.FAILED}: {result.reason}" for result in results if result.reason
        ]
        settled = f"{EpisodeState.SETTLED}: {sum(result.episodes for result in results)} episodes"
        show_details("; ".join(reasons) or settled)
        return SimulatedBatches(results=tuple(results), batch_seconds=min(seconds, default=0.0))


def told(indices: tuple[int, ...], purpose: BatchPurpose) -> str:
    """Which batches they are, in words."""
    numbers = f"es {indices[0]} to {indices[-1]}" if len(indices) > 1 else f" {indices[0]}"
    return f"{purpose} batch{numbers}"


def _failed(index: int, purpose: BatchPurpose, reason: str) -> BatchResult:
    return BatchResult(
        index=index, purpose=purpose, state=EpisodeState.FAILED, trajectory_digest=None, episodes=0, reason=reason
    )


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
