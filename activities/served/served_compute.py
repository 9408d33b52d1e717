"""What the queue `compute` serves: agents and simulation. Touch this when an activity of COMPUTE is added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from activities.compute.decisions import Decisions
from activities.compute.replays import Replays
from activities.compute.simulation import Simulation
from activities.inputs import Inputs
from gaelp.records.content_store import ContentStore
from gaelp.settings import Settings


def compute_activities(settings: Settings, certify: bool = False) -> list[Callable[..., Any]]:
    """Agents and simulation: the content store, and nothing else. With `certify` its stated agents, and no other."""
    if certify:
        from activities.compute.stated_worlds import StatedWorlds  # with all of what certifies, which nobody else needs

        return StatedWorlds(ContentStore(settings.store)).activities
    inputs = Inputs(ContentStore(settings.store))
    simulation, replays, decisions = Simulation(inputs), Replays(inputs), Decisions(inputs)
    return [
        simulation.first_checkpoint,
        simulation.simulate_batches,
        *(simulation.learn_rules, simulation.play_traps, simulation.play_audit, simulation.learn),
        replays.replay_log,
        decisions.decide,
    ]
