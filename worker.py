"""The composition root: settings -> clients -> activity objects -> workers by queue.

Touch this when a workflow or an activity is added: every one is listed here by hand. Only the process that serves
`live` and `stop` needs ad credentials; the one that serves `compute` has agents run in child processes and needs none.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

# One thread per process for linear algebra, set before numpy is imported: equal seeds then give equal bits.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from temporalio.client import Client
from temporalio.worker import Worker

from activities.compute.decisions import Decisions, beside_credentials
from activities.compute.replays import Replays
from activities.compute.simulation import Simulation
from activities.compute.stated_worlds import StatedWorlds
from activities.effects import Effects
from activities.inputs import Inputs
from activities.live.call_quota import CallQuotas
from activities.live.campaigns import Campaigns
from activities.live.emergency import Emergency
from activities.live.observations import Observations
from activities.live.reaping import Reaping
from activities.live.turns import Turns
from activities.metering import CountedCalls, Metering
from activities.records.approvals import Approvals
from activities.records.assessment import Assessment
from activities.records.calibration import Calibration
from activities.records.campaign_looks import CampaignLooks
from activities.records.campaign_reports import CampaignReports
from activities.records.curricula import Curricula
from activities.records.logs import Logs
from activities.records.personas import Personas
from activities.records.planning import Planning
from activities.records.recording import Records
from activities.records.runs import Runs
from gaelp import observability
from gaelp.confinement.kernel_rules import keep_private
from gaelp.domain.temporal_names import Queue
from gaelp.forked_processes import in_processes
from gaelp.ledger.ledger import Ledger
from gaelp.metrics.metric_table import LEDGER_TIME
from gaelp.metrics.recorder import Recorder, exporting
from gaelp.personas.endpoint import open_endpoint
from gaelp.personas.rating_cache import RatingCache
from gaelp.platforms.adapters import STOP_SECONDS, kept_platforms
from gaelp.reaper_schedule import keep_reaper, keep_reaper_until
from gaelp.records.content_store import ContentStore
from gaelp.records.events.event_back_ends import open_events
from gaelp.records.events.live_metrics import LiveMetrics
from gaelp.records.events.redis_streams import connect as connect_redis
from gaelp.records.installed_code import code_version, package_versions
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from gaelp.settings import Settings
from gaelp.temporal_connection import connect_at_start
from gaelp.workflow_sandbox import workflow_sandbox
from workflows.campaigns.live_campaign import LiveCampaign
from workflows.episodes import EpisodeBatch, LogReplay
from workflows.historical import HistoricalValidation
from workflows.live_test import LiveTest
from workflows.scaled import ScaledDeployment
from workflows.simulation import SimulationTraining
from workflows.stopping import EmergencyStop, Reaper
from workflows.training_run import TrainingRun

WORKFLOWS: tuple[type, ...] = (
    TrainingRun,
    SimulationTraining,
    HistoricalValidation,
    LiveTest,
    ScaledDeployment,
    EpisodeBatch,
    LogReplay,
    LiveCampaign,
)
Activities = list[Callable[..., Any]]
# Beyond so many the SDK replays the one used longest ago: a thousand campaigns in turn would all be replayed each time.
CACHED_WORKFLOWS = 3000
START_SECONDS = 25.0  # within which a Temporal server that is started beside us must answer


def compute_activities(settings: Settings, certify: bool = False) -> Activities:
    """Agents and simulation: the content store, and nothing else. With `certify` its stated agents, and no other."""
    if certify:
        return StatedWorlds(ContentStore(settings.store)).activities
    inputs = Inputs(ContentStore(settings.store))
    simulation, replays, decisions = Simulation(inputs), Replays(inputs), Decisions(inputs)
    return [
        simulation.first_checkpoint,
        simulation.simulate_batches,
        *(simulation.learn_rules, simulation.play_traps, simulation.play_audit, simulation.learn),
        replays.replay_log,
        decisions.decide,
    ]


def records_activities(settings: Settings, recorder: Recorder) -> Activities:
    """Ledger, warehouse, events, live metrics."""
    store, ledger = ContentStore(settings.store), open_ledger(settings, recorder)
    inputs, warehouse = Inputs(store), open_warehouse(settings.warehouse)
    events = open_events(settings.redis_url, settings.pubsub_project)
    runs = Runs(ledger, store, warehouse, events, code_version(), package_versions())
    calibration, logs, looks = Calibration(inputs, warehouse), Logs(inputs, warehouse), CampaignLooks()
    planning, assessment, curricula = Planning(ledger, inputs), Assessment(ledger, inputs), Curricula(inputs, warehouse)
    reports, approvals = CampaignReports(ledger, inputs), Approvals(ledger, calibration.terms)
    records = Records(inputs, ledger, warehouse, events, LiveMetrics(settings.redis_url))
    rater = partial(open_endpoint, settings.llm_url, settings.llm_api_key)
    personas = Personas(inputs, rater, RatingCache(connect_redis(settings.redis_url)))
    return [
        runs.begin_run,
        runs.look_at_run,
        runs.end_run,
        calibration.calibrate_market,
        personas.rate_panel,
        *(logs.plan_historical, logs.prepare_log),
        *(planning.plan_simulation, planning.begin_exam),
        *(curricula.plan_curriculum, curricula.advance_curriculum),
        *(planning.plan_campaigns, planning.read_plans, planning.start_of),
        *(planning.review_campaigns, planning.scale_budgets),
        assessment.assess_simulation,
        assessment.assess_historical,
        assessment.assess_campaigns,
        approvals.request_approval,
        approvals.look_at_request,
        approvals.submit_decision,
        approvals.note_refused_signals,
        *(reports.keep_reached, reports.keep_result, reports.let_proceed),
        *(looks.look_at_campaigns, looks.look_at_phase),
        records.record,
        records.record_batches,
        records.record_campaigns,
    ]


def open_ledger(settings: Settings, recorder: Recorder) -> Ledger:
    """The ledger; how long its transactions take is recorded."""

    def took(access: str, outcome: str, seconds: float) -> None:
        recorder.took(LEDGER_TIME, seconds, access=access, outcome=outcome)

    return Ledger.open(settings.ledger, took)


def live_activities(settings: Settings, recorder: Recorder, quotas: CallQuotas) -> Activities:
    """The only activities with ad credentials, beside the stop."""
    ledger, store = open_ledger(settings, recorder), ContentStore(settings.store)
    kept = kept_platforms(settings, calls=CountedCalls(recorder, quotas.before_call))
    inputs, platforms = Inputs(store), quotas.asking(ledger, kept)
    campaigns, observations = Campaigns(ledger, inputs, platforms), Observations(ledger, inputs, platforms)
    turn = Turns(campaigns, observations, beside_credentials(store)).apply_and_observe
    return [campaigns.launch, campaigns.apply, campaigns.pause_and_settle, observations.observe, turn]


def stop_activities(settings: Settings, recorder: Recorder) -> Activities:
    """The emergency stop and the reaper."""
    ledger, platforms = open_ledger(settings, recorder), kept_platforms(settings, STOP_SECONDS, CountedCalls(recorder))
    emergency = Emergency(ledger, platforms)
    return [emergency.stop_account, emergency.waiting_phases, Reaping(ledger, platforms).reap]


def make_worker(client: Client, settings: Settings, queue: Queue, *, certify: bool = False, **options: Any) -> Worker:
    """The worker of one queue. `options` are temporalio's, for tests."""
    quotas, recorder = CallQuotas(), Recorder.of(client)
    activities: dict[Queue, Callable[[], Activities]] = {
        Queue.COMPUTE: partial(compute_activities, settings, certify),
        Queue.RECORDS: partial(records_activities, settings, recorder),
        Queue.LIVE: partial(live_activities, settings, recorder, quotas),
        Queue.STOP: partial(stop_activities, settings, recorder),
    }
    metering = Metering(recorder, partial(open_ledger, settings, recorder))
    threads = 2 if queue is Queue.COMPUTE else 16
    served: dict[Queue, list[type]] = {Queue.STOP: [EmergencyStop, Reaper], Queue.WORKFLOWS: list(WORKFLOWS)}
    defaults: dict[str, Any] = {
        "workflow_runner": workflow_sandbox(client.data_converter),
        "interceptors": [Effects(), quotas, metering],
        "max_concurrent_activities": threads,
        "max_cached_workflows": CACHED_WORKFLOWS,
        "activity_executor": ThreadPoolExecutor(threads, thread_name_prefix=queue),
        # A dead worker's workflows move to another one after this, not after the default ten seconds.
        "sticky_queue_schedule_to_start_timeout": timedelta(seconds=1),
        "graceful_shutdown_timeout": timedelta(seconds=5),
    }
    return Worker(
        client,
        task_queue=queue,
        workflows=served.get(queue, []),
        activities=activities[queue]() if queue in activities else [],
        **{**defaults, **options},
    )


async def serve(
    settings: Settings, queues: Sequence[Queue], ready: Callable[[], None], certify: bool = False, process: int = 0
) -> None:
    """Run the workers until SIGTERM or SIGINT; `ready` is called once all of them poll."""
    client = await connect_at_start(settings, START_SECONDS, exporting(settings.metrics_address, process))
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with contextlib.AsyncExitStack() as stack:
        for queue in queues:
            await stack.enter_async_context(make_worker(client, settings, queue, certify=certify))
        if Queue.STOP in queues:
            await keep_reaper(client, settings.reaper_seconds)
        ready()
        await keep_reaper_until(stopped, client, settings.reaper_seconds if Queue.STOP in queues else 0)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serves GAELP's task queues.")
    parser.add_argument("--queues", required=True, help="comma-separated: " + ", ".join(Queue))
    parser.add_argument("--ready", type=Path, help="a file that is created when the workers poll")
    parser.add_argument("--processes", type=int, help="that serve compute: by default one for each core")
    parser.add_argument("--certify", action="store_true", help="serve the agents of `starter.py certify` and no other")
    arguments = parser.parse_args(argv)
    unknown = [name for name in arguments.queues.split(",") if name not in set(Queue)]
    if unknown:
        parser.error(f"unknown queue {', '.join(unknown)}: use {', '.join(Queue)}")
    arguments.queues = [Queue(name) for name in arguments.queues.split(",")]
    if Queue.COMPUTE in arguments.queues and len(arguments.queues) > 1:
        parser.error("compute runs agents, so it is a process of its own, without credentials: start another worker")
    if arguments.certify and arguments.queues != [Queue.COMPUTE]:
        parser.error("--certify replaces what the queue compute serves: give --queues compute")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    arguments.processes = arguments.processes or (cores if Queue.COMPUTE in arguments.queues else 1)
    if arguments.processes < 1 or (arguments.processes > 1 and Queue.COMPUTE not in arguments.queues):
        parser.error("--processes is a number of compute processes: other queues have one process a worker")
    return arguments


def _work(queues: Sequence[Queue], certify: bool, ready: Callable[[], None], process: int) -> int:
    """Serve in this process; a service that is not there is one sentence and exit code 1."""
    keep_private()
    try:
        asyncio.run(serve(Settings(), queues, ready, certify, process))
    except Exception as error:
        sys.stderr.write(f"worker: {error}\n")
        return 1
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    arguments = _arguments(argv)
    keep_private()
    observability.configure()
    ready = arguments.ready.touch if arguments.ready else lambda: None
    return in_processes(arguments.processes, partial(_work, arguments.queues, arguments.certify), ready)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The SDK's threads may abort the interpreter at exit (exit code 134) after everything has ended well.
    os._exit(code)
