"""The criteria of all gates: number, name, phase and the setting of the threshold, as docs/gates.md lists them.

How a criterion is judged is in the criteria_* module of its phase, from the numbers of measurements.py, which
gaelp/evidence computes: exam_measurements.py in the simulation, phase_measurements.py elsewhere. What logs and settings
can never decide is in undecidable_criteria.py.

Touch this, with docs/gates.md, to add a criterion or to rename one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.phases import Phase


@dataclass(frozen=True)
class ListedCriterion:
    """A criterion that a gate requires; `setting` is the path of its threshold, empty where the code fixes it.

    A conditional one is judged where the configuration or the profile asks for it.
    """

    id: str
    name: str
    phase: Phase
    setting: str = ""
    conditional: bool = False


CRITERIA: Mapping[str, ListedCriterion] = {
    each.id: each
    for each in (
        ListedCriterion("1", "average reward", Phase.SIMULATION, "simulation.average_reward"),
        ListedCriterion("2", "success rate", Phase.SIMULATION, "simulation.success_rate"),
        ListedCriterion("3", "improvement", Phase.SIMULATION, "simulation.improvement"),
        ListedCriterion("4", "consistency", Phase.SIMULATION, "simulation.consistency_episodes"),
        ListedCriterion("15", "trap exams", Phase.SIMULATION, conditional=True),
        ListedCriterion("16", "robust to assumptions", Phase.SIMULATION, conditional=True),
        ListedCriterion("5a", "historical match: fidelity", Phase.HISTORICAL, "historical.match"),
        ListedCriterion("5b", "historical match: non-inferiority", Phase.HISTORICAL),
        ListedCriterion("6", "prediction accuracy", Phase.HISTORICAL, "historical.accuracy"),
        ListedCriterion("7", "correlation", Phase.HISTORICAL, "historical.correlation"),
        ListedCriterion("8", "positive attributed ROI", Phase.LIVE_TEST, "live_test.streak"),
        ListedCriterion("9", "budget efficiency", Phase.LIVE_TEST, "live_test.budget_efficiency"),
        ListedCriterion("10", "zero violations", Phase.LIVE_TEST),
        ListedCriterion("11", "sustained improvement", Phase.SCALED, "scaled.improvement"),
        ListedCriterion("12", "multi-campaign success", Phase.SCALED, "scaled.success"),
        ListedCriterion("13", "transfer effectiveness", Phase.SCALED, "scaled.transfer"),
    )
}

NEVER_PASSES: Mapping[str, str] = {
    "11": "The audiences of its arms are not known to be disjoint.",
    "13": "The comparison of portfolios is not assessed yet.",
}
"""Why no run of this version can pass a criterion, whatever its logs and settings are."""


def required_in(phase: Phase) -> tuple[ListedCriterion, ...]:
    """The criteria that the gate of a phase always requires, in their order."""
    return tuple(each for each in CRITERIA.values() if each.phase is phase and not each.conditional)


def threshold_of(id: str, config: TrainingConfiguration) -> float:
    """The threshold that the configuration sets for a criterion; raises ValueError where the code fixes it."""
    setting = CRITERIA[id].setting
    if not setting:
        raise ValueError(f"criterion {id} has no setting: its threshold is fixed in the code")
    return float(attrgetter(setting)(config))
