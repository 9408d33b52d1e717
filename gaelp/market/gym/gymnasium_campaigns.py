"""Campaigns that are played again and again: what the single and the vector environment do alike.

Touch this to change the reward or the measures of an episode.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gaelp.agents.contract import Observation, State
from gaelp.arrays import F8, U1
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.contradictions import contradictions
from gaelp.domain.config.registered_worlds import configured
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.episodes.episode import Episodes
from gaelp.market.gym import rendering, spaces
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from gaelp.market.world.drawn_world import draw_world
from gaelp.money import micros

Info = dict[str, Any]
Given = TrainingConfiguration | Mapping[str, Any] | None

READ = ("market", "economics", "simulation", "clock")
FROM_LOGS = "give market=calibrate(logs, config), as docs/market.md does"
FROM_PERSONAS = "give market=with_panel(calibrate((), config), config.personas), of gaelp.personas.panel"
SCORES = {  # in the info of the last step: in measures.Scores. A step's reward is another thing than the gate's.
    "score": "reward",
    **{name: name for name in ("ratio", "success", "counted")},
    **{name: name for name in ("profit_micros", "attributed_profit_micros", "optimum_micros")},
}
TOTALS = {  # in the info of the last step: in the trajectory
    "impressions": "impressions",
    "clicks": "clicks",
    "conversions": "matured_conversions",
    "episode_spend_micros": "cost_micros",
}


class Campaigns:
    """C campaigns under one configuration and market.

    Episode `index` of a seed is one fixed world with its own random streams, whatever was played before.
    """

    def __init__(self, environment: str, config: Given, market: MarketParameters | None, count: int) -> None:
        _refuse_unread(config, market)
        try:
            self.config = configured(environment, config)
        except ValidationError as error:
            raise ValueError("; ".join(map(_sentence, error.errors()))) from None
        _refuse_contradictions(self.config, count)
        self.market: MarketParameters = calibrate((), self.config) if market is None else market
        self.heads = spaces.heads(self.config)
        self.observation_space = spaces.observation_space(self.market, self.config)
        self.action_space = spaces.action_space(self.market, self.config)
        self.count = count
        self.episodes: Episodes | None = None
        self._observation: Observation
        self._index = -1

    def begin(self, seed: int, options: Mapping[str, Any] | None, fresh: bool) -> tuple[spaces.Values, Info]:
        """The first observation of the next episode of `seed`, or of the one that options["index"] names."""
        self._index = _index(options, 0 if fresh else self._index + 1)
        keys = ("environment", self._index)
        world = draw_world(self.market, self.config, stream(seed, *keys, "world"), self.count)
        self.episodes = Episodes(self.market, self.config, world, stream(seed, *keys, "response"))
        self._observation = self.episodes.observe()
        return spaces.observed(self._observation), {"episode": np.full(self.count, self._index)}

    def play(self, action: object) -> tuple[spaces.Values, F8, bool, Info]:
        """One tick: observation, reward f8[C], whether it was the last, and info of arrays [C]."""
        episodes = self.episodes
        if episodes is None or episodes.done:
            raise ResetNeeded("the episode is over, or none was begun: call reset")
        decision = spaces.decided(action, self.heads, self._observation, episodes.tick)
        tick = episodes.step(decision)
        reward = episodes.tick_profit_micros() / micros(self.config.simulation.daily_budget)
        info = {
            "spend_micros": tick.cost_micros.sum(axis=(1, 2)),
            "revenue_micros": np.array(tick.revenue_micros),
        }
        if episodes.done:
            info |= self._measured(episodes)
        self._observation = episodes.observe()
        return spaces.observed(self._observation), reward, episodes.done, info

    def picture(self) -> U1:
        """The first campaign so far, u8[height, width, 3]."""
        if self.episodes is None:
            raise ResetNeeded("there is nothing to draw before reset")
        return rendering.picture(self.episodes.summary(), self.episodes.tick, self.config)

    def trajectory(self) -> State:
        """The episode so far, as Agent.learn reads it; without the agent's memory, which the environment never sees."""
        if self.episodes is None:
            raise ResetNeeded("there is no trajectory before reset")
        return self.episodes.summary()

    def _measured(self, episodes: Episodes) -> Info:
        """The finished episodes' measures, arrays [C]: those of measures.Scores, regret by part, and totals.

        An environment plays no incumbent: success is measured against doing nothing.
        """
        scores = episodes.scores(np.zeros(self.count))
        measures = {info_name: getattr(scores, name) for info_name, name in SCORES.items()}
        parts = {f"{part}_micros": np.asarray(value) for part, value in vars(scores.regret).items()}
        parts["regret_micros"] = parts.pop("total_micros")
        log = episodes.summary()
        totals = {info_name: np.asarray(log[name]).sum(axis=(0, 2, 3)) for info_name, name in TOTALS.items()}
        return {**measures, **parts, **totals, "episode_revenue_micros": np.asarray(log["revenue_micros"]).sum(axis=0)}


def _refuse_unread(config: Given, market: MarketParameters | None) -> None:
    """What an environment would pass over in silence: an agent, logs and personas belong to a run."""
    if isinstance(config, TrainingConfiguration):
        logs, personas = config.historical.logs, config.personas.source
        if logs and market is None:
            raise ValueError(
                f"an environment reads no logs ({', '.join(logs)}): {FROM_LOGS}, or set historical.logs=[]"
            )
        if personas != "none" and market is None:
            raise ValueError(f"an environment asks no personas (personas.source is {personas}): {FROM_PERSONAS}")
    elif config is not None and not isinstance(config, Mapping):
        raise TypeError(
            f"config is {config!r}: give a TrainingConfiguration "
            "(gaelp.configuration.loading.load makes one of a profile), "
            'or overrides of the defaults, such as {"simulation": {"days": 3}}'
        )
    elif unread := sorted(set(config or ()) - set(READ)):
        hints = {"historical": FROM_LOGS, "personas": FROM_PERSONAS}
        hint = next((hints[name] for name in unread if name in hints), "leave it out")
        raise ValueError(f"config has {', '.join(unread)}, and an environment reads {', '.join(READ)} only: {hint}")
    if market is not None and not isinstance(market, MarketParameters):
        raise TypeError(
            f"market is a {type(market).__name__}, not MarketParameters: make one by "
            "gaelp.market.calibration.calibrate.calibrate"
        )


def _sentence(error: ErrorDetails) -> str:
    """What is wrong with one setting, in words."""
    *section, field = map(str, error["loc"])
    path = ".".join(["config", *section, field])
    if error["type"] != "extra_forbidden":
        return f"{path}: {error['msg']}, got {error['input']!r}"
    names = type(getattr(TrainingConfiguration(), section[0])).model_fields if section else READ
    near = get_close_matches(field, names, n=1)
    return f"{path} is no setting: {f'did you mean {near[0]}?' if near else 'docs/market.md lists them'}"


def _refuse_contradictions(config: TrainingConfiguration, campaigns: int) -> None:
    problems = [f"{c.paths[0]} {c.message}" for c in contradictions(config) if c.paths[0].startswith("market.")]
    if campaigns < 1:
        problems.append(f"num_envs is {campaigns}: at least one campaign is played")
    if campaigns % config.market.own_campaigns:
        problems.append(
            f"market.own_campaigns is {config.market.own_campaigns}: use make_vec with a multiple as num_envs"
        )
    if problems:
        raise ValueError("; ".join(problems))


def _index(options: Mapping[str, Any] | None, otherwise: int) -> int:
    unknown = sorted(set(options or ()) - {"index"})
    if unknown:
        raise ValueError(
            f"options has {', '.join(map(repr, unknown))}: 'index', which names an episode, is all there is"
        )
    index = (options or {}).get("index", otherwise)
    if isinstance(index, bool) or not isinstance(index, int | np.integer) or index < 0:
        raise ValueError(f"options['index'] is {index!r}: it names an episode, a whole number from 0")
    return int(index)
