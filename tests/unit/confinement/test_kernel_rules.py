"""Processes that keep their environment private, and kernels that cannot confine anything."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gaelp.confinement import kernel_rules

ROOT = Path(__file__).parents[3]
NOBODY = 65534


def forked(act: Callable[[], None]) -> int:
    """Do it in a forked process, as an ordinary user where we are root; the exit code, or 1 where it raised."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setuid(NOBODY)
                ctypes.CDLL(None).prctl(kernel_rules.SET_DUMPABLE, 1, 0, 0, 0)  # a change of user takes it away
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
@pytest.mark.parametrize("private", [True, False])
def test_another_process_of_the_same_user_reads_no_private_environment(private: bool) -> None:
    """The environment of a process can be read by its user's other processes, and not once it keeps it private."""

    def target() -> None:
        if private:
            kernel_rules.keep_private()
        place = Path(f"/proc/{os.getpid()}/environ")
        reader = os.fork()
        if reader == 0:
            try:
                place.read_bytes()
                os._exit(0)
            except OSError:
                os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]) == (7 if private else 0)

    assert forked(target) == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux's")
@pytest.mark.parametrize("queue", ["live", "compute", "records"])
def test_a_worker_keeps_private_before_it_serves(queue: str) -> None:
    """By the time a worker connects anywhere it is not dumpable, and what it writes is its owner's only."""
    program = (
        "import ctypes, os, worker\n"
        "async def serve(*_): os.write(1, f'{ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)} {os.umask(0):o}\\n'.encode())\n"
        "worker.serve = serve\n"
        "worker.served_workflows = worker.served_activities = lambda *_: None\n"  # what it serves is not the claim
        f"worker.main(['--queues', '{queue}'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.splitlines()) == {"0 77"}  # compute is served by a process for each core


def test_what_a_system_lacks_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel without Landlock, another processor and another system are each told of."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(kernel_rules.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(kernel_rules, "landlock_version", lambda: 0)
    assert kernel_rules.lacking().startswith("This kernel has no Landlock")
    monkeypatch.setattr(kernel_rules, "landlock_version", lambda: 4)
    assert not kernel_rules.lacking()
    monkeypatch.setattr(kernel_rules.platform, "machine", lambda: "riscv64")
    assert kernel_rules.lacking().startswith("No seccomp filter is known for riscv64")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert kernel_rules.lacking().startswith("This system (darwin) has neither")


def test_the_filter_of_each_machine_is_whole() -> None:
    """Every jump of the program ends within it, and every way through it returns: the kernel takes nothing else."""
    for column, architecture in kernel_rules.ARCHITECTURES.values():
        steps = kernel_rules.program(column, architecture, 1234)
        assert len(steps) < 4096 and steps[-1][0] == kernel_rules.RETURN
        for place, (code, yes, no, _) in enumerate(steps):
            if code not in (kernel_rules.LOAD, kernel_rules.RETURN):
                assert max(place + 1 + yes, place + 1 + no) < len(steps)
