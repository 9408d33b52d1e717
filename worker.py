"""The composition root: settings -> clients -> activity objects -> workers by queue.

Touch this when a workflow is added: every one is listed here by hand, and every activity in activities/served/. Only
the process that serves `live` and `stop` needs ad credentials; the one that serves `compute` has agents run in child
processes and needs none.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

# One thread per process for linear algebra, set before numpy is imported: equal seeds then give equal bits.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from temporalio.client import Client
from temporalio.worker import Interceptor, Worker

from activities.effects import Effects
from activities.metering import Metering
from gaelp import observability, traces
from gaelp.confinement.kernel_rules import keep_private
from gaelp.domain.temporal_names import Queue
from gaelp.forked_processes import in_processes
from gaelp.metrics.recorder import Recorder, exporting
from gaelp.reaper_schedule import keep_reaper, keep_reaper_until
from gaelp.settings import Settings
from gaelp.temporal_connection import connect_at_start
from gaelp.workflow_sandbox import workflow_sandbox

# Beyond so many the SDK replays the one used longest ago: a thousand campaigns in turn would all be replayed each time.
CACHED_WORKFLOWS = 3000
START_SECONDS = 25.0  # within which a Temporal server that is started beside us must answer


def served_workflows(queue: Queue) -> list[type]:
    """The workflows of a queue; only the worker that runs them imports them."""
    if queue is Queue.STOP:
        from workflows.stopping import EmergencyStop, Reaper

        return [EmergencyStop, Reaper]
    if queue is not Queue.WORKFLOWS:
        return []
    from workflows.campaigns.live_campaign import LiveCampaign
    from workflows.episodes import EpisodeBatch, LogReplay
    from workflows.historical import HistoricalValidation
    from workflows.live_test import LiveTest
    from workflows.scaled import ScaledDeployment
    from workflows.simulation import SimulationTraining
    from workflows.training_run import TrainingRun

    phases: list[type] = [SimulationTraining, HistoricalValidation, LiveTest, ScaledDeployment]
    return [TrainingRun, *phases, EpisodeBatch, LogReplay, LiveCampaign]


Served = tuple[list[Callable[..., Any]], Sequence[Interceptor]]
"""Activities, and what is wrapped around each."""


def served_activities(queue: Queue, certify: bool = False) -> Callable[[Settings, Recorder], Served]:
    """Makes the activities of a queue; what another queue needs is not imported."""
    match queue:
        case Queue.COMPUTE:
            from activities.served.served_compute import compute_activities

            return lambda settings, recorder: (compute_activities(settings, certify), (Metering(recorder),))
        case Queue.RECORDS:
            from activities.served.served_records import records_activities

            return lambda settings, recorder: (records_activities(settings, recorder), (Metering(recorder),))
        case Queue.LIVE:
            from activities.live.call_quota import CallQuotas
            from activities.served.served_live import live_activities

            def live(settings: Settings, recorder: Recorder) -> Served:
                quotas = CallQuotas()
                return live_activities(settings, recorder, quotas), (quotas, Metering(recorder))

            return live
        case Queue.STOP:
            from activities.served.measured_ledger import open_ledger
            from activities.served.served_live import stop_activities

            def stop(settings: Settings, recorder: Recorder) -> Served:
                ledger = open_ledger(settings, recorder)
                return stop_activities(settings, recorder, ledger), (Metering(recorder, ledger),)

            return stop
        case _:
            return lambda _settings, _recorder: ([], ())


def make_worker(client: Client, settings: Settings, queue: Queue, *, certify: bool = False, **options: Any) -> Worker:
    """The worker of one queue. `options` are temporalio's, for tests."""
    activities, around = served_activities(queue, certify)(settings, Recorder.of(client))
    threads = 2 if queue is Queue.COMPUTE else 16
    defaults: dict[str, Any] = {
        # Without it the SDK hashes the code of every module, a fifth of a second in each process.
        "build_id": version("gaelp"),
        "workflow_runner": workflow_sandbox(client.data_converter),
        "interceptors": [Effects(), *around],
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
        workflows=served_workflows(queue),
        activities=activities,
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
    traces.flush(settings)


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
    gc.disable()  # nothing that is imported is garbage
    for queue in arguments.queues:  # before it is forked, and while a server that is started beside it begins to answer
        served_workflows(queue)
        served_activities(queue)
    gc.freeze()  # what is imported lasts: no collection need look through it, and forked processes share it
    gc.enable()
    ready = arguments.ready.touch if arguments.ready else lambda: None
    return in_processes(arguments.processes, partial(_work, arguments.queues, arguments.certify), ready)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The SDK's threads may abort the interpreter at exit (exit code 134) after everything has ended well.
    os._exit(code)
