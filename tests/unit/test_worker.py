"""What a worker process imports: every worker pays for it at its start, and in the demo on two cores."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.command_line import ROOT

PROGRAM = """
import sys, worker
for queue in map(worker.Queue, sys.argv[1].split(",")):
    worker.served_workflows(queue), worker.served_activities(queue)
print(" ".join(sorted(sys.modules)))
"""
OF_RECORDS = {"sqlalchemy", "redis", "duckdb", "gaelp.ledger.ledger"}


@pytest.mark.parametrize(
    ("queue", "wanted", "unwanted"),
    [
        (
            "compute",
            {"activities.compute.simulation"},
            {*OF_RECORDS, "workflows.training_run", "activities.live.turns", "scipy.stats"},
        ),
        ("stop", {"workflows.stopping", "activities.live.reaping"}, {"workflows.training_run", "duckdb"}),
    ],
)
def test_a_worker_imports_only_what_its_queue_serves(queue: str, wanted: set[str], unwanted: set[str]) -> None:
    """A process of its own lists what it has imported for its queue before it connects."""
    asked = [sys.executable, "-c", PROGRAM, queue]
    modules = set(subprocess.run(asked, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split())
    assert wanted <= modules and not unwanted & modules
