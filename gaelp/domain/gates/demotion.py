"""Which earlier passes of an agent's state the FAIL of a gate takes away, so that promotion has its mirror.

A pass lets a run begin with the phase after it, and is what criterion 3 takes for a graduate. It is given where a test
refutes the bad hypothesis at the level of the attempt; it is taken where the mirrored test refutes the good one at the
same level, or a hard breach was kept. Nothing gives it back but the whole gate, passed again.

Touch this only together with docs/gates.md, "Losing a pass".
"""

from __future__ import annotations

from collections.abc import Iterable

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criteria_table import CRITERIA, threshold_of
from gaelp.domain.gates.criterion import Formula
from gaelp.domain.gates.verdicts import CriterionVerdict, GateVerdict, Verdict
from gaelp.domain.phases import PHASE_ORDER, Phase
from gaelp.domain.spending.ledger_records import PassedGate

UNMIRRORED = frozenset({"4"})
"""Criteria whose FAIL refutes nothing: one block in eleven of an agent that collapses in 1 % of episodes has two."""


def demoting(criteria: Iterable[CriterionVerdict]) -> tuple[CriterionVerdict, ...]:
    """The criteria whose FAIL takes passes: a mirrored test at the level of the attempt, or a hard breach."""
    return tuple(each for each in criteria if each.verdict is Verdict.FAIL and each.id not in UNMIRRORED)


def lost_passes(
    gate: GateVerdict, config: TrainingConfiguration, passes: Iterable[tuple[PassedGate, TrainingConfiguration]]
) -> tuple[PassedGate, ...]:
    """Of the passes of the very state that `gate` has judged by `config`, each with its terms, those that it takes.

    These are the passes of its own phase and of later ones, and of the phase before, which had let the state in. A
    FAIL by a threshold that lies above that of the pass, or in another environment, contradicts no such pass.
    """
    reasons = demoting(gate.criteria)
    first = max(PHASE_ORDER.index(gate.phase) - 1, 0)
    return tuple(
        each
        for each, terms in passes
        if PHASE_ORDER.index(each.phase) >= first and any(_contradicts(reason, config, terms) for reason in reasons)
    )


def lost_in_words(phase: str, to: str) -> str:
    """That a pass counts no more: `to` is the phase of a run whose FAIL has taken it, as "b/scaled"."""
    return f"its pass of {phase} counts no more: {to} failed with the same agent state, which must pass it again"


def _contradicts(reason: CriterionVerdict, config: TrainingConfiguration, terms: TrainingConfiguration) -> bool:
    """Whether who fails this criterion by `config` fails it by `terms` as well: they ask for as much, or more.

    A hard limit is no threshold that a pass was measured by: who breaks it fails by any terms. What happens in one
    simulated environment says nothing of another.
    """
    if CRITERIA[reason.id].phase is Phase.SIMULATION and config.environment != terms.environment:
        return False
    if not CRITERIA[reason.id].setting or reason.formula == Formula.HARD_LIMIT:
        return True
    if reason.id == "8" and config.live_test.roi > terms.live_test.roi:
        return False
    return threshold_of(reason.id, config) <= threshold_of(reason.id, terms)
