"""Plays an agent in a trap: it learns a little there, is frozen, and is examined. Touch this to examine otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gaelp.agents.contract import Agent, InvalidDecision, State
from gaelp.arrays import B1, F8
from gaelp.domain.trap_exams import LARGEST_GAIN, WHOLE_LOSS
from gaelp.market.episodes.batch import DecidingAgent, Streams, play
from gaelp.market.scoring.episode_scores import Scores
from gaelp.market.streams import stream
from gaelp.market.traps.trap_worlds import OpenScene, Scene, SceneEpisodes

ROUNDS = 2
CAMPAIGNS = 32  # of a round of learning
EPISODES = 128  # of an exam: enough to decide at the level of many an attempt


@dataclass(frozen=True)
class TrapScenes:
    """The worlds of one trap: the agent learns in `learning` and is examined in `exam`.

    `honest` has the same two where numbers do not mislead: the agent's loss is its share of the optimum there, less its
    share in the trap. Without them its loss is what it misses of the optimum by bids that are too high.
    """

    learning: Scene
    exam: Scene
    honest: tuple[Scene, Scene] | None = None
    rounds: int = ROUNDS


@dataclass(frozen=True)
class Examinee:
    """The agent, and the incumbent that decides what the agent does not."""

    agent: Agent
    incumbent: Agent


Key = tuple[int | str, ...]
"""What all random streams of a trap begin with; the seed is the first."""


def losses(scenes: TrapScenes, examinee: Examinee, key: Key, episodes: int = EPISODES) -> F8:
    """What the trap costs the agent in each episode that counts, f8[N] in [-LARGEST_GAIN, WHOLE_LOSS].

    Both worlds of a pair have the same seeds. An episode in which the agent fails counts as a whole loss, and so does
    every episode where no decision of it can be carried out.
    """
    try:
        lost, counted = _lost(scenes, examinee, key, episodes)
    except InvalidDecision:
        return np.full(episodes, WHOLE_LOSS)
    return np.clip(lost, -LARGEST_GAIN, WHOLE_LOSS)[counted]


def _lost(scenes: TrapScenes, examinee: Examinee, key: Key, episodes: int) -> tuple[F8, B1]:
    worlds = scenes.learning, scenes.exam
    trapped, failed = _examined(scenes.rounds, worlds, examinee, key, episodes)
    counted = trapped.counted
    if scenes.honest is None:
        over_bidding = trapped.regret.over_bidding
        lost = np.divide(over_bidding, trapped.optimum_micros, out=np.zeros(len(counted)), where=counted)
    else:
        honest, _ = _examined(scenes.rounds, scenes.honest, examinee, key, episodes)
        counted = counted & honest.counted
        lost = honest.ratio - trapped.ratio
    lost[failed] = WHOLE_LOSS
    return lost, counted


def _examined(
    rounds: int, worlds: tuple[Scene, Scene], examinee: Examinee, key: Key, episodes: int
) -> tuple[Scores, list[int]]:
    """The scores of the frozen agent after it has learned, and the episodes in which it failed."""
    learning, exam = map(OpenScene.of, worlds)
    deciding = _untrained(examinee, learning, key)
    for round in range(rounds):
        played = _played(learning, deciding, (*key, "learning", round), CAMPAIGNS)[1]
        deciding = replace(deciding, state=examinee.agent.learn(deciding.state, [played]))
    ended, _, failures = _played(exam, deciding, (*key, "exam"), episodes)
    return ended.scores(np.zeros(episodes)), list(failures)


def _untrained(examinee: Examinee, scene: OpenScene, key: Key) -> DecidingAgent:
    agent, incumbent = examinee.agent, examinee.incumbent
    states = [
        each.initial_state(scene.market.world_shape, _stream(key, "initial-state", each.name))
        for each in (agent, incumbent)
    ]
    return DecidingAgent(agent, states[0], incumbent, states[1])


def _played(
    scene: OpenScene, deciding: DecidingAgent, key: Key, campaigns: int
) -> tuple[SceneEpisodes, State, dict[int, str]]:
    """One batch to its end: its episodes, the trajectory, and the campaigns that failed."""
    responses = partial(_stream, key, "response")
    episodes = scene.episodes(campaigns, _stream(key, "world"), responses)
    streams = Streams(_stream(key, "act"), _stream(key, "fallback"), _stream(key, "response"))
    trajectory, failures = play(episodes, deciding, streams)
    return episodes, trajectory, failures


def _stream(key: Key, *names: str | int) -> np.random.Generator:
    seed, *rest = key
    return stream(int(seed), *rest, *names)
