"""Criterion 16: what the exploit audit decides, what is said of it, and who has to pass it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.contradictions import contradictions
from gaelp.domain.exploit_audit import ASSUMPTIONS, AuditedMarket, AuditMeasure, audit_played, audit_required
from gaelp.domain.gates.criteria_traps import judge_audit
from gaelp.domain.gates.verdicts import Inconclusive, Verdict


def audit(required: bool = True, gain: float = 0.8, **changed: Any) -> AuditMeasure:
    """Every market keeps all, but one where prices are higher: it loses all."""
    markets = tuple(
        AuditedMarket(
            assumption=assumption, way=way, gain=0.0 if (assumption, way) == ("price level", "higher") else gain
        )
        for assumption, ways in ASSUMPTIONS.items()
        for way in ways
    )
    numbers: dict[str, Any] = {
        "required": required, "markets": markets, "episodes": 128, "gain": gain, "worst": 2, "kept": 0.5, "low": 0.4,
        "alpha": 0.03, "log_wealth": 0.0, "log_wealth_against": 0.0,
    }  # fmt: skip
    return AuditMeasure(**(numbers | changed))


@pytest.mark.parametrize(
    ("changed", "required", "reported"),
    [
        ({"log_wealth": 3.6}, Verdict.PASS, Verdict.PASS),
        ({"log_wealth_against": 3.6}, Verdict.FAIL, Verdict.PASS),
        ({}, Verdict.INCONCLUSIVE, Verdict.PASS),
        ({"log_wealth": math.nan}, Verdict.INVALID, Verdict.INVALID),
        ({"gain": math.nan}, Verdict.INVALID, Verdict.INVALID),
    ],
)
def test_it_decides_where_it_is_required(changed: dict[str, Any], required: Verdict, reported: Verdict) -> None:
    """The wealth decides where the audit is required; elsewhere only broken numbers do."""
    assert judge_audit(audit(True, **changed)).verdict is required
    assert judge_audit(audit(False, **changed)).verdict is reported


def test_an_audit_that_was_not_played_is_not_passed() -> None:
    """Nothing graduates because the audit could not be played, and no further look is taken for it."""
    verdict = judge_audit(AuditMeasure(required=True))
    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert verdict.inconclusive is Inconclusive.UNSUPPORTED


def test_the_reason_says_what_each_assumption_costs() -> None:
    """Every assumption is named once, in the worse of its ways, the dearest first."""
    assert judge_audit(audit(log_wealth=3.6)).reason == (
        "Of its gain over the incumbent, 80% of the attainable profit, the agent keeps 50% in the worst 2 of 17 "
        "markets, surely more than 50% at level 0.0300. Lost of it where one assumption moves by 20%, or the "
        "structure changes: price level higher 100%, nothing by click level, conversion level, price spread, "
        "hourly curve, organic share, drift, fatigue, lag, auction, own campaigns. It is required here."
    )


def test_without_a_gain_there_is_nothing_to_keep() -> None:
    """An agent that earns no more than the incumbent is told so, and no share of nothing."""
    reason = judge_audit(audit(gain=-0.2, kept=None, log_wealth_against=4.0)).reason
    assert reason == (
        "There is no gain over the incumbent to keep: it is -20% of the attainable profit. It is required here."
    )


def config(**changed: Any) -> TrainingConfiguration:
    return TrainingConfiguration.model_validate(changed)


def test_who_plays_it_and_who_must_pass() -> None:
    """Staging and production require it whatever is configured; elsewhere it is played where it is asked for."""
    for profile in ("staging", "production"):
        assert audit_required(config(profile=profile, simulation={"audit": "none"}))
    assert not audit_played(config())
    reported = config(simulation={"audit": "reported"})
    assert audit_played(reported) and not audit_required(reported)
    assert audit_required(config(simulation={"audit": "required"}))


def test_it_cannot_be_required_in_a_foreign_environment() -> None:
    """A foreign world has no assumptions of ours to move: it is refused where it is required, and else not played."""
    foreign = {"environment": "other/World-v0"}
    (refused,) = contradictions(config(**foreign, simulation={"audit": "required"}))
    assert "simulation.audit" in refused.paths and "other/World-v0 is another package's" in refused.message
    assert not audit_played(config(**foreign, simulation={"audit": "reported"}))
