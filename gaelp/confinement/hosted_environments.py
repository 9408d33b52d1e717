"""In the child: what can be asked of foreign environments. Touch this with confined_environment.py, which asks.

Like hosted_agents.py, nothing that stands here is relied on by the other side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import gymnasium
import numpy as np

from gaelp.agents.contract import HEADS, Decision
from gaelp.confinement.frames import Arrays, Head
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.gym import installed_environments
from gaelp.market.gym.registration import EnvironmentInfo
from gaelp.market.scoring.episode_scores import Scores
from gaelp.market.third_party.foreign_environment import ForeignEpisodes, world_shape

Answer = tuple[Head, Arrays]


class HostedEnvironments:
    """The episodes that are in play here, one batch's at a time."""

    def __init__(self) -> None:
        self._episodes: ForeignEpisodes | None = None
        self.verbs: dict[str, Callable[[Head, Arrays], Answer]] = {
            "environments": _environments,
            "known_environment": _known,
            "world_shape": lambda head, _: (dict(vars(world_shape(head["environment"]))), {}),
            "open": self._open,
            "step": self._step,
            "summary": lambda *_: ({}, self._in_play.summary()),
            "profit": lambda *_: ({}, {"profit": self._in_play.expected_profit_micros()}),
            "scores": lambda _, arrays: ({}, _scored(self._in_play.scores(arrays["incumbent"]))),
        }

    @property
    def _in_play(self) -> ForeignEpisodes:
        assert self._episodes is not None
        return self._episodes

    def _open(self, head: Head, _: Arrays) -> Answer:
        if self._episodes is not None:
            self._episodes.close()
        config = TrainingConfiguration.model_validate(head["config"])
        self._episodes = ForeignEpisodes(head["environment"], config, head["seeds"])
        return self._observed()

    def _step(self, _: Head, arrays: Arrays) -> Answer:
        given: dict[str, Any] = {head: arrays.get(head) for head in HEADS}
        self._in_play.step(Decision(**given))
        return self._observed()

    def _observed(self) -> Answer:
        return {"done": bool(self._in_play.done)}, self._in_play.observe().to_arrays()


def _environments(*_: object) -> Answer:
    """All that are installed, and why some could not be registered."""
    points = installed_environments.environment_entry_points()
    described = [_described(info) for point in points for info in point.environments]
    return {"environments": described, "errors": [point.error for point in points if point.error]}, {}


def _known(head: Head, _: Arrays) -> Answer:
    installed_environments.load(head["environment"])
    return {}, {}


def _described(info: EnvironmentInfo) -> dict[str, Any]:
    facts = {"id": info.id, "about": info.about, "phases": list(info.phases)}
    try:
        if gymnasium.spec(info.id).vector_entry_point is not None:  # what a batch is played with, where there is one
            worlds = gymnasium.make_vec(info.id, num_envs=1)
            space = worlds.single_action_space
            worlds.close()
        else:
            world = gymnasium.make(info.id)
            space = world.action_space
            world.close()
        heads = list(getattr(space, "spaces", {}))
    except Exception as error:  # a foreign environment may raise anything
        return {**facts, "heads": [], "error": f"cannot be made: {type(error).__name__}: {error}"}
    return {**facts, "heads": heads, "error": ""}


def _scored(scores: Scores) -> Arrays:
    """The scores as arrays [C]; the parts of the regret beside the rest."""
    names = [field.name for field in fields(scores) if field.name != "regret"]
    whole = {name: np.asarray(getattr(scores, name)) for name in names}
    return {**whole, **{f"regret_{name}": np.asarray(part) for name, part in vars(scores.regret).items()}}
