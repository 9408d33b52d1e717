"""What is told of a run's market, from the logs in the warehouse. Touch with activities/records/calibration.py."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from activities.inputs import Inputs
from activities.records.approvals import Approvals
from activities.records.calibration import Calibration
from gaelp.configuration import loading
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_card import SYNTHETIC_MARKET
from gaelp.domain.spending.approval_requests import ApprovalPurpose, RequestApproval
from gaelp.ledger.ledger import Ledger
from gaelp.market.calibration.calibrate import calibrate
from gaelp.records.logs.ingestion import LogSource, ingest
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support import ledgers as kit
from tests.support.local_runs import LocalRuns
from tests.support.made_logs import write_log


@pytest.mark.parametrize(("logs", "synthetic"), [([], True), (["auctions"], True), (["auctions", "shown"], False)])
def test_the_card_of_a_run_without_a_bandit_log_says_synthetic_market(
    local_runs: LocalRuns, inputs: Inputs, tmp_path: Path, logs: list[str], synthetic: bool
) -> None:
    """A market log alone calibrates nothing, and whoever signs is told so."""
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    (tmp_path / "auctions.txt").write_text("0 5 0.1\n1 7 0.2\n")
    shown = write_log(tmp_path / "shown", 1, rows=50)
    for name, kind, path in (("auctions", "market", tmp_path / "auctions.txt"), ("shown", "bandit", shown)):
        ingest(warehouse, LogSource(str(path), kind, name), kit.NOW)
    config = local_runs.config(f"historical.logs={logs}")
    inputs.store.put_document(loading.canonical(config))
    market = inputs.store.put_arrays(calibrate([], config).to_arrays())
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.put_account(kit.account(), at=kit.NOW)
    ledger.register_run("run-a", "acme", kit.NOW)
    ledger.keep_campaigns(kit.CAMPAIGNS)
    asked = RequestApproval(
        run="run-a", phase=Phase.LIVE_TEST, config_digest=loading.digest(config), market_digest=market,
        account="acme", agent="linear-thompson", checkpoint_digest="c" * 64, purpose=ApprovalPurpose.SPEND, sequence=1,
        daily_cap_micros=50 * kit.UNIT, total_cap_micros=300 * kit.UNIT, campaigns_digest=kit.CAMPAIGNS_DIGEST,
        deadline=kit.NOW, expires_at=kit.NOW + timedelta(days=9), now=kit.NOW,
    )  # fmt: skip
    card = Approvals(ledger, Calibration(inputs, warehouse).terms).request_approval(asked).card
    warehouse.close()
    assert card is not None and (SYNTHETIC_MARKET in card.text) == synthetic
