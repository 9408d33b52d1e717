"""What the report says was earned: the ledger's campaigns at the ledger's cost, those that still run too."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import Arm, CampaignResult, DayReached
from gaelp.evidence.reported.earnings import Bounded, Earnings
from gaelp.ledger.ledger import Ledger
from gaelp.records.content_store import ContentStore
from gaelp.records.warehouse.warehouse import Warehouse
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from gaelp.reports.earned_rows import EarnedRow, curves, did_it_earn, earned_rows, latest_phase, losses
from gaelp.reports.report_facts import Facts, Sources, gather
from gaelp.reports.report_page import build_report
from tests.support.ledgers import DAY, NOW, UNIT, booking, prepared, request

RUN = "run-a"


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = open_warehouse(str(tmp_path / "warehouse"))
    row = {
        "run": RUN, "at": NOW - timedelta(days=1), "event": "started", "agent": "linear-thompson", "account": "acme",
        "profile": "quick-test", "mode": "advisory", "seed": 0, "config": TrainingConfiguration().model_dump_json(),
    }  # fmt: skip
    made.append("runs", [row], f"{RUN}/started")
    return made


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return prepared(Ledger.open(f"sqlite:///{tmp_path}/ledger.db"))


def reported(cost: int, *, revenue: int = 50, **changed: Any) -> DayReport:
    values = {
        "day": DAY, "impressions": 1000, "clicks": 20, "conversions": 2, "cost_micros": cost * UNIT,
        "served_micros": cost * UNIT, "revenue_micros": revenue * UNIT, "final": True, "matured": True,
    }  # fmt: skip
    return DayReport.model_validate(values | changed)


def book(ledger: Ledger, campaign: int, worst: int, billed: int) -> str:
    """A day that was reserved and billed; the campaign's name."""
    day = booking(worst, campaign=campaign)
    assert ledger.reserve(day).granted
    ledger.post(day.key, billed * UNIT, billed * UNIT, NOW)
    return day.campaign


def end(ledger: Ledger, campaign: int, day: DayReport, arm: Arm = Arm.CANDIDATE) -> None:
    name = book(ledger, campaign, 20, 10)
    ledger.keep_days("acme", name, (day,), NOW)
    result = CampaignResult(campaign=name, index=campaign, product="product-a", arm=arm, state=EpisodeState.SETTLED)
    ledger.keep_result(result, NOW)


def facts_of(warehouse: Warehouse, ledger: Ledger, tmp_path: Path) -> Facts:
    return gather(Sources(warehouse, ledger, ContentStore(str(tmp_path / "store"))), RUN)


def test_a_campaign_earned_what_the_platform_reported_at_the_cost_that_the_ledger_counts(
    warehouse: Warehouse, ledger: Ledger, tmp_path: Path
) -> None:
    """A report of 8.00 for a day that was billed 10.00 costs 10.00, as it does at the gate; each arm has its row."""
    end(ledger, 0, reported(8))
    end(ledger, 1, reported(12, revenue=10), Arm.CONTROL)
    rows = earned_rows(facts_of(warehouse, ledger, tmp_path))
    assert [(row.arm, row.campaign) for row in rows] == [
        (Arm.CANDIDATE, ""), (Arm.CANDIDATE, "campaign-00"), (Arm.CONTROL, ""), (Arm.CONTROL, "campaign-01"),
    ]  # fmt: skip
    assert [row.earnings.spend_micros for row in rows] == [10 * UNIT, 10 * UNIT, 12 * UNIT, 12 * UNIT]
    assert rows[0].earnings.profit_micros.value == (0.4 * 50 - 10) * UNIT
    few = "on too few days to say how sure that is; 1 day whose orders have come in"
    assert did_it_earn(rows, "USD") == (
        f"In live-test it made 10.00 USD after ad cost (attributed ROI +100%, {few}), "
        f"the control lost 8.00 USD after ad cost (attributed ROI -67%, {few})."
    )


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.04, 1.47, "likely a profit"), (-0.9, -0.17, "likely a loss"), (-0.1, 0.3, "it may be chance")],
)
def test_how_sure_a_return_is_stands_beside_it(low: float, high: float, said: str) -> None:
    """An interval on one side of 0 says which; one that holds 0 says that it may be chance."""
    earnings = Earnings(12, 12, UNIT, 0, 0, 0, 0.0, Bounded(UNIT), Bounded(0.1, low, high), None)
    row = EarnedRow(Phase.SCALED, Arm.CANDIDATE, "", "", earnings)
    assert f"with 95 % confidence between {low:+.0%} and {high:+.0%}: {said}" in did_it_earn([row], "USD")


def test_a_campaign_that_runs_is_shown_where_somebody_signed_it(
    warehouse: Warehouse, ledger: Ledger, tmp_path: Path
) -> None:
    """What a running campaign reached counts as reported so far; a name that nobody signed is not believed."""
    for number in (3, 4000):
        name = f"{RUN}/live-test/campaign-{number:02d}"
        ledger.keep_reached(
            DayReached(campaign=name, day=1, daily_budget_micros=UNIT, days=(reported(5, matured=False),)), NOW
        )
    facts = facts_of(warehouse, ledger, tmp_path)
    assert [(each.campaign[-2:], each.arm, each.state) for each in facts.campaigns] == [
        ("03", Arm.CANDIDATE, EpisodeState.RUNNING)
    ]
    (path,) = [path for path in curves(facts, Phase.LIVE_TEST).values() if path]
    assert path[0].low < path[0].expected < path[0].high
    assert latest_phase(facts) is Phase.LIVE_TEST
    assert losses(facts, Phase.LIVE_TEST) == {"stop-loss": 150 * UNIT, "approved cap": 300 * UNIT}


def test_the_page_of_a_waiting_run_begins_with_what_is_asked(
    warehouse: Warehouse, ledger: Ledger, tmp_path: Path
) -> None:
    """One sentence, one picture, one action: the request, the profit so far, and how to answer."""
    end(ledger, 0, reported(8))
    ledger.open_request(request(request_id=f"{RUN}/live-test#2"), "the table", NOW)
    built = build_report(Sources(warehouse, ledger, ContentStore(str(tmp_path / "store"))), RUN, tmp_path / "out")
    header = built.page.read_text().split("</header>")[0]
    assert "Waiting for you: run-a/live-test#2 asks for at most 300.00 USD in all" in header
    assert "starter.py approve run-a" in header and header.count("data:image/png") == 2
    assert (tmp_path / "out" / "first.png").is_file()
    document = built.document()
    assert document["account_kind"] == "emulator" and "no real money moves" in header
    assert (
        document["first_lines"]["word"] == "waiting" and document["earned"][0]["earnings"]["spend_micros"] == 10 * UNIT
    )
