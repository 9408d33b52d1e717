"""Which criteria a run can never pass, by its logs and settings, in agreement with the gates themselves."""

from __future__ import annotations

from typing import Any

import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criteria_historical import AGREEING
from gaelp.domain.gates.criteria_table import CRITERIA, NEVER_PASSES
from gaelp.domain.gates.criterion import Formula
from gaelp.domain.gates.judging import judge_historical
from gaelp.domain.gates.measurements import HistoricalMeasures, LogMeasures
from gaelp.domain.gates.undecidable_criteria import JudgedLog, passable, undecidable_in
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import PHASE_ORDER, Phase

GOOD_LOG = JudgedLog("mine", "bandit", rows=200, clicks=30)
MARKET_LOG = JudgedLog("auctions", "market", rows=10**6, clicks=30)
REPORT = JudgedLog("days", "report", rows=1000, clicks=0)
ABLE = {  # no setting stands in the way of any criterion that this version judges
    "historical": {"logs": ("mine",)},
    "live_test": {"campaigns": 5, "days": 60, "streak": 5},
    "clock": {"tick_hours": 24},
    "scaled": {"products": tuple(f"product-{i}" for i in range(34))},
}


def config(**sections: dict[str, Any]) -> TrainingConfiguration:
    merged = {name: {**ABLE.get(name, {}), **sections.get(name, {})} for name in (*ABLE, *sections)}
    return TrainingConfiguration.model_validate(merged)


def never(configuration: TrainingConfiguration, *logs: JudgedLog) -> dict[str, str]:
    found = [
        each
        for phase in PHASE_ORDER
        for each in undecidable_in(phase, configuration, logs or (GOOD_LOG, MARKET_LOG, REPORT))
    ]
    return {each.id: each.reason for each in found if each.id not in NEVER_PASSES}


def test_what_no_run_can_pass_is_the_table_of_the_gates() -> None:
    """With able logs and settings, exactly the criteria that this version does not judge remain."""
    found = [each.id for phase in PHASE_ORDER for each in undecidable_in(phase, config(), None)]
    assert found == [id for id in CRITERIA if id in NEVER_PASSES] == ["11", "13"]
    assert never(config(), GOOD_LOG).keys() == {"5a", "6"}
    assert never(config(), MARKET_LOG) == {} and never(config(), REPORT).keys() == {"5b", "6", "7"}


@pytest.mark.parametrize(
    ("sections", "id", "reason"),
    [
        ({"simulation": {"exam_batches": 1, "exam_looks": 3, "campaigns_per_batch": 33}}, "1", "100 episodes on"),
        ({"simulation": {"exam_batches": 1, "exam_looks": 1, "campaigns_per_batch": 15}}, "2", "16 episodes on"),
        ({"simulation": {"exam_batches": 1, "exam_looks": 1, "campaigns_per_batch": 49}}, "3", "50 episodes on"),
        ({"simulation": {"average_reward": 1.0}}, "1", "simulation.average_reward"),
        ({"simulation": {"success_rate": 1.0}}, "2", "simulation.success_rate"),
        ({"historical": {"logs": ()}}, "5b", "historical.logs is empty"),
        ({"historical": {"logs": ()}}, "6", "historical.logs names no market log"),
        ({"historical": {"logs": ()}}, "7", "historical.logs names no bandit or market log"),
        ({"historical": {"logs": ()}}, "5a", "historical.logs names no report or market log"),
        ({"historical": {"match": 1.0}}, "5a", "historical.match"),
        ({"historical": {"accuracy": 1.0}}, "6", "historical.accuracy"),
        ({"live_test": {"campaigns": 4, "days": 80, "streak": 4}}, "9", "It needs 5 campaigns"),
        ({"live_test": {"days": 59}}, "10", "It needs 300 actions"),
        ({"scaled": {"products": tuple(f"p-{i}" for i in range(33))}}, "12", "It needs 34 products"),
        ({"scaled": {"products": tuple(f"p-{i}" for i in range(19)), "success": 0.5}}, "12", "It needs 20 products"),
        ({"scaled": {"products": tuple(f"p-{i}" for i in range(19)), "success": 0.0}}, "12", "It needs 20 products"),
        ({"scaled": {"success": 1.0}}, "12", "scaled.success"),
    ],
)
def test_a_setting_that_can_never_decide_a_criterion_is_named(
    sections: dict[str, dict[str, Any]], id: str, reason: str
) -> None:
    """One less than what the gate needs is too little, and the sentence names the setting or the number."""
    assert reason in never(config(**sections))[id]


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (JudgedLog("mine", "bandit", 199, 30), "199 rows and 30 clicks"),
        (JudgedLog("mine", "bandit", 200, 29), "200 rows and 29 clicks"),
        (JudgedLog("mine", "market", 10**6, 29), "1,000,000 rows and 29 clicks"),
        (JudgedLog("mine", "market", 10**6, 0), "1,000,000 rows and 0 clicks"),
        (JudgedLog("mine", "report", 10**6, 0), "mine is a report log"),
    ],
)
def test_a_log_that_can_never_decide_a_criterion_is_named(log: JudgedLog, reason: str) -> None:
    """Too few rows or clicks after the calibration, alone and beside a good one; another kind of log alone only."""
    assert reason in never(config(), log)["5b"]
    beside = never(config(), GOOD_LOG, log)
    assert (reason in beside["5b"]) if log.kind == "bandit" else ("5b" not in beside)


def test_a_strict_run_with_a_log_of_each_kind_can_pass_history() -> None:
    """A market and a report log stand beside a bandit log for what they can show, and hinder nothing."""
    assert never(config(), GOOD_LOG, MARKET_LOG, REPORT) == {}
    assert Phase.HISTORICAL in passable(PHASE_ORDER, config(), (GOOD_LOG, MARKET_LOG, REPORT))


def test_logs_that_were_not_read_refuse_nothing() -> None:
    """What is not known yet is no reason."""
    assert "5b" not in {each.id for each in undecidable_in(Phase.HISTORICAL, config(), None)}


def test_what_is_called_undecidable_is_never_passed_by_the_gate() -> None:
    """The gate of the best possible measures agrees: a kind of log that is refused here is INCONCLUSIVE there."""
    bids = {"episodes": 500, "clicks": 200, "agent": 150, "beyond": 0, "logger": 100, "difference": 0.1}
    bids |= {"difference_low": 0.05, "log_wealth": 100.0, "log_wealth_against": -1.0}
    for kind, verdict in (("bandit", Verdict.PASS), ("market", Verdict.PASS), ("report", Verdict.INCONCLUSIVE)):
        best = LogMeasures.model_validate(
            {
                "log": "mine", "kind": kind, "grade": "A", "state": "settled", "rows": 10**6, "clicks": 10**4,
                "row_ess": 1e6, "click_ess": 1e4, "largest_weight_share": 0.0, "mean_weight": 1.0,
                "mean_weight_error": 0.01, "logging": 0.01, "difference": 0.001, "difference_low": 0.001,
                "log_wealth": 100.0, "log_wealth_against": -1.0, "bids": bids if kind == "market" else None,
                "points": [{"estimator": name, "value": 0.01, "low": 0.0, "high": 0.02} for name in AGREEING],
            }
        )  # fmt: skip
        judged = {c.id: c for c in judge_historical(HistoricalMeasures(logs=(best,), alpha=0.05), config())}
        assert judged["5b"].verdict is verdict, judged["5b"].reason
        assert ("5b" in never(config(), JudgedLog("mine", kind, 10**6, 10**4))) == (verdict is not Verdict.PASS)
        assert (judged["5a"].formula == Formula.NOT_ASSESSED) is (kind == "bandit")
        assert (judged["6"].formula == Formula.NOT_ASSESSED) is (kind != "market")
        assert (judged["7"].formula == Formula.NOT_ASSESSED) is (kind == "report")


def test_the_phases_that_can_pass_are_the_ones_before_the_first_that_cannot() -> None:
    """A phase that can pass after one that cannot is out of reach."""
    assert passable(PHASE_ORDER, config(), (GOOD_LOG,)) == (Phase.SIMULATION,)
    assert passable(PHASE_ORDER[1:], config(), (GOOD_LOG,)) == ()
    assert passable((Phase.LIVE_TEST, Phase.SCALED), config(), (GOOD_LOG,)) == (Phase.LIVE_TEST,)
    assert passable((Phase.LIVE_TEST,), config(), (GOOD_LOG,)) == (Phase.LIVE_TEST,)
