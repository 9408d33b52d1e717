"""Plays batches on one scheduler, as a program: `python -m scripts.bench.batch_program NAME BATCHES CAMPAIGNS`.

Each scheduler gives the same function to two workers and collects each batch's small result; what it needs besides is
its own business. Prints the seconds and the processor seconds of all processes of the program, its start left out.
Touch this to compare with one more scheduler.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

WORKERS = 2
MARK = "GAELP_BENCH_MARK"  # in the environment of a program, and so in that of all its descendants
Batches = Callable[[range], object]


@cache
def _play(campaigns: int) -> Any:
    from scripts.bench.episodes import Play

    return Play.of(campaigns)


def play_batch(campaigns: int, index: int) -> int:
    """One batch, on this process's copy of market and agent; the number of its episodes."""
    result = _play(campaigns).batch(index)[1]
    return int(result.episodes + result.replaced)


def processor_seconds_of_all(root: int, mark: str = "") -> float:
    """Processor time of a living process, of all that it has started, and of their children that have ended.

    A daemon that has left its parent is told by the mark in its environment, which a worker of ours hides.
    """
    return sum(family(root, mark).values()) / os.sysconf("SC_CLK_TCK")


def family(root: int, mark: str = "") -> dict[int, int]:
    """Clock ticks of a process and of all that it has started, by process id."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    counted = {root}
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[pid], ticks[pid] = int(fields[1]), sum(int(field) for field in fields[11:15])
            if mark and f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                counted.add(pid)
        except OSError:
            continue  # it has ended, or hides its environment
    grown = True
    while grown:
        children = {pid for pid, parent in parents.items() if parent in counted}
        grown = not children <= counted
        counted |= children
    return {pid: ticks[pid] for pid in counted if pid in ticks}


@contextmanager
def _loop(campaigns: int) -> Iterator[Batches]:
    yield lambda batches: [play_batch(campaigns, index) for index in batches]


@contextmanager
def _pool(campaigns: int) -> Iterator[Batches]:
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        yield lambda batches: list(pool.map(play_batch, [campaigns] * len(batches), batches))


@contextmanager
def _ray(campaigns: int) -> Iterator[Batches]:
    import ray

    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, configure_logging=False)
    remote = ray.remote(play_batch)
    yield lambda batches: ray.get([remote.remote(campaigns, index) for index in batches])
    ray.shutdown()


@contextmanager
def _prefect(campaigns: int) -> Iterator[Batches]:
    from prefect import flow, task
    from prefect.task_runners import ProcessPoolTaskRunner

    played = task(play_batch)

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=WORKERS), log_prints=False)
    def play(first: int, last: int) -> list[int]:
        return [each.result() for each in [played.submit(campaigns, index) for index in range(first, last)]]

    yield lambda batches: play(batches.start, batches.stop)


@contextmanager
def _dbos(campaigns: int) -> Iterator[Batches]:
    from dbos import DBOS

    DBOS(config={"name": "bench", "system_database_url": "sqlite:///dbos.sqlite", "log_level": "ERROR"})
    step = DBOS.step()(play_batch)

    @DBOS.workflow()
    def play(index: int) -> int:
        return int(step(campaigns, index))

    DBOS.launch()
    queue = DBOS.register_queue("batches", concurrency=WORKERS)
    yield lambda batches: [handle.get_result() for handle in [queue.enqueue(play, index) for index in batches]]
    DBOS.destroy()


SCHEDULERS = {"loop": _loop, "pool": _pool, "ray": _ray, "prefect": _prefect, "dbos": _dbos}


def main() -> None:
    """Warm up with two batches for each worker, then time the rest."""
    name, batches, campaigns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    warm, mark = 2 * WORKERS, os.environ[MARK]
    with SCHEDULERS[name](campaigns) as play:
        play(range(warm))
        begun, used = time.perf_counter(), processor_seconds_of_all(os.getpid(), mark)
        play(range(warm, warm + batches))
        seconds, used = time.perf_counter() - begun, processor_seconds_of_all(os.getpid(), mark) - used
        print(json.dumps({"seconds": seconds, "processor_seconds": used}), flush=True)


if __name__ == "__main__":
    # By its own name, so that other processes find its functions.
    from scripts.bench import batch_program

    batch_program.main()
