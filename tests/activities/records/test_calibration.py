"""What is told of a run's market, from the logs in the warehouse. Touch with activities/records/calibration.py."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from activities.inputs import Inputs
from activities.records.approvals import Approvals
from activities.records.calibration import Calibration
from gaelp.configuration import loading
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_card import SYNTHETIC_MARKET
from gaelp.domain.spending.approval_requests import ApprovalPurpose, RequestApproval
from gaelp.ledger.ledger import Ledger
from gaelp.market.auctions.price_curves import PriceCurves
from gaelp.market.calibration.calibrate import calibrate
from gaelp.messages.training_run import CalibrateMarket
from gaelp.records.logs.ingestion import LogSource, ingest
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support import ledgers as kit
from tests.support.local_runs import LocalRuns
from tests.support.made_logs import write_log
from tests.support.markets import auction_log


@pytest.mark.parametrize(("logs", "synthetic"), [([], True), (["auctions"], False), (["shown"], False)])
def test_the_card_of_a_run_without_a_log_says_synthetic_market(
    local_runs: LocalRuns, inputs: Inputs, tmp_path: Path, logs: list[str], synthetic: bool
) -> None:
    """Whoever signs is told where no log calibrates the market; a bandit or a market log does."""
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


def test_a_run_with_a_market_log_trains_in_its_market(local_runs: LocalRuns, inputs: Inputs, tmp_path: Path) -> None:
    """The activity's market has the log's exchanges and prices; another root seed gives the same bits."""
    log = auction_log(1, rows=2000)
    rows = zip(log["click"], log["market_price"], log["exchange"], strict=True)
    (tmp_path / "a.csv").write_text("click,market_price,exchange\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows))
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    ingest(warehouse, LogSource(str(tmp_path / "a.csv"), "market", "auctions"), kit.NOW)
    digests = []
    for seed in (7, 8):
        config = local_runs.config("historical.logs=['auctions']", f"seed={seed}")
        inputs.store.put_document(loading.canonical(config))
        asked = CalibrateMarket(config_digest=loading.digest(config))
        digests.append(Calibration(inputs, warehouse).calibrate_market(asked).market_digest)
    warehouse.close()
    assert digests[0] == digests[1]
    market = inputs.market(digests[0])
    assert market.segmentation.values == ("a",)
    early = np.sort(log["market_price"][:1000])
    won = PriceCurves.of(market).win_rate(np.full(2, (early[700] + 0.5) * 5.5e6 / early[499]))
    share = market.auctions_per_hour / market.auctions_per_hour.sum()
    assert share @ won == pytest.approx((early <= early[700]).mean(), abs=0.002)
