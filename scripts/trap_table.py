"""What agents of ours do in every trap: the table of docs/traps.md.

    PYTHONPATH=. python scripts/trap_table.py [AGENT ...]

Touch this when the table should show something else.
"""

from __future__ import annotations

import sys

from gaelp.agents.agent_entry_points import load_own
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criteria_traps import avoided, fell
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.gates.measurements import TrapMeasure
from gaelp.domain.trap_exams import TRAPS
from gaelp.evidence.trap_measurements import measure_traps
from gaelp.market.traps.trap_exam import Examinee, losses
from gaelp.market.traps.trap_scenes import SCENES

AGENTS = (
    "incremental-thompson",
    "linear-thompson",
    "policy-search",
    "online-lp",
    "pid-pacing",
    "best-creative",
    "fixed-bid",
    "uniform",
)


def row(name: str) -> list[TrapMeasure]:
    """The agent in every trap, with bounds at the level of a first attempt."""
    agent, incumbent = load_own(name), load_own("fixed-bid")
    assert agent is not None, f"{name} is no agent of ours"
    assert incumbent is not None
    lost = {trap: losses(SCENES[trap], Examinee(agent, incumbent), (1, "table", trap)).tolist() for trap in TRAPS}
    measured = measure_traps(lost, TrainingConfiguration(), alpha_for(1))
    assert measured is not None
    return list(measured.traps)


def cell(trap: TrapMeasure) -> str:
    """The mean loss, and whether the agent fell into it."""
    said = "fell" if fell(trap) else "avoided" if avoided(trap) else "undecided"
    return f"{said} {max(trap.loss, 0.0):.0%}"


def main(agents: list[str]) -> None:
    """Print the table."""
    columns = [row(name) for name in agents]
    print(f"| trap | {' | '.join(agents)} |")
    print(f"|---|{'---|' * len(agents)}")
    for at, name in enumerate(TRAPS):
        print(f"| {name} | {' | '.join(cell(column[at]) for column in columns)} |")


if __name__ == "__main__":
    main(sys.argv[1:] or list(AGENTS))
