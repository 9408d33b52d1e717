"""The verbs `agents`, `environments` and `checkpoints`: the installed agents and worlds, and a run's agent states.

Touch this to show more about them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, Refused, instant, table
from gaelp.domain.phases import PHASE_ORDER

if TYPE_CHECKING:
    from gaelp.settings import Settings

_CHECKPOINTS = """
SELECT phase, checkpoint_digest, MIN(at) AS first_used, SUM(episodes) AS episodes, AVG(reward) AS reward
FROM episodes
WHERE run = @run AND checkpoint_digest IS NOT NULL AND checkpoint_digest != ''
  AND COALESCE(purpose, '') != 'permuted'
GROUP BY phase, checkpoint_digest
ORDER BY first_used, checkpoint_digest
"""
_MADE = """
SELECT checkpoint_digest, episode, MIN(at) AS at FROM episodes
WHERE run = @run AND phase = 'simulation' AND purpose = 'train' AND state = 'settled'
GROUP BY checkpoint_digest, episode
ORDER BY at, episode
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
    """The agent states of a run by phase, with the verdicts on them and what each was made from."""
    run, settings = connections.run_name(arguments.run), connections.read_settings()
    warehouse = connections.open_warehouse(settings)
    try:
        states = warehouse.query(_CHECKPOINTS, {"run": run})
        trained = warehouse.query(_MADE, {"run": run})
        judged = {(r["phase"], r["checkpoint_digest"]): r["verdict"] for r in warehouse.query(_JUDGED, {"run": run})}
    finally:
        warehouse.close()
    if not states:
        raise Refused(f"the warehouse holds no checkpoint of a run {run!r}: `starter.py list` shows the runs")
    made = lineage([str(each["checkpoint_digest"]) for each in states if each["phase"] == PHASE_ORDER[0]], trained)
    lost = _lost(settings, run)
    listed = [
        {**each, "verdict": judged.get((each["phase"], each["checkpoint_digest"]), ""),
         "lost_to": lost.get((each["phase"], each["checkpoint_digest"]), ""),
         **made.get(each["checkpoint_digest"], {"parent": "", "batches": []})}
        for each in states
    ]  # fmt: skip
    rows = [
        (
            each["phase"],
            each["checkpoint_digest"],
            instant(each["first_used"]),
            each["episodes"],
            "-" if each["reward"] is None else f"{each['reward']:.3f}",
            each["verdict"] + (f", lost to {each['lost_to']}" if each["lost_to"] else ""),
            _made_of(each),
        )
        for each in listed
    ]
    text = table(("phase", "checkpoint", "first used", "episodes", "mean reward", "verdict", "made from"), rows)
    out.result({"run": run, "checkpoints": listed}, text)
    return DONE


def _lost(settings: Settings, run: str) -> dict[tuple[str, str], str]:
    """Which phase of a run has taken a pass since, by the pass's own phase and state."""
    ledger = connections.open_ledger(settings)
    try:
        return {(each.phase, each.checkpoint_digest): each.lost_to for each in ledger.verdicts(run)}
    finally:
        ledger.close()


def lineage(states: Sequence[str], trained: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """For each state of the simulation, in the order of first use: the one before it, and the batches it learned from.

    `trained` are the settled training batches with the state that played them: the next state learned from these.
    """
    played: dict[str, list[str]] = {}
    for each in trained:
        played.setdefault(str(each["checkpoint_digest"]), []).append(str(each["episode"]))
    return {after: {"parent": before, "batches": played.get(before, [])} for before, after in pairwise(states)}


def _made_of(state: Mapping[str, Any]) -> str:
    batches = [str(each).rpartition("/")[2] for each in state["batches"]]
    if not batches:
        return "-"
    which = batches[0] if len(batches) == 1 else f"{batches[0]} to {batches[-1]}"
    return f"{state['parent'][:12]} and {len(batches)} batches, {which}"
