"""Batches of 32 campaigns of seven days, on other schedulers beside ours: the same function, two workers each.

A peer from the package registry is installed into an environment of its own, which sees our packages after its own; one
that does not install or run here has no figure and says why. Touch this to compare with one more.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import uuid
import venv
from dataclasses import dataclass, replace
from pathlib import Path

from gaelp.local_stack import LocalStack
from gaelp.settings import Settings
from scripts.bench import batch_program, episodes
from scripts.bench.timing import Sizes

ROOT = Path(__file__).resolve().parents[2]
CAMPAIGNS = 32
SECONDS = 900.0  # for an installation, and for a measurement
WANTED = 0.7  # of a pool of two processes
# What each is installed from; none: it is Python's own.
PEERS = {"loop": (), "pool": (), "ray": ("ray",), "prefect": ("prefect",), "dbos": ("dbos",)}
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
}


@dataclass(frozen=True)
class Scheduled:
    """One scheduler: episodes a second of the clock, and of the processor time of all its processes."""

    scheduler: str
    load: float  # the machine's, when it began
    rate: float = 0.0
    per_processor_second: float = 0.0
    of_pool: float | None = None  # rate over that of the pool
    note: str = ""


def measured(sizes: Sizes, home: Path, workflow: bool = True) -> list[Scheduled]:
    """Every peer in turn, and ours last."""
    found = []
    for name in sizes.schedulers:
        found.append(_peer(name, sizes, home / "schedulers" / name))
        sys.stderr.write(f"{found[-1]}\n")  # so that a bench that is broken off has not measured for nothing
    if workflow:
        found.append(_ours(sizes))
    pool = next((each.rate for each in found if each.scheduler == "pool"), 0.0)
    return [replace(each, of_pool=round(each.rate / pool, 2)) if pool and each.rate else each for each in found]


def _peer(name: str, sizes: Sizes, home: Path) -> Scheduled:
    load = round(os.getloadavg()[0], 1)
    try:
        python = _environment(home, PEERS[name]) if PEERS[name] else Path(sys.executable)
        command = [str(python), "-m", "scripts.bench.batch_program", name, str(sizes.scheduled), str(CAMPAIGNS)]
        with tempfile.TemporaryDirectory() as folder:
            places = {"HOME": folder, "PREFECT_HOME": folder, batch_program.MARK: uuid.uuid4().hex}
            environment = {**os.environ, **QUIET, **places, "PYTHONPATH": "" if PEERS[name] else str(ROOT)}
            ran = subprocess.run(
                command, env=environment, cwd=folder, capture_output=True, text=True, check=True, timeout=SECONDS
            )
        figures = json.loads(ran.stdout.splitlines()[-1])
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or "no reason given").strip().splitlines()
        return Scheduled(name, load, note=f"does not run here: {lines[-1][:200]}")
    except subprocess.TimeoutExpired:
        return Scheduled(name, load, note=f"did not end within {SECONDS:.0f} s")
    played = sizes.scheduled * CAMPAIGNS
    rate, per_processor = played / figures["seconds"], played / max(figures["processor_seconds"], 0.01)
    return Scheduled(name, load, round(rate), round(per_processor))


def _environment(folder: Path, packages: tuple[str, ...]) -> Path:
    """The Python of an environment with these packages, and with the bench's own packages after them."""
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        subprocess.run(install, capture_output=True, text=True, check=True, timeout=SECONDS)
        inside = next(folder.glob("lib/python*/site-packages"))
        (inside / "bench.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
        (folder / "ready").touch()
    return python


def _ours(sizes: Sizes) -> Scheduled:
    """EpisodeBatch workflows with trajectories stored; Temporal, Redis, both workers and the client are counted."""
    load = round(os.getloadavg()[0], 1)
    smaller = replace(sizes, campaigns=CAMPAIGNS, batches=sizes.scheduled)
    names = ("temporal", "redis", "worker", "compute")
    with tempfile.TemporaryDirectory() as home, LocalStack(Path(home), names=names) as stack:
        used = batch_program.processor_seconds_of_all(os.getpid())
        settings, pids = Settings.named_by(stack.environment()), [stack.pid(name) for name in names]
        speed = asyncio.run(episodes.run_batches(settings, smaller, pids))
        used = batch_program.processor_seconds_of_all(os.getpid()) - used
    played = (smaller.batches + 2 * smaller.in_flight) * CAMPAIGNS  # the warming ones are in the processor time too
    return Scheduled("gaelp", load, round(speed.rate), round(played / used), note="durable, trajectories stored")
