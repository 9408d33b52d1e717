"""The verbs `agents`, `environments` and `checkpoints`: the installed agents and worlds, and a run's agent states.

Touch this to show more about them.
"""

from __future__ import annotations

import argparse
from typing import Any

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, Refused, instant, table
from gaelp.domain.phases import PHASE_ORDER

_CHECKPOINTS = """
SELECT phase, checkpoint_digest, MIN(at) AS first_used, SUM(episodes) AS episodes, AVG(reward) AS reward
FROM episodes
WHERE run = @run AND checkpoint_digest IS NOT NULL AND checkpoint_digest != ''
  AND COALESCE(purpose, '') != 'permuted'
GROUP BY phase, checkpoint_digest
ORDER BY first_used, checkpoint_digest
"""
_JUDGED = "SELECT DISTINCT phase, checkpoint_digest, verdict FROM verdicts WHERE run = @run"


def agents(_: argparse.Namespace, out: Out) -> int:
    """The agents of all installed packages; one that cannot be loaded says why."""
    from gaelp.agents.agent_entry_points import available
    from gaelp.confinement.descriptions import described_agents

    described: list[dict[str, Any]] = []
    for each in described_agents(available()):
        serves = [] if each["error"] else [phase.value for phase in PHASE_ORDER]  # the same agent is judged everywhere
        described.append({"phases": serves, **each})
    rows = [
        (each["name"], "all" if each["phases"] else "", ", ".join(each["heads"]), each["error"] or each["about"])
        for each in described
    ]
    out.result({"agents": described}, table(("agent", "phases", "decides", ""), rows))
    return DONE


def environments(_: argparse.Namespace, out: Out) -> int:
    """The environments of all installed packages and the heads they take; one that cannot be made says why."""
    from gaelp.confinement.descriptions import described_environments

    described, broken = described_environments()
    rows = [
        (each["id"], each["error"] or each["about"], ", ".join(each["phases"]), ", ".join(each["heads"]))
        for each in described
    ]
    shown = table(("environment", "what it is", "phases", "takes"), rows)
    out.result({"environments": described, "errors": broken}, shown, *broken)
    return DONE


def checkpoints(arguments: argparse.Namespace, out: Out) -> int:
    """The agent states of a run by phase, with the verdicts on them; `start --from-checkpoint` takes one."""
    run = connections.run_name(arguments.run)
    warehouse = connections.open_warehouse(connections.read_settings())
    try:
        states = warehouse.query(_CHECKPOINTS, {"run": run})
        judged = {(r["phase"], r["checkpoint_digest"]): r["verdict"] for r in warehouse.query(_JUDGED, {"run": run})}
    finally:
        warehouse.close()
    if not states:
        raise Refused(f"the warehouse holds no checkpoint of a run {run!r}: `starter.py list` shows the runs")
    listed = [{**each, "verdict": judged.get((each["phase"], each["checkpoint_digest"]), "")} for each in states]
    rows = [
        (
            each["phase"],
            each["checkpoint_digest"],
            instant(each["first_used"]),
            each["episodes"],
            "-" if each["reward"] is None else f"{each['reward']:.3f}",
            each["verdict"],
        )
        for each in listed
    ]
    text = table(("phase", "checkpoint", "first used", "episodes", "mean reward", "verdict"), rows)
    out.result({"run": run, "checkpoints": listed}, text)
    return DONE
