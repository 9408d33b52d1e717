"""What the workers serve to Prometheus, after a whole run."""

from __future__ import annotations

from pathlib import Path
from urllib.request import urlopen

from tests.support.local_runs import LocalRuns
from tests.support.undisturbed_run import Undisturbed


def test_dump(local_runs: LocalRuns, undisturbed: Undisturbed) -> None:
    port = local_runs.stack.metrics_port
    for each in range(port, port + 3):
        Path(f"/tmp/h7/scrape{each - port}.txt").write_bytes(urlopen(f"http://127.0.0.1:{each}/metrics").read())
