"""What a run is told of itself when it is launched. Touch with gaelp/commands/runs/launching.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gaelp.commands import connections
from gaelp.commands.runs.launching import configured, memo_of, order
from gaelp.commands.runs.start_facts import read_facts
from gaelp.records.logs.ingestion import LogSource, ingest
from tests.support.made_logs import write_log


@pytest.mark.parametrize(("logs", "market"), [
    ([], "synthetic"), (["auctions"], "from logs"), (["shown"], "from logs"), (["days"], "synthetic"),
])  # fmt: skip
def test_the_memo_says_whether_a_log_calibrates_the_market(
    no_services: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, logs: list[str], market: str
) -> None:
    """`status` prints the memo: a run with neither a bandit nor a market log has a synthetic market."""
    for name, value in no_services.items():
        monkeypatch.setenv(name, value)
    settings = connections.read_settings()
    warehouse = connections.open_warehouse(settings)
    (tmp_path / "auctions.txt").write_text("0 5 0.1\n1 7 0.2\n")
    (tmp_path / "days.csv").write_text("date,campaign,impressions,clicks\n2026-03-01,a,100,3\n2026-03-02,a,90,2\n")
    shown, days = write_log(tmp_path / "shown", 1, rows=50), tmp_path / "days.csv"
    files = (("auctions", "market", tmp_path / "auctions.txt"), ("shown", "bandit", shown), ("days", "report", days))
    for name, kind, path in files:
        ingest(warehouse, LogSource(str(path), kind, name), connections.now())
    warehouse.close()
    loaded = configured("quick-test", [f"historical.logs={logs}"], None)
    wanted = order(loaded, "run-a", {"from_phase": None, "from_checkpoint": None, "until": None})
    assert memo_of(wanted, read_facts(settings, None, wanted.input).facts)["market"] == market
