"""A run that names a market log alone: its market, and the gap to the log's later part where people look for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from activities.inputs import Inputs
from gaelp.configuration import loading
from gaelp.domain.phases import Phase
from gaelp.domain.temporal_names import Queue
from gaelp.market.calibration.calibrate import calibrate
from gaelp.messages.training_run import RunResult
from gaelp.records.logs.ingestion import LogSource, ingest
from gaelp.records.logs.stored_logs import load_market
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support.local_runs import LocalRuns
from tests.support.markets import auction_log

RUN = "auctions-run"


def untrained(local_runs: LocalRuns, tmp_path: Path, *changes: str) -> str:
    """Ingest the log `auctions`; the digest of an agent's state of its market's sizes."""
    log = auction_log(1)
    began = datetime(2026, 3, 2, tzinfo=UTC)
    times = [(began + timedelta(microseconds=time)).isoformat() for time in log["time_us"].tolist()]
    rows = zip(times, log["click"], log["market_price"], log["pctr"], log["exchange"], strict=True)
    file = tmp_path / "auctions.csv"
    file.write_text(
        "date,click,market_price,pctr,exchange\n" + "".join(f"{a},{b},{c},{d},{e}\n" for a, b, c, d, e in rows)
    )
    warehouse = open_warehouse(local_runs.settings.warehouse)
    ingest(warehouse, LogSource(str(file), "market", "auctions"), datetime.now(UTC))
    config, inputs = local_runs.config(*changes), Inputs(local_runs.store())
    market = inputs.store.put_arrays(calibrate([load_market(warehouse, "auctions")], config).to_arrays())
    warehouse.close()
    digest = inputs.store.put_document(loading.canonical(config))
    return inputs.store.put_arrays(inputs.untrained(inputs.agent(config.agent, digest), digest, market))


@pytest.mark.asyncio(loop_scope="session")
async def test_the_gap_of_a_run_is_in_status_and_report(local_runs: LocalRuns, client: Client, tmp_path: Path) -> None:
    """The phase historical compares the market of the log's earlier half with its later half; both verbs tell of it."""
    account = local_runs.open_account(RUN)
    changes = ("historical.logs=['auctions']", f"account={account}")
    checkpoint = untrained(local_runs, tmp_path, *changes)
    start = local_runs.run_input(
        RUN, *changes, from_phase=Phase.HISTORICAL, from_checkpoint=checkpoint, until=Phase.HISTORICAL
    )
    await client.execute_workflow("TrainingRun", start, id=RUN, task_queue=Queue.WORKFLOWS, result_type=RunResult)
    status = local_runs.starter("status", RUN, "--json")
    assert status.code == 0, status.output
    (gaps,) = [phase["gaps"] for phase in status.json["phases"] if phase["gaps"]]
    report = local_runs.starter("report", RUN, "--json", "--output", str(tmp_path / "report"))
    assert report.code == 0, report.output
    told = {gap["quantity"]: gap for gap in report.json["gaps"]}
    assert told.keys() == {gap["quantity"] for gap in gaps} and len(told) == 5
    for gap in gaps:
        assert told[gap["quantity"]]["simulated"] == pytest.approx(gap["simulated"])
    for quantity in ("won at the lower quartile of prices", "hours of the day in common"):
        assert abs(told[quantity]["gap"]) < abs(told[quantity]["assumed_gap"]), told[quantity]
    shown = local_runs.starter("status", RUN).out
    assert "won at the lower quartile of prices" in shown and "linear-bid" in shown
    (beside,) = [each for each in report.json["baselines"] if each["place"] == "auctions"]
    assert beside == next(each for each in status.json["baselines"] if each["place"] == "auctions")
    assert [each["policy"] for each in beside["policies"]] == ["agent", "logging policy", "fixed-bid", "linear-bid"]
    for each in beside["policies"][1:]:
        lead = beside["policies"][0]["value"]["value"] - each["value"]["value"]
        assert each["agents_lead"]["value"] == pytest.approx(lead)
