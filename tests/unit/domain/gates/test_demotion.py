"""Which passes the FAIL of a gate takes, at the same level as it was given."""

from __future__ import annotations

import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criterion import CriterionNumbers, Formula, criterion_verdict
from gaelp.domain.gates.demotion import lost_in_words, lost_passes
from gaelp.domain.gates.judging import GateAttempt, alpha_for, gate
from gaelp.domain.gates.verdicts import GateVerdict, Verdict
from gaelp.domain.phases import PHASE_ORDER, Phase
from gaelp.domain.spending.ledger_records import PassedGate

CONFIG = TrainingConfiguration()
PASSES = [(PassedGate(run="a", account="emulator", phase=p, config_digest="c"), CONFIG) for p in PHASE_ORDER]


def judged(phase: Phase, *verdicts: tuple[str, Verdict]) -> GateVerdict:
    """A gate with these criteria."""
    criteria = [
        criterion_verdict(name, (verdict, ""), Formula.PROFIT, CriterionNumbers()) for name, verdict in verdicts
    ]
    return gate(phase, criteria, GateAttempt("strict", 1, alpha_for(1), "c" * 64, "e" * 64))


def lost(verdict: GateVerdict, config: TrainingConfiguration = CONFIG) -> list[Phase]:
    """The phases whose passes it takes."""
    return [each.phase for each in lost_passes(verdict, config, PASSES)]


@pytest.mark.parametrize(
    ("phase", "criterion", "taken"),
    [
        (Phase.SIMULATION, "1", PHASE_ORDER),
        (Phase.HISTORICAL, "5b", PHASE_ORDER),
        (Phase.LIVE_TEST, "8", PHASE_ORDER[1:]),
        (Phase.LIVE_TEST, "10", PHASE_ORDER[1:]),
        (Phase.SCALED, "11", PHASE_ORDER[2:]),
        (Phase.SCALED, "12", PHASE_ORDER[2:]),
    ],
)
def test_a_fail_takes_the_pass_that_let_the_state_in_and_all_later_ones(
    phase: Phase, criterion: str, taken: tuple[Phase, ...]
) -> None:
    """One rung down: who fails scaled deployment must go through the live test again, not through the simulation."""
    assert lost(judged(phase, (criterion, Verdict.FAIL))) == list(taken)


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.INVALID])
def test_nothing_but_a_fail_takes_a_pass(verdict: Verdict) -> None:
    """Neither too few data nor broken ones refute what was proven."""
    for phase, criterion in ((Phase.SIMULATION, "1"), (Phase.LIVE_TEST, "8"), (Phase.SCALED, "11")):
        assert lost(judged(phase, (criterion, verdict))) == []


def test_a_block_of_bad_luck_takes_no_pass() -> None:
    """Criterion 4 fails good agents more often than the level: it is no mirrored test."""
    assert lost(judged(Phase.SIMULATION, ("4", Verdict.FAIL))) == []
    assert lost(judged(Phase.SIMULATION, ("4", Verdict.FAIL), ("2", Verdict.FAIL))) == list(PHASE_ORDER)


@pytest.mark.parametrize(
    ("phase", "criterion", "section", "setting", "harder"),
    [
        (Phase.SIMULATION, "2", "simulation", "success_rate", 0.99),
        (Phase.HISTORICAL, "6", "historical", "accuracy", 0.99),
        (Phase.LIVE_TEST, "8", "live_test", "roi", 0.5),
        (Phase.LIVE_TEST, "9", "live_test", "budget_efficiency", 0.95),
        (Phase.SCALED, "12", "scaled", "success", 0.99),
    ],
)
def test_a_fail_by_a_harder_threshold_contradicts_no_pass(
    phase: Phase, criterion: str, section: str, setting: str, harder: float
) -> None:
    """Who misses 0.99 may well hold the 0.8 that was proven; by the same threshold or an easier one it does not."""
    failed = judged(phase, (criterion, Verdict.FAIL))
    now = getattr(CONFIG, section)
    for value, takes in ((harder, False), (getattr(now, setting), True), (getattr(now, setting) / 2, True)):
        config = CONFIG.model_copy(update={section: now.model_copy(update={setting: value})})
        assert bool(lost(failed, config)) is takes


def test_a_fail_in_another_environment_takes_no_pass() -> None:
    """An exam in somebody's own world says nothing of ours; what comes after the simulation is the same in all."""
    config = CONFIG.model_copy(update={"environment": "toy"})
    assert lost(judged(Phase.SIMULATION, ("1", Verdict.FAIL), ("15", Verdict.FAIL)), config) == []
    assert lost(judged(Phase.LIVE_TEST, ("8", Verdict.FAIL)), config) == list(PHASE_ORDER[1:])


def test_a_breach_that_no_setting_bounds_takes_the_pass_whatever_the_thresholds() -> None:
    """A violation beside a criterion that was asked for more."""
    config = CONFIG.model_copy(update={"live_test": CONFIG.live_test.model_copy(update={"budget_efficiency": 0.95})})
    assert lost(judged(Phase.LIVE_TEST, ("9", Verdict.FAIL)), config) == []
    assert lost(judged(Phase.LIVE_TEST, ("9", Verdict.FAIL), ("10", Verdict.FAIL)), config) == list(PHASE_ORDER[1:])


def test_a_hard_limit_takes_the_pass_though_the_run_asked_for_more_profit() -> None:
    """A violation, or a loss that has ended the live test, refutes a pass of any ROI; a low ROI only one as high."""
    config = CONFIG.model_copy(update={"live_test": CONFIG.live_test.model_copy(update={"roi": 0.5})})
    assert lost(judged(Phase.LIVE_TEST, ("8", Verdict.FAIL)), config) == []
    assert lost(judged(Phase.LIVE_TEST, ("10", Verdict.FAIL)), config) == list(PHASE_ORDER[1:])
    halted = criterion_verdict("8", (Verdict.FAIL, ""), Formula.HARD_LIMIT, CriterionNumbers())
    stopped = judged(Phase.LIVE_TEST).model_copy(update={"criteria": (halted,)})
    assert lost(stopped, config) == list(PHASE_ORDER[1:])


def test_the_sentence_names_the_gate_and_who_took_the_pass() -> None:
    """And says how it comes back."""
    said = lost_in_words(Phase.LIVE_TEST, "b/scaled")
    assert "pass of live-test" in said and "b/scaled failed" in said and "pass it again" in said
