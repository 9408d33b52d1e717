"""The same work in several processes: real forks, ended as a supervisor ends them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from gaelp.forked_processes import in_processes
folder, count, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
def work(ready, number):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    (folder / f"began-{os.getpid()}").touch()
    if how == "one-fails" and os.getpid() == min(wait_for_all()):
        return 3
    ready()
    signal.sigwait({signal.SIGTERM})
    return 0
def wait_for_all():
    while len(pids := [int(p.name.split("-")[1]) for p in folder.glob("began-*")]) < count:
        time.sleep(0.01)
    return pids
sys.exit(in_processes(count, work, lambda: print("ready", flush=True)))
"""


def _program(folder: Path, count: int, how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(folder), str(count), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _began(folder: Path) -> list[int]:
    return [int(path.name.split("-")[1]) for path in folder.glob("began-*")]


@pytest.mark.parametrize("count", [1, 3])
def test_all_are_ready_and_all_end(tmp_path: Path, count: int) -> None:
    """It is ready when so many processes are, and SIGTERM to the first ends them all with code 0."""
    with _program(tmp_path, count, "well") as program:
        assert program.stdout is not None and program.stdout.readline() == "ready\n"
        pids = _began(tmp_path)
        assert len(pids) == count and (program.pid in pids) is (count == 1)
        program.send_signal(signal.SIGTERM)
        assert program.wait(30) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_one_that_ends_ends_the_others(tmp_path: Path) -> None:
    """It is never ready then, its code is that of the one that ended, and nothing is left."""
    with _program(tmp_path, 3, "one-fails") as program:
        assert program.wait(30) == 3
        assert program.stdout is not None and program.stdout.read() == ""
    pids = _began(tmp_path)
    assert len(pids) == 3 and not any(Path(f"/proc/{pid}").exists() for pid in pids)
