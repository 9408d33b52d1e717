"""How much of its gain each agent of ours keeps where one assumption moves: the second table of docs/traps.md.

    PYTHONPATH=. python scripts/audit_table.py [AGENT ...]

Touch this when the table should show something else.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from gaelp.agents.agent_entry_points import load_own
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import BatchPurpose
from gaelp.domain.exploit_audit import AuditMeasure
from gaelp.domain.gates.criteria_traps import judge_audit
from gaelp.domain.gates.judging import alpha_for
from gaelp.evidence.audit_measurements import measure_audit
from gaelp.market.audit.audit_exam import gains
from gaelp.market.audit.moved_markets import AuditMarket
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.episodes.batch import BatchKey, DecidingAgent, simulate
from gaelp.market.streams import stream

AGENTS = (
    "incremental-thompson",
    "linear-thompson",
    "policy-search",
    "online-lp",
    "pid-pacing",
    "best-creative",
    "uniform",
)
CONFIG = TrainingConfiguration.model_validate({"clock": {"tick_hours": 24}, "simulation": {"audit": "required"}})
"""The default market, a week of daily decisions."""


def trained(name: str, own: AuditMarket) -> DecidingAgent:
    """The agent after the rounds of the default configuration."""
    agent, incumbent = load_own(name), load_own("fixed-bid")
    assert agent is not None, f"{name} is no agent of ours"
    assert incumbent is not None
    states = [each.initial_state(own.market.world_shape, stream(1, "table", each.name)) for each in (agent, incumbent)]
    deciding = DecidingAgent(agent, states[0], incumbent, states[1])
    simulation = own.config.simulation
    for round in range(simulation.rounds):
        numbers = range(round * simulation.batches_per_round, (round + 1) * simulation.batches_per_round)
        keys = [BatchKey(number, BatchPurpose.TRAIN, 0) for number in numbers]
        played = [simulate(own.market, deciding, own.config, key)[0] for key in keys]
        deciding = replace(deciding, state=agent.learn(deciding.state, played))
    return deciding


def column(name: str) -> tuple[str, AuditMeasure]:
    """The verdict at the level of a first attempt, and the measure."""
    own = AuditMarket(calibrate((), CONFIG), CONFIG)
    deciding = trained(name, own)
    gained = gains(own, lambda market: deciding, (1, "table", "audit"))
    measure = measure_audit({market: each.tolist() for market, each in gained.items()}, CONFIG, alpha_for(1))
    assert measure is not None
    verdict = judge_audit(measure)
    print(f"{name}: {verdict.label}. {verdict.reason}", file=sys.stderr)
    return verdict.verdict.value, measure


def main(agents: list[str]) -> None:
    """Print the table."""
    columns = [column(name) for name in agents]
    print(f"| market | {' | '.join(agents)} |")
    print(f"|---|{'---|' * len(agents)}")
    print(f"| gain in its own market | {' | '.join(f'{measure.gain:.0%}' for _, measure in columns)} |")
    for at, market in enumerate(columns[0][1].markets):
        cells = [_share(measure.markets[at].gain / measure.gain, measure) for _, measure in columns]
        print(f"| {market.assumption} {market.way} | {' | '.join(cells)} |")
    print(f"| worst decile | {' | '.join(_share(measure.kept or 0.0, measure) for _, measure in columns)} |")
    print(f"| verdict | {' | '.join(verdict for verdict, _ in columns)} |")


def _share(kept: float, measure: AuditMeasure) -> str:
    return f"{kept:.0%}" if measure.gain > 0 else "none"


if __name__ == "__main__":
    main(sys.argv[1:] or list(AGENTS))
