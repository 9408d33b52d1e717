"""What each agent of ours misses of the optimum in several markets: a table of docs/measurements.md.

    PYTHONPATH=. python scripts/agent_regret.py [--seeds N] [AGENT ...]

Every agent learns from nothing in the market and is then frozen; all are examined on the same worlds. Touch this when
the table should have another market.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gaelp.agents.agent_entry_points import load_own
from gaelp.agents.contract import State
from gaelp.market.episodes.batch import DecidingAgent, Streams, play
from gaelp.market.streams import stream
from gaelp.market.traps.trap_worlds import Cells, OpenScene, Scene, SceneEpisodes

AGENTS = ("fixed-bid", "best-creative", "pid-pacing", "online-lp", "linear-thompson", "incremental-thompson")
FEW_PEOPLE = {"audience": 4_000, "fatigue": 0.3}
ORGANIC = {"cells": (Cells(0, conversion=0.3),), "claims": (Cells(0, conversion=10.0),)}
ROUNDS, CAMPAIGNS, EXAMINED = 6, 128, 128


def market(budget: int, market: Mapping[str, Any] | None = None, **scene: Any) -> Scene:
    """The default market with daily decisions and these settings, and what a scene changes of it."""
    usual = {"creatives": 12, "click_rate": None, "creative_spread": 0.4}
    settings = {"market": {**usual, **(market or {})}, "simulation": {"daily_budget": budget}}
    return Scene(settings, **scene)


MARKETS: Mapping[str, Scene] = {
    "default": market(30),
    "budget of 6 a day": market(6),
    "fatigue 0.2 of 20,000 people": market(30, {"audience": 20_000, "fatigue": 0.2}),
    "fatigue 0.3 of 4,000 people": market(30, FEW_PEOPLE),
    "an organic segment": market(30, **ORGANIC),
    "an organic segment, fatigue 0.3 of 4,000 people": market(30, FEW_PEOPLE, **ORGANIC),
}
"""In an organic segment the ads bring 30 % of what a click usually converts, and three times the usual are reported."""


def regret(name: str, scene: Scene, seed: int) -> float:
    """The mean of 1 - profit / optimum over EXAMINED held-out episodes."""
    agent, incumbent = load_own(name), load_own("fixed-bid")
    assert agent is not None, f"{name} is no agent of ours"
    assert incumbent is not None
    opened = OpenScene.of(scene)
    states = [each.initial_state(opened.market.world_shape, stream(seed, each.name)) for each in (agent, incumbent)]
    deciding = DecidingAgent(agent, states[0], incumbent, states[1])
    for round in range(ROUNDS):
        _, trajectory = _played(opened, deciding, (seed, "round", round), CAMPAIGNS)
        deciding = replace(deciding, state=agent.learn(deciding.state, [trajectory]))
    episodes, _ = _played(opened, deciding, (seed, "exam"), EXAMINED)
    scores = episodes.scores(np.zeros(EXAMINED))
    return float(1.0 - scores.ratio[scores.counted].mean())


def _played(
    opened: OpenScene, deciding: DecidingAgent, key: tuple[int | str, ...], campaigns: int
) -> tuple[SceneEpisodes, State]:
    seed, *names = key
    streams = Streams(*(stream(int(seed), *names, use) for use in ("act", "lend", "response")))
    responses = partial(stream, int(seed), *names, "response")
    episodes = opened.episodes(campaigns, stream(int(seed), *names, "world"), responses)
    trajectory, _ = play(episodes, deciding, streams)
    return episodes, trajectory


def main() -> None:
    """Print the table: the mean over the seeds, and half the width of its 95 % interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("agents", nargs="*", default=list(AGENTS))
    options = parser.parse_args()
    print(f"| market | {' | '.join(options.agents)} |")
    print(f"|---|{'---|' * len(options.agents)}")
    for name, scene in MARKETS.items():
        cells = []
        for agent in options.agents:
            missed = np.array([regret(agent, scene, 100 + seed) for seed in range(options.seeds)])
            half = 1.96 * missed.std(ddof=1) / np.sqrt(len(missed)) if len(missed) > 1 else 0.0
            cells.append(f"{missed.mean():.3f} ± {half:.3f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
