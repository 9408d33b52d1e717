"""The page about all runs: what each waits for, spent, earned and may cost, and no text that can act."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gaelp.domain.spending.ledger_records import Reserve
from gaelp.ledger.ledger import Ledger
from gaelp.records.warehouse.warehouse import Warehouse
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from gaelp.reports.fleet.fleet_facts import Fleet, FleetRun, gather_fleet
from gaelp.reports.fleet.fleet_page import document, in_one_sentence, write_fleet_page
from tests.support import ledgers as kit
from tests.support.ledgers import NOW, UNIT, booking
from tests.support.planted_anomalies import anomaly, of_run, walked

HOSTILE = '<script>alert("x")</script>'


def started(run: str, day: int = 0, **more: Any) -> dict[str, Any]:
    at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=day)
    return {"run": run, "at": at, "event": "started", "agent": "linear-thompson", "profile": "quick-test", **more}


def ended(run: str, day: int, outcome: str, reason: str = "") -> dict[str, Any]:
    return started(run, day) | {"event": "ended", "outcome": outcome, "reason": reason}


def campaign(run: str, number: int, profit: int, arm: str = "candidate", phase: str = "scaled") -> dict[str, Any]:
    return {
        "run": run, "at": datetime(2026, 11, 3, tzinfo=UTC), "phase": phase, "state": "settled",
        "episode": f"{run}/{phase}/campaign-{number:02d}", "agent": f"{arm}: shoes", "profit_micros": profit * UNIT,
    }  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """run-a is approved for 300 units and has spent; run-b waits; the others reserved nothing."""
    ledger = kit.prepared_file(tmp_path / "ledger.db")
    booked: Reserve = booking(20)
    ledger.reserve(booked)
    ledger.post(booked.key, 5 * UNIT, 5 * UNIT, NOW)
    for name in ("run-b", "run-c", "run-d", "run-e"):
        ledger.register_run(name, "acme", NOW)
    ledger.open_request(kit.request(run="run-b", request_id="run-b/live-test#1"), "the card", NOW)
    return ledger


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """What the warehouse has of the same runs."""
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    runs = [started("run-a"), started("run-b", 1), started("run-c", 2), started("run-d", 3)]
    runs += [ended("run-c", 4, "not-graduated", HOSTILE), ended("run-d", 5, "graduated-unproven", "not proven")]
    warehouse.append("runs", runs, "runs")
    rows = [campaign("run-a", 1, 7, phase="live-test"), campaign("run-a", 1, -2), campaign("run-a", 2, 40, "control")]
    warehouse.append("episodes", rows, "episodes")
    return warehouse


@pytest.fixture
def fleet(warehouse: Warehouse, ledger: Ledger) -> Fleet:
    """Both put together."""
    return gather_fleet(warehouse, ledger, NOW)


def of(fleet: Fleet, run: str) -> FleetRun:
    return next(each for each in fleet.runs if each.run == run)


def test_each_run_says_where_it_stands(fleet: Fleet) -> None:
    """What waits comes first, then what runs, then what has ended, the newest first."""
    assert [(each.run, each.word) for each in fleet.runs] == [
        ("run-b", "waiting"),
        ("run-a", "running"),
        ("run-e", "not begun"),
        ("run-d", "not ready"),
        ("run-c", "refused"),
    ]
    assert in_one_sentence(fleet) == "5 runs: 1 waiting for you, 1 running, 1 not begun, 2 ended."


def test_each_run_says_what_it_spent_earned_and_may_cost(fleet: Fleet) -> None:
    """Spend by the ledger, profit of the candidate alone, and at worst all that was approved and is asked."""
    run = of(fleet, "run-a")
    assert (run.spent_micros, run.earned_micros, run.campaigns) == (5 * UNIT, 5 * UNIT, 2)
    assert (run.worst_micros, run.currency) == (300 * UNIT, "USD")
    waiting = of(fleet, "run-b")
    assert waiting.worst_micros == 300 * UNIT and waiting.earned_micros is None
    assert "asks for at most 300.00 USD in all" in waiting.waits[0]
    assert of(fleet, "run-c").worst_micros == 0
    assert fleet.sums() == {"USD": (5 * UNIT, 5 * UNIT, 600 * UNIT)}


def test_what_has_ended_costs_what_was_counted(warehouse: Warehouse, ledger: Ledger) -> None:
    """Once a run has ended no approval of it counts any more, only what it reserved."""
    warehouse.append("runs", [ended("run-a", 9, "stopped")], "end-of-a")
    run = of(gather_fleet(warehouse, ledger, NOW), "run-a")
    assert (run.word, run.waits, run.worst_micros) == ("stopped", (), 20 * UNIT)


def test_what_one_phase_has_cost_is_added_to_what_the_next_one_asks(warehouse: Warehouse, ledger: Ledger) -> None:
    """A phase that was billed above its approval counts in full, and the next phase's cap comes on top of it."""
    ledger.settle(booking(20).key, 320 * UNIT, NOW)
    fence = ledger.account("acme").fence
    asked = kit.request(request_id="run-a/scaled#1", phase="scaled", total_cap_micros=50 * UNIT, fence=fence)
    ledger.open_request(asked, "the card", NOW)
    assert of(gather_fleet(warehouse, ledger, NOW), "run-a").worst_micros == (320 + 50) * UNIT


def test_what_was_approved_for_a_phase_that_is_over_is_not_spent_any_more(warehouse: Warehouse, ledger: Ledger) -> None:
    """Once its gate has judged a phase, what it has in the books counts and not its approval of 300.00."""
    verdict = {
        "run": "run-a", "at": NOW, "phase": "live-test", "criterion": "8", "name": "x", "verdict": "PASS", "attempt": 1,
        "criterion_verdict": "PASS", "alpha": 0.03, "promote": True, "proven": True,
    }  # fmt: skip
    warehouse.append("verdicts", [verdict], "run-a/live-test")
    asked = kit.request(request_id="run-a/scaled#1", phase="scaled", total_cap_micros=50 * UNIT)
    ledger.open_request(asked, "the card", NOW)
    assert of(gather_fleet(warehouse, ledger, NOW), "run-a").worst_micros == (20 + 50) * UNIT


def test_the_page_loads_nothing_escapes_everything_and_links_reports(fleet: Fleet, tmp_path: Path) -> None:
    """One file without a script; a run with a report is a link, another says how to make one."""
    (tmp_path / "run-a").mkdir()
    (tmp_path / "run-a" / "report.html").touch()
    write_fleet_page(fleet, tmp_path / "runs.html")
    page = (tmp_path / "runs.html").read_text()
    assert HOSTILE not in page and "&lt;script&gt;" in page
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["run-a/report.html"]
    assert "starter.py report run-b" in page and "starter.py report run-a" not in page
    assert "starter.py approve run-b" in page
    shown = document(fleet, tmp_path / "runs.html")
    assert json.loads(json.dumps(shown)) == shown
    assert [each["run"] for each in shown["runs"]] == [each.run for each in fleet.runs]


def test_what_monitoring_holds_stands_with_its_undo(warehouse: Warehouse, ledger: Ledger, tmp_path: Path) -> None:
    """A hold runs on, a pause waits for a person; an ended run or an undone step says nothing; alerts are counted."""
    days = [(0, [anomaly()]), (1, [anomaly(e_value=1e9)]), (3, [anomaly(e_value=1e12)])]
    hold, cut, pause = (of_run(step, "run-a", "acme") for step in walked(days))
    ledger.take_step(hold)
    held = of(gather_fleet(warehouse, ledger, NOW), "run-a")
    assert held.word == "running" and held.held[0].startswith("monitoring allows no raise of run-a/live-test")
    ledger.take_step(cut)
    ledger.take_step(pause)
    fleet = gather_fleet(warehouse, ledger, NOW)
    waiting = of(fleet, "run-a")
    assert waiting.word == "waiting" and f"starter.py undo run-a {pause.key}" in waiting.held[0]
    assert waiting.alerts == "3 alerts are open, the gravest of severity high: `starter.py alerts run-a`"
    write_fleet_page(fleet, tmp_path / "runs.html")
    assert f"starter.py undo run-a {pause.key}" in (tmp_path / "runs.html").read_text()
    ledger.undo_step(hold.key, "Ada", "a holiday", NOW)
    restored = of(gather_fleet(warehouse, ledger, NOW), "run-a")
    assert (restored.word, restored.held, restored.alerts) == ("running", (), "")
    warehouse.append("runs", [ended("run-a", 9, "stopped")], "end-of-a")
    assert of(gather_fleet(warehouse, ledger, NOW), "run-a").held == ()


def test_without_a_run_the_page_says_so(tmp_path: Path) -> None:
    """Nothing was started: one sentence, and no table."""
    empty = gather_fleet(open_warehouse(str(tmp_path / "w")), Ledger.open(f"sqlite:///{tmp_path / 'l.db'}"), NOW)
    write_fleet_page(empty, tmp_path / "runs.html")
    assert "No run was ever started." in (tmp_path / "runs.html").read_text()


def test_a_thousand_runs_are_cheap(warehouse: Warehouse, ledger: Ledger, tmp_path: Path) -> None:
    """Reading and writing them takes less than three seconds of processor time, however many have campaigns."""
    names = [f"many-{number:04d}" for number in range(1000)]
    for name in names:
        ledger.register_run(name, "acme", NOW)
    warehouse.append("runs", [started(name) for name in names], "many")
    warehouse.append("episodes", [campaign(name, number, 3) for name in names for number in (1, 2)], "many")
    begun = time.process_time()
    write_fleet_page(gather_fleet(warehouse, ledger, NOW), tmp_path / "runs.html")
    assert time.process_time() - begun < 3
    assert (tmp_path / "runs.html").read_text().count("badge") > 1000
