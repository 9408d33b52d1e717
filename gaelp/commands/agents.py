"""The verbs `agents` and `checkpoints`: what may be trained, and what training has made. Touch this to tell more."""

from __future__ import annotations

import argparse

from gaelp.commands import services
from gaelp.commands.console import DONE, Out, Refused, instant, table

_CHECKPOINTS = """
SELECT phase, checkpoint_digest, MIN(at) AS first_used, SUM(episodes) AS episodes, AVG(reward) AS reward
FROM episodes
WHERE run = @run AND checkpoint_digest IS NOT NULL AND checkpoint_digest != ''
GROUP BY phase, checkpoint_digest
ORDER BY first_used, checkpoint_digest
"""
_JUDGED = "SELECT DISTINCT phase, checkpoint_digest, verdict FROM verdicts WHERE run = @run"


def agents(_: argparse.Namespace, out: Out) -> int:
    """The agents of all installed packages; one that cannot be loaded says why."""
    from gaelp.agents.registry import UnknownAgent, available, load_agent

    found = []
    for name in available():
        try:
            agent = load_agent(name)
            found.append({"name": name, "heads": list(agent.heads), "about": _about(agent), "error": ""})
        except UnknownAgent as error:
            found.append({"name": name, "heads": [], "about": "", "error": str(error)})
    rows = [(each["name"], ", ".join(each["heads"]), each["error"] or each["about"]) for each in found]
    out.result({"agents": found}, table(("agent", "decides", ""), rows))
    return DONE


def checkpoints(arguments: argparse.Namespace, out: Out) -> int:
    """The agent states of a run by phase, with the verdicts on them; `start --from-checkpoint` takes one."""
    run = services.run_name(arguments.run)
    warehouse = services.open_warehouse(services.read_settings())
    try:
        found = warehouse.query(_CHECKPOINTS, {"run": run})
        judged = {(r["phase"], r["checkpoint_digest"]): r["verdict"] for r in warehouse.query(_JUDGED, {"run": run})}
    finally:
        warehouse.close()
    if not found:
        raise Refused(f"the warehouse holds no checkpoint of a run {run!r}: `starter.py list` shows the runs")
    listed = [{**each, "verdict": judged.get((each["phase"], each["checkpoint_digest"]), "")} for each in found]
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


def _about(agent: object) -> str:
    return next(iter((type(agent).__doc__ or "").strip().splitlines()), "")
