"""The gap between a market and the later part of a log, before and after the log calibrates the market.

Touch with activities/compute/market_gap.py.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from activities.compute.market_gap import measure_gap
from activities.records.logs import KEPT
from gaelp.commands.history.fitted_settings import settings_of
from gaelp.commands.history.report_settings import fitted_report
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.log_evidence import LogKind, Quantity
from gaelp.market.calibration.calibrate import calibrate
from gaelp.messages.log_replay import GapEvidence, PreparedLog
from gaelp.records.logs.ingestion import LogSource, ingest
from gaelp.records.logs.stored_logs import load_market, load_report, split
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support import ledgers as kit
from tests.support.known_truth_logs import report_log
from tests.support.markets import auction_log, bandit_log, configured

SHARED = Path(__file__).resolve().parents[3] / "../shared/data"
shared = pytest.mark.skipif(not SHARED.exists(), reason="the shared logs are not here")


def gaps_of(
    kind: LogKind, log: dict[str, Any], config: TrainingConfiguration, calibrating: list[dict[str, Any]]
) -> dict[Quantity, GapEvidence]:
    """The gap between the market of the calibrating logs and the later half of a log."""
    early, later = split(log, 0.5)
    rows = {key: log[key] for key in KEPT[kind] if key in log} if kind in KEPT else later
    first = len(next(iter(early.values()))) if kind in KEPT else 0
    prepared = PreparedLog(
        log="made", kind=kind, rows_digest="", rows=len(log["time_us"]) - first, window_start=None, window_end=None,
        earlier=first,
    )  # fmt: skip
    return {each.quantity: each for each in measure_gap(prepared, rows, calibrate(calibrating, config), config)}


def inside(gap: GapEvidence) -> bool:
    return gap.low <= gap.simulated <= gap.high


def test_a_market_that_a_log_calibrated_is_nearer_to_its_later_part() -> None:
    """In every quantity, and what it wins and pays is within a tenth of what was logged."""
    log, config = auction_log(3, rows=200_000), configured()
    after = gaps_of(LogKind.MARKET, log, config, [log])
    assert set(after) == set(Quantity) - {Quantity.CONVERSION_RATE}
    for each in after.values():
        assert abs(each.gap) < min(abs(each.assumed_gap), 0.12), each
    assert not after[Quantity.HOURS].low <= after[Quantity.HOURS].assumed
    assert after[Quantity.CLICK_COST].unit == config.currency and after[Quantity.CLICK_RATE].unit == ""


def test_what_was_logged_is_the_later_part_alone() -> None:
    """The click rate and the cost of a click of the later half, with the median of the earlier half as price level."""
    log, config = auction_log(3, rows=20_000), configured(market={"price_median": "2.00"})
    early, later = split(log, 0.5)
    found = gaps_of(LogKind.MARKET, log, config, [log])
    unit = 2.0 / np.sort(early["market_price"])[(len(early["click"]) - 1) // 2]
    assert found[Quantity.CLICK_RATE].logged == pytest.approx(later["click"].mean())
    cost = later["market_price"].sum() * unit / 1000 / later["click"].sum()
    assert found[Quantity.CLICK_COST].logged == pytest.approx(cost)
    assert found[Quantity.CLICK_COST].events == later["click"].sum()
    quarter = np.sort(early["market_price"])[int((len(early["click"]) - 1) * 0.25)]
    assert found[Quantity.WIN_RATE_LOW].logged == pytest.approx((later["market_price"] <= quarter).mean())


def test_a_bandit_log_is_compared_under_the_policy_that_logged() -> None:
    """Its clicks, by what was shown, and its hours; the market of another log of the same people is as it."""
    log, other = bandit_log(1, rows=60_000), bandit_log(2, rows=60_000)
    found = gaps_of(LogKind.BANDIT, log, configured(), [other])
    assert set(found) == {Quantity.CLICK_RATE, Quantity.HOURS}
    assert inside(found[Quantity.CLICK_RATE]) and found[Quantity.HOURS].simulated > 0.95


def days(made: dict[str, np.ndarray]) -> dict[str, Any]:
    sales = (made["conversions"] * 30e6).astype(np.int64)
    log = made | {"impressions": made["clicks"] * 9, "sales_micros": sales, "revenue_micros": sales}
    order = np.argsort(log["day"], kind="stable")
    log = {key: values[order] for key, values in log.items()}
    return log | {"time_us": log["day"] * 86_400_000_000, "days": np.ones(len(order), np.int64)}


def nearer_with_its_settings(log: dict[str, Any]) -> None:
    """The settings that `calibrate` fits to the earlier half bring every quantity of the later half nearer."""
    quantities, *_ = fitted_report(log, 1)
    currency = str(log["currency"][0]) or "USD"
    before = gaps_of(LogKind.REPORT, log, configured(currency=currency), [])
    after = gaps_of(LogKind.REPORT, log, configured(currency=currency, **settings_of(quantities)), [])
    assert set(before) == {Quantity.CLICK_RATE, Quantity.CLICK_COST, Quantity.CONVERSION_RATE}
    for name, each in after.items():
        assert abs(math.log(each.simulated / each.logged)) < abs(math.log(before[name].simulated / each.logged)), each


def test_a_report_brings_the_market_nearer_by_the_settings_that_follow_from_it() -> None:
    """Clicks, cost and conversions of a made report."""
    nearer_with_its_settings(days(report_log(1, 200)))


def test_costs_of_another_currency_are_not_compared() -> None:
    """A report in euros, and a run in dollars: rates are compared, and the cost per click is not."""
    found = gaps_of(LogKind.REPORT, days(report_log(1, 200)), configured(currency="USD"), [])
    assert set(found) == {Quantity.CLICK_RATE, Quantity.CONVERSION_RATE}


@shared
def test_a_public_campaign_report_brings_the_market_nearer(tmp_path: Path) -> None:
    """The later half of the public campaign report."""
    warehouse = open_warehouse(str(tmp_path))
    ingest(warehouse, LogSource(str(SHARED / "display_campaigns_2020q2.csv.gz"), "report", "days"), kit.NOW)
    nearer_with_its_settings(load_report(warehouse, "days"))
    warehouse.close()


@shared
def test_a_public_market_log_brings_the_market_nearer(tmp_path: Path) -> None:
    """Campaign 1458 without times: the log ratios of what is won, clicked and paid sum to a third of what they were."""
    warehouse = open_warehouse(str(tmp_path))
    file = SHARED / "ipinyou_1458" / "ipinyou_1458_rtbcontrol_train.txt.gz"
    ingest(warehouse, LogSource(str(file), "market", "auctions"), kit.NOW)
    log = load_market(warehouse, "auctions")
    warehouse.close()
    found = gaps_of(LogKind.MARKET, log, configured(), [log])
    assert set(found) == set(Quantity) - {Quantity.CONVERSION_RATE, Quantity.HOURS}
    simulated, assumed = (
        sum(abs(math.log(getattr(each, market) / each.logged)) for each in found.values())
        for market in ("simulated", "assumed")
    )
    assert simulated < assumed / 3
