"""The baselines and estimates of a report: what the verdicts' evidence says, and that it may be gone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gaelp.domain.log_evidence import Grade, LogKind
from gaelp.domain.phases import Phase
from gaelp.evidence.history.off_policy import TESTED, evaluate_paired
from gaelp.messages.historical_validation import AssessHistorical
from gaelp.messages.log_replay import LogEvidence
from gaelp.messages.run_context import RunContext
from gaelp.records.content_store import ContentStore
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from gaelp.reports.report_facts import Sources
from gaelp.reports.report_page import build_report
from gaelp.reports.stored_evidence import stored_evidence
from tests.unit.reports.test_report_page import Journal, judge, start_run


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(str(tmp_path / "store"))


def evidence(store: ContentStore) -> str:
    """The digest of the evidence of a log of 600 rows on which two items were shown alike."""
    rng, rows = np.random.default_rng(1), 600
    action = rng.integers(0, 2, rows)
    click = (rng.random(rows) < np.array([0.1, 0.3])[action]).astype(np.int64)
    log = {"action": action, "propensity": np.full(rows, 0.5), "click": click, "hour": np.arange(rows) % 24}
    policies = {TESTED: np.broadcast_to([0.0, 1.0], (24, 1, 2)), "uniform": np.full((24, 1, 2), 0.5)}
    estimates, differences = evaluate_paired(log, np.zeros(rows, np.int64), policies, np.random.default_rng(0))
    found = LogEvidence(
        log="march", kind=LogKind.BANDIT, grade=Grade.A, rows=rows, clicks=int(click.sum()), estimates=estimates,
        differences=differences,
    )  # fmt: skip
    context = RunContext(
        run="a", phase=Phase.HISTORICAL, config_digest="c" * 64, agent="mine", checkpoint_digest="d" * 64,
        market_digest="m" * 64, account="emulator",
    )  # fmt: skip
    return store.put_document(AssessHistorical(context=context, logs=(found,)))


def test_the_report_shows_every_estimate_and_the_baselines_with_the_agents_lead(
    store: ContentStore, tmp_path: Path
) -> None:
    """Estimator, interval, effective sizes, grade and lead stand on the page and in --json."""
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    start_run(warehouse)
    judge(warehouse, Phase.HISTORICAL, 5, evidence_digest=evidence(store))
    built = build_report(Sources(warehouse, Journal(), store), "a", tmp_path / "out")
    html, document = built.page.read_text(), built.document()
    for shown in ("march: grade A", "switch-dr", "effective clicks", "the agent's lead", "logging policy", "uniform"):
        assert shown in html
    (compared,) = document["baselines"]
    assert [each["policy"] for each in compared["policies"]] == ["agent", "logging policy", "uniform"]
    assert compared["policies"][1]["agents_lead"]["low"] > 0
    (log,) = document["estimates"]
    snips = next(e for e in log["estimates"] if (e["policy"], e["estimator"]) == (TESTED, "snips"))
    assert f"{snips['value']:.5f}" in html and log["grade"] == "A"


def test_evidence_that_the_store_has_lost_is_named_and_costs_nothing_else(store: ContentStore) -> None:
    """A digest that is not there leaves its phase without comparisons; the others keep theirs."""
    found = stored_evidence(store, {Phase.SIMULATION: "0" * 64, Phase.HISTORICAL: evidence(store)})
    assert found.lost == (Phase.SIMULATION,) and len(found.comparisons) == 1 and len(found.estimates) == 1
