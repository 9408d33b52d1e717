"""Which process of `make test` runs what: a folder that shares services is one piece of work, and begins first."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from tests.architecture.product import ROOT
from tests.support.folders_first import FIRST, FoldersFirst

COLLECTED = [
    "tests/unit/test_many.py::test_a",
    "tests/unit/test_many.py::test_b",
    "tests/unit/test_many.py::test_c",
    "tests/unit/test_one.py::test_a",
    "tests/workflows/test_runs.py::test_a",
    "tests/workflows/test_runs.py::test_b",
    "tests/workflows/test_signals.py::test_a",
    "tests/e2e/test_kills.py::test_a",
    "tests/e2e/test_absent.py::test_a[temporal]",
    "tests/e2e/test_absent.py::test_a[redis]",
]


class Process:
    """One of pytest-xdist's, which only notes what it is sent."""

    gateway = SimpleNamespace(id="gw")
    shutting_down = False

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        self.sent += [COLLECTED[index] for index in indices]

    def shutdown(self) -> None:
        self.shutting_down = True


def test_a_folder_with_services_is_run_by_one_process_and_begins_first() -> None:
    """Of two processes one is sent all of e2e and the other all of workflows, before any other file."""
    options = SimpleNamespace(loadscopereorder=True, numprocesses=2)
    config: Any = SimpleNamespace(getvalue=lambda name: ["2*popen"], option=options)
    scheduler, processes = FoldersFirst(config), (Process(), Process())
    for process in processes:
        scheduler.add_node(process)  # type: ignore[arg-type]
        scheduler.add_node_collection(process, COLLECTED)  # type: ignore[arg-type]
    scheduler.schedule()
    assert [process.sent for process in processes] == [COLLECTED[7:], COLLECTED[4:7]]


def test_every_folder_that_goes_first_is_there() -> None:
    """One that was renamed would be taken apart again without a word."""
    assert [folder for folder in FIRST if not list((ROOT / folder).rglob("test_*.py"))] == []
